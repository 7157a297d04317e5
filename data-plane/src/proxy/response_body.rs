//! A response to the client, and its body: from a backend or from the gateway itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tidegate_http1::ResponseHead;

use super::buffered_body::BufferedBody;
use super::streamed_body::StreamedBody;
use super::tunnel::PendingTunnel;
use crate::body::BoxError;
use crate::body::chunk::{self, Chunk, PolledChunk};

/// A response to the client. Its head has no framing yet.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) head: ResponseHead,
    pub(crate) body: ResponseBody,
}

impl Response {
    /// Returns a local reply.
    pub(super) fn whole((head, body): (ResponseHead, Bytes)) -> Response {
        Response { head, body: ResponseBody::Whole(body) }
    }
}

/// The body of a response to the client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// A local reply, or an empty body.
    Whole(Bytes),
    /// The backend's body, passed through.
    Streamed(Box<StreamedBody>),
    /// The backend's body, buffered for a slower client.
    Buffered(Box<BufferedBody>),
    /// No body: the tunnel that begins on a connection of HTTP/1.1 after the response.
    Tunnel(Box<PendingTunnel>),
}

impl ResponseBody {
    /// No body.
    pub(super) const EMPTY: ResponseBody = ResponseBody::Whole(Bytes::new());

    /// Records the reason why the client does not receive the whole body.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        match self {
            ResponseBody::Whole(_) | ResponseBody::Tunnel(_) => {}
            ResponseBody::Streamed(body) => body.give_up(why),
            ResponseBody::Buffered(body) => body.give_up(why),
        }
    }

    /// Polls for the next piece, which may be read into `buffer`, and records it.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        match self {
            ResponseBody::Tunnel(_) => Poll::Ready(None),
            ResponseBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ResponseBody::Whole(bytes) => Poll::Ready(Some(Ok(Chunk::Owned(std::mem::take(bytes))))),
            ResponseBody::Streamed(body) => body.poll_chunk(cx, buffer),
            ResponseBody::Buffered(body) => body.poll_chunk(cx),
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            ResponseBody::Streamed(body) => chunk::poll_frame(|buffer| body.poll_chunk(cx, buffer)),
            other => other.poll_chunk(cx, &mut []).map_ok(|chunk| chunk.into_frame(&[])),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Tunnel(_) => true,
            ResponseBody::Whole(bytes) => bytes.is_empty(),
            ResponseBody::Streamed(body) => body.inner.is_end_stream(),
            ResponseBody::Buffered(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Tunnel(_) => SizeHint::with_exact(0),
            ResponseBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ResponseBody::Streamed(body) => body.inner.size_hint(),
            ResponseBody::Buffered(body) => body.size_hint(),
        }
    }
}
