//! Tunnel policies: what becomes of open tunnels when a change concerns them.

mod frames;
mod limits;

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, End, Gateway, GatewayDocument, HTTP_PORT, ManualBackend, WebSocket, handshake,
    switching_protocols, wait_for,
};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{HOST, tidegate};

/// Puts a policy for all pools in force, and waits until the workers have it.
async fn put_policy(gateway: &Gateway, properties: Value) {
    let id = format!("{}/providers/Tidegate.Network/tunnelPolicies/default", gateway.id());
    gateway.management().apply(&id, &json!({"properties": properties})).await;
}

/// Asserts that a WebSocket lives for this time.
async fn assert_lives_for(socket: &mut WebSocket, time: Duration) {
    let since = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    while since.elapsed() < time {
        ticks.tick().await;
        socket.echo("not cut").await;
    }
}

/// Has the rule of the gateway send requests to the pool `other`.
fn moved(document: &GatewayDocument, other: &Backend) -> GatewayDocument {
    let mut moved = document.clone().pool("other", &[other.ip()]);
    let target = moved.reference("backendAddressPools", "other");
    moved.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["backendAddressPool"] = target;
    moved
}

#[tokio::test]
async fn a_tunnel_whose_route_has_changed_is_closed_or_drained_and_left_alone_if_the_route_returns() {
    let (backend, other) = (Backend::start().await, Backend::start().await);
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let here = gateway.document.clone();
    let there = moved(&here, &other);

    put_policy(&gateway, json!({"onRouteChanged": {"action": "drain", "drainTimeoutInSec": 2}})).await;
    let mut socket = gateway.websocket("/drained").await;
    gateway.apply(there.clone()).await;
    let mut beside = gateway.websocket("/beside").await;
    socket.echo("it drains").await;
    gateway.apply(here.clone()).await;
    beside.echo("it drains too").await;
    let since = Instant::now();
    gateway.apply(there.clone()).await;
    gateway.apply(here.clone()).await;
    assert_lives_for(&mut socket, Duration::from_millis(2200)).await;
    gateway.apply(there.clone()).await;
    socket.end().await;
    assert!(since.elapsed() >= Duration::from_secs(4), "it was cut after {:?}", since.elapsed());
    gateway.access_log().line_with(&["/drained", "its rule now leads elsewhere"]).await;

    put_policy(&gateway, json!({"onRouteChanged": {"action": "close"}})).await;
    let mut socket = gateway.websocket("/closed").await;
    gateway.apply(there.clone().pool("unrelated", &[])).await;
    socket.echo("a pool that it does not use").await;
    let since = Instant::now();
    gateway.apply(here).await;
    assert_eq!(socket.end().await, End::WithoutCloseFrame);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    let counted = |metrics: &tidegate_harness::Metrics| {
        metrics.sum("tidegate_tunnels_closed_total", &["reason=\"route_changed\""]) >= 3.0
    };
    gateway.tidegate.metrics_when("they were closed for their route", counted).await;
}

#[tokio::test]
async fn a_path_rule_that_takes_a_path_over_concerns_only_the_tunnels_of_that_path() {
    let (backend, other) = (Backend::start().await, Backend::start().await);
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    put_policy(&gateway, json!({"onRouteChanged": {"action": "close"}})).await;
    let mut taken = gateway.websocket("/taken/chat?room=1").await;
    let mut left = gateway.websocket("/left/chat").await;
    let document = gateway.document.clone().pool("other", &[other.ip()]);
    let rule = document.path_rule("taken", &["/taken/*"], "other", &json!({}));
    let by_path = document.by_path(&json!({"pathRules": [rule]}));
    gateway.apply(by_path).await;
    taken.end().await;
    left.echo("still there").await;
    gateway.access_log().line_with(&["/taken/chat", "its rule now leads elsewhere"]).await;
}

