//! The reports of handshakes that tunnel policies have refused.

use std::time::Duration;

use tidegate_shared::protocol::{HandshakeLimit, Refusals, RefusedHandshakes, ToControlPlane};
use tokio::time::Instant;

use super::Worker;
use crate::metrics::series::TunnelLimit;

impl Worker {
    /// Returns the reports since the last call, of the gateways at which handshakes were refused.
    pub(crate) fn refusals(&mut self) -> Vec<ToControlPlane> {
        let now = Instant::now();
        let since = std::mem::replace(&mut self.refusals_since, now);
        let within: Duration = now.saturating_duration_since(since);
        let report = |gateway: &super::Gateway| {
            let runtime = gateway.current.load();
            let refused =
                runtime.member_table.pools().flat_map(|(name, pool)| {
                    pool.take_refused().filter(|(_, count)| *count > 0).map(|(limit, count)| {
                        RefusedHandshakes { pool: name.to_string(), limit: shown(limit), count: count.into() }
                    })
                });
            Refusals::of(gateway.snapshot.gateway, within, refused.collect())
        };
        self.gateways.values().filter_map(report).map(ToControlPlane::HandshakesRefused).collect()
    }
}

fn shown(limit: TunnelLimit) -> HandshakeLimit {
    match limit {
        TunnelLimit::Pool => HandshakeLimit::Pool,
        TunnelLimit::Member => HandshakeLimit::Member,
        TunnelLimit::Address => HandshakeLimit::ClientAddress,
        TunnelLimit::Rate => HandshakeLimit::Rate,
    }
}
