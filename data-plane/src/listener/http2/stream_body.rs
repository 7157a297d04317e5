//! The body of a response on an HTTP/2 stream, in small chunks, which show whether the client accepts data.
//!
//! hyper takes one chunk before there is room for it, and asks for the next one when the client has made room for the
//! whole chunk. So no request for a chunk means that the client accepts nothing.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tidegate_http1::Fault;

use crate::body::BoxError;
use crate::downstream::Connection;
use crate::downstream::http2_streams::OpenStream;
use crate::metrics::series::RESPONSE;
use crate::proxy::response_body::ResponseBody;

/// The largest chunk that a client must accept within the send timeout, in bytes: the default maximum of a DATA
/// frame.
const PIECE: usize = 16 * 1024;

/// A body and its stream.
#[derive(Debug)]
pub(super) struct StreamBody {
    body: ResponseBody,
    /// The data that did not fit into the last chunk.
    rest: Bytes,
    /// The error that ends the body. Its reset would overtake what has not left yet, perhaps even the head, so the
    /// connection may first write.
    failed: Option<BoxError>,
    stream: Rc<OpenStream>,
    connection: Rc<Connection>,
}

impl StreamBody {
    pub(super) fn new(body: ResponseBody, stream: Rc<OpenStream>, connection: Rc<Connection>) -> StreamBody {
        stream.offers(Some(0));
        StreamBody { body, rest: Bytes::new(), failed: None, stream, connection }
    }

    fn piece_of(&mut self, mut data: Bytes) -> Frame<Bytes> {
        self.rest = data.split_off(data.len().min(PIECE));
        self.stream.offers(Some(data.len()));
        Frame::data(data)
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.piece_of(rest))));
        }
        if let Some(failed) = this.failed.take() {
            return Poll::Ready(Some(Err(failed)));
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        if let Poll::Ready(Some(Err(failed))) = polled {
            this.failed = Some(failed);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        // While the gateway waits for the backend, the client's timeout does not run.
        this.stream.offers(polled.is_ready().then_some(0));
        polled.map(|frame| {
            let frame = frame?.map(|frame| match frame.into_data() {
                Ok(data) => this.piece_of(data),
                Err(trailers) => trailers,
            });
            Some(frame)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut all = SizeHint::new();
        all.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            all.set_upper(upper + rest);
        }
        all
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.stream.offers(None);
        if let Some(fault) = self.stream.given_up.get() {
            if fault == Fault::SlowAnswer {
                self.connection.counts().slow[RESPONSE].add(1);
            }
            self.body.give_up(fault);
        }
    }
}
