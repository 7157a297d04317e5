//! The response of a backend as the proxy sees it: its head, and a body that reads from the connection.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body::SizeHint;
use hyper::ext::ReasonPhrase;
use tidegate_http1::ResponseHead;

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

/// Converts the head of the response that the connection carries to the proxy's form.
pub(super) fn response(head: ResponseHead, connection: &Rc<Shared>) -> Response<ReceivedBody> {
    let is_usual = head.status.canonical_reason().is_some_and(|usual| usual.as_bytes() == head.reason());
    let reason = (!is_usual).then(|| ReasonPhrase::try_from(Bytes::copy_from_slice(head.reason())).ok());
    let body = match connection.state.borrow().has_ended() {
        true => ReceivedBody::None,
        false => ReceivedBody::Http1(Http1Body::of(connection.clone())),
    };
    let mut response = Response::from_parts(head.into(), body);
    if let Some(reason) = reason.flatten() {
        response.extensions_mut().insert(reason);
    }
    response
}
