//! The rules that a request's line and fields must satisfy. Pure.

use crate::fault::Fault;
use crate::known::Known;
use crate::limits::IsHost;
use crate::line::{Field, Length, LengthRules, is_padded};
use crate::target::is_target_byte;

/// The longest request target in bytes.
pub(super) const MAX_TARGET: usize = 32 * 1024;
/// The most bytes of all header lines together.
pub(super) const MAX_HEADERS: usize = 32 * 1024;
/// The most bytes of a request line besides its target: method, version, two spaces, line end.
pub(super) const MAX_REST: usize = 64;
/// The longest method in bytes; the longest registered method has 17.
pub(super) const MAX_METHOD: usize = 32;
/// The largest length of a body in bytes, whatever the limit is. hyper reserves the two numbers above it.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// What the lines of a head have defined so far.
#[derive(Debug, Default)]
pub(super) struct RequestRules {
    lengths: LengthRules,
    old_version: bool,
    is_post: bool,
    host: bool,
    authorization: bool,
}

impl RequestRules {
    /// Adds the request line.
    pub(super) fn line(&mut self, line: &RequestLine<'_>) {
        self.old_version = line.minor_version == b'0';
        self.is_post = line.method == b"POST";
    }

    /// Adds one header line.
    pub(super) fn field(&mut self, field: &Field<'_>) -> Result<(), Fault> {
        self.lengths.add(field)?;
        match field.known {
            Some(Known::Host) if std::mem::replace(&mut self.host, true) => Err(Fault::HostTwice),
            Some(Known::Expect) if !is_expectation(field.value) => Err(Fault::Expectation),
            // RFC 9110 allows leading zeros, but some parsers read such a number as an octal one.
            Some(Known::ContentLength) if is_padded(field.value) => Err(Fault::LengthInvalid),
            Some(Known::Authorization) if std::mem::replace(&mut self.authorization, true) => {
                Err(Fault::AuthorizationTwice)
            }
            _ => Ok(()),
        }
    }

    /// Returns the length of the body, if the head as a whole is valid; a length of 0 is none.
    pub(super) fn finish(&self, max_body: u64) -> Result<Length, Fault> {
        if !self.host && !self.old_version {
            return Err(Fault::HostMissing);
        }
        match self.lengths.length(self.old_version)? {
            Length::Unsaid if self.is_post => Err(Fault::LengthMissing),
            Length::Bytes(0) => Ok(Length::Unsaid),
            Length::Bytes(length) if length > max_body.min(MAX_LENGTH) => Err(Fault::BodyTooLarge),
            length => Ok(length),
        }
    }
}

/// The parts of a request line.
#[derive(Debug)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    /// The digit after `HTTP/1.`.
    pub(super) minor_version: u8,
}

impl<'a> RequestLine<'a> {
    pub(super) fn parse(line: &'a [u8], is_host: IsHost) -> Result<RequestLine<'a>, Fault> {
        let space = memchr::memchr(b' ', line).ok_or(Fault::FirstLine)?;
        let (method, rest) = (&line[..space], &line[space + 1..]);
        if !is_method(method) {
            return Err(Fault::Method);
        }
        // A request of HTTP/0.9 is a method and a target without a version.
        let space = memchr::memchr(b' ', rest).ok_or(Fault::OldRequest)?;
        let (target, version) = (&rest[..space], &rest[space + 1..]);
        let &[b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor_version @ b'0'..=b'9'] = version else {
            return Err(Fault::Version);
        };
        match method {
            b"CONNECT" => Err(Fault::Connect),
            _ if target.len() > MAX_TARGET => Err(Fault::TargetTooLong),
            _ if !is_target(method, target) && !is_absolute(target, is_host) => Err(Fault::Target),
            _ => Ok(RequestLine { method, target, minor_version }),
        }
    }
}

/// Returns true for a valid method. It must be in upper case, because some servers treat `get` like `GET`.
pub fn is_method(method: &[u8]) -> bool {
    (1..=MAX_METHOD).contains(&method.len())
        && method.iter().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_'))
}

/// Returns true if an incomplete line may become a request line. A client of another protocol is thus
/// rejected at once, and does not wait for a timeout.
pub(super) fn begins_a_request(line: &[u8]) -> bool {
    match memchr::memchr(b' ', line) {
        Some(space) => is_method(&line[..space]),
        None => line.is_empty() || line == b"\r" || is_method(line.strip_suffix(b"\r").unwrap_or(line)),
    }
}

/// Returns true if the value of `Expect` is one that the gateway supports.
pub fn is_expectation(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// Returns true for a path with or without a query, or the `*` of OPTIONS (RFC 9112, section 3.2), in
/// characters that need no encoding.
pub fn is_target(method: &[u8], target: &[u8]) -> bool {
    match target {
        b"*" => method == b"OPTIONS",
        [b'/', rest @ ..] => rest.iter().all(|byte| is_target_byte(*byte)),
        _ => false,
    }
}

/// Returns true for a URL of `http` or `https` (RFC 9112, section 3.2.2) whose authority `is_host`
/// accepts. All other URLs are rejected.
fn is_absolute(target: &[u8], is_host: IsHost) -> bool {
    let Some(colon) = memchr::memmem::find(target, b"://") else { return false };
    let (scheme, rest) = (&target[..colon], &target[colon + b"://".len()..]);
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let host = std::str::from_utf8(&rest[..end]).is_ok_and(is_host);
    (scheme.eq_ignore_ascii_case(b"http") || scheme.eq_ignore_ascii_case(b"https"))
        && host
        && rest[end..].iter().all(|byte| is_target_byte(*byte))
}
