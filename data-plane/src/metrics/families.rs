//! The names of a worker's Prometheus metrics. They are stable, because dashboards and alerts depend on them.
//!
//! A test compares them with the rows of `docs/reference/metrics.md`.

use tidegate_shared::metrics::Family;
use tidegate_shared::metrics::Kind::{self, Counter, Gauge, Histogram};

const OF_GATEWAY: &[&str] = &["gateway"];
const OF_RULE: &[&str] = &["gateway", "listener", "rule"];
const OF_POOL: &[&str] = &["gateway", "pool", "settings"];

const fn family(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Family {
    Family { name, kind, labels, help }
}

pub(crate) const REQUESTS: Family = family(
    "tidegate_http_requests",
    Counter,
    &["gateway", "listener", "rule", "code_class"],
    "Requests, by the class of their status; a request whose client left before the response counts as 499.",
);
pub(crate) const FAILURES: Family = family(
    "tidegate_http_request_failures",
    Counter,
    &["gateway", "listener", "rule", "error"],
    "Requests that the gateway or the client ended before a backend's response was complete, by cause.",
);
pub(crate) const REQUEST_TIME: Family = family(
    "tidegate_http_request_duration_seconds",
    Histogram,
    OF_RULE,
    "Time from the head of a request to the end of its response.",
);
pub(crate) const RECEIVED: Family =
    family("tidegate_http_received_bytes", Counter, OF_RULE, "Bytes of request bodies from clients.");
pub(crate) const SENT: Family =
    family("tidegate_http_sent_bytes", Counter, OF_RULE, "Bytes of response bodies to clients.");

pub(crate) const TUNNELS_OPENED: Family =
    family("tidegate_tunnels_opened", Counter, OF_RULE, "Opened tunnels.");
pub(crate) const TUNNELS: Family = family("tidegate_tunnels", Gauge, OF_RULE, "Open tunnels.");
pub(crate) const TUNNELS_CLOSED: Family = family(
    "tidegate_tunnels_closed",
    Counter,
    &["gateway", "listener", "rule", "reason"],
    "Closed tunnels, by the reason.",
);
pub(crate) const TUNNELS_REJECTED: Family = family(
    "tidegate_tunnels_rejected",
    Counter,
    &["gateway", "listener", "rule", "limit"],
    "Handshakes that a limit of the tunnel policy has refused, by the limit: pool, member, client_address or rate.",
);
pub(crate) const TUNNEL_TIME: Family =
    family("tidegate_tunnel_duration_seconds", Histogram, OF_RULE, "Duration of closed tunnels.");
pub(crate) const TUNNEL_HANDSHAKE: Family = family(
    "tidegate_tunnel_handshake_duration_seconds",
    Histogram,
    OF_RULE,
    "Time from the head of a handshake to the backend's 101.",
);
pub(crate) const TUNNEL_RECEIVED: Family =
    family("tidegate_tunnel_received_bytes", Counter, OF_RULE, "Bytes from clients through tunnels.");
pub(crate) const TUNNEL_SENT: Family =
    family("tidegate_tunnel_sent_bytes", Counter, OF_RULE, "Bytes to clients through tunnels.");

pub(crate) const RESPONSES: Family = family(
    "tidegate_backend_responses",
    Counter,
    &["gateway", "pool", "settings", "code_class"],
    "Responses of backends, by the class of their status.",
);
pub(crate) const UNREACHABLE: Family = family(
    "tidegate_backend_connect_failures",
    Counter,
    OF_POOL,
    "Connections to backends that could not be opened.",
);
pub(crate) const CONNECT: Family = family(
    "tidegate_backend_connect_duration_seconds",
    Histogram,
    OF_POOL,
    "Time to open a connection to a backend, TLS included.",
);
pub(crate) const FIRST_BYTE: Family = family(
    "tidegate_backend_first_byte_duration_seconds",
    Histogram,
    OF_POOL,
    "Time from the choice of a backend to the head of its response, connecting included.",
);
pub(crate) const LAST_BYTE: Family = family(
    "tidegate_backend_last_byte_duration_seconds",
    Histogram,
    OF_POOL,
    "Time from the choice of a backend to the end of its response, connecting included.",
);
pub(crate) const BACKENDS: Family = family(
    "tidegate_backends",
    Gauge,
    &["gateway", "pool", "settings", "state"],
    "Pool members by the verdict of their probes: healthy, unhealthy or unknown.",
);

pub(crate) const CONNECTIONS_OPENED: Family =
    family("tidegate_connections_opened", Counter, OF_GATEWAY, "Accepted connections from clients.");
pub(crate) const CONNECTIONS: Family =
    family("tidegate_connections", Gauge, OF_GATEWAY, "Open connections from clients, tunnels included.");
pub(crate) const HANDSHAKES: Family = family(
    "tidegate_tls_handshakes",
    Counter,
    &["gateway", "protocol"],
    "TLS handshakes with clients that succeeded, by version.",
);
pub(crate) const HANDSHAKE_FAILURES: Family = family(
    "tidegate_tls_handshake_failures",
    Counter,
    OF_GATEWAY,
    "TLS handshakes with clients that failed.",
);
pub(crate) const HANDSHAKE_TIME: Family = family(
    "tidegate_tls_handshake_duration_seconds",
    Histogram,
    OF_GATEWAY,
    "Duration of TLS handshakes with clients.",
);
pub(crate) const PROXY_PROTOCOL_ERRORS: Family = family(
    "tidegate_proxy_protocol_errors",
    Counter,
    OF_GATEWAY,
    "Connections that a listener with the PROXY protocol closed: from an untrusted address, or without a valid header in time.",
);
pub(crate) const MALFORMED: Family = family(
    "tidegate_malformed_requests",
    Counter,
    OF_GATEWAY,
    "Requests of clients that were rejected because they violate HTTP.",
);
pub(crate) const HEADERS_DROPPED: Family = family(
    "tidegate_headers_dropped",
    Counter,
    OF_GATEWAY,
    "Request headers that were not forwarded because of their names.",
);
pub(crate) const SEARCHES_EXCEEDED: Family = family(
    "tidegate_rewrite_searches_exceeded",
    Counter,
    OF_GATEWAY,
    "Requests that ended with 500 because their rewrite conditions exceeded the search budget of a request.",
);

pub(crate) const REJECTED: Family = family(
    "tidegate_connections_rejected",
    Counter,
    &["gateway", "reason"],
    "Connections that got 503 or 429, or were reset, because a limit was reached: that of all connections, or that of their address.",
);
pub(crate) const FLOODS: Family = family(
    "tidegate_http2_floods",
    Counter,
    OF_GATEWAY,
    "HTTP/2 connections that were closed because their clients sent too many frames without content.",
);
pub(crate) const SLOW: Family = family(
    "tidegate_slow_clients",
    Counter,
    &["gateway", "direction"],
    "Requests that were aborted because their clients sent the body, or accepted the response, below the minimum rate.",
);

pub(crate) const CONNECTIONS_MAX: Family = family(
    "tidegate_connections_max",
    Gauge,
    &[],
    "The number of connections, and of further HTTP/2 streams, that the limit of open files allows.",
);
pub(crate) const CONNECTIONS_AVAILABLE: Family = family(
    "tidegate_connections_available",
    Gauge,
    &[],
    "The number of connections, and of further HTTP/2 streams, that may still be opened.",
);
pub(crate) const LIMITED: Family = family(
    "tidegate_connection_limit_reached",
    Counter,
    &[],
    "Times that the limit of connections was reached or the system had no descriptor left; counted at most once in 10 s.",
);
pub(crate) const LINES_DROPPED: Family = family(
    "tidegate_access_log_lines_dropped",
    Counter,
    &[],
    "Access lines that were dropped because the log was written too slowly or not at all.",
);
pub(crate) const SPANS_DROPPED: Family = family(
    "tidegate_spans_dropped",
    Counter,
    &[],
    "Spans that were dropped because the collector was too slow or rejected them.",
);
pub(crate) const UNSAVED: Family = family(
    "tidegate_snapshots_unsaved",
    Gauge,
    &[],
    "Gateways whose applied configuration is not saved on the worker's disk: a restart without the control plane would serve an older one, or none.",
);
pub(crate) const BUILD: Family =
    family("tidegate_build_info", Gauge, &["version"], "Always 1; the label has the version of the process.");

/// All families, in the order of the page.
#[cfg(test)]
pub(crate) const ALL: &[&Family] = &[
    &REQUESTS,
    &FAILURES,
    &REQUEST_TIME,
    &RECEIVED,
    &SENT,
    &TUNNELS_OPENED,
    &TUNNELS,
    &TUNNELS_CLOSED,
    &TUNNELS_REJECTED,
    &TUNNEL_TIME,
    &TUNNEL_HANDSHAKE,
    &TUNNEL_RECEIVED,
    &TUNNEL_SENT,
    &RESPONSES,
    &UNREACHABLE,
    &CONNECT,
    &FIRST_BYTE,
    &LAST_BYTE,
    &BACKENDS,
    &CONNECTIONS_OPENED,
    &CONNECTIONS,
    &HANDSHAKES,
    &HANDSHAKE_FAILURES,
    &HANDSHAKE_TIME,
    &PROXY_PROTOCOL_ERRORS,
    &MALFORMED,
    &HEADERS_DROPPED,
    &SEARCHES_EXCEEDED,
    &REJECTED,
    &FLOODS,
    &SLOW,
    &CONNECTIONS_MAX,
    &CONNECTIONS_AVAILABLE,
    &LIMITED,
    &LINES_DROPPED,
    &SPANS_DROPPED,
    &UNSAVED,
    &BUILD,
];
