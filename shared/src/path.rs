//! Canonical paths, the one form in which path rules and request paths are compared.
//!
//! Before a backend looks up a path it may decode it, read a backslash as a slash, merge slashes, ignore case and
//! resolve dot segments. A rule that is compared with the raw path would not match all spellings. Only the
//! comparison is canonical: the raw path is forwarded. Dot segments (RFC 3986, section 5.2.4) are the exception,
//! because the compared path and the forwarded path would name different resources:
//! [`CanonicalPath::has_dot_segments`] tells the caller to reject them.
//!
//! Path parameters (`/admin;x`) and double encoding (`%2561`) stay as they are: only the backend knows their
//! meaning.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The path of a request as it is compared: percent-decoded once, `\` read as `/`, slashes merged, dot segments
/// removed, ASCII letters in lower case. A path that is already canonical is borrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalPath<'a> {
    bytes: Cow<'a, [u8]>,
    dot_segments: bool,
}

impl<'a> CanonicalPath<'a> {
    /// Reads the path of a request target, without its query. `*` stays `*`.
    pub fn of(path: &'a str) -> CanonicalPath<'a> {
        if is_canonical(path.as_bytes()) {
            return CanonicalPath { bytes: Cow::Borrowed(path.as_bytes()), dot_segments: false };
        }
        let merged: Vec<u8> = Units::of(path).collect();
        let dot_segments = merged.split(|byte| *byte == b'/').any(is_dot_segment);
        let bytes = if dot_segments { without_dot_segments(&merged) } else { merged };
        CanonicalPath { bytes: Cow::Owned(bytes), dot_segments }
    }

    /// Returns true if the path had a segment `.` or `..` in any spelling, so that its meaning depends on the
    /// server that resolves it. This includes dots with a parameter (`..;x`), because some servers drop the
    /// parameter first.
    pub fn has_dot_segments(&self) -> bool {
        self.dot_segments
    }

    /// The canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Returns true if a raw path has a segment `.` or `..` in any spelling; see [`CanonicalPath::has_dot_segments`].
pub fn has_dot_segments(path: &str) -> bool {
    CanonicalPath::of(path).dot_segments
}

/// Returns the rest of `path` after the characters that match `literal`, a text in canonical form, or `None` if
/// `path` does not begin with it. The rest is raw. If `literal` ends with a slash, the rest begins after all
/// slashes that merge with it.
pub fn after<'a>(path: &'a str, literal: &[u8]) -> Option<&'a str> {
    let mut units = Units::of(path);
    for wanted in literal {
        if units.next()? != *wanted {
            return None;
        }
    }
    path.get(units.at..)
}

/// The bytes that may keep a path from being canonical. Most bytes are not among them and need only this one
/// lookup.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] = matches!(byte as u8, b'%' | b'\\' | b'A'..=b'Z' | b'/' | b'.');
        byte += 1;
    }
    special
};

/// Returns true if the path is already in canonical form.
fn is_canonical(path: &[u8]) -> bool {
    path.iter().enumerate().all(|(at, byte)| {
        if !SPECIAL[usize::from(*byte)] {
            return true;
        }
        let begins_segment = at > 0 && path[at - 1] == b'/';
        match byte {
            b'/' => !begins_segment,
            b'.' => !begins_segment || !is_dot_segment(segment(&path[at..])),
            _ => false,
        }
    })
}

/// Returns the bytes before the next slash.
fn segment(path: &[u8]) -> &[u8] {
    path.split(|byte| *byte == b'/').next().unwrap_or_default()
}

fn is_dot_segment(segment: &[u8]) -> bool {
    let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
    matches!(name, b"." | b"..")
}

/// Removes dot segments as in RFC 3986, section 5.2.4.
fn without_dot_segments(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let name = segment.split(|byte| *byte == b';').next().unwrap_or_default();
        let is_last = segments.peek().is_none();
        match name {
            b"." => {}
            b".." => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push(b"");
        }
    }
    kept.iter().flat_map(|segment| std::iter::once(&b'/').chain(*segment)).copied().collect()
}

/// Iterates over the canonical bytes of a path; dot segments stay.
struct Units<'a> {
    path: &'a [u8],
    /// The number of raw bytes read so far.
    at: usize,
}

impl<'a> Units<'a> {
    fn of(path: &'a str) -> Units<'a> {
        Units { path: path.as_bytes(), at: 0 }
    }

    /// Returns the next byte, decoded and in lower case, and the raw position after it.
    fn peek(&self) -> Option<(u8, usize)> {
        let (byte, length) = first(self.path.get(self.at..)?)?;
        let byte = if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() };
        Some((byte, self.at + length))
    }
}