#[tokio::test]
async fn a_tunnel_whose_listener_was_removed_or_demands_more_ends_as_the_policy_says() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.port("more", 20_081).http_listener("more", "more");
        document.rule("more", "more", "pool", "settings")
    })
    .await;
    let close = json!({"action": "close"});
    put_policy(&gateway, json!({"onListenerRemoved": close, "onPolicyTightened": close})).await;
    let address = (gateway.ip(), 20_081).into();
    let mut removed = WebSocket::connect(address, HOST, "/removed").await;
    let mut tightened = gateway.websocket("/tightened").await;
    let without = gateway.document.clone().without("requestRoutingRules", "more");
    let without = without.without("httpListeners", "more");
    gateway.apply(without).await;
    removed.end().await;
    tightened.echo("another listener").await;
    gateway.access_log().line_with(&["/removed", "its listener was removed"]).await;

    let identity = authority.issue(&[HOST]);
    let secure = gateway.document.clone().certificate("certificate", &identity.pem_base64(), None);
    gateway.apply(secure.https_listener("http", "http", "certificate")).await;
    tightened.end().await;
    gateway.access_log().line_with(&["/tightened", "demands more"]).await;
    assert_eq!(gateway.http().port(), HTTP_PORT);
}

#[tokio::test]
async fn the_tunnels_of_a_removed_member_may_be_kept_or_have_a_time_of_their_own() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(1)).await;
    let (with, without) = (gateway.document.clone(), gateway.document.clone().pool("pool", &[]));

    put_policy(&gateway, json!({"onMemberRemoved": {"action": "keep"}})).await;
    let mut socket = gateway.websocket("/kept").await;
    gateway.apply(without.clone()).await;
    assert_lives_for(&mut socket, Duration::from_millis(1500)).await;
    gateway.apply(with).await;

    put_policy(&gateway, json!({"onMemberRemoved": {"action": "drain", "drainTimeoutInSec": 2}})).await;
    let since = Instant::now();
    gateway.apply(without).await;
    socket.end().await;
    assert!(since.elapsed() >= Duration::from_secs(2), "it was cut after {:?}", since.elapsed());
    gateway.access_log().line_with(&["/kept", "its backend was removed"]).await;
}

#[tokio::test]
async fn the_tunnels_of_a_removed_gateway_and_of_a_member_that_is_down_may_be_closed_at_once() {
    let backend = Backend::start().await;
    let probed = |document: GatewayDocument| document.probed(&json!({}), &json!({}));
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], probed).await;
    let close = json!({"action": "close"});
    put_policy(&gateway, json!({"onMemberDown": close, "onGatewayRemoved": close})).await;
    let (management, member) = (gateway.management(), backend.ip().to_string());
    management.member_health(gateway.id(), &member, "Up").await;
    let mut socket = gateway.websocket("/down").await;
    backend.answer_probes_with(500);
    socket.end().await;
    gateway.access_log().line_with(&["/down", "its backend is down"]).await;

    backend.answer_probes_with(200);
    management.member_health(gateway.id(), &member, "Up").await;
    let mut socket = gateway.websocket("/removed").await;
    let since = Instant::now();
    management.remove(gateway.id()).await;
    socket.end().await;
    assert!(since.elapsed() < Duration::from_secs(10), "it was cut only after {:?}", since.elapsed());
    gateway.access_log().line_with(&["/removed", "its gateway was removed"]).await;
}

#[tokio::test]
async fn a_tunnel_whose_gateway_was_removed_during_its_handshake_ends_as_one_of_the_gateway() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (keep, close) = (json!({"action": "keep"}), json!({"action": "close"}));
    put_policy(
        &gateway,
        json!({"onMemberRemoved": keep, "onListenerRemoved": close,
            "onGatewayRemoved": {"action": "drain", "drainTimeoutInSec": 1}}),
    )
    .await;
    let mut client = gateway.peer().await;
    client.write(handshake(HOST, "/late", "")).await;
    let (head, mut server) = backend.accept().await;
    gateway.management().remove(gateway.id()).await;
    wait_for("the end of the listener", async || {
        TcpStream::connect(gateway.http()).await.is_err().then_some(())
    })
    .await;
    server.write(switching_protocols(&head)).await;
    assert_eq!(client.read_head().await.status(), 101);
    assert_eq!(client.read_to_end().await.0, b"");
    gateway.access_log().line_with(&["/late", "its gateway was removed"]).await;
}

