//! The alarm of the traffic: it enforces the idle timeout, and has the connections checked while bytes are in flight.
//! Moving bytes only stores the time; the alarm compares it when it fires, so busy traffic does not reset a timer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::time::{Instant, Sleep};

use super::liveness::{Liveness, Next};
use super::{End, Peer, Side};
use crate::stream::{PEER_TIMEOUT, REQUEST_PEER_TIMEOUT, Stream, watch_for_vanished_peer};

/// The interval at which blocked traffic checks both connections for a failure.
const HELD_UP: Duration = Duration::from_secs(1);

/// The state of the alarm.
#[derive(Debug)]
pub(super) struct IdleWatch {
    /// The time when a byte last moved.
    since: Instant,
    /// The idle timeout.
    limit: Duration,
    /// The next check of the connections; `None` while no bytes are in flight, so that idle traffic holds less.
    look: Option<Box<Look>>,
}

/// The checks of both connections.
#[derive(Debug)]
struct Look {
    /// The time of the next check.
    due: Instant,
    client: Liveness,
    backend: Liveness,
    /// True before the first check of all.
    is_first: bool,
}

impl Look {
    /// Plans the first check of a time with bytes in flight. Later ones than the first of all find the usual timeouts.
    fn plan(now: Instant, is_first: bool) -> Option<Box<Look>> {
        // Accepted sockets have inherited their timeout from the listener.
        let client = if is_first { REQUEST_PEER_TIMEOUT } else { PEER_TIMEOUT };
        let due = now + Next::Later.after(PEER_TIMEOUT)?;
        let (client, backend) = (Liveness::new(client, now), Liveness::new(PEER_TIMEOUT, now));
        Some(Box::new(Look { due, client, backend, is_first }))
    }
}

impl IdleWatch {
    /// Creates the alarm of new traffic. Bytes that followed the handshake are already in flight. The first check gives
    /// both sockets their timeouts: traffic that ends before does not pay for that.
    pub(super) fn new(now: Instant, limit: Duration) -> IdleWatch {
        IdleWatch { since: now, limit, look: Look::plan(now, true) }
    }

    /// Records that bytes have moved.
    pub(super) fn moved(&mut self) {
        self.since = Instant::now();
        if self.look.is_none() {
            self.look = Look::plan(self.since, false);
        }
    }

    /// Returns the next deadline if no byte moves.
    pub(super) fn due(&self) -> Instant {
        let idle = self.since + self.limit;
        self.look.as_ref().map_or(idle, |look| look.due.min(idle))
    }

    /// Ready when the idle timeout has passed, or when a blocked connection has failed. The flag of each end is true
    /// if bytes wait for it: its source is not read meanwhile, and an unread connection does not report its failure.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut alarm: Pin<&mut Sleep>,
        (client, client_is_full): (&mut impl Peer, bool),
        (backend, backend_is_full): (&mut impl Peer, bool),
    ) -> Poll<End> {
        let is_held_up = client_is_full || backend_is_full;
        let due = if is_held_up { self.due().min(Instant::now() + HELD_UP) } else { self.due() };
        if alarm.deadline() > due {
            alarm.as_mut().reset(due);
        }
        loop {
            ready!(alarm.as_mut().poll(cx));
            let now = Instant::now();
            if is_held_up {
                if let Some(error) = client.failure(cx) {
                    return Poll::Ready(End::Failed(Side::Client, error));
                }
                if let Some(error) = backend.failure(cx) {
                    return Poll::Ready(End::Failed(Side::Backend, error));
                }
            }
            if self.since + self.limit <= now {
                return Poll::Ready(End::Idle(self.limit));
            }
            if self.look.as_ref().is_some_and(|look| look.due <= now) {
                self.check(now, (client.socket(), client_is_full), (backend.socket(), backend_is_full));
            }
            let due = self.due();
            alarm.as_mut().reset(if is_held_up { due.min(now + HELD_UP) } else { due });
        }
    }

    /// Checks both connections and schedules the next check.
    fn check(
        &mut self,
        now: Instant,
        (client, client_is_full): (Option<&Stream>, bool),
        (backend, backend_is_full): (Option<&Stream>, bool),
    ) {
        let Some(mut look) = self.look.take() else { return };
        let limit = self.limit;
        if std::mem::take(&mut look.is_first)
            && let Some(backend) = backend
        {
            // Best effort: without it, the traffic only outlives its peer.
            let _ = watch_for_vanished_peer(&SockRef::from(backend.tcp()), PEER_TIMEOUT);
        }
        let check = |liveness: &mut Liveness, socket: Option<&Stream>, is_full| {
            let Some(stream) = socket else { return Next::Never };
            let (timeout, next) = match stream.state() {
                Some(state) => liveness.look(state, PEER_TIMEOUT, now),
                None => liveness.look_blindly(is_full, limit, PEER_TIMEOUT),
            };
            if let Some(timeout) = timeout {
                stream.set_peer_timeout(timeout);
            }
            next
        };
        let of_backend = check(&mut look.backend, backend, backend_is_full);
        let next = check(&mut look.client, client, client_is_full).min(of_backend);
        // Both sockets have the usual timeout when no bytes are in flight.
        if let Some(after) = next.after(PEER_TIMEOUT) {
            look.due = now + after;
            self.look = Some(look);
        }
    }
}
