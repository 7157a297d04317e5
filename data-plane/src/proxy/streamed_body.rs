//! A response body that is passed through at the pace of its client. At its end, the request is recorded and the
//! connection to the backend is returned.

use std::borrow::Cow;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::Body;

use super::lease::Lease;
use super::record::Record;
use crate::alarm::Pause;
use crate::backend::Backend;
use crate::body::chunk::PolledChunk;
use crate::body::received::ReceivedBody;
use crate::body::trailers;
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
    pub(crate) pause: Pause,
}

impl StreamedBody {
    /// Records the reason why the client does not receive the whole body.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        self.record.fail(ErrorInfo::ClientClosedRequest, why.to_string());
    }

    /// Polls for the next piece, which may be read into `buffer`, and records it.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        match self.inner.poll_chunk(cx, buffer) {
            Poll::Ready(chunk) => {
                self.pause.end();
                let ended = match &chunk {
                    Some(Ok(chunk)) => {
                        self.record.add_sent(chunk.len() as u64);
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
                    self.end();
                }
                Poll::Ready(chunk.map(|chunk| chunk.map(trailers::filter)))
            }
            Poll::Pending => self.poll_pause(cx),
        }
    }

    /// The whole body has been read.
    fn end(&mut self) {
        self.record.complete();
        self.in_flight = None;
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// Ends the body if the backend has paused for too long.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> PolledChunk {
        let read_timeout = self.read_timeout;
        if !self.pause.is_over(cx, read_timeout) {
            return Poll::Pending;
        }
        let reason = format!("the backend paused for {} s within its response", read_timeout.as_secs());
        self.record.fail(ErrorInfo::UpstreamTimedOut, reason.clone());
        Poll::Ready(Some(Err(reason.into())))
    }
}
