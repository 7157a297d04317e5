//! Connection draining: running requests and tunnels get the whole drain timeout, and no more.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Backend, Behaviour, Ending, Gateway, GatewayDocument, ManualBackend, handshake, switching_protocols,
    wait_for,
};
use tokio::time::Instant;

use crate::tidegate;

/// Adds the harness's quick probe, and settings with this drain timeout.
fn probed_and_drained_after(document: GatewayDocument, seconds: u32) -> GatewayDocument {
    let draining = json!({"enabled": true, "drainTimeoutInSec": seconds});
    document.probed(&json!({}), &json!({"connectionDraining": draining}))
}

#[tokio::test]
async fn a_reset_passes_through_a_tunnel_that_is_held_up() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write(handshake("gateway.test", "/flood", "")).await;
    let mut server = backend.accept_websocket().await;
    assert_eq!(client.read_head().await.status(), 101);
    client.write_until_held_up(&[0; 64 * 1024]).await;
    client.reset();
    assert_eq!(server.read_to_end().await.1, Ending::Reset);
    let line = gateway.access_log().line_with(&["/flood", "tunnel"]).await;
    assert_eq!(line["properties"]["closedBy"], "client");
}

#[tokio::test]
async fn a_backend_removed_again_is_given_the_whole_time_again() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(3)).await;
    let mut socket = gateway.websocket("/chat").await;
    let without = gateway.document.clone().pool("pool", &[]);
    let with = gateway.document.clone();
    gateway.apply(without.clone()).await;
    let first = Instant::now();
    gateway.apply(with).await;
    // Most of the first removal's drain timeout has passed.
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    while first.elapsed() < Duration::from_millis(2200) {
        ticks.tick().await;
        socket.echo("not cut yet").await;
    }
    let second = Instant::now();
    gateway.apply(without).await;
    socket.end().await;
    assert!(second.elapsed() >= Duration::from_secs(3), "it was cut after {:?}", second.elapsed());
    gateway.access_log().line_with(&["/chat", "its backend was removed"]).await;
}

#[tokio::test]
async fn a_tunnel_that_opens_late_to_a_removed_backend_is_ended_too() {
    let mut backend = ManualBackend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(3)).await;
    let mut client = gateway.peer().await;
    client.write(handshake("gateway.test", "/late", "")).await;
    let (head, mut server) = backend.accept().await;
    let without = gateway.document.clone().pool("pool", &[]);
    gateway.apply(without).await;
    server.write(switching_protocols(&head)).await;
    assert_eq!(client.read_head().await.status(), 101);
    assert_eq!(client.read_to_end().await.0, b"");
    gateway.access_log().line_with(&["/late", "its backend was removed"]).await;
}

