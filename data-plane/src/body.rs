//! The bodies of requests on their way to a backend, and the means by which bodies are held.
//!
//! A body passes through piece by piece ([`RequestBody`]), and [`Progress`] says how far it has got. Where a gateway asks
//! for buffering, a request's body is collected before any backend is asked ([`collect`]), so that a slow client occupies
//! no backend and the request can be repeated; a response's body is taken from its backend as fast as it comes
//! ([`relay`]), so that a slow client occupies no connection to a backend. Memory holds a bounded part of each; the rest
//! is on disk. This module must not know which request a body belongs to, nor choose a status.

pub(crate) mod collect;
pub(crate) mod relay;
pub(crate) mod trailers;

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::http1::Fault;
use crate::pace::Pace;
use crate::spool::SpoolQuota;
use collect::{CollectError, Replay, collect};

/// The most bytes of one body that are held in memory at one place.
const IN_MEMORY: usize = 64 * 1024;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How much of a request's body has gone up, and when the last of it did.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) bytes: Cell<u64>,
    pub(crate) at: Cell<Instant>,
    pub(crate) done: Cell<bool>,
    /// The client's own side of it broke off or made no sense.
    pub(crate) broken: Cell<bool>,
    /// It is the client that has the next piece of it to send.
    pub(crate) waits_for_client: Cell<bool>,
    /// How many bytes it may have.
    limit: u64,
    /// How the client sends it.
    pace: Cell<Pace>,
    /// When waiting for the client began, if it is waited for now.
    pub(crate) waiting: Cell<Option<Instant>>,
}

impl Progress {
    /// Of a body of which nothing has gone up, and that may have `limit` bytes.
    pub(crate) fn start(limit: u64, pace: Pace) -> Rc<Progress> {
        Rc::new(Progress {
            bytes: Cell::new(0),
            at: Cell::new(Instant::now()),
            done: Cell::new(false),
            broken: Cell::new(false),
            waits_for_client: Cell::new(false),
            limit,
            pace: Cell::new(pace),
            waiting: Cell::new(None),
        })
    }

    /// How long the client may be waited for from now on; none if it need not send at a minimum rate.
    pub(crate) fn allowance(&self) -> Option<Duration> {
        let pace = self.pace.get();
        let waited = self.waiting.get().map_or(Duration::ZERO, |since| since.elapsed());
        pace.is_limited().then(|| pace.allowance().saturating_sub(waited))
    }

    /// Notes that the client is waited for from now on, or has sent `bytes`.
    pub(crate) fn measure(&self, bytes: Option<u64>) {
        let mut pace = self.pace.get();
        if !pace.is_limited() {
            return;
        }
        match (bytes, self.waiting.get()) {
            (None, None) => self.waiting.set(Some(Instant::now())),
            (None, Some(_)) => {}
            (Some(bytes), since) => {
                pace.waited(since.map_or(Duration::ZERO, |since| since.elapsed()));
                pace.moved(bytes);
                self.pace.set(pace);
                self.waiting.set(None);
            }
        }
    }

    /// Notes that so much more of it is there.
    pub(crate) fn add(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
        self.at.set(Instant::now());
    }

    /// Whether more of it has come than it may have. With HTTP/1.1 that was seen before.
    pub(crate) fn is_too_large(&self) -> bool {
        self.bytes.get() > self.limit
    }

    /// Notes what came of asking the client for more.
    fn note(&self, polled: &Poll<Option<Result<Frame<Bytes>, hyper::Error>>>, ended: bool) {
        self.waits_for_client.set(polled.is_pending());
        let Poll::Ready(frame) = polled else { return self.measure(None) };
        if let Some(Ok(frame)) = frame {
            self.add(length(frame));
            self.measure(Some(length(frame)));
        }
        self.done.set(frame.is_none() || ended);
        self.broken.set(matches!(frame, Some(Err(_))) || self.is_too_large());
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}

/// A request's body on its way to the backend.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// As it comes; none where there is surely nothing.
    Passing { inner: Option<Incoming>, progress: Option<Rc<Progress>> },
    /// Collected beforehand. Boxed: few gateways ask for that.
    Collected(Box<Replay>, Rc<Progress>),
}

