//! Limits: excess is rejected, and nothing else is affected.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use tidegate_harness::{
    API_VERSION, Authority, Backend, Ending, Gateway, GatewayDocument, Metrics, Peer, loopback, memory_kib,
    wait_for,
};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{HOST, tidegate, with_https};

#[tokio::test]
async fn a_document_above_the_limit_is_413_and_every_other_body_above_4_mib() {
    let tidegate = tidegate().option("--max-body", "6MiB").start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    let put = async |size: usize| {
        let mut body = document.body().clone();
        body["etag"] = "x".repeat(size).into();
        management.put(document.id(), &body).await
    };
    put(5 * 1024 * 1024).await.expect(201);
    put(6 * 1024 * 1024).await.expect(413).error_code();
    let child = format!("{}/frontendPorts/large", document.id());
    let properties = json!({"port": 80});
    let body = json!({"properties": properties, "etag": "x".repeat(4 * 1024 * 1024)});
    management.put(&child, &body).await.expect(413).error_code();
}

#[tokio::test]
async fn as_many_listeners_with_a_rule_each_as_the_limits_allow_are_taken_by_one_put() {
    const MOST: usize = 10_000;
    let limit = format!("httpListeners={MOST},requestRoutingRules={MOST}");
    let tidegate = tidegate().control_plane_alone().option("--limit", &limit).start().await;
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let mut body = document.body().clone();
    let many = |one: &Value, change: &dyn Fn(usize, &mut Value)| {
        let each = (0..MOST).map(|i| {
            let mut one = one.clone();
            change(i, &mut one);
            one
        });
        Value::Array(each.collect())
    };
    let properties = &mut body["properties"];
    properties["httpListeners"] = many(&properties["httpListeners"][0], &|i, listener| {
        listener["name"] = format!("listener{i}").into();
        listener["properties"]["hostName"] = format!("host{i}.test").into();
    });
    properties["requestRoutingRules"] = many(&properties["requestRoutingRules"][0], &|i, rule| {
        rule["name"] = format!("rule{i}").into();
        rule["properties"]["priority"] = (1 + i).into();
        rule["properties"]["httpListener"]["id"] =
            format!("{}/httpListeners/listener{i}", document.id()).into();
    });
    assert!(body.to_string().len() > 4 * 1024 * 1024, "larger than any other body may be");
    let put = tidegate.management().put(document.id(), &body).await.expect(201);
    assert_eq!(put.json()["properties"]["requestRoutingRules"].as_array().unwrap().len(), MOST);
}

#[tokio::test]
async fn a_client_that_asks_first_need_not_send_a_body_that_is_too_large() {
    let tidegate = tidegate().start().await;
    let mut peer = Peer::connect(tidegate.management().address()).await;
    let document = GatewayDocument::empty("gateway");
    peer.write(format!(
        "PUT {}?api-version={API_VERSION} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n",
        document.id(),
        tidegate.admin_token()
    ))
    .await;
    assert_eq!(peer.read_head().await.status(), 413);
}

#[tokio::test]
async fn malformed_requests_are_answered_or_dropped_and_the_worker_lives() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let many_headers = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X-A: b\r\n".repeat(5_000));
    let long_header = format!("GET / HTTP/1.1\r\nHost: a\r\nX-A: {}\r\n\r\n", "b".repeat(1_000_000));
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1_000_000));
    let cases: &[&[u8]] = &[
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"GET nonsense HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        many_headers.as_bytes(),
        long_header.as_bytes(),
        long_target.as_bytes(),
    ];
    for case in cases {
        let mut peer = gateway.peer().await;
        // The connection may be closed while the client still sends.
        let _ = peer.try_write(case).await;
        let _ = peer.try_write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        peer.read_to_end().await;
        gateway.get("/still").await.expect(200);
    }
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the worker is another");
}

/// Returns true if a client that sends nothing is reset.
async fn is_reset(address: SocketAddr) -> bool {
    let reset = async {
        let mut byte = [0];
        let read = async { TcpStream::connect(address).await?.read(&mut byte).await };
        read.await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    };
    timeout(Duration::from_secs(10), reset).await.unwrap_or(false)
}

