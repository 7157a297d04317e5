//! The inspector: it validates response heads for a parser behind it. Pure.

use super::rules::{MAX_HEAD, MAX_INTERIM, StatusLine};
use crate::fault::Fault;
use crate::line::{Field, LengthRules};

/// The validator of the response to one request, up to the end of its head.
#[derive(Debug, Default)]
pub struct ResponseInspector {
    /// The incomplete line at the end of the bytes read so far.
    line: Vec<u8>,
    length: usize,
    lengths: LengthRules,
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
            let line = StatusLine::parse(line)?;
            (self.status, self.old_version) = (line.status, line.old_version);
            return Ok(false);
        }
        if !line.is_empty() {
            let field = Field::parse(line)?;
            return self.lengths.add(&field).map(|()| false);
        }
        if matches!(self.status, 100 | 102..=199) {
            let interim = self.interim + 1;
            *self = ResponseInspector { interim, ..ResponseInspector::default() };
            return if interim > MAX_INTERIM { Err(Fault::Interim) } else { Ok(false) };
        }
        self.lengths.length(self.old_version).map(|_| true)
    }
}
