//! The body of a message as the HTTP engine delivers it: of a request from its client, or of a response from
//! its backend. The rest of the request path must not know which engine that is.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::BoxError;
use super::chunk::{self, Chunk, Pieces, PolledChunk};
use crate::read_buffer::ReadBuffer;

/// A connection of HTTP/1.1 that has read a head. It reads the body behind it for whoever polls.
pub(crate) trait BodySource: fmt::Debug {
    /// Polls for the next piece, which may be read into `buffer`. It is not called again after the end, an error or
    /// the trailers.
    fn poll_chunk(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk;

    /// Returns true if the body has certainly ended.
    fn is_end_stream(&self) -> bool;

    /// The number of bytes that are left, as far as it is known.
    fn size_hint(&self) -> SizeHint;

    /// Notes that nobody will poll the body again, whether it has ended or not.
    fn release(&self);
}

/// A body that arrives in pieces. An error in it is the fault of the peer: the body is incomplete or malformed.
#[derive(Debug)]
pub(crate) enum ReceivedBody {
    /// No body, or one that has ended.
    None,
    /// A body over HTTP/2.
    Hyper(Incoming),
    /// A body over HTTP/1.1.
    Http1(Http1Body),
}

/// The body of the message that a connection of HTTP/1.1 reads. The connection learns when it is dropped.
#[derive(Debug)]
pub(crate) struct Http1Body(Rc<dyn BodySource>);

impl Http1Body {
    /// Returns the body whose head the connection has just read.
    pub(crate) fn of(source: Rc<dyn BodySource>) -> Http1Body {
        Http1Body(source)
    }
}

impl Drop for Http1Body {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl From<Incoming> for ReceivedBody {
    fn from(body: Incoming) -> ReceivedBody {
        ReceivedBody::Hyper(body)
    }
}

impl ReceivedBody {
    /// Polls for the next piece, which may be read into `buffer`.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        match self {
            ReceivedBody::None => Poll::Ready(None),
            ReceivedBody::Hyper(body) => {
                Pin::new(body).poll_frame(cx).map_ok(Chunk::from).map_err(BoxError::from)
            }
            ReceivedBody::Http1(body) => {
                let polled = body.0.poll_chunk(cx, buffer);
                let is_last = match &polled {
                    Poll::Ready(Some(Ok(_))) => body.0.is_end_stream(),
                    Poll::Ready(_) => true,
                    Poll::Pending => false,
                };
                if is_last {
                    // The connection may carry another message before this body is dropped.
                    *self = ReceivedBody::None;
                }
                polled
            }
        }
    }
}

impl Pieces for ReceivedBody {
    type Error = BoxError;

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> PolledChunk {
        let mut buffer = ReadBuffer::take();
        self.poll_chunk(cx, &mut buffer).map_ok(|chunk| chunk.into_owned(&buffer))
    }

    fn left(&self) -> SizeHint {
        self.size_hint()
    }

    fn has_ended(&self) -> bool {
        self.is_end_stream()
    }
}

impl Body for ReceivedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut *self {
            ReceivedBody::Hyper(body) => Pin::new(body).poll_frame(cx).map_err(BoxError::from),
            other => chunk::poll_frame(|buffer| other.poll_chunk(cx, buffer)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ReceivedBody::None => true,
            ReceivedBody::Hyper(body) => body.is_end_stream(),
            ReceivedBody::Http1(body) => body.0.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReceivedBody::None => SizeHint::with_exact(0),
            ReceivedBody::Hyper(body) => body.size_hint(),
            ReceivedBody::Http1(body) => body.0.size_hint(),
        }
    }
}
