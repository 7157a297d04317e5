//! End-to-end tests of Tidegate with real processes, TLS and WebSocket clients, and faulty backends.
//!
//! Each module has a theme, and each test a scenario. The library of the tests is in `tests/harness`.

mod absent_peers;
mod api;
mod backends;
mod command_line;
mod coverage;
mod http;
mod http2;
mod identity;
mod observability;
mod process;
mod routing;
mod tls;
mod tunnels;

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