#[tokio::test]
async fn a_worker_without_files_left_refuses_and_recovers() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let open = std::fs::read_dir(format!("/proc/{worker}/fd")).unwrap().count() as u64;
    let pid = Pid::from_raw(i32::try_from(worker).unwrap());
    let few = Rlimit { current: Some(open + 10), maximum: Some(open + 10) };
    prlimit(pid, Resource::Nofile, few).unwrap();

    let mut held = vec![gateway.peer().await];
    let mut more = Vec::new();
    for _ in 0..40 {
        // The connection may be reset at once.
        more.extend(TcpStream::connect(gateway.http()).await.ok());
    }
    // Either of the two limits may be reached first.
    let said = || {
        let output = gateway.tidegate.output();
        let lines = output.lines();
        lines
            .filter(|l| l.contains("limit of connections") || l.contains("connection can be accepted"))
            .count()
    };
    wait_for("the worker to say so", async || (said() > 0).then_some(())).await;
    // The client gets a reset, and does not wait for a response.
    assert!(is_reset(gateway.http()).await, "a client without a descriptor was not reset");
    // Open connections continue, and so does the process.
    held[0].write("GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let status = held[0].read_head().await.status();
    assert!(matches!(status, 200 | 502 | 503), "{status}");
    assert_eq!(said(), 1, "it is said once");
    drop((held, more));
    wait_for("the worker to take connections again", async || {
        (gateway.get("/recovered").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the worker is another");
}

/// Restarts the worker with so few file descriptors that its connection limit is low.
async fn with_a_low_connection_limit(gateway: &Gateway) {
    let worker = gateway.tidegate.worker_pid(1).await;
    let up =
        gateway.tidegate.processes().into_iter().find(|pid| *pid != worker).expect("the test can be set up");
    let few = Rlimit { current: Some(128), maximum: Some(128) };
    prlimit(Pid::from_raw(i32::try_from(up).expect("the test can be set up")), Resource::Nofile, few)
        .expect("the test can be set up");
    let old = gateway.tidegate.kill_worker(1).await;
    gateway.tidegate.worker_other_than(1, old).await;
    gateway.tidegate.all_connected().await;
    gateway
        .tidegate
        .metrics_when("the places are few", |metrics| {
            (1.0..100.0).contains(&metrics.sum("tidegate_connections_max", &[]))
        })
        .await;
}

#[tokio::test]
async fn at_the_connection_limit_new_clients_get_a_response_or_a_reset() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let tidegate = tidegate().option("--connections-per-address", "0");
    let gateway =
        Gateway::start_with(tidegate, &[backend.ip()], |document| with_https(document, &authority)).await;
    with_a_low_connection_limit(&gateway).await;
    let mut held = Vec::new();
    let free = gateway.tidegate.metrics_when("some places are free", |metrics| {
        metrics.sum("tidegate_connections_available", &[]) > 0.0
    });
    for _ in 0..free.await.sum("tidegate_connections_available", &[]) as usize {
        held.push(gateway.peer().await);
    }
    let full = |metrics: &Metrics| metrics.sum("tidegate_connections_available", &[]) == 0.0;
    gateway.tidegate.metrics_when("no place is free", full).await;
    for _ in 0..20 {
        let mut late = gateway.peer().await;
        late.write("GET /late HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let (answer, ending) = late.read_to_end().await;
        let answer = String::from_utf8(answer).unwrap();
        let is_told = answer.starts_with("HTTP/1.1 503 ") && answer.contains("Retry-After: 5");
        assert!(is_told && ending == Ending::Eof || ending == Ending::Reset, "{answer} {ending:?}");
    }
    assert!(is_reset(gateway.https()).await, "a client of TLS was not reset");
    assert!(backend.requests().is_empty());
    let counted = |metrics: &Metrics| {
        metrics.sum("tidegate_connections_rejected_total", &["reason=\"limit\""]) >= 21.0
            && metrics.sum("tidegate_connection_limit_reached_total", &[]) >= 1.0
    };
    gateway.tidegate.metrics_when("each of them was counted", counted).await;
    let said = gateway.tidegate.output();
    let said = said.lines().filter(|line| line.contains("the limit of connections is reached")).count();
    assert_eq!(said, 1, "it is said once in ten seconds");
    drop(held);
    wait_for("the worker to take connections again", async || {
        (gateway.get("/recovered").await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_address_holds_more_connections_than_its_share() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let tidegate = tidegate().option("--connections-per-address", "3");
    let gateway = Gateway::start_with(tidegate, &[backend.ip()], |document| {
        let proxied = json!({"protocol": "Http", "proxyProtocol": {"sources": ["127.0.0.0/8"]}});
        with_https(document, &authority).listener("http", "http", &proxied)
    })
    .await;
    let come = async |client: &str| {
        let mut peer = gateway.peer().await;
        peer.write(format!("PROXY TCP4 {client} 127.0.0.1 4000 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await;
        let status = peer.read_head().await.status();
        (status, peer)
    };
    // The proxy has one address, and its clients have several.
    let mut held = Vec::new();
    for client in ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"] {
        let (status, peer) = come(client).await;
        assert_eq!(status, 200, "{client}");
        held.push(peer);
    }
    assert_eq!(come("192.0.2.1").await.0, 429);
    assert_eq!(come("192.0.2.2").await.0, 200);
    held.remove(0);
    wait_for("a share to come back", async || (come("192.0.2.1").await.0 == 200).then_some(())).await;

    // Over TLS the gateway cannot send a response before the handshake.
    let mut secure = Vec::new();
    for _ in 0..3 {
        secure.push(Peer::connect_tls(gateway.https(), HOST, &authority.client()).await);
    }
    assert!(is_reset(gateway.https()).await, "a client of TLS was not reset");
    let counted = |metrics: &Metrics| {
        metrics.sum("tidegate_connections_rejected_total", &["reason=\"address\""]) >= 2.0
    };
    gateway.tidegate.metrics_when("each of them was counted", counted).await;
}

#[tokio::test]
async fn idle_tunnels_are_cheap() {
    const TUNNELS: u64 = 200;
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    // The first tunnels allocate what is shared by all: buffers, tables, code.
    let mut sockets = Vec::new();
    for _ in 0..50 {
        let mut socket = gateway.websocket("/idle").await;
        socket.echo("warm").await;
        sockets.push(socket);
    }
    let before = memory_kib(worker);
    for _ in 0..TUNNELS {
        let mut socket = gateway.websocket("/idle").await;
        socket.echo("and then silence").await;
        sockets.push(socket);
    }
    let each = memory_kib(worker).saturating_sub(before) * 1024 / TUNNELS;
    // The bound for release builds is lower; a debug build's futures are larger. A leaked buffer would be 64 KiB.
    assert!(each < 32 * 1024, "{each} bytes for an idle tunnel");
    for socket in &mut sockets {
        socket.echo("still there").await;
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut peer = gateway.peer().await;
    let requests: String =
        (0..5).map(|number| format!("GET /{number} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    peer.write(requests).await;
    for number in 0..5 {
        let head = peer.read_head().await;
        assert_eq!(head.status(), 200);
        let body = String::from_utf8(peer.read_body(&head).await).unwrap();
        assert!(body.contains(&format!("\"target\":\"/{number}\"")), "{body}");
    }
}

/// Azure's clients for Python send the head first, and reuse the connection after a refusal.
#[tokio::test]
async fn a_refusal_before_the_body_arrived_does_not_cost_the_connection() {
    let tidegate = tidegate().start().await;
    let mut peer = Peer::connect(tidegate.management().address()).await;
    for _ in 0..2 {
        peer.write("PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n").await;
        peer.write("{}").await;
        let head = peer.read_head().await;
        assert_eq!((head.status(), head.header("connection")), (401, None));
        peer.read_body(&head).await;
    }
    peer.write("PUT /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n").await;
    let head = peer.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (401, Some("close")));
}
