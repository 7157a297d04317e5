//! The idle timeout of the traffic, and the checks of its connections while bytes are in flight. Moving bytes only
//! stores the time. There is no timer: whoever polls the traffic asks for its next deadline.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;

use super::liveness::{Liveness, Next, Vanished};
use super::{End, Peer, Side, Timeouts};
use crate::short_time::{CoarseInstant, ShortInstant};
use crate::stream::{
    PEER_TIMEOUT, REQUEST_PEER_TIMEOUT, SharedPlace, Stream, silence, watch_for_vanished_peer,
};
use crate::tcp_diag::TcpState;

/// The interval at which blocked traffic checks both connections for a failure, and the time after which it gives the
/// pipe back in which its bytes wait.
const HELD_UP: Duration = Duration::from_secs(1);

/// The deadlines of the traffic.
#[derive(Debug)]
pub(super) struct IdleWatch {
    /// The time when a byte last moved.
    since: ShortInstant,
    timeouts: Timeouts,
    /// The time when bytes have moved first since none was in flight; `None` if none is.
    busy_since: Option<CoarseInstant>,
    /// The checks of the connections, from the first one on while bytes are in flight: neither idle traffic holds
    /// them, nor traffic that has just begun.
    look: Option<Box<Look>>,
}

/// The connection of an end, as far as its peer is watched.
#[derive(Clone, Copy)]
enum Watched<'a> {
    /// It carries only this traffic.
    Own(&'a Stream),
    /// Its own task sets the timeouts, which are the shortest of all that are asked for.
    Shared(&'a SharedPlace),
}

impl<'a> Watched<'a> {
    fn of(peer: &'a impl Peer) -> Option<Watched<'a>> {
        peer.socket().map(Watched::Own).or_else(|| peer.shared().map(Watched::Shared))
    }

    /// Makes the kernel detect a peer that vanished. Best effort: without it, the traffic only outlives its peer.
    fn watch(self, peer_timeout: Duration, user_timeout: Duration) {
        match self {
            Watched::Own(stream) => {
                let socket = SockRef::from(stream.tcp());
                let _ = watch_for_vanished_peer(&socket, peer_timeout, user_timeout);
            }
            Watched::Shared(place) => place.ask_for(peer_timeout),
        }
    }

    fn state(self) -> Option<TcpState> {
        match self {
            Watched::Own(stream) => stream.state(),
            Watched::Shared(place) => place.state(),
        }
    }
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
    /// True if the next check gives the sockets their timeouts.
    is_first: bool,
    /// True if the timeouts have changed since the sockets got theirs, so that not even the client's are known.
    is_changed: bool,
}

impl Look {
    /// Plans the first check of connections on which bytes have been in flight since `begin`.
    fn plan(begin: ShortInstant, now: ShortInstant, timeouts: Timeouts) -> Box<Look> {
        // Accepted sockets have inherited their timeout from the listener, unless an earlier check has set it.
        let client = Liveness::new(REQUEST_PEER_TIMEOUT, begin);
        let backend = Liveness::new(silence(timeouts.peer()), begin);
        let failures_due = now.after(HELD_UP.into());
        Box::new(Look {
            due: begin.after(timeouts.first_check()),
            failures_due,
            client,
            backend,
            is_first: true,
            is_changed: false,
        })
    }
}

impl IdleWatch {
    /// Creates the deadlines of new traffic. Bytes that followed the handshake are already in flight. The first check
    /// gives both sockets their timeouts: traffic that ends before does not pay for that.
    pub(super) fn new(now: ShortInstant, timeouts: Timeouts) -> IdleWatch {
        IdleWatch { since: now, timeouts, busy_since: Some(now.into()), look: None }
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Replaces the timeouts. The sockets get theirs with a check at once.
    pub(super) fn set_timeouts(&mut self, now: ShortInstant, timeouts: Timeouts) {
        if timeouts.peer() != self.timeouts.peer() {
            let before = silence(self.timeouts.peer());
            let begin = *self.busy_since.get_or_insert(now.into());
            let look = self.look.get_or_insert_with(|| Look::plan(begin.into(), now, timeouts));
            look.client.change(before);
            look.backend.change(before);
            look.due = now;
            look.is_first = true;
            look.is_changed = true;
        }
        self.timeouts = timeouts;
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
        let idle = self.since.after(self.timeouts.short_idle());
        match &self.look {
            Some(look) if is_held_up => look.due.min(look.failures_due).min(idle),
            _ => self.check_due().map_or(idle, |due| due.min(idle)),
        }
    }

    /// Returns the time of the next check of the connections; `None` while no bytes are in flight.
    fn check_due(&self) -> Option<ShortInstant> {
        match (&self.look, self.busy_since) {
            (Some(look), _) => Some(look.due),
            (None, Some(begin)) => Some(ShortInstant::from(begin).after(self.timeouts.first_check())),
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
            let look = self.look.get_or_insert_with(|| Look::plan(begin.into(), now, self.timeouts));
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
        if self.since.after(self.timeouts.short_idle()) <= now {
            return Poll::Ready(End::Idle(self.timeouts.idle()));
        }
        if self.check_due().is_some_and(|due| due <= now) {
            let client = (Watched::of(client), client_is_full);
            let backend = (Watched::of(backend), backend_is_full);
            if let Some(side) = self.check(now, client, backend) {
                return Poll::Ready(End::Failed(side, io::ErrorKind::TimedOut.into()));
            }
        }
        Poll::Pending
    }

    /// Checks both connections and schedules the next check. Returns the side whose peer has vanished.
    fn check(
        &mut self,
        now: ShortInstant,
        (client, client_is_full): (Option<Watched<'_>>, bool),
        (backend, backend_is_full): (Option<Watched<'_>>, bool),
    ) -> Option<Side> {
        let (idle, peer) = (self.timeouts.idle(), self.timeouts.peer());
        let usual = silence(peer);
        let begin = self.busy_since.take().map_or(now, ShortInstant::from);
        let mut look = self.look.take().unwrap_or_else(|| Look::plan(begin, now, self.timeouts));
        let is_changed = std::mem::take(&mut look.is_changed);
        if std::mem::take(&mut look.is_first) {
            // A timeout that was raised stays so here.
            backend.inspect(|backend| backend.watch(peer, look.backend.timeout()));
            // Accepted sockets have inherited keepalive for the usual time from the listener.
            let has_inherited = peer == PEER_TIMEOUT && !is_changed;
            let needs = |client: &Watched<'_>| !has_inherited || matches!(client, Watched::Shared(_));
            client.filter(needs).inspect(|client| client.watch(peer, look.client.timeout()));
        }
        let check =
            |liveness: &mut Liveness, watched: Option<Watched<'_>>, is_full| -> Result<Next, Vanished> {
                let Some(watched) = watched else { return Ok(Next::Never) };
                let (timeout, next) = match (watched.state(), watched) {
                    (Some(state), _) => match liveness.look(state, usual, now) {
                        // The peer has not been asked yet as often as the changed time demands.
                        Err(Vanished) if is_changed => (None, Next::Soon),
                        looked => looked?,
                    },
                    (None, Watched::Own(_)) => liveness.look_blindly(is_full, idle, usual),
                    (None, Watched::Shared(_)) => (None, Next::Never),
                };
                if let (Some(timeout), Watched::Own(stream)) = (timeout, watched) {
                    stream.set_peer_timeout(timeout);
                }
                Ok(next)
            };
        let Ok(of_backend) = check(&mut look.backend, backend, backend_is_full) else {
            return Some(Side::Backend);
        };
        let Ok(of_client) = check(&mut look.client, client, client_is_full) else {
            return Some(Side::Client);
        };
        // Both sockets have the usual timeout when no bytes are in flight.
        if let Some(after) = of_client.min(of_backend).after(peer) {
            look.due = now.after(after.into());
            self.look = Some(look);
            self.busy_since = Some(begin.into());
        }
        None
    }
}
