//! The body of a message as the HTTP engine delivers it: of a request from its client, or of a response from
//! its backend. The rest of the request path must not know which engine that is.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::BoxError;
use super::chunk::{Chunk, PolledChunk};

/// A body that arrives in pieces. An error in it is the fault of the peer: the body is incomplete or malformed.
#[derive(Debug)]
pub(crate) struct ReceivedBody(Incoming);

impl From<Incoming> for ReceivedBody {
    fn from(body: Incoming) -> ReceivedBody {
        ReceivedBody(body)
    }
}

impl ReceivedBody {
    /// Polls for the next piece, which may be read into `buffer`.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>, _buffer: &mut [u8]) -> PolledChunk {
        Pin::new(&mut self.0).poll_frame(cx).map_ok(Chunk::from).map_err(BoxError::from)
    }
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_err(BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
