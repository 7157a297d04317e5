//! Request bodies on their way to a backend, and the buffering of bodies.
//!
//! A body streams through piece by piece ([`RequestBody`]), and [`Progress`] records how much has passed. If a
//! gateway enables buffering, a request body is collected before a backend is selected ([`collect`]), so that a
//! slow client occupies no backend and the request can be repeated. A response body is read from its backend as
//! fast as it arrives ([`relay`]), so that a slow client occupies no connection to a backend. A bounded part of
//! each body is in memory, the rest on disk. This module must not know the request of a body, and must not choose a
//! status.

pub(crate) mod chunk;
pub(crate) mod collect;
pub(crate) mod received;
pub(crate) mod relay;
pub(crate) mod trailers;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tidegate_http1::Fault;
use tokio::time::Instant;

use crate::client_rate::ClientRate;
use crate::spool::SpoolQuota;
use chunk::{Pieces, PolledChunk};
use collect::{CollectError, Replay, collect};
use received::ReceivedBody;

/// The most bytes of one body that each buffer holds in memory.
const IN_MEMORY: usize = 64 * 1024;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The number of body bytes sent to the backend, and the time of the last ones.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) bytes: Cell<u64>,
    pub(crate) at: Cell<Instant>,
    pub(crate) done: Cell<bool>,
    /// True if the body from the client ended early or is malformed.
    pub(crate) broken: Cell<bool>,
    /// True if the next piece must come from the client.
    pub(crate) waits_for_client: Cell<bool>,
    /// The largest allowed body in bytes.
    limit: u64,
    /// The rate at which the client sends.
    rate: Cell<ClientRate>,
    /// The start of the present wait for the client, if there is one.
    pub(crate) waiting: Cell<Option<Instant>>,
}

impl Progress {
    /// Starts the progress of a body of at most `limit` bytes.
    pub(crate) fn start(limit: u64, rate: ClientRate) -> Rc<Progress> {
        Rc::new(Progress {
            bytes: Cell::new(0),
            at: Cell::new(Instant::now()),
            done: Cell::new(false),
            broken: Cell::new(false),
            waits_for_client: Cell::new(false),
            limit,
            rate: Cell::new(rate),
            waiting: Cell::new(None),
        })
    }

    /// The remaining time to wait for the client; `None` without a minimum rate.
    pub(crate) fn allowance(&self) -> Option<Duration> {
        let rate = self.rate.get();
        let waited = self.waiting.get().map_or(Duration::ZERO, |since| since.elapsed());
        rate.is_limited().then(|| rate.allowance().saturating_sub(waited))
    }

    /// Notes that a wait for the client begins, or that the client has sent `bytes`.
    pub(crate) fn measure(&self, bytes: Option<u64>) {
        let mut rate = self.rate.get();
        if !rate.is_limited() {
            return;
        }
        match (bytes, self.waiting.get()) {
            (None, None) => self.waiting.set(Some(Instant::now())),
            (None, Some(_)) => {}
            (Some(bytes), since) => {
                rate.waited(since.map_or(Duration::ZERO, |since| since.elapsed()));
                rate.moved(bytes);
                self.rate.set(rate);
                self.waiting.set(None);
            }
        }
    }

    /// Notes that more bytes have passed.
    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
        self.at.set(Instant::now());
    }

    /// Returns true if the body exceeds its limit. For HTTP/1.1 this was checked before.
    pub(crate) fn is_too_large(&self) -> bool {
        self.bytes.get() > self.limit
    }

    /// Records the result of polling the client's body.
    fn note(&self, polled: &PolledChunk, ended: bool) {
        self.waits_for_client.set(polled.is_pending());
        let Poll::Ready(chunk) = polled else { return self.measure(None) };
        if let Some(Ok(chunk)) = chunk {
            self.add(chunk.len() as u64);
            self.measure(Some(chunk.len() as u64));
        }
        self.done.set(chunk.is_none() || ended);
        self.broken.set(matches!(chunk, Some(Err(_))) || self.is_too_large());
    }
}

/// A request body on its way to the backend.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// A streamed body; `inner` is `None` if there certainly is no body.
    Streamed { inner: Option<ReceivedBody>, progress: Option<Rc<Progress>> },
    /// A body that was collected and is empty, as most are.
    Absent,
    /// A collected body. Boxed, because few requests have one.
    Collected(Box<Replay>, Rc<Progress>),
}