#[tokio::test]
async fn at_the_drain_timeout_every_request_and_tunnel_leaves_its_line() {
    const EACH: usize = 100;
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().option("--drain-timeout", "1s"), &[backend.ip()]).await;
    let mut tunnels = Vec::new();
    for _ in 0..EACH {
        tunnels.push(gateway.websocket("/tunnel").await);
    }
    backend.behave(Behaviour::Held);
    let mut requests = Vec::new();
    for number in 0..EACH {
        let mut client = gateway.peer().await;
        client.write(format!("GET /held/{number} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        requests.push(client);
    }
    for number in 0..EACH {
        backend.request(&format!("/held/{number}")).await;
    }
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    assert_eq!(gateway.access_log().count_with(&["\"tunnel\"", "the worker stops"]), EACH);
    assert_eq!(gateway.access_log().count_with(&["\"request\"", "/held/"]), EACH);
}

/// Opens enough tunnels for their ends to be spread, and returns the time at which each ended.
async fn herd_ends(
    gateway: &mut Gateway,
    begin: impl AsyncFnOnce(&mut Gateway) -> Instant,
) -> (Instant, Vec<Instant>) {
    let mut tunnels = Vec::new();
    for _ in 0..200 {
        tunnels.push(gateway.websocket("/herd").await);
    }
    let mut ends = tokio::task::JoinSet::new();
    for mut tunnel in tunnels {
        ends.spawn(async move {
            tunnel.end().await;
            Instant::now()
        });
    }
    let since = begin(gateway).await;
    let mut ends = ends.join_all().await;
    ends.sort_unstable();
    (since, ends)
}

/// Asserts that no tunnel ends in the first three quarters of the drain timeout, and that no tenth of the timeout
/// has most of the ends.
fn assert_spread(since: Instant, ends: &[Instant], timeout: Duration) {
    let first = ends[0] - since;
    assert!(first >= timeout * 3 / 4 - Duration::from_millis(20), "the first ended after {first:?}");
    let window = timeout / 10;
    for from in ends {
        let together = ends.iter().filter(|end| (*from..*from + window).contains(end)).count();
        assert!(together <= ends.len() * 7 / 10, "{together} ended within {window:?}");
    }
}

#[tokio::test]
async fn many_tunnels_of_a_removed_member_end_one_after_the_other() {
    let timeout = Duration::from_secs(4);
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(4)).await;
    let remove = async |gateway: &mut Gateway| {
        let since = Instant::now();
        gateway.apply(gateway.document.clone().pool("pool", &[])).await;
        since
    };
    let (since, ends) = herd_ends(&mut gateway, remove).await;
    assert_spread(since, &ends, timeout);
    let last = *ends.last().unwrap() - since;
    assert!(last < timeout + Duration::from_secs(2), "the last ended only after {last:?}");
    let log = gateway.access_log();
    wait_for("a line for each tunnel", async || {
        (log.count_with(&["/herd", "its backend was removed"]) == ends.len()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn many_tunnels_of_a_worker_that_stops_end_one_after_the_other() {
    let timeout = Duration::from_secs(4);
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().option("--drain-timeout", "4s"), &[backend.ip()]).await;
    let stop = async |gateway: &mut Gateway| {
        let since = Instant::now();
        gateway.tidegate.terminate();
        since
    };
    let (since, ends) = herd_ends(&mut gateway, stop).await;
    assert_spread(since, &ends, timeout);
    assert!(gateway.tidegate.exited_successfully().await);
    assert_eq!(gateway.access_log().count_with(&["/herd", "the worker stops"]), ends.len());
}

#[tokio::test]
async fn a_request_to_a_removed_backend_is_ended_at_the_drain_timeout() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(3)).await;
    backend.behave(Behaviour::Drip);
    let mut streaming = gateway.peer().await;
    streaming.write("GET /dripping HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(streaming.read_head().await.status(), 200);
    backend.behave(Behaviour::Hang);
    let mut waiting = gateway.peer().await;
    waiting.write("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n").await;
    backend.request("/waiting").await;

    let without = gateway.document.clone().pool("pool", &[]);
    let since = Instant::now();
    gateway.apply(without).await;
    let member = backend.ip().to_string();
    gateway.management().member_health(gateway.id(), &member, "Draining").await;
    assert_eq!(waiting.read_head().await.status(), 502);
    assert!(since.elapsed() >= Duration::from_secs(3), "it was cut after {:?}", since.elapsed());
    streaming.read_to_end().await;
    gateway.access_log().line_with(&["/waiting", "its backend was removed"]).await;
    gateway.access_log().line_with(&["/dripping", "its backend was removed"]).await;
}

/// The only test that lasts as long as the time that it tests, because that time cannot be configured.
#[tokio::test]
async fn where_draining_is_off_what_runs_at_a_removed_backend_has_thirty_seconds() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let off = json!({"enabled": false, "drainTimeoutInSec": 1});
        document.settings("settings", &json!({"connectionDraining": off}))
    })
    .await;
    let mut socket = gateway.websocket("/chat").await;
    let without = gateway.document.clone().pool("pool", &[]);
    gateway.apply(without).await;
    let since = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while since.elapsed() < Duration::from_secs(28) {
        ticks.tick().await;
        socket.echo("not cut yet").await;
    }
    socket.end().await;
    gateway.access_log().line_with(&["/chat", "its backend was removed"]).await;
}

#[tokio::test]
async fn what_runs_at_a_backend_that_stays_down_is_ended_at_the_drain_timeout() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| probed_and_drained_after(d, 1)).await;
    let member = backend.ip().to_string();
    let management = gateway.management();
    management.member_health(gateway.id(), &member, "Up").await;
    let mut socket = gateway.websocket("/chat").await;
    backend.behave(Behaviour::Hang);
    let mut waiting = gateway.peer().await;
    waiting.write("GET /waiting HTTP/1.1\r\nHost: a\r\n\r\n").await;
    backend.request("/waiting").await;

    backend.answer_probes_with(500);
    socket.end().await;
    assert_eq!(waiting.read_head().await.status(), 502);
    management.member_health(gateway.id(), &member, "Down").await;
    for path in ["/chat", "/waiting"] {
        gateway.access_log().line_with(&[path, "its backend is down"]).await;
    }
}

#[tokio::test]
async fn a_backend_that_heals_in_time_keeps_its_tunnels() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| probed_and_drained_after(d, 6)).await;
    let member = backend.ip().to_string();
    let management = gateway.management();
    management.member_health(gateway.id(), &member, "Up").await;
    let mut socket = gateway.websocket("/chat").await;
    backend.answer_probes_with(500);
    management.member_health(gateway.id(), &member, "Down").await;
    let since = Instant::now();
    socket.echo("while it drains").await;
    backend.answer_probes_with(200);
    management.member_health(gateway.id(), &member, "Up").await;
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    while since.elapsed() < Duration::from_millis(7500) {
        ticks.tick().await;
        socket.echo("still the same tunnel").await;
    }
}
