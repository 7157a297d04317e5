//! The scanner of requests: it makes a head of the bytes of a client. Pure.

use http::{Method, Version};

use super::rules::{MAX_HEADERS, MAX_REST, MAX_TARGET, RequestLine, RequestRules, begins_a_request};
use crate::fault::Fault;
use crate::fields::Span;
use crate::framing::{BodyLength, Framing};
use crate::head::RequestHead;
use crate::limits::{Limits, MAX_RECYCLED};
use crate::line::{Field, Length};
use crate::lines::{Line, Lines};

/// The scanner of the heads of one connection. Between two heads, the caller reads the body with a
/// [`crate::BodyDecoder`].
#[derive(Debug)]
pub struct RequestScanner {
    limits: Limits,
    incomplete: Incomplete,
    head: RequestHead,
}

/// The position in an incomplete head.
#[derive(Debug, Default)]
struct Incomplete {
    lines: Lines,
    /// The position at which the request line begins.
    start: usize,
    /// The position at which the header lines begin; 0 before the end of the request line.
    fields: usize,
    /// True if the minor version is later than 1.
    is_later_version: bool,
    rules: RequestRules,
}

impl RequestScanner {
    /// Returns the scanner of a new connection. `limits.max_body` applies to lengths that heads declare; a
    /// chunked body is limited by its decoder.
    pub fn new(limits: Limits) -> RequestScanner {
        RequestScanner { limits, incomplete: Incomplete::default(), head: RequestHead::default() }
    }

    /// Returns true if no byte of a head has been scanned.
    pub fn is_between_heads(&self) -> bool {
        self.incomplete.lines.is_at_start()
    }

    /// Gives the memory of a head that is no longer needed to the next one, unless it is large. To be called
    /// between heads.
    pub fn recycle(&mut self, mut head: RequestHead) {
        if self.is_between_heads() && head.fields.capacity() <= MAX_RECYCLED {
            head.clear();
            self.head = head;
        }
    }

    /// Scans a head. `bytes` are all bytes of the connection behind the last complete message, in which those
    /// of the previous call come first; no byte is looked at twice. Returns the head and its length in bytes
    /// once it is complete, and `None` before.
    ///
    /// A minor version later than 1 is read as 1, because the semantics are the same (RFC 9110, section 2.5).
    ///
    /// # Errors
    /// The first fault. Nothing behind it may be interpreted, so the connection must end.
    pub fn scan(&mut self, bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, Fault> {
        while let Some(Line { start, end, is_printable }) = self.incomplete.lines.next(bytes)? {
            let line = &bytes[start..end - 1];
            let now = &mut self.incomplete;
            match (now.fields, line.is_empty()) {
                // Empty lines, which some old clients send after a body (RFC 9112, section 2.2).
                (0, true) if end < MAX_REST => {}
                (0, _) => {
                    (now.start, now.fields) = (start, end + 1);
                    self.request_line(line)?;
                }
                (_, true) => return self.finish(&bytes[..=end]).map(Some),
                (fields, false) if end - fields > MAX_HEADERS => return Err(Fault::HeadTooLarge),
                (_, false) => {
                    let field = Field::parse_line(line, is_printable)?;
                    now.rules.field(&field)?;
                    let start = start - now.start;
                    self.head.fields.push_received(&field, start, start + line.len());
                }
            }
        }
        self.wait(bytes)
    }

    /// Returns true if an incomplete head has been scanned. Empty lines alone begin no head.
    pub fn has_begun(&self, bytes: &[u8]) -> bool {
        self.incomplete.fields > 0 || bytes.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// Checks the end of the bytes, which is an incomplete line.
    fn wait(&mut self, bytes: &[u8]) -> Result<Option<(RequestHead, usize)>, Fault> {
        let line = self.incomplete.lines.begun();
        match self.incomplete.fields {
            0 if bytes.len() - line > MAX_TARGET + MAX_REST => Err(Fault::TargetTooLong),
            0 if !begins_a_request(&bytes[line..]) => Err(Fault::Method),
            0 => Ok(None),
            fields if bytes.len() - fields > MAX_HEADERS => Err(Fault::HeadTooLarge),
            _ => Ok(None),
        }
    }

    fn request_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let parsed = RequestLine::parse(line, self.limits.is_host)?;
        self.incomplete.rules.line(&parsed);
        self.incomplete.is_later_version = parsed.minor_version > b'1';
        self.head.method = Method::from_bytes(parsed.method).map_err(|_| Fault::Method)?;
        self.head.version = if parsed.minor_version == b'0' { Version::HTTP_10 } else { Version::HTTP_11 };
        let target = parsed.method.len() + 1;
        self.head.target = Span::new(target, target + parsed.target.len());
        self.head.line = Span::new(0, line.len() + 2);
        Ok(())
    }

    /// Ends a head, the last line of which is empty and ends with `bytes`.
    fn finish(&mut self, bytes: &[u8]) -> Result<(RequestHead, usize), Fault> {
        let length = self.incomplete.rules.finish(self.limits.max_body)?;
        let Incomplete { start, is_later_version, .. } = std::mem::take(&mut self.incomplete);
        let mut head = std::mem::take(&mut self.head);
        head.fields.receive(&bytes[start..]);
        if is_later_version {
            // The last digit of the line, before CRLF.
            head.fields.correct(head.line.end - 3, b'1');
        }
        let body = match length {
            Length::Unsaid => BodyLength::None,
            Length::Bytes(length) => BodyLength::Bytes(length),
            Length::Chunked => BodyLength::Chunked,
        };
        let keep_alive = head.fields.keep_alive(head.version == Version::HTTP_10);
        head.framing = Framing { body, keep_alive };
        Ok((head, bytes.len()))
    }
}
