//! A connection as a caller reads it, for tests: heads with the scanner, bodies with the decoder.

use crate::body::BodyDecoder;
use crate::fault::Fault;
use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::head::RequestHead;
use crate::limits::Limits;
use crate::request::RequestScanner;

/// What became of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fed {
    /// The number of bytes that were consumed. The rest belongs to an incomplete head, or to the unknown protocol
    /// after an upgrade request.
    pub(crate) count: usize,
    /// The fault in the bytes after these.
    pub(crate) fault: Option<Fault>,
}

/// A request that has been read.
#[derive(Debug)]
pub(crate) struct Received {
    /// The position of the head in the bytes of the connection; empty lines may come first.
    pub(crate) at: usize,
    pub(crate) head: RequestHead,
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) is_whole: bool,
}

/// The requests of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    limits: Limits,
    scanner: RequestScanner,
    body: Option<BodyDecoder>,
    consumed: usize,
    pub(crate) received: Vec<Received>,
}

impl Connection {
    pub(crate) fn new(limits: Limits) -> Connection {
        Connection {
            limits,
            scanner: RequestScanner::new(limits),
            body: None,
            consumed: 0,
            received: Vec::new(),
        }
    }

    /// Returns true after a request whose response decides the protocol of the next bytes.
    pub(crate) fn is_undecided(&self) -> bool {
        self.received.last().is_some_and(|last| last.head.asks_for_upgrade())
    }

    /// Returns true if the next byte belongs to a body.
    pub(crate) fn is_in_body(&self) -> bool {
        self.body.is_some()
    }

    /// Reads bytes, which must begin with those that were not consumed the last time.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut count = 0;
        while count < bytes.len() && !self.is_undecided() {
            let rest = &bytes[count..];
            let taken = match &mut self.body {
                Some(_) => self.feed_body(rest).map(Some),
                None => self.feed_head(rest),
            };
            match taken {
                Ok(Some(taken)) => {
                    count += taken;
                    self.consumed += taken;
                }
                Ok(None) => break,
                Err(fault) => return Fed { count, fault: Some(fault) },
            }
        }
        Fed { count, fault: None }
    }

    fn feed_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        let Some((head, length)) = self.scanner.scan(bytes)? else { return Ok(None) };
        let is_whole = head.framing.body == BodyLength::None;
        if !is_whole {
            self.body = Some(BodyDecoder::of_request(head.framing.body, self.limits.max_body));
        }
        let (at, data) = (self.consumed, Vec::new());
        self.received.push(Received { at, head, data, trailers: None, is_whole });
        Ok(Some(length))
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let (Some(body), Some(last)) = (&mut self.body, self.received.last_mut()) else { return Ok(0) };
        let decoded = body.decode(bytes)?;
        last.data.extend_from_slice(&bytes[decoded.data.clone()]);
        if decoded.ended {
            (last.is_whole, last.trailers) = (true, body.take_trailers());
            self.body = None;
        }
        Ok(decoded.consumed)
    }
}
