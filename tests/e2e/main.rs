//! Tidegate from outside: real processes, real TLS, real WebSocket clients, and backends that fail, hang and lie.
//!
//! A module per theme, a story per test. What the stories are told with is in `tests/harness`.

mod api;
mod auth;
mod backends;
mod children;
mod conditions;
mod forwarding;
mod handshake;
mod health;
mod limits;
mod operations;
mod process;
mod seed;
mod streaming;
mod tls;
mod tunnels;
mod tunnels_under_change;
mod websocket;
mod worker;

use tidegate_harness::{Tidegate, TidegateBuilder};

/// The binary under test.
fn tidegate() -> TidegateBuilder {
    Tidegate::builder(env!("CARGO_BIN_EXE_tidegate"))
}
