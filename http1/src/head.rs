//! The heads of requests and responses: the first line, the fields, and what they say about the body. Pure.
//!
//! A head keeps the bytes that were received. Writing copies the first line as it is while method, target,
//! status and version are those that were received.

use http::{Method, StatusCode, Version};

use crate::fault::Fault;
use crate::fields::{Fields, Span, decimal};
use crate::framing::{BodyLength, Framing};
use crate::known::{Known, Name};
use crate::target::is_sendable;

/// The head of a request. The default is `GET / HTTP/1.1` without fields.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// HTTP/1.0 or HTTP/1.1; any other version is written as HTTP/1.1.
    pub version: Version,
    /// The header lines. They also keep the bytes of the first line, so they must not be exchanged for
    /// others.
    pub fields: Fields,
    /// What the head says about the bytes behind it. Writing does not look at it: see [`Fields::set_body`].
    pub framing: Framing,
    /// The received first line with its line end; empty if none was received.
    pub(crate) line: Span,
    pub(crate) target: Span,
}

impl RequestHead {
    /// Returns a head of HTTP/1.1 without fields and without a body.
    ///
    /// # Errors
    /// As [`RequestHead::set_target`].
    pub fn new(method: Method, target: &str) -> Result<RequestHead, Fault> {
        let mut head = RequestHead { method, ..RequestHead::default() };
        head.set_target(target)?;
        Ok(head)
    }

    /// The target: `*`, or a path with or without a query, or an absolute URL.
    pub fn target(&self) -> &str {
        match std::str::from_utf8(self.fields.text(self.target)) {
            Ok(target) if !target.is_empty() => target,
            _ => "/",
        }
    }

    /// Replaces the target.
    ///
    /// # Errors
    /// [`Fault::Target`] if the target is neither `*` nor a path nor an absolute URL, has a character that no URI
    /// may have, such as a space, a control character or `#`, or is longer than 65,534 bytes.
    pub fn set_target(&mut self, target: &str) -> Result<(), Fault> {
        if !is_sendable(target) {
            return Err(Fault::Target);
        }
        self.target = self.fields.push_text(target.as_bytes());
        Ok(())
    }

    /// Adds a line with the target as its value.
    pub fn append_target<'a>(&mut self, name: impl Into<Name<'a>>) {
        match self.fields.text(self.target) {
            [] => self.fields.append(name, self.target().to_owned().as_bytes()),
            _ => self.fields.append_text(name.into(), self.target),
        }
    }

    /// Returns true if the target is an absolute URL (RFC 9112, section 3.2.2).
    #[inline]
    pub fn is_absolute(&self) -> bool {
        !matches!(self.fields.text(self.target).first(), None | Some(b'/' | b'*'))
    }

    /// The authority of an absolute target: the host with or without a port.
    pub fn authority(&self) -> Option<&str> {
        // Most targets begin with their path, in which nothing must be searched.
        let (_, rest) = self.is_absolute().then(|| self.target().split_once("://"))??;
        Some(&rest[..rest.find(['/', '?']).unwrap_or(rest.len())])
    }

    /// The target without scheme and authority. It is empty or begins with `?` if an absolute target has no
    /// path.
    pub fn path_and_query(&self) -> &str {
        let target = self.target();
        match self.authority() {
            Some(authority) => {
                let scheme = target.find("://").map_or(0, |colon| colon + 3);
                &target[scheme + authority.len()..]
            }
            None => target,
        }
    }

    /// The path without the query; `/` if an absolute target has none.
    pub fn path(&self) -> &str {
        let path = self.path_and_query().split('?').next().unwrap_or_default();
        if path.is_empty() { "/" } else { path }
    }

    /// The query without the question mark.
    pub fn query(&self) -> Option<&str> {
        self.path_and_query().split_once('?').map(|(_, query)| query)
    }

    /// Returns true if the response decides the protocol of the bytes behind this head (RFC 9110, section
    /// 7.8).
    pub fn asks_for_upgrade(&self) -> bool {
        self.fields.has(Known::Upgrade)
            && self.version != Version::HTTP_10
            && self.framing.body == BodyLength::None
    }

    /// Returns true if the client waits for 100 before it sends the body (RFC 9110, section 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.fields.has(Known::Expect)
            && self.version != Version::HTTP_10
            && self.framing.body != BodyLength::None
    }

    /// Removes everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        (self.method, self.version, self.framing) = (Method::GET, Version::HTTP_11, Framing::default());
        (self.line, self.target) = (Span::default(), Span::default());
    }

    /// Writes the head with the empty line at its end.
    pub fn write(&self, out: &mut Vec<u8>) {
        if self.is_line_unchanged() {
            return self.fields.write_behind(self.line, out);
        }
        let version = match self.version {
            Version::HTTP_10 => b" HTTP/1.0\r\n",
            _ => b" HTTP/1.1\r\n",
        };
        for part in [self.method.as_str().as_bytes(), b" ", self.target().as_bytes(), version] {
            out.extend_from_slice(part);
        }
        self.fields.write(out);
    }

    fn is_line_unchanged(&self) -> bool {
        let line = self.fields.text(self.line);
        self.target.end < self.line.end
            && line.starts_with(self.method.as_str().as_bytes())
            && line.get(self.method.as_str().len()) == Some(&b' ')
            && has_version(line, line.len().saturating_sub(3), self.version)
    }
}

