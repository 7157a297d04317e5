//! A connection as a caller reads it, for tests: heads with the scanner, bodies with the decoder.

use crate::body::BodyDecoder;
use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::head::RequestHead;
use crate::limits::Limits;
use crate::request::{Inspection, RequestScanner};

/// A request that has been read.
#[derive(Debug)]
pub(crate) struct Received {
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
    pub(crate) received: Vec<Received>,
}

impl Connection {
    pub(crate) fn new(limits: Limits) -> Connection {
        Connection { limits, scanner: RequestScanner::new(limits), body: None, received: Vec::new() }
    }

    /// Returns true after a request whose response decides the protocol of the next bytes.
    pub(crate) fn is_undecided(&self) -> bool {
        self.received.last().is_some_and(|last| last.head.asks_for_upgrade())
    }

    /// Reads bytes, which must begin with those that were not consumed the last time.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Inspection {
        let mut count = 0;
        while count < bytes.len() && !self.is_undecided() {
            let rest = &bytes[count..];
            let taken = match &mut self.body {
                Some(_) => self.feed_body(rest).map(Some),
                None => self.feed_head(rest),
            };
            match taken {
                Ok(Some(taken)) => count += taken,
                Ok(None) => break,
                Err(fault) => return Inspection { count, fault: Some(fault) },
            }
        }
        Inspection { count, fault: None }
    }

    fn feed_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, crate::Fault> {
        let Some((head, length)) = self.scanner.scan(bytes)? else { return Ok(None) };
        let is_whole = head.framing.body == BodyLength::None;
        if !is_whole {
            self.body = Some(BodyDecoder::of_request(head.framing.body, self.limits.max_body));
        }
        self.received.push(Received { head, data: Vec::new(), trailers: None, is_whole });
        Ok(Some(length))
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<usize, crate::Fault> {
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
