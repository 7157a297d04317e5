//! The state that the strict reader of an HTTP/1.1 connection shares with the requests of the connection.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use http::header::HOST;
use http::{Request, Version};
use tidegate_http1::Fault;

/// The shared state of one connection. It stays on its thread, but hyper requires streams to be `Send`; hence the
/// uncontended atomics.
#[derive(Debug, Default)]
pub(crate) struct Http1ConnState {
    turn: AtomicU8,
    /// The first fault; later ones are ignored.
    fault: OnceLock<Fault>,
    odd_names: AtomicBool,
    within_head: AtomicBool,
    served: AtomicBool,
}

/// The client's turn: it may begin or continue a request.
pub(crate) const CLIENT: u8 = 0;
/// The gateway's turn: a request waits for its response or the rest of it.
pub(crate) const GATEWAY: u8 = 1;
/// The connection becomes a tunnel.
pub(crate) const TUNNEL: u8 = 2;

/// Marks a request as running until it is dropped.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Http1ConnState>);

impl Http1ConnState {
    /// Returns the fault for which this request must be rejected. Only a stand-in for a rejected request has no
    /// `Host` in HTTP/1.1.
    pub(crate) fn refusal<B>(&self, request: &Request<B>) -> Option<Fault> {
        let fault = self.fault()?;
        (request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST)).then_some(fault)
    }

    /// Returns the fault for which this connection ends.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.get().copied()
    }

    /// Returns true if requests may have header names with characters other than letters, digits and hyphens.
    pub(crate) fn has_odd_names(&self) -> bool {
        self.odd_names.load(Ordering::Relaxed)
    }

    /// Records that requests may have such header names.
    pub(crate) fn expect_odd_names(&self) {
        self.odd_names.store(true, Ordering::Relaxed);
    }

    /// Returns true if the client has sent only a part of a request head.
    pub(crate) fn is_within_head(&self) -> bool {
        self.turn() == CLIENT && self.within_head.load(Ordering::Relaxed)
    }

    /// Returns true if this connection has had a request.
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
        // Later faults are consequences of the first.
        let _ = self.fault.set(fault);
    }
}

impl RequestGuard {
    pub(crate) fn new(state: &Arc<Http1ConnState>) -> RequestGuard {
        state.set_turn(GATEWAY);
        state.served.store(true, Ordering::Relaxed);
        RequestGuard(state.clone())
    }

    /// Records that the connection carries no HTTP after the response.
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
