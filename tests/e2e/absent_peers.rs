//! Peers of tunnels that vanish without closing, and peers that read slowly and must not be mistaken for them.
//!
//! (Tests run in the order of their names, and this one takes longer than any other.)
//!
//! A blackhole route drops the packets. It lies in the test's own network namespace, where the test starts itself
//! again, so that nothing else on the machine is affected. If the system allows no namespaces, the test prints that
//! and passes.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    AccessLog, Authority, Ending, Gateway, Http2Client, Http2Stream, ManualBackend, Peer, handshake, wait_for,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, interval};

use crate::http2::with_http2;
use crate::{HOST, tidegate, with_https};

/// The variable is set for a test that runs in its own network namespace.
const INSIDE: &str = "TIDEGATE_TEST_IN_NAMESPACE";

/// The path of a client whose receive window is full after a few kilobytes.
const SMALL_WINDOW: &str = "/small-window";

/// Returns true in a network namespace. Otherwise runs the test in another process that has one.
fn is_in_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", program, "sh"]);
        command
    };
    if !unshare("ip link set lo up").output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this system allows no network namespace (unshare and ip are needed)");
        return false;
    }
    let mut again = unshare("ip link set lo up && exec \"$@\"");
    again
        .arg(std::env::current_exe().expect("the test can be set up"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1");
    assert!(again.status().expect("the test can be set up").success(), "it failed in its namespace");
    false
}

/// Drops all packets to this address from now on.
fn lose(address: IpAddr) {
    let route = ["route", "add", "blackhole", &address.to_string(), "table", "local"];
    assert!(Command::new("ip").args(route).status().expect("the test can be set up").success());
}

/// Waits until no byte has moved for this time in this number of tunnels.
async fn still_for(gateway: &Gateway, tunnels: u64, time: Duration) {
    let filter = format!("idleForInSec%20ge%20{}", time.as_secs());
    let url = format!(
        "{}/providers/Tidegate.Network/tunnels?api-version=2026-12-01&$count=true&$top=0&$filter={filter}",
        gateway.id()
    );
    wait_for("tunnels without traffic", async || {
        let page = gateway.management().get(&url).await.expect(200).json();
        (page["count"] == tunnels).then_some(())
    })
    .await;
}

/// Opens a tunnel from a client at this address.
async fn tunnel_from(client: &str, path: &str, to: SocketAddr) -> TcpStream {
    let mut stream = connected_from_with(client, to, (path == SMALL_WINDOW).then_some(4096)).await;
    stream.write_all(handshake("gateway.test", path, "").as_bytes()).await.expect("the test can be set up");
    stream
}

/// Connects from this address.
async fn connected_from(client: &str, to: SocketAddr) -> TcpStream {
    connected_from_with(client, to, None).await
}

/// Connects from this address, with a receive buffer of this size.
async fn connected_from_with(client: &str, to: SocketAddr, buffer: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("the test can be set up");
    if let Some(buffer) = buffer {
        socket.set_recv_buffer_size(buffer).expect("the test can be set up");
    }
    socket
        .bind(SocketAddr::new(client.parse().expect("the test can be set up"), 0))
        .expect("the test can be set up");
    socket.connect(to).await.expect("the test can be set up")
}

async fn take_answer(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the test can be set up"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
}

/// Opens a tunnel from a client at this address, and returns both ends.
async fn tunnel(
    gateway: &Gateway,
    backend: &mut ManualBackend,
    client: &str,
    path: &str,
) -> (TcpStream, Peer) {
    let mut client = tunnel_from(client, path, gateway.http()).await;
    let server = backend.accept_websocket().await;
    take_answer(&mut client).await;
    (client, server)
}

fn has_ended(log: &AccessLog, path: &str, closed_by: &str) -> bool {
    let closed_by = format!("\"closedBy\":\"{closed_by}\"");
    log.count_with(&[path, "\"reason\":\"peer vanished\"", &closed_by]) == 1
}

#[tokio::test]
async fn a_vanished_peer_is_noticed_within_its_time_and_a_slow_reader_is_left_alone() {
    const NAME: &str =
        "absent_peers::a_vanished_peer_is_noticed_within_its_time_and_a_slow_reader_is_left_alone";
    if !is_in_namespace(NAME) {
        return;
    }
    let (mut here, mut away) = (ManualBackend::start().await, ManualBackend::start().await);
    let an_hour =
        |d: tidegate_harness::GatewayDocument| d.settings("settings", &json!({"requestTimeout": 3600}));
    let gateway = Gateway::start_with(tidegate(), &[here.ip()], an_hour).await;
    let other = Gateway::start_with(tidegate(), &[away.ip()], an_hour).await;

    let (_silent_client, mut beside_silent) = tunnel(&gateway, &mut here, "127.77.0.1", "/silent").await;
    let (_client, mut sender) = tunnel(&gateway, &mut here, "127.77.0.1", "/sent-to").await;
    let (sending, _backend) = tunnel(&other, &mut away, "127.77.0.2", "/backend").await;
    let (_beside_backend, _silent) = tunnel(&other, &mut away, "127.77.0.2", "/quiet-backend").await;
    let (mut slow, mut flood) = tunnel(&gateway, &mut here, "127.77.0.2", "/slow").await;
    let (mut drop_by_drop, mut drops) = tunnel(&gateway, &mut here, "127.77.0.2", SMALL_WINDOW).await;
    // The client reads nothing: its window is closed, once with much data waiting and once with little.
    let block = vec![b'x'; 64 * 1024];
    let sent = block.len() * flood.write_until_held_up(&block).await;

    lose("127.77.0.1".parse().unwrap());
    lose(away.ip());
    let (mut dropped, since) = (0, Instant::now());
    let (log, other_log) = (gateway.access_log(), other.access_log());
    let mut ticks = interval(Duration::from_secs(4));
    loop {
        ticks.tick().await;
        // Writes fail once the gateway has ended these tunnels.
        let _ = sender.try_write("still there?").await;
        let _ = sending.try_write(b"still there?");
        drops.write([b'd'; 4096]).await;
        dropped += 4096;
        let passed = since.elapsed();
        let ended = [
            has_ended(&log, "/silent", "client"),
            has_ended(&log, "/sent-to", "client"),
            has_ended(&other_log, "/backend", "backend"),
            has_ended(&other_log, "/quiet-backend", "backend"),
        ];
        if passed < Duration::from_secs(40) {
            assert_eq!(ended, [false; 4], "given up after {passed:?}");
        } else if ended == [true; 4] && passed > Duration::from_secs(75) {
            break;
        }
        assert!(passed < Duration::from_secs(100), "after {passed:?}: {ended:?}");
    }
    assert_eq!(beside_silent.read_to_end().await.1, Ending::Reset);

    let mut received = vec![0; sent];
    slow.read_exact(&mut received).await.unwrap();
    assert!(received.iter().all(|byte| *byte == b'x'));
    let mut received = vec![0; dropped];
    drop_by_drop.read_exact(&mut received).await.unwrap();
    assert!(received.iter().all(|byte| *byte == b'd'));
}

#[tokio::test]
async fn a_policy_sets_the_time_in_which_a_vanished_peer_is_noticed() {
    const NAME: &str = "absent_peers::a_policy_sets_the_time_in_which_a_vanished_peer_is_noticed";
    /// The time of the policy, and what the scan of a thread and a busy machine may add.
    const TIME: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(2));
    if !is_in_namespace(NAME) {
        return;
    }
    let (mut here, mut away) = (ManualBackend::start().await, ManualBackend::start().await);
    let an_hour =
        |d: tidegate_harness::GatewayDocument| d.settings("settings", &json!({"requestTimeout": 3600}));
    let gateway = Gateway::start_with(tidegate(), &[here.ip()], an_hour).await;
    let other = Gateway::start_with(tidegate(), &[away.ip()], an_hour).await;
    // One of them is set before its tunnels open, and one afterwards.
    put_peer_timeout(&gateway, TIME.0).await;
    let (_silent, _beside_silent) = tunnel(&gateway, &mut here, "127.77.0.1", "/silent").await;
    let (_sent_to, mut sender) = tunnel(&gateway, &mut here, "127.77.0.1", "/sent-to").await;
    let (_late, mut late) = tunnel(&gateway, &mut here, "127.77.0.1", "/sent-to-late").await;
    let (mut alive, mut beside_alive) = tunnel(&gateway, &mut here, "127.77.0.2", "/alive").await;
    let (_beside_quiet, _quiet) = tunnel(&other, &mut away, "127.77.0.2", "/quiet-backend").await;
    put_peer_timeout(&other, TIME.0).await;
    let (sending, _backend) = tunnel(&other, &mut away, "127.77.0.2", "/backend").await;
    // The timeouts of the sockets are set by the first check, and the last answer of each peer is older than it.
    still_for(&gateway, 4, TIME.0 / 3).await;
    still_for(&other, 2, TIME.0 / 3).await;

    lose("127.77.0.1".parse().unwrap());
    lose(away.ip());
    let since = Instant::now();
    let (log, other_log) = (gateway.access_log(), other.access_log());
    let mut ticks = interval(Duration::from_millis(250));
    let mut ended = [None; 5];
    while ended.iter().any(Option::is_none) {
        ticks.tick().await;
        let passed = since.elapsed();
        let _ = sender.try_write("still there?").await;
        let _ = sending.try_write(b"still there?");
        // Keepalive has already asked this peer in vain.
        if passed >= TIME.0 / 3 {
            let _ = late.try_write("still there?").await;
        }
        for (ended, (log, path, side)) in ended.iter_mut().zip([
            (&log, "/silent", "client"),
            (&log, "/sent-to\"", "client"),
            (&log, "/sent-to-late", "client"),
            (&other_log, "/backend", "backend"),
            (&other_log, "/quiet-backend", "backend"),
        ]) {
            if ended.is_none() && has_ended(log, path, side) {
                *ended = Some(passed);
            }
        }
        assert!(passed < TIME.0 + TIME.1, "after {passed:?}: {ended:?}");
    }
    beside_alive.write("alive").await;
    let mut received = [0; 5];
    alive.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"alive");
}