impl RequestBody {
    /// Wraps a body of at most `limit` bytes. A body that is empty from the start has no progress.
    pub(crate) fn new(inner: ReceivedBody, limit: u64, rate: impl FnOnce() -> ClientRate) -> RequestBody {
        let progress = (!inner.is_end_stream()).then(|| Progress::start(limit, rate()));
        RequestBody::Streamed { inner: Some(inner), progress }
    }

    /// Returns the progress, if there is a body.
    pub(crate) fn progress(&self) -> Option<&Rc<Progress>> {
        match self {
            RequestBody::Streamed { progress, .. } => progress.as_ref(),
            RequestBody::Absent => None,
            RequestBody::Collected(_, progress) => Some(progress),
        }
    }

    /// Creates an absent body.
    pub(crate) fn empty() -> RequestBody {
        RequestBody::Streamed { inner: None, progress: None }
    }

    /// Collects the whole body, at most `limit` bytes, before any of it is forwarded. The client may pause for
    /// `pause`.
    ///
    /// # Errors
    /// The errors of [`collect`].
    pub(crate) async fn collect(
        &mut self,
        limit: u64,
        spool_quota: &SpoolQuota,
        pause: Duration,
    ) -> Result<(), CollectError> {
        if let RequestBody::Streamed { inner: Some(inner), progress } =
            std::mem::replace(self, RequestBody::Absent)
            && !inner.is_end_stream()
        {
            let rate = progress.map_or(ClientRate::UNLIMITED, |progress| progress.rate.get());
            let progress = Progress::start(limit, rate);
            let collected = collect(inner, Some(&progress), spool_quota, pause).await?;
            *self = RequestBody::replay(collected.replay(), &progress);
        }
        Ok(())
    }

    fn replay(replay: Replay, progress: &Rc<Progress>) -> RequestBody {
        // An empty body is never polled, so it is done now. The time of the progress is not reset: only sent bytes
        // do that.
        progress.done.set(replay.has_ended());
        RequestBody::Collected(Box::new(replay), progress.clone())
    }

    /// Returns true if the body was collected.
    pub(crate) fn is_collected(&self) -> bool {
        matches!(self, RequestBody::Absent | RequestBody::Collected(..))
    }

    /// Returns the same body again, if it can be repeated.
    pub(crate) fn again(&self) -> Option<RequestBody> {
        match self {
            RequestBody::Streamed { .. } => self.is_end_stream().then(RequestBody::empty),
            RequestBody::Absent => Some(RequestBody::Absent),
            RequestBody::Collected(replay, progress) => Some(RequestBody::replay(replay.again(), progress)),
        }
    }

    /// Polls for the next piece, which may be read into `buffer`, and records the progress.
    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        match self {
            RequestBody::Streamed { inner, progress } => {
                let Some(inner) = inner else { return Poll::Ready(None) };
                let polled = inner.poll_chunk(cx, buffer);
                if let Some(progress) = progress {
                    progress.note(&polled, inner.is_end_stream());
                    if progress.is_too_large() {
                        progress.done.set(false);
                        return Poll::Ready(Some(Err(Fault::BodyTooLarge.into())));
                    }
                }
                polled.map_ok(trailers::filter)
            }
            RequestBody::Absent => Poll::Ready(None),
            RequestBody::Collected(replay, progress) => {
                let piece = ready!(replay.poll_piece(cx));
                if piece.is_some() {
                    progress.at.set(Instant::now());
                }
                progress.done.set(piece.is_none() || replay.has_ended());
                Poll::Ready(piece.map(|piece| piece.map(trailers::filter).map_err(BoxError::from)))
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        chunk::poll_frame(|buffer| self.poll_chunk(cx, buffer))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Streamed { inner, .. } => inner.as_ref().is_none_or(Body::is_end_stream),
            RequestBody::Absent => true,
            RequestBody::Collected(replay, _) => replay.has_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Streamed { inner, .. } => {
                inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
            }
            RequestBody::Absent => SizeHint::with_exact(0),
            RequestBody::Collected(replay, _) => replay.left(),
        }
    }
}