/// The head of a response. The default is 200 without fields.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1; any other version is written as HTTP/1.1.
    pub version: Version,
    /// The header lines. They also keep the bytes of the first line, so they must not be exchanged for
    /// others.
    pub fields: Fields,
    /// What the head says about the bytes behind it. Writing does not look at it: see [`Fields::set_body`].
    pub framing: Framing,
    /// The received first line with its line end; empty if none was received.
    pub(crate) line: Span,
    pub(crate) reason: Span,
}

impl ResponseHead {
    /// Returns a head of HTTP/1.1 without fields and without a body.
    pub fn new(status: StatusCode) -> ResponseHead {
        ResponseHead { status, ..ResponseHead::default() }
    }

    /// The reason phrase: the received one while the status is the received one, otherwise that of the RFC.
    /// It may be empty.
    pub fn reason(&self) -> &[u8] {
        match self.is_status_unchanged() {
            true => self.fields.text(self.reason),
            false => self.status.canonical_reason().unwrap_or_default().as_bytes(),
        }
    }

    /// Returns true if another response to the same request follows: 1xx except 101 (RFC 9110, section 15.2).
    pub fn is_interim(&self) -> bool {
        self.status.is_informational() && self.status != StatusCode::SWITCHING_PROTOCOLS
    }

    /// Removes everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.fields.clear();
        (self.status, self.version, self.framing) = (StatusCode::OK, Version::HTTP_11, Framing::default());
        (self.line, self.reason) = (Span::default(), Span::default());
    }

    /// Writes the head with the empty line at its end.
    pub fn write(&self, out: &mut Vec<u8>) {
        let line = self.fields.text(self.line);
        if self.is_status_unchanged()
            && has_version(line, b"HTTP/1.".len(), self.version)
            && line.get(b"HTTP/1.1 200".len()) == Some(&b' ')
        {
            return self.fields.write_behind(self.line, out);
        }
        let version = match self.version {
            Version::HTTP_10 => b"HTTP/1.0 ",
            _ => b"HTTP/1.1 ",
        };
        let mut digits = [0; 20];
        let status = decimal(u64::from(self.status.as_u16()), &mut digits);
        for part in [version, status, b" ", self.reason(), b"\r\n"] {
            out.extend_from_slice(part);
        }
        self.fields.write(out);
    }

    fn is_status_unchanged(&self) -> bool {
        let line = self.fields.text(self.line);
        line.get(b"HTTP/1.1 ".len()..b"HTTP/1.1 200".len()) == Some(self.status.as_str().as_bytes())
    }
}

/// Returns true if the digit of the minor version is at this place of a first line.
fn has_version(line: &[u8], at: usize, version: Version) -> bool {
    let digit = if version == Version::HTTP_10 { b'0' } else { b'1' };
    line.get(at) == Some(&digit)
}

#[cfg(test)]
mod tests;
