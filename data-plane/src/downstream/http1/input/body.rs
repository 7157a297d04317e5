//! The body of one request, as far as it has been read.

use std::ops::Range;

use tidegate_http1::{BodyDecoder, BodyLength, Fault, Fields, RequestHead};

use crate::client_rate::ClientRate;
use crate::config::Timeouts;

/// A body that has not been read to its end.
#[derive(Debug)]
pub(super) struct BodyInput {
    decoder: BodyDecoder,
    /// The trailers, which are the last piece.
    pub(super) trailers: Option<Fields>,
    /// True if the client waits to be asked for the body.
    pub(super) waits_for_continue: bool,
    /// True once nobody will read the rest.
    pub(super) abandoned: bool,
    /// The rate at which the client sends.
    pub(super) rate: ClientRate,
}

/// The result of decoding some bytes.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The number of bytes that belong to the body.
    pub(super) used: usize,
    /// Where the data is now.
    pub(super) data: Range<usize>,
    /// True if the body has ended, without trailers.
    pub(super) ended: bool,
}

impl BodyInput {
    /// Returns the body that a head announces, if it does. The data may have at most `max_body` bytes.
    pub(super) fn of(head: &RequestHead, max_body: u64, times: &Timeouts) -> Option<BodyInput> {
        let length = head.framing.body;
        (length != BodyLength::None).then(|| BodyInput {
            decoder: BodyDecoder::of_request(length, max_body),
            trailers: None,
            waits_for_continue: head.expects_continue(),
            abandoned: false,
            rate: ClientRate::new(times.rate, times.body),
        })
    }

    /// The number of bytes that are left, if it is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        self.decoder.remaining()
    }

    /// Decodes the first `count` bytes of `buffer`. Pieces of data that chunk heads divide are moved together.
    pub(super) fn decode(&mut self, buffer: &mut [u8], count: usize) -> Result<Decoded, Fault> {
        let mut decoded = Decoded { used: 0, data: 0..0, ended: false };
        while decoded.used < count && !decoded.ended {
            let next = self.decoder.decode(&buffer[decoded.used..count])?;
            let piece = decoded.used + next.data.start..decoded.used + next.data.end;
            if decoded.data.is_empty() {
                decoded.data = piece;
            } else if !piece.is_empty() {
                let end = decoded.data.end + piece.len();
                buffer.copy_within(piece, decoded.data.end);
                decoded.data.end = end;
            }
            decoded.used += next.consumed;
            decoded.ended = next.ended;
        }
        if decoded.ended {
            self.trailers = self.decoder.take_trailers();
            decoded.ended = self.trailers.is_none();
        }
        Ok(decoded)
    }
}