impl Iterator for Units<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, end) = self.peek()?;
        self.at = end;
        while byte == b'/'
            && let Some((b'/', end)) = self.peek()
        {
            self.at = end;
        }
        Some(byte)
    }
}

/// Returns the first byte of a percent-encoded text and the length of its encoding. A `%` without two hexadecimal
/// digits stands for itself.
fn first(text: &[u8]) -> Option<(u8, usize)> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if let [b'%', high, low, ..] = text
        && let (Some(high), Some(low)) = (digit(*high), digit(*low))
    {
        return Some((high << 4 | low, 3));
    }
    text.first().map(|byte| (*byte, 1))
}

/// The reason why a configured path is invalid: it has no canonical form, or is not a path.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PathError {
    /// The path does not begin with `/`.
    #[error("A path must begin with '/'")]
    Relative,
    /// The path has a query or a fragment.
    #[error("A path has no query and no fragment: '?' and '#' are not allowed")]
    Query,
    /// The path has a `*` that is not its last character.
    #[error("'*' is allowed as the last character only")]
    Wildcard,
    /// The path has a control character.
    #[error("Control characters are not allowed")]
    Control,
    /// The path has a backslash, which compares equal to a slash.
    #[error("A backslash, also as %5C, is not allowed: it is compared as '/'")]
    Backslash,
    /// The path has an empty segment (`//`).
    #[error(
        "An empty segment ('//', also as %2F) is not allowed: paths are compared with their slashes merged"
    )]
    EmptySegment,
    /// The path has a segment `.` or `..`.
    #[error("A segment '.' or '..', also as %2E, is not allowed: requests with one are rejected")]
    DotSegment,
}

/// Checks that a configured path begins with a slash and has a canonical form of the same meaning.
///
/// # Errors
/// The first fault in `path`.
pub fn check(path: &str) -> Result<(), PathError> {
    complaint(path, false).map_or(Ok(()), Err)
}

/// Returns the first fault in a path. `open` means that a request's path continues the last segment, which is then
/// not checked for dots.
fn complaint(path: &str, open: bool) -> Option<PathError> {
    if !path.starts_with('/') {
        return Some(PathError::Relative);
    }
    if path.contains(['?', '#']) {
        return Some(PathError::Query);
    }
    if path.contains(char::is_control) {
        return Some(PathError::Control);
    }
    let decoded = decoded(path);
    if decoded.contains(&b'\\') {
        return Some(PathError::Backslash);
    }
    if decoded.windows(2).any(|pair| pair == b"//") {
        return Some(PathError::EmptySegment);
    }
    let whole =
        if open { decoded.iter().rposition(|byte| *byte == b'/').unwrap_or(0) } else { decoded.len() };
    decoded[..whole].split(|byte| *byte == b'/').any(is_dot_segment).then_some(PathError::DotSegment)
}

/// Returns the path percent-decoded once, without other changes.
fn decoded(path: &str) -> Vec<u8> {
    let mut rest = path.as_bytes();
    std::iter::from_fn(|| {
        let (byte, length) = first(rest)?;
        rest = &rest[length..];
        Some(byte)
    })
    .collect()
}

/// A configured path, or a prefix of paths if it ends with `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathPattern {
    text: String,
    literal: Vec<u8>,
    is_prefix: bool,
}

impl PathPattern {
    /// Parses a configured path.
    ///
    /// # Errors
    /// The first fault in `text`.
    pub fn parse(text: &str) -> Result<PathPattern, PathError> {
        let prefix = text.strip_suffix('*');
        let path = prefix.unwrap_or(text);
        if text.starts_with('/') && path.contains('*') {
            return Err(PathError::Wildcard);
        }
        if let Some(complaint) = complaint(path, prefix.is_some()) {
            return Err(complaint);
        }
        let literal = Units::of(path).collect();
        Ok(PathPattern { text: text.to_owned(), literal, is_prefix: prefix.is_some() })
    }

    /// The canonical bytes of the path or prefix, without the `*`.
    pub fn literal(&self) -> &[u8] {
        &self.literal
    }

    /// Returns true if every path that begins with the literal matches.
    pub fn is_prefix(&self) -> bool {
        self.is_prefix
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for PathPattern {
    type Error = PathError;

    fn try_from(text: String) -> Result<PathPattern, PathError> {
        PathPattern::parse(&text)
    }
}

impl From<PathPattern> for String {
    fn from(pattern: PathPattern) -> String {
        pattern.text
    }
}

#[cfg(test)]
mod tests;