/// Opens this many tunnels, and returns the time at which each ends after `begin`.
async fn ends_after(
    gateway: &mut Gateway,
    count: usize,
    begin: impl AsyncFnOnce(&mut Gateway),
) -> Vec<Duration> {
    let mut tunnels = Vec::new();
    for _ in 0..count {
        tunnels.push(gateway.websocket("/herd").await);
    }
    let since = Instant::now();
    let mut ends = JoinSet::new();
    for mut tunnel in tunnels {
        ends.spawn(async move {
            tunnel.end().await;
            since.elapsed()
        });
    }
    begin(gateway).await;
    let mut ends = ends.join_all().await;
    ends.sort_unstable();
    ends
}

/// Asserts that the ends are spread evenly over this time. The operation of a write takes a part of a second, so the
/// first end may come late.
fn assert_even(ends: &[Duration], time: Duration) {
    let (first, last) = (ends[0], ends[ends.len() - 1]);
    assert!(last - first > time * 7 / 10 && last < time * 2, "from {first:?} to {last:?}");
    let window = time / 10;
    let together = |from: &Duration| ends.iter().filter(|end| (*from..*from + window).contains(*end)).count();
    let most = ends.iter().map(together).max().unwrap_or_default();
    assert!(most <= ends.len() / 4, "{most} ended within {window:?}");
}

#[tokio::test]
async fn drained_tunnels_end_evenly_over_the_whole_time_if_the_policy_says_so() {
    let time = Duration::from_secs(2);
    let backend = Backend::start().await;
    let builder = tidegate().option("--drain-timeout", "2s");
    let mut gateway = Gateway::start_with(builder, &[backend.ip()], |d| d.drained_after(2)).await;
    put_policy(&gateway, json!({"drainSpread": "even"})).await;
    let remove = async |gateway: &mut Gateway| {
        gateway.apply(gateway.document.clone().pool("pool", &[])).await;
    };
    assert_even(&ends_after(&mut gateway, 200, remove).await, time);

    let back = gateway.document.clone().pool("pool", &[backend.ip()]);
    gateway.apply(back).await;
    let stop = async |gateway: &mut Gateway| gateway.tidegate.terminate();
    assert_even(&ends_after(&mut gateway, 100, stop).await, time);
    assert!(gateway.tidegate.exited_successfully().await);
}

#[tokio::test]
async fn a_tunnel_ends_at_its_lifetime_and_at_its_idle_timeout_also_if_the_policy_comes_later() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut early = gateway.websocket("/early").await;
    put_policy(&gateway, json!({"idleTimeoutInSec": 1, "maxLifetimeInSec": 3})).await;
    let opened = Instant::now();
    let (mut busy, mut idle) = (gateway.websocket("/busy").await, gateway.websocket("/idle").await);
    assert_lives_for(&mut busy, Duration::from_millis(2500)).await;
    idle.end().await;
    early.end().await;
    while busy.lives("still there?").await {
        assert!(opened.elapsed() < Duration::from_secs(10), "it has outlived its lifetime");
    }
    assert!(opened.elapsed() >= Duration::from_millis(2900), "it was cut after {:?}", opened.elapsed());
    for (path, reason) in [
        ("/busy", "it has reached its maximum lifetime"),
        ("/idle", "idle timeout after 1 s"),
        ("/early", "idle timeout after 1 s"),
    ] {
        gateway.access_log().line_with(&[path, reason]).await;
    }
    let log = gateway.access_log();
    wait_for("a line for each tunnel", async || (log.count_with(&["\"tunnel\""]) == 3).then_some(())).await;
}
