//! The public part of a tunnel while it lives. Its thread can list it without asking the tunnel's task.

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
    /// Creates the entry of a tunnel that opens now.
    pub(crate) fn new(client: SocketAddr, backend: Arc<Backend>) -> LiveTunnel {
        LiveTunnel {
            client,
            since: Timestamp::now(),
            backend,
            received: Cell::default(),
            sent: Cell::default(),
        }
    }

    /// Sets the number of bytes that were read from each side so far, and adds the new ones to `counts`.
    pub(crate) fn moved(&self, received: u64, sent: u64, counts: &Tunnels) {
        counts.received.add(received - self.received.replace(received));
        counts.sent.add(sent - self.sent.replace(sent));
    }

    /// Returns the number of bytes that were read from the client.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }

    /// Returns the number of bytes that were read from the backend.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.get()
    }
}
