//! The body of a response, which reads from the connection.

use std::rc::Rc;
use std::task::{Context, Poll};

use http_body::SizeHint;

use super::Shared;
use crate::body::BoxError;
use crate::body::chunk::PolledChunk;
use crate::body::received::{BodySource, Http1Body, ReceivedBody};
use crate::upstream::UpstreamError;

impl BodySource for Shared {
    /// Polls for the next piece. The rest of the request is sent meanwhile.
    fn poll_chunk(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        if let Poll::Ready(why) = self.registration.poll_close(cx) {
            return Poll::Ready(Some(Err(UpstreamError::Drained(why).into())));
        }
        self.state.borrow_mut().poll_body(cx, buffer).map_err(BoxError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.state.borrow().has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.state.borrow().remaining().map_or_else(SizeHint::new, SizeHint::with_exact)
    }

    /// A connection whose response has not ended goes with its last owner.
    fn release(&self) {}
}

/// Returns the body of the response that the connection carries.
pub(super) fn body(connection: &Rc<Shared>) -> ReceivedBody {
    match connection.state.borrow().has_ended() {
        true => ReceivedBody::None,
        false => ReceivedBody::Http1(Http1Body::of(connection.clone())),
    }
}
