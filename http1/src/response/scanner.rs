//! The scanner of responses: it makes a head of the bytes of a backend. Pure.

use http::{Method, StatusCode, Version};

use super::rules::{MAX_HEAD, MAX_INTERIM, StatusLine};
use crate::fault::Fault;
use crate::fields::Span;
use crate::framing::{BodyLength, Framing};
use crate::head::ResponseHead;
use crate::limits::MAX_RECYCLED;
use crate::line::{Field, Length, LengthRules};
use crate::lines::{Line, Lines};

/// The largest length of a body in bytes: hyper reserves the two numbers above it.
const MAX_LENGTH: u64 = u64::MAX - 2;

/// The scanner of the heads of one connection. Behind a final head, the caller reads the body with a
/// [`crate::BodyDecoder`].
#[derive(Debug, Default)]
pub struct ResponseScanner {
    incomplete: Incomplete,
    head: ResponseHead,
    /// The number of interim responses to the current request.
    interim: u8,
}

/// The position in an incomplete head.
#[derive(Debug, Default)]
struct Incomplete {
    lines: Lines,
    /// The number of complete lines.
    count: usize,
    lengths: LengthRules,
}

impl ResponseScanner {
    /// Returns the scanner of a new connection.
    pub fn new() -> ResponseScanner {
        ResponseScanner::default()
    }

    /// Returns true if no byte of a head has been scanned.
    pub fn is_between_heads(&self) -> bool {
        self.incomplete.lines.is_at_start()
    }

    /// Gives the memory of a head that is no longer needed to the next one, unless it is large. To be called
    /// between heads.
    pub fn recycle(&mut self, mut head: ResponseHead) {
        if self.is_between_heads() && head.fields.capacity() <= MAX_RECYCLED {
            head.clear();
            self.head = head;
        }
    }

    /// Scans a head of the response to a request with this method. `bytes` are all bytes of the connection
    /// behind the last complete head or body, in which those of the previous call come first; no byte is
    /// looked at twice. Returns the head and its length in bytes once it is complete, and `None` before.
    ///
    /// An interim head ([`ResponseHead::is_interim`]) is followed by another head. The fields of framing in
    /// it have no meaning and must not be forwarded (RFC 9110, section 8.6). Behind a head with status 101,
    /// the bytes belong to another protocol.
    ///
    /// # Errors
    /// The first fault. Nothing behind it may be interpreted, so the connection must end.
    pub fn scan(&mut self, bytes: &[u8], method: &Method) -> Result<Option<(ResponseHead, usize)>, Fault> {
        while let Some(Line { start, end, is_printable }) = self.incomplete.lines.next(bytes)? {
            let line = &bytes[start..end - 1];
            let now = &mut self.incomplete;
            if end - now.count > MAX_HEAD {
                return Err(Fault::HeadTooLarge);
            }
            now.count += 1;
            match (start, line.is_empty()) {
                (0, _) => self.status_line(line)?,
                (_, true) => return self.finish(&bytes[..=end], method).map(Some),
                (_, false) => {
                    let field = Field::parse_line(line, is_printable)?;
                    now.lengths.add(&field)?;
                    self.head.fields.push_received(&field, start, start + line.len());
                }
            }
        }
        if bytes.len() - self.incomplete.count > MAX_HEAD { Err(Fault::HeadTooLarge) } else { Ok(None) }
    }

    fn status_line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let StatusLine { status, old_version, reason_at } = StatusLine::parse(line)?;
        self.head.status = StatusCode::from_u16(status).map_err(|_| Fault::FirstLine)?;
        self.head.version = if old_version { Version::HTTP_10 } else { Version::HTTP_11 };
        self.head.reason = Span::new(reason_at, line.len());
        self.head.line = Span::new(0, line.len() + 2);
        Ok(())
    }

    /// Ends a head, the last line of which is empty and ends with `bytes`.
    fn finish(&mut self, bytes: &[u8], method: &Method) -> Result<(ResponseHead, usize), Fault> {
        let old_version = self.head.version == Version::HTTP_10;
        if self.head.is_interim() {
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Fault::Interim);
            }
            return Ok((self.take(bytes), bytes.len()));
        }
        let body = match self.incomplete.lengths.length(old_version)? {
            Length::Bytes(length) if length > MAX_LENGTH => return Err(Fault::LengthInvalid),
            _ if !has_body(self.head.status, method) => BodyLength::None,
            Length::Bytes(0) => BodyLength::None,
            Length::Bytes(length) => BodyLength::Bytes(length),
            Length::Chunked => BodyLength::Chunked,
            Length::Unsaid => BodyLength::UntilClose,
        };
        self.interim = 0;
        let mut head = self.take(bytes);
        let ends_connection =
            body == BodyLength::UntilClose || head.status == StatusCode::SWITCHING_PROTOCOLS;
        let keep_alive = !ends_connection && head.fields.keep_alive(old_version);
        head.framing = Framing { body, keep_alive };
        Ok((head, bytes.len()))
    }

    fn take(&mut self, bytes: &[u8]) -> ResponseHead {
        self.incomplete = Incomplete::default();
        let mut head = std::mem::take(&mut self.head);
        head.fields.receive(bytes);
        head
    }
}

/// Returns true if a final response can have a body (RFC 9112, section 6.3).
fn has_body(status: StatusCode, method: &Method) -> bool {
    *method != Method::HEAD
        && !status.is_informational()
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}
