//! The counters, grouped by their labels: a gateway, a rule of a listener, a pool with its settings.
//!
//! A runtime refers to its series, so that a request finds its counters without a lookup by name. A series survives
//! changes of the configuration for as long as the names in its labels are configured: there are never more labels
//! than configured names. No value from a client (its host, path or address) is ever a label.

use std::collections::HashMap;
use std::sync::Arc;

use super::cell::{Counter, Histogram, Shards};
use crate::error_info::ErrorInfo;

/// The classes by which statuses are counted.
pub(crate) const CODE_CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The TLS versions by which handshakes are counted.
pub(crate) const TLS_VERSIONS: [&str; 2] = ["TLSv1.2", "TLSv1.3"];

/// The reason why a client was rejected when there were too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The connection limit was reached, or the process was out of file descriptors.
    Limit,
    /// The client's address had its full share.
    Address,
}

/// All reasons, with their labels.
pub(crate) const REJECTIONS: [(Rejection, &str); 2] =
    [(Rejection::Limit, "limit"), (Rejection::Address, "address")];

/// The labels of slow clients: those that send a request body slowly, and those that accept a response slowly.
pub(crate) const DIRECTIONS: [&str; 2] = ["request", "response"];
/// The index of request bodies in [`DIRECTIONS`].
pub(crate) const REQUEST: usize = 0;
/// The index of responses in [`DIRECTIONS`].
pub(crate) const RESPONSE: usize = 1;

/// The ways in which a tunnel ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelEnd {
    ClientClosed,
    BackendClosed,
    ClientFailed,
    BackendFailed,
    Idle,
    BackendRemoved,
    BackendDown,
    Stopping,
    GatewayRemoved,
    Requested,
    ListenerRemoved,
    PolicyTightened,
    RouteChanged,
    Lifetime,
}

/// All ends, with their labels.
pub(crate) const TUNNEL_ENDS: [(TunnelEnd, &str); 14] = [
    (TunnelEnd::ClientClosed, "client_closed"),
    (TunnelEnd::BackendClosed, "backend_closed"),
    (TunnelEnd::ClientFailed, "client_failed"),
    (TunnelEnd::BackendFailed, "backend_failed"),
    (TunnelEnd::Idle, "idle"),
    (TunnelEnd::BackendRemoved, "backend_removed"),
    (TunnelEnd::BackendDown, "backend_down"),
    (TunnelEnd::Stopping, "stopping"),
    (TunnelEnd::GatewayRemoved, "gateway_removed"),
    (TunnelEnd::Requested, "requested"),
    (TunnelEnd::ListenerRemoved, "listener_removed"),
    (TunnelEnd::PolicyTightened, "policy_tightened"),
    (TunnelEnd::RouteChanged, "route_changed"),
    (TunnelEnd::Lifetime, "lifetime"),
];

/// The limit of a tunnel policy that refuses a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TunnelLimit {
    /// The pool has its maximum number of tunnels.
    Pool,
    /// The member has its maximum number of tunnels.
    Member,
    /// The client's address has its maximum number of tunnels to the pool.
    Address,
    /// The pool has had its maximum number of handshakes in this second.
    Rate,
}

/// All limits, with their labels.
pub(crate) const TUNNEL_LIMITS: [(TunnelLimit, &str); 4] = [
    (TunnelLimit::Pool, "pool"),
    (TunnelLimit::Member, "member"),
    (TunnelLimit::Address, "client_address"),
    (TunnelLimit::Rate, "rate"),
];

/// Counters by status class.
#[derive(Debug, Default)]
pub(crate) struct ByClass([Counter; CODE_CLASSES.len()]);

impl ByClass {
    /// Counts one status. An invalid status counts in the nearest class.
    pub(crate) fn add(&self, status: u16) {
        self.0[usize::from(status / 100).clamp(1, 5) - 1].add(1);
    }

    pub(crate) fn of(&self, class: usize) -> &Counter {
        &self.0[class]
    }
}

/// The request counters of one rule, on one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Requests {
    pub(crate) statuses: ByClass,
    pub(crate) failures: [Counter; ErrorInfo::FAILURES.len()],
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    pub(crate) time: Histogram,
}

/// The tunnel counters of one rule, on one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tunnels {
    pub(crate) opened: Counter,
    pub(crate) closed: [Counter; TUNNEL_ENDS.len()],
    /// Handshakes that a limit of the tunnel policy has refused, by [`TUNNEL_LIMITS`].
    pub(crate) rejected: [Counter; TUNNEL_LIMITS.len()],
    pub(crate) received: Counter,
    pub(crate) sent: Counter,
    pub(crate) handshake: Histogram,
    pub(crate) time: Histogram,
}

impl Tunnels {
    pub(crate) fn closed(&self, end: TunnelEnd) -> &Counter {
        &self.closed[end as usize]
    }

    pub(crate) fn rejected(&self, limit: TunnelLimit) -> &Counter {
        &self.rejected[limit as usize]
    }
}

/// The counters of requests to the members of a pool with one set of settings, on one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct UpstreamSeries {
    pub(crate) statuses: ByClass,
    pub(crate) unreachable: Counter,
    pub(crate) connect: Histogram,
    pub(crate) first_byte: Histogram,
    pub(crate) last_byte: Histogram,
}

