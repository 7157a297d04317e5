//! Validates the heads of a backend's responses. Pure. The end of a body is left to hyper, which is strict there.
//!
//! A head that two parsers could read differently is rejected, as with clients: a backend whose headers contain
//! text of others must not send a response of theirs as the answer to the next request.

use crate::fault::Fault;
use crate::line::{Field, Framing};

/// The largest head of a final response in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most interim responses (1xx) before the final one.
const MAX_INTERIM: u8 = 16;

/// The validator of the response to one request, up to the end of its head.
#[derive(Debug, Default)]
pub struct ResponseInspector {
    /// The incomplete line at the end of the bytes read so far.
    line: Vec<u8>,
    length: usize,
    framing: Framing,
    status: u16,
    old_version: bool,
    interim: u8,
}

impl ResponseInspector {
    /// Consumes bytes. Returns true if the final head has ended with them or before.
    pub fn read(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            self.length += line.len();
            let ended = if self.line.is_empty() {
                self.line(line)?
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.line(&whole)?
            };
            if ended {
                return Ok(true);
            }
        }
        self.length += rest.len();
        self.line.extend_from_slice(rest);
        if self.length > MAX_HEAD { Err(Fault::HeadTooLarge) } else { Ok(false) }
    }

    fn line(&mut self, line: &[u8]) -> Result<bool, Fault> {
        let line = line.strip_suffix(b"\r").ok_or(Fault::BareLineFeed)?;
        if self.length > MAX_HEAD {
            return Err(Fault::HeadTooLarge);
        }
        if self.status == 0 {
            (self.status, self.old_version) = status_line(line)?;
            return Ok(false);
        }
        if !line.is_empty() {
            let field = Field::parse(line)?;
            return self.framing.add(&field).map(|()| false);
        }
        if matches!(self.status, 100 | 102..=199) {
            let interim = self.interim + 1;
            *self = ResponseInspector { interim, ..ResponseInspector::default() };
            return if interim > MAX_INTERIM { Err(Fault::Interim) } else { Ok(false) };
        }
        self.framing.length(self.old_version).map(|_| true)
    }
}

/// Returns the status, and true if the version is HTTP/1.0.
fn status_line(line: &[u8]) -> Result<(u16, bool), Fault> {
    let (old_version, rest) = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => (false, rest),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => (true, rest),
        _ => return Err(Fault::FirstLine),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(Fault::FirstLine)?;
    let status = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let printable = reason.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f || *byte == b'\t');
    match status {
        Some(status @ 100..=999) if printable && matches!(reason.first(), None | Some(b' ')) => {
            Ok((status, old_version))
        }
        _ => Err(Fault::FirstLine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_could_be_read_in_two_ways_is_refused_however_it_is_cut() {
        let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17);
        let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(MAX_HEAD));
        let cases: &[(&str, Result<bool, Fault>)] = &[
            ("HTTP/1.1 200 OK\r\n\r\n", Ok(true)),
            ("HTTP/1.1 200\r\n\r\n", Ok(true)),
            ("HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nabc\n\0", Ok(true)),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Ok(true)),
            ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x7f\x05", Ok(true)),
            ("HTTP/1.1 200 OK\r\nContent-Le", Ok(false)),
            ("HTTP/1.1 100 Continue\r\n\r\n", Ok(false)),
            ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Err(Fault::BareLineFeed)),
            ("HTTP/1.1 200 OK\r\nA: b\n\r\n", Err(Fault::BareLineFeed)),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Err(Fault::Folded)),
            ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Err(Fault::FieldName)),
            ("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Err(Fault::ControlCharacter)),
            ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Err(Fault::ControlCharacter)),
            ("HTTP/1.1 200 O\0K\r\n\r\n", Err(Fault::FirstLine)),
            ("HTTP/2 200\r\n\r\n", Err(Fault::FirstLine)),
            ("HTTP/1.1 20 OK\r\n\r\n", Err(Fault::FirstLine)),
            ("HTTP/1.1 2000 OK\r\n\r\n", Err(Fault::FirstLine)),
            ("HTTP/1.1 +20 OK\r\n\r\n", Err(Fault::FirstLine)),
            ("<html>\r\n", Err(Fault::FirstLine)),
            ("\r\nHTTP/1.1 200 OK\r\n", Err(Fault::FirstLine)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Err(Fault::LengthTwice)),
            ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Err(Fault::LengthInvalid)),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                Err(Fault::LengthAndCoding),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Err(Fault::CodingNotServed)),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Fault::CodingInOldVersion)),
            (&flood, Err(Fault::Interim)),
            (&large, Err(Fault::HeadTooLarge)),
        ];
        for (text, expected) in cases {
            for piece in [1, 2, 3, 7, text.len()] {
                let mut answer = ResponseInspector::default();
                let mut pieces = text.as_bytes().chunks(piece);
                let found = loop {
                    match pieces.next().map(|bytes| answer.read(bytes)) {
                        Some(Ok(false)) => {}
                        Some(done) => break done,
                        None => break Ok(false),
                    }
                };
                assert_eq!(found, *expected, "{:?} by {piece}", &text[..text.len().min(99)]);
            }
        }
    }
}
