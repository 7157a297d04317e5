//! The public part of a tunnel while it lives: what its thread can tell of it without asking its task.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;

use crate::backend::Backend;
use crate::metrics::series::Tunnels;

/// One tunnel of a data thread.
#[derive(Debug)]
pub(crate) struct LiveTunnel {
    pub(crate) client: SocketAddr,
    pub(crate) since: Timestamp,
    pub(crate) backend: Arc<Backend>,
    /// The bytes that were read from the client.
    received: Cell<u64>,
    /// The bytes that were read from the backend.
    sent: Cell<u64>,
}

impl LiveTunnel {
    /// A tunnel that begins now, and over which nothing has gone.
    pub(crate) fn new(client: SocketAddr, backend: Arc<Backend>) -> LiveTunnel {
        LiveTunnel {
            client,
            since: Timestamp::now(),
            backend,
            received: Cell::default(),
            sent: Cell::default(),
        }
    }

    /// Notes how many bytes were read from each side so far, and counts those that are new.
    pub(crate) fn moved(&self, received: u64, sent: u64, counts: &Tunnels) {
        counts.received.add(received - self.received.replace(received));
        counts.sent.add(sent - self.sent.replace(sent));
    }

    /// How many bytes were read from the client.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }

    /// How many bytes were read from the backend.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get()
    }
}
