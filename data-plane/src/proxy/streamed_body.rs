//! A response body that is passed through at the pace of its client. At its end, the request is recorded and the
//! connection to the backend is returned.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::lease::Lease;
use super::record::Record;
use crate::backend::Backend;
use crate::body::received::ReceivedBody;
use crate::body::{self, BoxError, trailers};
use crate::error_info::ErrorInfo;
use crate::member::InFlightGuard;

/// The backend's body, and the state that its end needs.
#[derive(Debug)]
pub(crate) struct StreamedBody {
    pub(crate) inner: ReceivedBody,
    pub(crate) backend: Arc<Backend>,
    pub(crate) in_flight: Option<InFlightGuard>,
    /// The connection to the backend, kept when the body has ended. Dropped earlier, it is closed.
    pub(crate) lease: Option<Lease>,
    pub(crate) record: Record,
    /// The longest pause of the backend.
    pub(crate) read_timeout: Duration,
    pub(crate) pause: Option<Pin<Box<Sleep>>>,
}

impl StreamedBody {
    /// Records the reason why the client does not receive the whole body.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        self.record.fail(ErrorInfo::ClientClosedRequest, why.to_string());
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.pause = None;
                let ended = match &frame {
                    Some(Ok(frame)) => {
                        self.record.add_sent(body::length(frame));
                        self.inner.is_end_stream()
                    }
                    Some(Err(error)) => {
                        let reason = match self.backend.drained() {
                            Some(cut) => cut.reason().into(),
                            None => Cow::Owned(format!("the backend's response broke off: {error}")),
                        };
                        self.record.fail(ErrorInfo::UpstreamClosedConnection, reason);
                        false
                    }
                    None => true,
                };
                if ended {
                    self.record.complete();
                    self.in_flight = None;
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                }
                Poll::Ready(frame.map(|frame| frame.map(trailers::filter)))
            }
            Poll::Pending => {
                let read_timeout = self.read_timeout;
                let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(read_timeout)));
                ready!(pause.as_mut().poll(cx));
                let reason =
                    format!("the backend paused for {} s within its response", read_timeout.as_secs());
                self.record.fail(ErrorInfo::UpstreamTimedOut, reason.clone());
                Poll::Ready(Some(Err(reason.into())))
            }
        }
    }
}