/// Opens a tunnel over a stream of HTTP/2, and returns the client's stream and the backend's connection.
async fn tunnel_in(client: &mut Http2Client, backend: &mut ManualBackend, path: &str) -> (Http2Stream, Peer) {
    let mut stream = client.connect_protocol("websocket", path, &[("sec-websocket-version", "13")]).await;
    let server = backend.accept_websocket().await;
    assert_eq!(stream.head().await.status(), 200);
    (stream, server)
}

#[tokio::test]
async fn the_shortest_time_of_its_tunnels_holds_for_a_vanished_client_of_http2() {
    const NAME: &str = "absent_peers::the_shortest_time_of_its_tunnels_holds_for_a_vanished_client_of_http2";
    const TIME: Duration = Duration::from_secs(6);
    if !is_in_namespace(NAME) {
        return;
    }
    let (mut backend, authority) = (ManualBackend::start().await, Authority::new());
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.settings("settings", &json!({"requestTimeout": 3600}));
        with_http2(with_https(document, &authority))
    })
    .await;
    put_peer_timeout(&gateway, TIME).await;
    let mut clients = Vec::new();
    for address in ["127.77.0.1", "127.77.0.3", "127.77.0.2"] {
        let stream = connected_from(address, gateway.https()).await;
        clients.push(Http2Client::over_tcp(stream, HOST, &authority.client()).await);
    }
    let (_quiet, _beside_quiet) = tunnel_in(&mut clients[0], &mut backend, "/silent").await;
    let (_sent_to, mut sender) = tunnel_in(&mut clients[1], &mut backend, "/sent-to").await;
    let (mut alive, mut beside_alive) = tunnel_in(&mut clients[2], &mut backend, "/alive").await;
    still_for(&gateway, 3, TIME / 3).await;

    lose("127.77.0.1".parse().unwrap());
    lose("127.77.0.3".parse().unwrap());
    let (since, log) = (Instant::now(), gateway.access_log());
    let mut ticks = interval(Duration::from_millis(250));
    while ["/silent", "/sent-to"].iter().any(|path| !has_ended(&log, path, "client")) {
        ticks.tick().await;
        let _ = sender.try_write("still there?").await;
        assert!(since.elapsed() < TIME + Duration::from_secs(3), "a vanished client was not noticed");
    }
    assert!(since.elapsed() > TIME / 3, "they ended after {:?}", since.elapsed());
    beside_alive.write("alive").await;
    assert_eq!(alive.read_exact(5).await, b"alive");
}

async fn put_peer_timeout(gateway: &Gateway, time: Duration) {
    let id = format!("{}/providers/Tidegate.Network/tunnelPolicies/default", gateway.id());
    let properties = json!({"peerTimeoutInSec": time.as_secs()});
    gateway.management().apply(&id, &json!({"properties": properties})).await;
}
