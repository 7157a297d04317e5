//! What the strict reading of a connection and the requests that come of it tell each other.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use http::header::HOST;
use http::{Request, Version};

use crate::http1::Fault;

/// What the guard of a connection and its requests tell each other. They never leave their thread, but hyper asks of a
/// stream that it could; so these are atomics that nobody contends for.
#[derive(Debug, Default)]
pub(crate) struct Http1ConnState {
    turn: AtomicU8,
    /// The first is the last.
    fault: OnceLock<Fault>,
    odd_names: AtomicBool,
    within_head: AtomicBool,
    served: AtomicBool,
}

/// It is the client's turn: to begin a request, or to go on with one.
pub(crate) const CLIENT: u8 = 0;
/// A request waits for its answer, or for the rest of it.
pub(crate) const GATEWAY: u8 = 1;
/// The connection becomes a tunnel.
pub(crate) const TUNNEL: u8 = 2;

/// A request under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Http1ConnState>);

impl Http1ConnState {
    /// Why this request is refused, if it stands for one that is: no other comes without a `Host`.
    pub(crate) fn refusal<B>(&self, request: &Request<B>) -> Option<Fault> {
        let fault = self.fault()?;
        (request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST)).then_some(fault)
    }

    /// What is wrong with this connection, if it ends for that.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }

    /// Whether a request may hold headers whose names are more than letters, digits and hyphens.
    pub(crate) fn has_odd_names(&self) -> bool {
        self.odd_names.load(Ordering::Relaxed)
    }

    /// Says so.
    pub(crate) fn expect_odd_names(&self) {
        self.odd_names.store(true, Ordering::Relaxed);
    }

    /// Whether the client has begun a request of which there is no more to be seen yet.
    pub(crate) fn is_within_head(&self) -> bool {
        self.turn() == CLIENT && self.within_head.load(Ordering::Relaxed)
    }

    /// Whether a request has come by this connection.
    pub(crate) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    pub(crate) fn set_within_head(&self, within: bool) {
        self.within_head.store(within, Ordering::Relaxed);
    }

    pub(crate) fn turn(&self) -> u8 {
        self.turn.load(Ordering::Relaxed)
    }

    fn set_turn(&self, turn: u8) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        // What comes after the first is a consequence.
        let _ = self.fault.set(fault);
    }
}

impl RequestGuard {
    pub(crate) fn new(wire: &Arc<Http1ConnState>) -> RequestGuard {
        wire.set_turn(GATEWAY);
        wire.served.store(true, Ordering::Relaxed);
        RequestGuard(wire.clone())
    }

    /// What follows the answer is not HTTP.
    pub(crate) fn becomes_tunnel(&self) {
        self.0.set_turn(TUNNEL);
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if self.0.turn() == GATEWAY {
            self.0.set_turn(CLIENT);
        }
    }
}
