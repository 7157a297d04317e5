//! The byte pump: moves bytes between two connections in both directions, unchanged, until one closes or fails or the
//! idle timeout passes.
//!
//! One task polls it. It borrows the thread's buffer only after a connection is readable, writes at once, and keeps
//! bytes only after a short write, so idle traffic needs only two sockets and little memory. It has no timer: the task
//! must also poll it soon after [`Traffic::due`]. This module must not know what the bytes mean, nor why they are
//! carried.

mod flow;
mod idle;
mod liveness;
pub(crate) mod pipe;

use std::cell::Cell;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::short_time::{ShortDuration, ShortInstant};
use crate::stream::{SharedPlace, Stream};
use flow::{At, Flow};
use idle::IdleWatch;
use liveness::CHECKS;

/// One end of the traffic.
pub(crate) trait Peer: AsyncRead + AsyncWrite + Unpin {
    /// Returns the socket if it carries only this traffic. The pump must not change the timeouts of a shared one.
    fn socket(&self) -> Option<&Stream>;

    /// Returns the place in the connection if others share it.
    fn shared(&self) -> Option<&SharedPlace> {
        None
    }

    /// Returns the socket if it carries exactly the bytes of the traffic.
    fn plain(&self) -> Option<&TcpStream> {
        match self.socket()? {
            Stream::Plain(tcp) => Some(tcp),
            Stream::Tls(_) => None,
        }
    }

    /// Returns true if dropping this end tells the peer that nothing more comes, as a shutdown does.
    fn closes_in_order(&self) -> bool;

    /// Returns the error with which the connection has failed, even if nobody reads from it.
    fn failure(&mut self, cx: &mut Context<'_>) -> Option<io::Error>;
}

impl Peer for Stream {
    fn socket(&self) -> Option<&Stream> {
        Some(self)
    }

    fn closes_in_order(&self) -> bool {
        matches!(self, Stream::Plain(_))
    }

    fn failure(&mut self, _: &mut Context<'_>) -> Option<io::Error> {
        Stream::failure(self)
    }
}

/// An observer of one direction. It sees the bytes in order, except for those that it lets pass unseen.
pub(crate) trait Tap: Default {
    /// Sees the next bytes, and returns the number of messages to count in them.
    fn read(&mut self, bytes: &[u8]) -> u32;

    /// Returns the number of bytes from here on that may pass unseen, if the next bytes begin with `next`, which may be
    /// empty. The first of them may be among those of `next`.
    fn unseen(&self, next: &[u8]) -> u64;

    /// Notes that this many of those bytes have passed.
    fn pass(&mut self, count: u64);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Backend,
}

/// The end of the traffic.
#[derive(Debug)]
pub(crate) enum End {
    /// Both directions were closed in order, this side first.
    Closed(Side),
    /// This side's connection failed.
    Failed(Side, io::Error),
    /// No byte moved for this time.
    Idle(Duration),
}

impl At {
    /// Returns the side that failed in a flow which starts from `source`.
    fn side(self, source: Side) -> Side {
        match (self, source) {
            (At::Source, side) => side,
            (At::Sink, Side::Client) => Side::Backend,
            (At::Sink, Side::Backend) => Side::Client,
        }
    }
}

/// The numbers of bytes and messages that were read from both sides. They stand where others can read them while the
/// traffic runs. Messages are counted up to `u32::MAX`.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    client_bytes: Cell<u64>,
    backend_bytes: Cell<u64>,
    client_messages: Cell<u32>,
    backend_messages: Cell<u32>,
}

/// The counts of one side.
#[derive(Clone, Copy, Debug)]
struct Count<'a> {
    bytes: &'a Cell<u64>,
    messages: &'a Cell<u32>,
}

impl Counts {
    /// Returns the number of bytes that were read from the client.
    pub(crate) fn received(&self) -> u64 {
        self.client_bytes.get()
    }

    /// Returns the number of bytes that were read from the backend.
    pub(crate) fn sent(&self) -> u64 {
        self.backend_bytes.get()
    }

    /// Returns the number of messages from the client.
    pub(crate) fn messages_received(&self) -> u32 {
        self.client_messages.get()
    }

    /// Returns the number of messages from the backend.
    pub(crate) fn messages_sent(&self) -> u32 {
        self.backend_messages.get()
    }

    fn of(&self, source: Side) -> Count<'_> {
        match source {
            Side::Client => Count { bytes: &self.client_bytes, messages: &self.client_messages },
            Side::Backend => Count { bytes: &self.backend_bytes, messages: &self.backend_messages },
        }
    }
}

impl Count<'_> {
    fn add(self, bytes: usize, messages: u32) {
        self.bytes.update(|count| count + bytes as u64);
        self.messages.update(|count| count.saturating_add(messages));
    }
}

/// The timeouts of traffic, in whole seconds: tens of thousands of tunnels hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timeouts(u32);

/// The bits of [`Timeouts`] that hold the time in which a vanished peer is noticed.
const PEER_BITS: u32 = 12;

