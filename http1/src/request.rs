//! Validates what a client sends: each head with its body, up to the first fault. Pure.

use crate::chunks::Chunks;
use crate::fault::Fault;
use crate::limits::{IsHost, Limits};
use crate::line::{Field, Framing, Length, is_padded};

/// The longest request target in bytes.
const MAX_TARGET: usize = 32 * 1024;
/// The most bytes of all header lines together.
const MAX_HEADERS: usize = 32 * 1024;
/// The most bytes of a request line besides its target: method, version, two spaces, line end.
const MAX_REST: usize = 64;
/// The longest method in bytes; the longest registered method has 17.
const MAX_METHOD: usize = 32;
/// The longest target of a rejected request that is repeated in the access log, in bytes.
const MAX_REPEATED: usize = 2 * 1024;

/// How many of the inspected bytes may pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// The number of bytes that may pass. The rest belongs to an incomplete head, or to the unknown protocol after
    /// an upgrade request. The caller must show it again, followed by the bytes that arrive later.
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
    Head(RequestHead),
    Length(u64),
    Chunks(Chunks),
    /// A request for an upgrade has passed: the response decides the protocol of the next bytes.
    Undecided,
}

impl Inspector {
    /// Validates a new connection.
    pub fn new(limits: Limits) -> Inspector {
        Inspector { state: InspectorState::Head(RequestHead::default()), limits, odd_names: false }
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
        self.state = InspectorState::Head(RequestHead::default());
    }

    /// Inspects bytes, which must begin with those that did not pass the last time. In a request line with a later
    /// minor version of HTTP/1, the version becomes `HTTP/1.1` in place before those bytes may pass: hyper knows no
    /// later version, and the semantics are the same (RFC 9110, section 2.5).
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
struct RequestHead {
    /// The number of bytes in which every line end has been found.
    scanned: usize,
    /// The position at which the current line begins.
    line: usize,
    /// The position at which the header lines begin; 0 before the end of the request line.
    fields: usize,
    framing: Framing,
    old_version: bool,
    is_post: bool,
    host: bool,
    authorization: bool,
    upgrade: bool,
    odd_names: bool,
}

impl RequestHead {
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
        self.old_version = line.minor_version == b'0';
        self.is_post = line.method == b"POST";
        Ok(line.minor_version > b'1')
    }

    fn field(&mut self, line: &[u8]) -> Result<(), Fault> {
        let field = Field::parse(line)?;
        self.odd_names |= field.odd;
        self.framing.add(&field)?;
        match field.name.len() {
            4 if field.is("host") && std::mem::replace(&mut self.host, true) => Err(Fault::HostTwice),
            6 if field.is("expect") && !is_expectation(field.value) => Err(Fault::Expectation),
            7 if field.is("upgrade") => {
                self.upgrade = true;
                Ok(())
            }
            // RFC 9110 allows leading zeros, but some parsers read such a number as an octal one.
            14 if field.is("content-length") && is_padded(field.value) => Err(Fault::LengthInvalid),
            13 if field.is("authorization") && std::mem::replace(&mut self.authorization, true) => {
                Err(Fault::AuthorizationTwice)
            }
            _ => Ok(()),
        }
    }

    /// Returns the state after the head, if the head as a whole is valid.
    fn finish(&self, max_body: u64) -> Result<InspectorState, Fault> {
        if !self.host && !self.old_version {
            return Err(Fault::HostMissing);
        }
        match self.framing.length(self.old_version)? {
            Length::Unsaid if self.is_post => Err(Fault::LengthMissing),
            Length::Unsaid | Length::Bytes(0) if self.upgrade && !self.old_version => {
                Ok(InspectorState::Undecided)
            }
            Length::Unsaid | Length::Bytes(0) => Ok(InspectorState::Head(RequestHead::default())),
            Length::Bytes(length) if length > max_body => Err(Fault::BodyTooLarge),
            Length::Bytes(length) => Ok(InspectorState::Length(length)),
            Length::Chunked => Ok(InspectorState::Chunks(Chunks::new())),
        }
    }
}

/// The parts of a request line.
#[derive(Debug)]
struct RequestLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    /// The digit after `HTTP/1.`.
    minor_version: u8,
}

impl<'a> RequestLine<'a> {
    fn parse(line: &'a [u8], is_host: IsHost) -> Result<RequestLine<'a>, Fault> {
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

/// Returns true if an incomplete line may become a request line. A client of another protocol is thus rejected at
/// once, and does not wait for a timeout.
fn begins_a_request(line: &[u8]) -> bool {
    match memchr::memchr(b' ', line) {
        Some(space) => is_method(&line[..space]),
        None => line.is_empty() || line == b"\r" || is_method(line.strip_suffix(b"\r").unwrap_or(line)),
    }
}

/// Returns true if the value of `Expect` is one that the gateway supports.
pub fn is_expectation(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// Returns true for a path with or without a query, or the `*` of OPTIONS (RFC 9112, section 3.2), in characters
/// that need no encoding.
pub fn is_target(method: &[u8], target: &[u8]) -> bool {
    match target {
        b"*" => method == b"OPTIONS",
        [b'/', rest @ ..] => rest.iter().all(|byte| TARGET[usize::from(*byte)]),
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
        && rest[end..].iter().all(|byte| TARGET[usize::from(*byte)])
}

/// The characters of a target: those of RFC 3986, and those that browsers send unencoded.
static TARGET: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        allowed[byte as usize] = !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`' | b'{' | b'}');
        byte += 1;
    }
    allowed
};

/// Returns a substitute for a rejected request, so that hyper sends the local reply after the responses before it.
/// The substitute has the method and target of the rejected request, if they can be repeated, and no `Host`.
/// Because no other request without `Host` passes, the substitute is recognized by that.
pub fn substitute(refused: &[u8], is_host: IsHost) -> Vec<u8> {
    let end = memchr::memchr(b'\r', refused).unwrap_or(0);
    let known =
        RequestLine::parse(&refused[..end], is_host).ok().filter(|line| line.target.len() <= MAX_REPEATED);
    let (method, target): (&[u8], &[u8]) = known.map_or((b"GET", b"/"), |line| (line.method, line.target));
    [method, b" ", target, b" HTTP/1.1\r\n\r\n"].concat()
}

#[cfg(test)]
mod tests;
