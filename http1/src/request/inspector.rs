//! The inspector: it validates the bytes of a connection in place, for a parser behind it. Pure.

use super::rules::{MAX_HEADERS, MAX_REST, MAX_TARGET, RequestLine, RequestRules, begins_a_request};
use crate::chunks::{Chunks, Sender};
use crate::fault::Fault;
use crate::limits::{IsHost, Limits};
use crate::line::{Field, Length};

/// How many of the inspected bytes may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The number of bytes that may pass. The rest belongs to an incomplete head, or to the unknown protocol
    /// after an upgrade request. The caller must show it again, followed by the bytes that arrive later.
    pub count: usize,
    /// The fault in the bytes after these.
    pub fault: Option<Fault>,
}

/// The validator of the requests of one HTTP/1.1 connection.
#[derive(Debug)]
pub struct Inspector {
    state: InspectorState,
    limits: Limits,
    /// True once a header name had characters other than letters, digits and hyphens.
    pub odd_names: bool,
}

#[derive(Debug)]
enum InspectorState {
    Head(IncompleteHead),
    Length(u64),
    Chunks(Chunks),
    /// A request for an upgrade has passed: the response decides the protocol of the next bytes.
    Undecided,
}

impl Inspector {
    /// Validates a new connection.
    pub fn new(limits: Limits) -> Inspector {
        Inspector { state: InspectorState::Head(IncompleteHead::default()), limits, odd_names: false }
    }

    /// Returns true if the next byte belongs to a request body.
    pub fn is_in_body(&self) -> bool {
        matches!(self.state, InspectorState::Length(_) | InspectorState::Chunks(_))
    }

    /// Returns true while the response to an upgrade request is pending.
    pub fn is_undecided(&self) -> bool {
        matches!(self.state, InspectorState::Undecided)
    }

    /// Continues with requests: the upgrade was refused.
    pub fn resume(&mut self) {
        self.state = InspectorState::Head(IncompleteHead::default());
    }

    /// Inspects bytes, which must begin with those that did not pass the last time. In a request line with a
    /// later minor version of HTTP/1, the version becomes `HTTP/1.1` in place before those bytes may pass:
    /// hyper knows no later version, and the semantics are the same (RFC 9110, section 2.5).
    pub fn inspect(&mut self, bytes: &mut [u8]) -> Inspection {
        let mut count = 0;
        while count < bytes.len() {
            let rest = &mut bytes[count..];
            let taken = match &mut self.state {
                InspectorState::Undecided => return Inspection { count, fault: None },
                InspectorState::Head(head) => match head.read(rest, self.limits.is_host) {
                    Ok(Some(end)) => {
                        self.odd_names |= head.odd_names;
                        match head.finish(self.limits.max_body) {
                            Ok(next) => self.state = next,
                            Err(fault) => return Inspection { count, fault: Some(fault) },
                        }
                        end
                    }
                    Ok(None) => return Inspection { count, fault: None },
                    Err(fault) => return Inspection { count, fault: Some(fault) },
                },
                InspectorState::Length(left) => {
                    let here = (*left).min(rest.len() as u64);
                    *left -= here;
                    if *left == 0 {
                        self.resume();
                    }
                    usize::try_from(here).expect("no more than there are bytes")
                }
                InspectorState::Chunks(chunks) => match chunks.take(rest, self.limits.max_body) {
                    Ok((taken, ended)) => {
                        if ended {
                            self.resume();
                        }
                        taken
                    }
                    Err(fault) => return Inspection { count, fault: Some(fault) },
                },
            };
            count += taken;
        }
        Inspection { count, fault: None }
    }
}

/// The state of an incomplete head: the position, and what its lines have defined so far.
#[derive(Debug, Default)]
struct IncompleteHead {
    /// The number of bytes in which every line end has been found.
    scanned: usize,
    /// The position at which the current line begins.
    line: usize,
    /// The position at which the header lines begin; 0 before the end of the request line.
    fields: usize,
    rules: RequestRules,
    odd_names: bool,
}

impl IncompleteHead {
    /// Continues with a head that begins with `bytes`. Returns its length once it is complete.
    fn read(&mut self, bytes: &mut [u8], is_host: IsHost) -> Result<Option<usize>, Fault> {
        while let Some(end) = memchr::memchr(b'\n', &bytes[self.scanned..]) {
            let end = self.scanned + end;
            let Some(line) = bytes[self.line..end].strip_suffix(b"\r") else {
                return Err(Fault::BareLineFeed);
            };
            (self.scanned, self.line) = (end + 1, end + 1);
            match (self.fields, line.is_empty()) {
                // Empty lines, which some old clients send after a body (RFC 9112, section 2.2).
                (0, true) if end < MAX_REST => {}
                (0, _) => {
                    if self.request_line(line, is_host)? {
                        // The last digit of the line, before CRLF.
                        bytes[end - 2] = b'1';
                    }
                    self.fields = end + 1;
                }
                (_, true) => return Ok(Some(end + 1)),
                (fields, false) if end - fields > MAX_HEADERS => return Err(Fault::HeadTooLarge),
                (_, false) => self.field(line)?,
            }
        }
        self.scanned = bytes.len();
        match self.fields {
            0 if bytes.len() - self.line > MAX_TARGET + MAX_REST => Err(Fault::TargetTooLong),
            0 if !begins_a_request(&bytes[self.line..]) => Err(Fault::Method),
            0 => Ok(None),
            fields if bytes.len() - fields > MAX_HEADERS => Err(Fault::HeadTooLarge),
            _ => Ok(None),
        }
    }

    /// Validates the request line. Returns true if its minor version is later than 1.
    fn request_line(&mut self, line: &[u8], is_host: IsHost) -> Result<bool, Fault> {
        let line = RequestLine::parse(line, is_host)?;
        self.rules.line(&line);
        Ok(line.minor_version > b'1')
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Fault> {
        let field = Field::parse(line)?;
        self.odd_names |= field.odd;
        self.rules.field(&field)
    }

    /// Returns the state after the head, if the head as a whole is valid.
    fn finish(&self, max_body: u64) -> Result<InspectorState, Fault> {
        Ok(match self.rules.finish(max_body)? {
            Length::Unsaid if self.rules.upgrade && !self.rules.old_version => InspectorState::Undecided,
            Length::Unsaid => InspectorState::Head(IncompleteHead::default()),
            Length::Bytes(length) => InspectorState::Length(length),
            Length::Chunked => InspectorState::Chunks(Chunks::new(Sender::Client)),
        })
    }
}
