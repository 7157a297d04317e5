//! The public part of a tunnel while it lives. Its thread can list it without asking the tunnel's task.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::Guard;
use jiff::Timestamp;
use tidegate_shared::snapshot::TunnelPolicy;
use tokio::time::Instant;

use crate::backend::Backend;
use crate::pump::ByteCounts;
use crate::short_time::ShortInstant;

/// One tunnel of a data thread. There are tens of thousands, so its parts are short.
#[derive(Debug)]
pub(crate) struct LiveTunnel {
    address: IpAddr,
    port: u16,
    /// The nanoseconds from 1970 to its begin by the clock of the system.
    since: i64,
    pub(crate) started: ShortInstant,
    pub(crate) backend: Arc<Backend>,
    pub(crate) bytes: ByteCounts,
}

impl LiveTunnel {
    /// Creates the entry of a tunnel that opens now.
    pub(crate) fn new(client: SocketAddr, backend: Arc<Backend>) -> LiveTunnel {
        LiveTunnel {
            address: client.ip(),
            port: client.port(),
            since: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
            started: Instant::now().into(),
            backend,
            bytes: ByteCounts::default(),
        }
    }

    pub(crate) fn client(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Returns the policy of its pool that is in force.
    pub(crate) fn policy(&self) -> Guard<Arc<TunnelPolicy>> {
        self.backend.member_state.pool.policy()
    }

    /// Returns the time of its begin.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.since.into()).unwrap_or(Timestamp::MAX)
    }
}
