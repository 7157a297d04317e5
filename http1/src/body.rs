//! The decoder of bodies: which bytes of a connection are data, and where the body ends. Pure.

use std::ops::Range;

use crate::chunks::{Chunks, Sender};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::line::Field;

/// The decoder of one body.
#[derive(Debug)]
pub struct BodyDecoder {
    state: State,
    /// The largest body in bytes, if it is chunked.
    limit: u64,
    /// The trailers as received.
    trailers: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Bytes(u64),
    Chunks(Chunks),
    UntilClose,
    Ended,
}

/// What a decoder found in some bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The position of data within the bytes. It is empty if there is none.
    pub data: Range<usize>,
    /// The number of bytes that are dealt with. If some are left and the body has not ended, they begin with
    /// data.
    pub consumed: usize,
    /// True if the body has ended with the consumed bytes.
    pub ended: bool,
}

impl BodyDecoder {
    /// Returns the decoder of a request's body. A chunked body may have at most `limit` bytes of data, at
    /// most 8 KiB of extensions, and at most 8 KiB and 100 lines of trailers.
    pub fn of_request(length: BodyLength, limit: u64) -> BodyDecoder {
        BodyDecoder::new(length, Sender::Client, limit)
    }

    /// Returns the decoder of a response's body, which has no limit. A chunked body may have at most 16 KiB
    /// of extensions, and at most 16 KiB and 100 lines of trailers.
    pub fn of_response(length: BodyLength) -> BodyDecoder {
        BodyDecoder::new(length, Sender::Backend, u64::MAX)
    }

    fn new(length: BodyLength, sender: Sender, limit: u64) -> BodyDecoder {
        let state = match length {
            BodyLength::None | BodyLength::Bytes(0) => State::Ended,
            BodyLength::Bytes(length) => State::Bytes(length),
            BodyLength::Chunked => State::Chunks(Chunks::new(sender)),
            BodyLength::UntilClose => State::UntilClose,
        };
        BodyDecoder { state, limit, trailers: Vec::new() }
    }

    /// Returns true if no further byte belongs to the body.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Returns true if the body is whole when the connection ends here. A body whose length is known is not.
    pub fn may_end_with_connection(&self) -> bool {
        matches!(self.state, State::Ended | State::UntilClose)
    }

    /// The number of bytes that follow, if it is known: a caller may pass them on without decoding, and then
    /// call [`BodyDecoder::skip`].
    pub fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Bytes(left) => Some(left),
            State::Ended => Some(0),
            State::Chunks(_) | State::UntilClose => None,
        }
    }

    /// Counts data that was passed on without decoding. `count` is at most [`BodyDecoder::remaining`], if
    /// that is known; more is ignored.
    pub fn skip(&mut self, count: u64) {
        if let State::Bytes(left) = self.state {
            self.state = match left.saturating_sub(count) {
                0 => State::Ended,
                left => State::Bytes(left),
            };
        }
    }

    /// Decodes the next bytes: the framing up to the data, the data, and the framing behind it. To be called
    /// again with the bytes that were not consumed, followed by new ones.
    ///
    /// # Errors
    /// The first fault in the framing. Data before it may have been passed on, so the connection must end.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, Fault> {
        match &mut self.state {
            State::Ended => Ok(Decoded { ended: true, ..Decoded::default() }),
            State::UntilClose => Ok(Decoded { data: 0..input.len(), consumed: input.len(), ended: false }),
            State::Bytes(left) => {
                let here = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
                self.skip(here as u64);
                Ok(Decoded { data: 0..here, consumed: here, ended: self.has_ended() })
            }
            State::Chunks(chunks) => {
                let mut decoded = Decoded::default();
                decoded.ended =
                    framing(chunks, input, &mut decoded.consumed, self.limit, &mut self.trailers)?;
                let count = chunks.data(input.len() - decoded.consumed);
                decoded.data = decoded.consumed..decoded.consumed + count;
                decoded.consumed += count;
                if !decoded.ended {
                    decoded.ended =
                        framing(chunks, input, &mut decoded.consumed, self.limit, &mut self.trailers)?;
                }
                if decoded.ended {
                    self.state = State::Ended;
                }
                Ok(decoded)
            }
        }
    }

    /// Takes the trailers of a chunked body that has ended; `None` if it has none. Fields that must not be
    /// trailers are among them: see [`crate::Known::is_forbidden_in_trailers`].
    pub fn take_trailers(&mut self) -> Option<Fields> {
        if self.trailers.is_empty() || !self.has_ended() {
            return None;
        }
        let mut bytes = std::mem::take(&mut self.trailers);
        let (mut trailers, mut start) = (Fields::new(), 0);
        while let Some(end) = memchr::memchr(b'\r', &bytes[start..]) {
            let end = start + end;
            if let Ok(field) = Field::parse(&bytes[start..end]) {
                trailers.push_received(&field, start, end);
            }
            start = end + 2;
        }
        bytes.extend_from_slice(b"\r\n");
        trailers.receive(&bytes);
        Some(trailers)
    }
}

/// Consumes bytes from `at` up to the next data. Returns true if the body has ended.
fn framing(
    chunks: &mut Chunks,
    input: &[u8],
    at: &mut usize,
    limit: u64,
    trailers: &mut Vec<u8>,
) -> Result<bool, Fault> {
    while !chunks.is_in_data() {
        let Some(byte) = input.get(*at) else { return Ok(false) };
        *at += 1;
        let was_in_trailers = chunks.is_in_trailers();
        if chunks.step(*byte, limit)? {
            return Ok(true);
        }
        // The final line end is no part of them: most bodies have no trailers and need no memory for them.
        if was_in_trailers && chunks.is_in_trailers() {
            trailers.push(*byte);
        }
    }
    Ok(false)
}

/// Writes the size of a chunk with its line end. The data follows, and then CRLF. `length` is at least 1: a
/// chunk of size 0 would end the body.
pub fn write_chunk_size(length: usize, out: &mut Vec<u8>) {
    debug_assert!(length > 0, "a chunk of size 0 ends the body");
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4);
    out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[length >> (4 * digit) & 0xf]));
    out.extend_from_slice(b"\r\n");
}

/// Writes the chunk that ends a body, with its trailers.
pub fn write_last_chunk(trailers: Option<&Fields>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    match trailers {
        Some(trailers) => trailers.write(out),
        None => out.extend_from_slice(b"\r\n"),
    }
}

#[cfg(test)]
mod tests;
