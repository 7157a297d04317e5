//! Bodies pass through piece by piece; these wrappers count them and act when they end.

use std::borrow::Cow;
use std::cell::Cell;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::buffer::collect::{Replay, collect};
use super::buffer::held::Held;
use super::error::ProxyError;
use super::headers::trailers;
use super::record::Record;
use super::upstream::{Key, Sender};
use crate::backend::Backend;
use crate::error_info::ErrorInfo;
use crate::http1::Fault;
use crate::listener::Connection;
use crate::member::InFlightGuard;
use crate::pace::Pace;
use crate::thread::Thread;

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

    /// Takes all of it in before any of it goes on, as far and as long as clients may send on this thread.
    ///
    /// # Errors
    /// Those of [`collect`].
    pub(crate) async fn collect(&mut self, thread: &Thread, client: IpAddr) -> Result<(), ProxyError> {
        if let RequestBody::Passing { inner: Some(inner), progress } =
            std::mem::replace(self, RequestBody::empty())
        {
            let pace = progress.map_or(Pace::UNLIMITED, |progress| progress.pace.get());
            let progress = Progress::start(thread.max_request_body, pace);
            let spool_quota = thread.spool_quota.of(client);
            let collected = collect(inner, Some(&progress), &spool_quota, thread.timeouts.body).await?;
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

/// A response's body on its way to the client.
#[derive(Debug)]
pub(crate) enum ResponseBody {
    /// The gateway's own words, or none.
    Whole(Bytes),
    /// The backend's.
    Passing(Box<Passing>),
    /// The backend's, held for a client that is slower.
    Held(Box<Held>),
}

impl ResponseBody {
    /// Notes why the client will not get all of it.
    pub(crate) fn give_up(&mut self, why: impl std::fmt::Display) {
        match self {
            ResponseBody::Whole(_) => {}
            ResponseBody::Passing(passing) => {
                passing.record.fail(ErrorInfo::ClientClosedRequest, why.to_string());
            }
            ResponseBody::Held(held) => held.give_up(why),
        }
    }
}

/// The backend's body, with what has to happen when it has passed.
#[derive(Debug)]
pub(crate) struct Passing {
    pub(crate) inner: Incoming,
    pub(crate) backend: Arc<Backend>,
    pub(crate) busy: Option<InFlightGuard>,
    /// The connection that it comes from, to be kept once the body is at its end. Dropped earlier, it is closed.
    pub(crate) lease: Option<Lease>,
    pub(crate) record: Record,
    /// How long the backend may pause.
    pub(crate) patience: Duration,
    pub(crate) pause: Option<Pin<Box<Sleep>>>,
}

/// A connection on loan from the thread's list, or from the client connection's own.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) connection: Rc<Connection>,
    /// Whether only requests of the same client connection may go over it.
    pub(crate) dedicated: bool,
    pub(crate) key: Key,
    pub(crate) sender: Sender,
    /// The request that it carried: a backend may answer before it has read all of it.
    pub(crate) upload: Option<Rc<Progress>>,
}

impl Lease {
    /// Keeps the connection for another request, if this one has wholly left it.
    pub(crate) fn give_back(self) {
        if self.upload.is_some_and(|upload| !upload.done.get()) {
            return;
        }
        if self.dedicated {
            self.connection.dedicated.keep(self.key, self.sender);
        } else {
            self.connection.thread.upstreams.keep(self.key, self.sender);
        }
    }
}

fn length(frame: &Frame<Bytes>) -> u64 {
    frame.data_ref().map_or(0, |data| data.len() as u64)
}

impl Passing {
    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(frame) => {
                self.pause = None;
                let ended = match &frame {
                    Some(Ok(frame)) => {
                        self.record.add_sent(length(frame));
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
                    self.busy = None;
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                }
                Poll::Ready(frame.map(|frame| frame.map(trailers::filter).map_err(BoxError::from)))
            }
            Poll::Pending => {
                let patience = self.patience;
                let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(pause.as_mut().poll(cx));
                let reason = format!("the backend paused for {} s within its response", patience.as_secs());
                self.record.fail(ErrorInfo::UpstreamTimedOut, reason.clone());
                Poll::Ready(Some(Err(reason.into())))
            }
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
            ResponseBody::Passing(passing) => passing.poll_inner(cx),
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