impl Timeouts {
    /// The traffic ends when no byte moves for `idle`, of at most 12 days, and a vanished peer is noticed within `peer`,
    /// of at most an hour. Longer times become these.
    pub(crate) fn new(idle: Duration, peer: Duration) -> Timeouts {
        let seconds = |time: Duration, bits: u32| time.as_secs().min((1 << bits) - 1) as u32;
        Timeouts((seconds(idle, u32::BITS - PEER_BITS) << PEER_BITS) | seconds(peer, PEER_BITS))
    }

    pub(crate) fn idle(self) -> Duration {
        Duration::from_secs((self.0 >> PEER_BITS).into())
    }

    pub(crate) fn peer(self) -> Duration {
        Duration::from_secs(self.peer_seconds().into())
    }

    fn peer_seconds(self) -> u32 {
        self.0 & ((1 << PEER_BITS) - 1)
    }

    /// The idle timeout in the form that costs least: each message needs it.
    fn short_idle(self) -> ShortDuration {
        ShortDuration::milliseconds((self.0 >> PEER_BITS) * 1000)
    }

    /// The time from when bytes are in flight to the first check of the peers. It is short, because they may have been
    /// silent before.
    fn first_check(self) -> ShortDuration {
        ShortDuration::milliseconds(self.peer_seconds() * 1000 / CHECKS)
    }
}

/// Both ends, and the two directions between them.
#[derive(Debug)]
pub(crate) struct Traffic<C, B, T> {
    pub(crate) client: C,
    pub(crate) backend: B,
    /// From the client.
    up: Flow<T>,
    /// From the backend.
    down: Flow<T>,
    watch: IdleWatch,
}

impl<C: Peer, B: Peer, T: Tap> Traffic<C, B, T> {
    /// Joins two ends, each with the bytes that were already read from it, which are added to `counts`.
    pub(crate) fn new(
        (client, from_client): (C, &Bytes),
        (backend, from_backend): (B, &Bytes),
        timeouts: Timeouts,
        counts: &Counts,
    ) -> Traffic<C, B, T> {
        Traffic {
            client,
            backend,
            up: Flow::starting_with(from_client, counts.of(Side::Client)),
            down: Flow::starting_with(from_backend, counts.of(Side::Backend)),
            watch: IdleWatch::new(Instant::now().into(), timeouts),
        }
    }

    /// Returns the time after which it must be polled again even if no byte moves.
    pub(crate) fn due(&self) -> ShortInstant {
        self.watch.due(self.up.is_held_up() || self.down.is_held_up())
    }

    /// Returns the time when a byte last moved, or its begin.
    pub(crate) fn last_moved(&self) -> ShortInstant {
        self.watch.last_moved()
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.watch.timeouts()
    }

    /// Replaces the timeouts.
    pub(crate) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.watch.set_timeouts(Instant::now().into(), timeouts);
    }

    /// Replaces the client's end by one that continues it. No byte may wait for the client: see
    /// [`Traffic::awaits_client`].
    pub(crate) fn map_client(self, map: impl FnOnce(C, [&T; 2]) -> C) -> Traffic<C, B, T> {
        let client = map(self.client, [&self.up.tap, &self.down.tap]);
        Traffic { client, ..self }
    }

    /// Returns true if bytes wait for the client.
    pub(crate) fn awaits_client(&self) -> bool {
        self.down.is_held_up()
    }

    /// Returns true if a side has sent its last byte.
    pub(crate) fn has_ended(&self, source: Side) -> bool {
        match source {
            Side::Client => self.up.has_ended,
            Side::Backend => self.down.has_ended,
        }
    }

    /// Returns the observer of the bytes from a side.
    pub(crate) fn tap(&self, source: Side) -> &T {
        match source {
            Side::Client => &self.up.tap,
            Side::Backend => &self.down.tap,
        }
    }

    /// Moves all bytes that can be moved now, and adds them to `counts`. Ready at the end of the traffic.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, counts: &Counts) -> Poll<End> {
        let Traffic { client, backend, up, down, watch } = self;
        // The second direction to end needs no shutdown: both ends are dropped then.
        let is_last = down.is_shut && backend.closes_in_order();
        let upwards = up
            .poll(cx, client, backend, is_last, counts.of(Side::Client))
            .map_err(|(at, e)| (at.side(Side::Client), e));
        up.is_first |= up.has_ended && !down.has_ended;
        let is_last = up.is_shut && client.closes_in_order();
        let downwards = down
            .poll(cx, backend, client, is_last, counts.of(Side::Backend))
            .map_err(|(at, e)| (at.side(Side::Backend), e));
        match (upwards, downwards) {
            (Poll::Ready(Err((side, error))), _) | (_, Poll::Ready(Err((side, error)))) => {
                return Poll::Ready(End::Failed(side, error));
            }
            (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => {
                return Poll::Ready(End::Closed(if up.is_first { Side::Client } else { Side::Backend }));
            }
            _ => {}
        }
        let now = Instant::now().into();
        if up.take_moved() | down.take_moved() {
            watch.moved(now);
        } else if watch.is_still(now) {
            up.give_pipe_back();
            down.give_pipe_back();
        }
        watch.poll(cx, now, (client, down.is_held_up()), (backend, up.is_held_up()))
    }
}

#[cfg(test)]
pub(crate) mod tests;
