//! The alarm of a tunnel: it ends one in which nothing moves, and has its connections looked at while bytes are on the
//! way. What moves only notes the time; the alarm, when it goes off, looks whether it was right to.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::liveness::{Liveness, Next};
use super::{End, Peer, Side};
use crate::stream::{PEER_TIMEOUT, Stream};

/// How often a tunnel that is held up looks whether one of its ends has failed meanwhile.
const HELD_UP: Duration = Duration::from_secs(1);

/// What the alarm of one tunnel goes by.
#[derive(Debug)]
pub(super) struct IdleWatch {
    /// When a byte moved last.
    since: Instant,
    /// How long nothing may move.
    limit: Duration,
    /// When the connections are looked at next; none while nothing is on the way.
    look: Option<Instant>,
    client: Liveness,
    backend: Liveness,
}

impl IdleWatch {
    /// Of a tunnel that has just been opened. Bytes that came behind its handshake are on the way.
    pub(super) fn new(now: Instant, limit: Duration) -> IdleWatch {
        let liveness = || Liveness::new(PEER_TIMEOUT, now);
        let look = Next::Later.after(PEER_TIMEOUT).map(|after| now + after);
        IdleWatch { since: now, limit, look, client: liveness(), backend: liveness() }
    }

    /// Bytes have moved.
    pub(super) fn moved(&mut self) {
        self.since = Instant::now();
        if self.look.is_none() {
            self.look = Next::Later.after(PEER_TIMEOUT).map(|after| self.since + after);
            self.client.begin(self.since);
            self.backend.begin(self.since);
        }
    }

    /// When there is something to do next if nothing moves.
    pub(super) fn due(&self) -> Instant {
        let idle = self.since + self.limit;
        self.look.map_or(idle, |look| look.min(idle))
    }

    /// Ready when nothing has moved for too long, or when an end has failed that nobody reads. Each end comes with
    /// whether bytes are held up that it does not take: a connection that is not read, because what was read before
    /// cannot be passed on, does not say by itself that it failed.
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
            if self.look.is_some_and(|look| look <= now) {
                self.look(now, (client.socket(), client_is_full), (backend.socket(), backend_is_full));
            }
            let due = self.due();
            alarm.as_mut().reset(if is_held_up { due.min(now + HELD_UP) } else { due });
        }
    }

    /// Looks at both connections, and decides when to do so again.
    fn look(
        &mut self,
        now: Instant,
        (client, client_is_full): (Option<&Stream>, bool),
        (backend, backend_is_full): (Option<&Stream>, bool),
    ) {
        let limit = self.limit;
        let look = |liveness: &mut Liveness, socket: Option<&Stream>, is_full| {
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
        let of_backend = look(&mut self.backend, backend, backend_is_full);
        let next = look(&mut self.client, client, client_is_full).min(of_backend);
        self.look = next.after(PEER_TIMEOUT).map(|after| now + after);
    }
}
