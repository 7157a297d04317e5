//! A connection that several tunnels share: the time in which its peer must be noticed if it vanishes is the shortest of
//! those that the tunnels ask for.
//!
//! The connection belongs to a task of its own, which alone reaches the socket. The tunnels leave what they ask for here,
//! and wake the task.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use socket2::SockRef;

use super::{PEER_TIMEOUT, Stream, silence, watch_for_vanished_peer};
use crate::tcp_diag::{self, TcpState};

/// The peer timeouts that the tunnels of one connection ask for.
#[derive(Debug, Default)]
pub(crate) struct SharedConnection {
    /// Its own address and that of the peer; `None` if they are unknown.
    addresses: Option<(SocketAddr, SocketAddr)>,
    /// The time limit for unacknowledged bytes without a tunnel that asks for a shorter one.
    usual: Duration,
    /// The peer timeouts that tunnels ask for, with their numbers.
    asked: RefCell<BTreeMap<Duration, usize>>,
    /// The shortest of them, if the socket has another one.
    new: Cell<Option<Duration>>,
    task: RefCell<Option<Waker>>,
}

/// The place of one tunnel in a shared connection.
#[derive(Debug)]
pub(crate) struct SharedPlace {
    connection: Rc<SharedConnection>,
    asked: Cell<Option<Duration>>,
}

impl SharedConnection {
    /// Describes a connection whose peer is noticed in the usual time. It accepts bytes within `send_timeout`, or is
    /// given up anyway.
    pub(crate) fn of(stream: &Stream, send_timeout: Duration) -> SharedConnection {
        let tcp = stream.tcp();
        let usual = PEER_TIMEOUT.max(send_timeout);
        stream.set_peer_timeout(usual);
        let addresses = tcp.local_addr().ok().zip(tcp.peer_addr().ok());
        SharedConnection { addresses, usual, ..SharedConnection::default() }
    }

    /// Has this task woken when the socket needs other timeouts.
    pub(crate) fn watch(&self, cx: &Context<'_>) {
        let mut task = self.task.borrow_mut();
        if !task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            *task = Some(cx.waker().clone());
        }
    }

    /// Gives the socket other timeouts, if tunnels ask for them.
    pub(crate) fn apply(&self, stream: &Stream) {
        if let Some(timeout) = self.new.take() {
            let user_timeout = if timeout < PEER_TIMEOUT { silence(timeout) } else { self.usual };
            // Best effort: without it, the connection only outlives its peer.
            let _ = watch_for_vanished_peer(&SockRef::from(stream.tcp()), timeout, user_timeout);
        }
    }

    /// Returns the shortest time that tunnels ask for.
    fn shortest(&self) -> Duration {
        self.asked.borrow().keys().next().copied().unwrap_or(PEER_TIMEOUT)
    }

    fn replace(&self, before: Option<Duration>, after: Option<Duration>) {
        let shortest = self.shortest();
        let mut asked = self.asked.borrow_mut();
        if let Some(after) = after {
            *asked.entry(after).or_default() += 1;
        }
        if let Some(before) = before
            && let Some(number) = asked.get_mut(&before)
        {
            *number -= 1;
            if *number == 0 {
                asked.remove(&before);
            }
        }
        drop(asked);
        if self.shortest() != shortest {
            self.new.set(Some(self.shortest()));
            let task = self.task.take();
            task.into_iter().for_each(Waker::wake);
        }
    }
}

impl SharedPlace {
    /// Creates the place of a tunnel that asks for nothing.
    pub(crate) fn new(connection: Rc<SharedConnection>) -> SharedPlace {
        SharedPlace { connection, asked: Cell::default() }
    }

    /// Asks for this peer timeout until the place is dropped.
    pub(crate) fn ask_for(&self, timeout: Duration) {
        let before = self.asked.replace(Some(timeout));
        self.connection.replace(before, Some(timeout));
    }

    /// Returns the kernel's state of the connection; `None` if it is unavailable.
    pub(crate) fn state(&self) -> Option<TcpState> {
        let (own, peer) = self.connection.addresses?;
        tcp_diag::state(own, peer)
    }
}

impl Drop for SharedPlace {
    fn drop(&mut self) {
        self.connection.replace(self.asked.take(), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_time_of_the_open_tunnels_holds() {
        let connection = Rc::new(SharedConnection::default());
        let seconds = Duration::from_secs;
        let place = || SharedPlace::new(connection.clone());
        let (one, other) = (place(), place());
        assert_eq!(connection.new.take(), None);
        one.ask_for(seconds(10));
        assert_eq!(connection.new.take(), Some(seconds(10)));
        other.ask_for(seconds(20));
        one.ask_for(seconds(10));
        assert_eq!(connection.new.take(), None, "nothing has changed");
        other.ask_for(seconds(5));
        assert_eq!(connection.new.take(), Some(seconds(5)));
        drop(other);
        assert_eq!(connection.new.take(), Some(seconds(10)));
        one.ask_for(seconds(300));
        assert_eq!(connection.new.take(), Some(seconds(300)));
        drop(one);
        assert_eq!(connection.new.take(), Some(PEER_TIMEOUT));
        assert!(connection.asked.borrow().is_empty());
    }
}
