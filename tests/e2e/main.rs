//! End-to-end tests of Tidegate with real processes, TLS and WebSocket clients, and faulty backends.
//!
//! Each module has a theme, and each test a scenario. The library of the tests is in `tests/harness`.

mod absent_peers;
mod access_log;
mod affinity;
mod api;
mod auth;
mod backend_tls;
mod backends;
mod buffering;
mod canonical;
mod certificates;
mod children;
mod client_certificates;
mod clocks;
mod command_line;
mod conditions;
mod coverage;
mod definitions;
mod deployments;
mod draining;
mod error_pages;
mod forwarding;
mod framing;
mod full_disk;
mod grpc;
mod handover;
mod handover_faults;
mod handshake;
mod header_switches;
mod health;
mod heavy_input;
mod http2;
mod http2_conformance;
mod http2_floods;
mod http2_strictness;
mod identity;
mod kill_loops;
mod lifecycle;
mod limits;
mod limits_downstream;
mod load_distribution;
mod lying_backends;
mod metrics;
mod networking;
mod on_demand;
mod openapi;
mod operations;
mod own_answers;
mod probes;
mod process;
mod proxy_protocol;
mod redirects;
mod resolver;
mod restarts;
mod rewrites;
mod routing;
mod rules;
mod seed;
mod slow_clients;
mod smuggling;
mod streaming;
mod survivors;
mod suspended;
mod tls;
mod tls_policies;
mod traces;
mod tunnels;
mod tunnels_in_tls;
mod tunnels_under_change;
mod websocket;
mod websocket_over_http2;
mod worker;
mod worker_directory;

use tidegate_harness::{Authority, Gateway, GatewayDocument, HOST, Tidegate, TidegateBuilder, wait_for};
use tokio::net::TcpStream;

/// The path of the binary under test.
const BINARY: &str = env!("CARGO_BIN_EXE_tidegate");

/// Returns a builder for the binary under test.
fn tidegate() -> TidegateBuilder {
    Tidegate::builder(BINARY)
}

/// Adds an HTTPS listener, with a certificate issued by the authority.
fn with_https(document: GatewayDocument, authority: &Authority) -> GatewayDocument {
    document.https(&authority.issue(&[HOST]))
}

/// Waits until the gateway answers, through any worker.
async fn serves(gateway: &Gateway) {
    wait_for("the gateway to serve", async || {
        TcpStream::connect(gateway.http()).await.ok()?;
        Some(())
    })
    .await;
    gateway.get("/served").await.expect(200);
}
