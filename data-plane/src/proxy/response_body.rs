//! The body of a response to the client, from a backend or from the gateway itself.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::held::Held;
use super::passing::Passing;
use crate::body::BoxError;

/// The body of a response to the client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// A local reply, or an empty body.
    Whole(Bytes),
    /// The backend's body, passed through.
    Passing(Box<Passing>),
    /// The backend's body, buffered for a slower client.
    Held(Box<Held>),
}

impl ResponseBody {
    /// Records the reason why the client does not receive the whole body.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        match self {
            ResponseBody::Whole(_) => {}
            ResponseBody::Passing(passing) => passing.give_up(why),
            ResponseBody::Held(held) => held.give_up(why),
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
            ResponseBody::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            ResponseBody::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            ResponseBody::Passing(passing) => passing.poll_frame(cx),
            ResponseBody::Held(held) => Pin::new(&mut **held).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            ResponseBody::Whole(bytes) => bytes.is_empty(),
            ResponseBody::Passing(passing) => passing.inner.is_end_stream(),
            ResponseBody::Held(held) => held.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ResponseBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            ResponseBody::Passing(passing) => passing.inner.size_hint(),
            ResponseBody::Held(held) => held.size_hint(),
        }
    }
}
