//! One piece of a body on its way from one socket to another, without a copy where the reader passes it on at once.

use std::future::poll_fn;
use std::ops::Range;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tidegate_http1::Fields;

use super::BoxError;
use crate::read_buffer::ReadBuffer;

/// A piece of a body, or the trailers at its end.
#[derive(Debug)]
pub(crate) enum Chunk {
    /// Bytes that were read into the buffer that the caller gave.
    Read(Range<usize>),
    /// Bytes that came with the head of the message, in the buffer that it was read into.
    Early(ReadBuffer, Range<usize>),
    Owned(Bytes),
    Trailers(Fields),
}

/// A body whose pieces own their bytes: they may wait in a buffer. Unlike those of [`http_body::Body`], its trailers
/// keep their spelling.
pub(crate) trait Pieces {
    type Error;

    /// Polls for the next piece, [`Chunk::Owned`] or [`Chunk::Trailers`].
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, Self::Error>>>;

    /// The number of bytes that are left, as far as it is known.
    fn left(&self) -> SizeHint;

    /// Returns true if the body has certainly ended.
    fn has_ended(&self) -> bool;
}

/// Waits for the next piece of a body.
pub(crate) async fn next<B: Pieces>(body: &mut B) -> Option<Result<Chunk, B::Error>> {
    poll_fn(|cx| body.poll_piece(cx)).await
}

/// The result of polling a body for a piece.
pub(crate) type PolledChunk = Poll<Option<Result<Chunk, BoxError>>>;

impl Chunk {
    /// Returns the bytes, `buffer` being the one that the caller gave; empty for trailers.
    pub(crate) fn bytes<'a>(&'a self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            Chunk::Read(range) => &buffer[range.clone()],
            Chunk::Early(early, range) => &early[range.clone()],
            Chunk::Owned(bytes) => bytes,
            Chunk::Trailers(_) => &[],
        }
    }

    /// Returns the number of bytes; 0 for trailers.
    pub(crate) fn len(&self) -> usize {
        match self {
            Chunk::Read(range) | Chunk::Early(_, range) => range.len(),
            Chunk::Owned(bytes) => bytes.len(),
            Chunk::Trailers(_) => 0,
        }
    }

    /// Converts the piece to one that owns its bytes, `buffer` being the one that the caller gave.
    pub(crate) fn into_owned(self, buffer: &[u8]) -> Chunk {
        match self {
            Chunk::Read(_) | Chunk::Early(..) => Chunk::Owned(Bytes::copy_from_slice(self.bytes(buffer))),
            owned => owned,
        }
    }

    /// Converts the piece to one that owns its bytes.
    pub(crate) fn into_frame(self, buffer: &[u8]) -> Frame<Bytes> {
        match self {
            Chunk::Owned(bytes) => Frame::data(bytes),
            Chunk::Trailers(trailers) => Frame::trailers(HeaderMap::from(trailers)),
            read => Frame::data(Bytes::copy_from_slice(read.bytes(buffer))),
        }
    }
}

impl From<Frame<Bytes>> for Chunk {
    fn from(frame: Frame<Bytes>) -> Chunk {
        match frame.into_data() {
            Ok(data) => Chunk::Owned(data),
            Err(other) => Chunk::Trailers(Fields::from(&other.into_trailers().unwrap_or_default())),
        }
    }
}

/// Polls a body that reads into a buffer for a frame that owns its bytes.
pub(crate) fn poll_frame(
    poll_chunk: impl FnOnce(&mut [u8]) -> PolledChunk,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
    let mut buffer = ReadBuffer::take();
    poll_chunk(&mut buffer).map_ok(|chunk| chunk.into_frame(&buffer))
}
