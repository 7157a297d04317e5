//! The idle timeout of the traffic, and the checks of its connections while bytes are in flight. Moving bytes only
//! stores the time. There is no timer: whoever polls the traffic asks for its next deadline.

use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;

use super::liveness::{Liveness, Next};
use super::{End, Peer, Side};
use crate::short_time::{CoarseInstant, ShortDuration, ShortInstant};
use crate::stream::{PEER_TIMEOUT, REQUEST_PEER_TIMEOUT, Stream, watch_for_vanished_peer};

/// The interval at which blocked traffic checks both connections for a failure, and the time after which it gives the
/// pipe back in which its bytes wait.
const HELD_UP: Duration = Duration::from_secs(1);

/// The deadlines of the traffic.
#[derive(Debug)]
pub(super) struct IdleWatch {
    /// The time when a byte last moved.
    since: ShortInstant,
    /// The idle timeout.
    limit: ShortDuration,
    /// The time when bytes have moved first since none was in flight; `None` if none is.
    busy_since: Option<CoarseInstant>,
    /// The checks of the connections, from the first one on while bytes are in flight: neither idle traffic holds
    /// them, nor traffic that has just begun.
    look: Option<Box<Look>>,
}

/// The checks of both connections.
#[derive(Debug)]
struct Look {
    /// The time of the next check of what is in flight.
    due: ShortInstant,
    /// The time of the next check for a failure, if bytes wait for an end.
    failures_due: ShortInstant,
    client: Liveness,
    backend: Liveness,
    /// True before the first check.
    is_first: bool,
}

impl Look {
    /// Plans the first check of connections on which bytes have been in flight since `begin`.
    fn plan(begin: ShortInstant, now: ShortInstant) -> Box<Look> {
        // Accepted sockets have inherited their timeout from the listener, unless an earlier check has set it.
        let client = Liveness::new(REQUEST_PEER_TIMEOUT, begin);
        let backend = Liveness::new(PEER_TIMEOUT, begin);
        let failures_due = now.after(HELD_UP.into());
        Box::new(Look { due: first_check(begin), failures_due, client, backend, is_first: true })
    }
}

/// Returns the time of the first check of connections on which bytes have been in flight since `begin`.
fn first_check(begin: ShortInstant) -> ShortInstant {
    begin.after((PEER_TIMEOUT / 4).into())
}

impl IdleWatch {
    /// Creates the deadlines of new traffic. Bytes that followed the handshake are already in flight. The first check
    /// gives both sockets their timeouts: traffic that ends before does not pay for that.
    pub(super) fn new(now: ShortInstant, limit: Duration) -> IdleWatch {
        IdleWatch { since: now, limit: limit.into(), busy_since: Some(now.into()), look: None }
    }

    /// Returns the time when a byte last moved, or the begin.
    pub(super) fn last_moved(&self) -> ShortInstant {
        self.since
    }

    /// Records that bytes have moved.
    pub(super) fn moved(&mut self, now: ShortInstant) {
        self.since = now;
        if self.busy_since.is_none() {
            self.busy_since = Some(now.into());
        }
    }

    /// Returns true if no byte has moved for a while.
    pub(super) fn is_still(&self, now: ShortInstant) -> bool {
        now.since(self.since) >= HELD_UP
    }

    /// Returns the next deadline if no byte moves.
    pub(super) fn due(&self, is_held_up: bool) -> ShortInstant {
        let idle = self.since.after(self.limit);
        match &self.look {
            Some(look) if is_held_up => look.due.min(look.failures_due).min(idle),
            _ => self.check_due().map_or(idle, |due| due.min(idle)),
        }
    }

    /// Returns the time of the next check of the connections; `None` while no bytes are in flight.
    fn check_due(&self) -> Option<ShortInstant> {
        match (&self.look, self.busy_since) {
            (Some(look), _) => Some(look.due),
            (None, Some(begin)) => Some(first_check(begin.into())),
            (None, None) => None,
        }
    }

    /// Ready when the idle timeout has passed, or when a blocked connection has failed. The flag of each end is true
    /// if bytes wait for it: its source is not read meanwhile, and an unread connection does not report its failure.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        now: ShortInstant,
        (client, client_is_full): (&mut impl Peer, bool),
        (backend, backend_is_full): (&mut impl Peer, bool),
    ) -> Poll<End> {
        if client_is_full || backend_is_full {
            let begin = *self.busy_since.get_or_insert(now.into());
            let look = self.look.get_or_insert_with(|| Look::plan(begin.into(), now));
            if look.failures_due <= now {
                look.failures_due = now.after(HELD_UP.into());
                if let Some(error) = client.failure(cx) {
                    return Poll::Ready(End::Failed(Side::Client, error));
                }
                if let Some(error) = backend.failure(cx) {
                    return Poll::Ready(End::Failed(Side::Backend, error));
                }
            }
        }
        if self.since.after(self.limit) <= now {
            return Poll::Ready(End::Idle(self.limit.into()));
        }
        if self.check_due().is_some_and(|due| due <= now) {
            self.check(now, (client.socket(), client_is_full), (backend.socket(), backend_is_full));
        }
        Poll::Pending
    }

    /// Checks both connections and schedules the next check.
    fn check(
        &mut self,
        now: ShortInstant,
        (client, client_is_full): (Option<&Stream>, bool),
        (backend, backend_is_full): (Option<&Stream>, bool),
    ) {
        let begin = self.busy_since.take().map_or(now, ShortInstant::from);
        let mut look = self.look.take().unwrap_or_else(|| Look::plan(begin, now));
        let limit = self.limit.into();
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
            look.due = now.after(after.into());
            self.look = Some(look);
            self.busy_since = Some(begin.into());
        }
    }
}