impl RequestBody {
    /// Wraps a body that may have `limit` bytes; one that is empty from the start has no progress to watch.
    pub(crate) fn new(inner: Incoming, limit: u64, pace: impl FnOnce() -> Pace) -> RequestBody {
        let progress = (!inner.is_end_stream()).then(|| Progress::start(limit, pace()));
        RequestBody::Passing { inner: Some(inner), progress }
    }

    /// How far it has got, if there is anything to watch.
    pub(crate) fn progress(&self) -> Option<&Rc<Progress>> {
        match self {
            RequestBody::Passing { progress, .. } => progress.as_ref(),
            RequestBody::Collected(_, progress) => Some(progress),
        }
    }

    /// None at all.
    pub(crate) fn empty() -> RequestBody {
        RequestBody::Passing { inner: None, progress: None }
    }

    /// Takes all of it in, at most `limit` bytes, before any of it goes on. The client may pause for `pause`.
    ///
    /// # Errors
    /// Those of [`collect`].
    pub(crate) async fn collect(
        &mut self,
        limit: u64,
        spool_quota: &SpoolQuota,
        pause: Duration,
    ) -> Result<(), CollectError> {
        if let RequestBody::Passing { inner: Some(inner), progress } =
            std::mem::replace(self, RequestBody::empty())
        {
            let pace = progress.map_or(Pace::UNLIMITED, |progress| progress.pace.get());
            let progress = Progress::start(limit, pace);
            let collected = collect(inner, Some(&progress), spool_quota, pause).await?;
            *self = RequestBody::replay(collected.replay(), &progress);
        }
        Ok(())
    }

    fn replay(replay: Replay, progress: &Rc<Progress>) -> RequestBody {
        // Nobody asks an empty one for anything. Its time is not that of a new one: only what goes up begins that anew.
        progress.done.set(replay.is_end_stream());
        RequestBody::Collected(Box::new(replay), progress.clone())
    }

    /// Whether it was collected beforehand.
    pub(crate) fn is_collected(&self) -> bool {
        matches!(self, RequestBody::Collected(..))
    }

    /// The same body once more, if it is one that can be sent again.
    pub(crate) fn again(&self) -> Option<RequestBody> {
        match self {
            RequestBody::Passing { .. } => self.is_end_stream().then(RequestBody::empty),
            RequestBody::Collected(replay, progress) => Some(RequestBody::replay(replay.again(), progress)),
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
        match &mut *self {
            RequestBody::Passing { inner, progress } => {
                let Some(inner) = inner else { return Poll::Ready(None) };
                let polled = Pin::new(&mut *inner).poll_frame(cx);
                if let Some(progress) = progress {
                    progress.note(&polled, inner.is_end_stream());
                    if progress.is_too_large() {
                        progress.done.set(false);
                        return Poll::Ready(Some(Err(Fault::BodyTooLarge.into())));
                    }
                }
                polled.map(|frame| frame.map(|frame| frame.map(trailers::filter).map_err(BoxError::from)))
            }
            RequestBody::Collected(replay, progress) => {
                let frame = ready!(Pin::new(&mut **replay).poll_frame(cx));
                if frame.is_some() {
                    progress.at.set(Instant::now());
                }
                progress.done.set(frame.is_none() || replay.is_end_stream());
                Poll::Ready(frame.map(|frame| frame.map(trailers::filter).map_err(BoxError::from)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Passing { inner, .. } => inner.as_ref().is_none_or(Body::is_end_stream),
            RequestBody::Collected(replay, _) => replay.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Passing { inner, .. } => {
                inner.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
            }
            RequestBody::Collected(replay, _) => replay.size_hint(),
        }
    }
}
