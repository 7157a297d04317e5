//! A response body that is buffered for its client, and the actions at its end.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::SizeHint;
use tokio::time::Instant;

use super::lease::Lease;
use super::record::Record;
use crate::backend::Backend;
use crate::body::chunk::{Pieces, PolledChunk};
use crate::body::received::ReceivedBody;
use crate::body::relay::{Relay, RelayError};
use crate::body::{BoxError, trailers};
use crate::error_info::ErrorInfo;
use crate::member::InFlightGuard;
use crate::spool::SpoolQuota;

/// A buffered response. The backend's connection is returned as soon as the backend has sent the whole body; the
/// record ends when the client has received it.
#[derive(Debug)]
pub(crate) struct BufferedBody {
    relay: Relay,
    record: Record,
    /// The time when the backend had sent the whole body.
    received_at: Rc<Cell<Option<Instant>>>,
}

impl BufferedBody {
    /// Starts reading the backend's body. `read_timeout` is the longest pause of the backend.
    pub(crate) fn start(
        (body, backend, in_flight): (ReceivedBody, Arc<Backend>, Option<InFlightGuard>),
        lease: Option<Lease>,
        record: Record,
        read_timeout: Duration,
        spool_quota: &SpoolQuota,
    ) -> BufferedBody {
        let received_at = Rc::new(Cell::new(None));
        let now = received_at.clone();
        let finished = move || {
            now.set(Some(Instant::now()));
            drop(in_flight);
            if let Some(lease) = lease {
                lease.give_back();
            }
        };
        let describe = move |error: BoxError| match backend.drained() {
            Some(cut) => cut.reason().into(),
            None => format!("the backend's response broke off: {error}"),
        };
        BufferedBody {
            relay: Relay::start(body, spool_quota.clone(), read_timeout, describe, finished),
            record,
            received_at,
        }
    }

    /// Records the reason why the client does not receive the whole body.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        self.record.fail(ErrorInfo::ClientClosedRequest, why.to_string());
    }

    fn complete(&mut self) {
        self.record.received_at(self.received_at.get());
        self.record.complete();
    }

    /// Polls for the next piece, and records it.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> PolledChunk {
        let piece = ready!(self.relay.poll_piece(cx));
        match &piece {
            Some(Ok(piece)) => {
                self.record.add_sent(piece.len() as u64);
                // If the length is known, hyper need not poll for the end of the body.
                if self.relay.left().exact() == Some(0) {
                    self.complete();
                }
            }
            Some(Err(error)) => {
                let info = match error.downcast_ref() {
                    Some(RelayError::Paused(_)) => ErrorInfo::UpstreamTimedOut,
                    _ => ErrorInfo::UpstreamClosedConnection,
                };
                self.record.fail(info, error.to_string());
            }
            None => self.complete(),
        }
        Poll::Ready(piece.map(|piece| piece.map(trailers::filter)))
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.relay.has_ended()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.relay.left()
    }
}