/// The counters of downstream connections of one gateway, on one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Connections {
    pub(crate) opened: Counter,
    pub(crate) closed: Counter,
    /// Handshakes by TLS version.
    pub(crate) handshakes: [Counter; TLS_VERSIONS.len()],
    pub(crate) handshake_failures: Counter,
    pub(crate) handshake: Histogram,
    /// Connections from outside the PROXY protocol's trusted networks, or without its header.
    pub(crate) proxy_protocol_errors: Counter,
    /// Requests that were rejected as malformed.
    pub(crate) malformed: Counter,
    pub(crate) headers_dropped: Counter,
    /// Clients rejected with 503 or 429 or by a reset, by [`Rejection`].
    pub(crate) rejected: [Counter; REJECTIONS.len()],
    /// HTTP/2 connections that were closed because of a flood of frames.
    pub(crate) floods: Counter,
    /// Requests whose clients were too slow, by [`DIRECTIONS`].
    pub(crate) slow: [Counter; DIRECTIONS.len()],
    /// Requests whose rewrite conditions exceeded the search limit.
    pub(crate) searches_exceeded: Counter,
}

/// The series of a listener with its rule; both names are empty for requests without a listener.
#[derive(Debug)]
pub(crate) struct RuleSeries {
    pub(crate) listener: Box<str>,
    pub(crate) rule: Box<str>,
    pub(crate) requests: Shards<Requests>,
    pub(crate) tunnels: Shards<Tunnels>,
}

/// The series of a pool with its settings.
#[derive(Debug)]
pub(crate) struct PoolSeries {
    pub(crate) pool: Box<str>,
    pub(crate) settings: Box<str>,
    pub(crate) exchanges: Shards<UpstreamSeries>,
}

/// All series of one gateway except those of its backends, which are kept with the backends.
#[derive(Debug)]
pub(crate) struct Series {
    threads: usize,
    pub(crate) connections: Arc<Shards<Connections>>,
    /// The series of requests that no listener matched.
    pub(crate) unrouted: Arc<RuleSeries>,
    rules: HashMap<(Box<str>, Box<str>), Arc<RuleSeries>>,
}

impl Series {
    /// Creates the series of a gateway for this number of data threads, without rules. The series without names are
    /// adopted from `old`.
    pub(crate) fn new(old: Option<&Series>, threads: usize) -> Series {
        let unrouted = || Arc::new(RuleSeries::new("", "", threads));
        Series {
            threads,
            connections: old.map_or_else(|| Arc::new(Shards::new(threads)), |old| old.connections.clone()),
            unrouted: old.map_or_else(unrouted, |old| old.unrouted.clone()),
            rules: HashMap::new(),
        }
    }

    /// Returns the series of a listener and its rule, adopted from `old` if it exists there.
    pub(crate) fn rule(&mut self, old: Option<&Series>, listener: &str, rule: &str) -> Arc<RuleSeries> {
        let key = (Box::from(listener), Box::from(rule));
        if let Some(known) = self.rules.get(&key) {
            return known.clone();
        }
        let kept = old.and_then(|old| old.rules.get(&key)).cloned();
        let series = kept.unwrap_or_else(|| Arc::new(RuleSeries::new(listener, rule, self.threads)));
        self.rules.insert(key, series.clone());
        series
    }

    /// Returns the series of every rule.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &Arc<RuleSeries>> {
        self.rules.values().chain([&self.unrouted])
    }
}

/// Counts a connection on its thread for as long as it lives.
#[derive(Debug)]
pub(crate) struct ConnectionMetrics {
    connections: Arc<Shards<Connections>>,
    thread: usize,
}

impl ConnectionMetrics {
    pub(crate) fn new(series: &Series, thread: usize) -> ConnectionMetrics {
        let counted = ConnectionMetrics { connections: series.connections.clone(), thread };
        counted.cells().opened.add(1);
        counted
    }

    /// The counters for events of this connection.
    pub(crate) fn cells(&self) -> &Connections {
        self.connections.of(self.thread)
    }
}

impl Drop for ConnectionMetrics {
    fn drop(&mut self) {
        self.cells().closed.add(1);
    }
}

impl PoolSeries {
    pub(crate) fn new(pool: &str, settings: &str, threads: usize) -> PoolSeries {
        PoolSeries { pool: pool.into(), settings: settings.into(), exchanges: Shards::new(threads) }
    }
}

impl RuleSeries {
    fn new(listener: &str, rule: &str, threads: usize) -> RuleSeries {
        RuleSeries {
            listener: listener.into(),
            rule: rule.into(),
            requests: Shards::new(threads),
            tunnels: Shards::new(threads),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_outlives_a_change_and_goes_with_its_name() {
        let mut first = Series::new(None, 1);
        first.rule(None, "listener", "rule").requests.of(0).received.add(7);
        first.rule(None, "listener", "gone").requests.of(0).received.add(7);
        first.connections.of(0).opened.add(1);
        let mut second = Series::new(Some(&first), 1);
        let kept = second.rule(Some(&first), "listener", "rule");
        assert_eq!(kept.requests.sum(|requests| &requests.received), 7);
        assert_eq!(second.connections.sum(|connections| &connections.opened), 1);
        let names: Vec<&str> = second.rules().map(|series| &*series.rule).collect();
        assert_eq!(names, ["rule", ""]);
    }

    #[test]
    fn a_status_is_counted_in_its_class() {
        let counts = ByClass::default();
        for status in [100, 200, 299, 304, 499, 500, 599, 999, 0] {
            counts.add(status);
        }
        let counted: Vec<u64> = (0..CODE_CLASSES.len()).map(|class| counts.of(class).get()).collect();
        assert_eq!(counted, [2, 2, 1, 1, 3]);
    }

    #[test]
    fn tunnel_ends_and_limits_stand_in_the_order_of_their_numbers() {
        for (number, (end, _)) in TUNNEL_ENDS.into_iter().enumerate() {
            assert_eq!(end as usize, number);
        }
        for (number, (limit, _)) in TUNNEL_LIMITS.into_iter().enumerate() {
            assert_eq!(limit as usize, number);
        }
    }
}
