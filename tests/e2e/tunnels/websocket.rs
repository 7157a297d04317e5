//! WebSockets over every kind of listener, to every kind of backend.

use std::net::IpAddr;

use serde_json::json;
use tidegate_harness::{
    Authority, BACKEND_PORT, Backend, End, Gateway, ManualBackend, WebSocket, handshake, loopback,
};

use crate::{HOST, tidegate, with_https};

/// The text that identifies the access line of a tunnel.
const TUNNEL: &str = r#""event":"tunnel""#;

#[tokio::test]
async fn ws_to_ws() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    for number in 0..100 {
        socket.echo(&format!("message {number}")).await;
    }
    socket.echo(&"a longer one ".repeat(10_000)).await;
    socket.echo("").await;
    assert_eq!(socket.close().await, End::Closed(1005));
}

#[tokio::test]
async fn wss_to_ws() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| with_https(d, &authority)).await;
    let mut socket = WebSocket::connect_tls(gateway.https(), HOST, "/chat", &authority.client()).await;
    socket.echo("in TLS on the one side").await;
    socket.echo(&"a longer one ".repeat(10_000)).await;
    let seen = backend.request("/chat").await.head;
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-port"), Some("20443"));
    assert_eq!(socket.close().await, End::Closed(1005));
}

#[tokio::test]
async fn wss_to_wss() {
    let (authority, inner, address) = (Authority::new(), Authority::new(), loopback());
    let backend = Backend::start_tls(address, inner.issue(&["inner.test"]).server()).await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.trusted_root("inner", &inner.base64());
        let root = document.reference("trustedRootCertificates", "inner");
        let settings =
            json!({"protocol": "Https", "hostName": "inner.test", "trustedRootCertificates": [root]});
        with_https(document.settings("settings", &settings), &authority)
    })
    .await;
    let mut socket = WebSocket::connect_tls(gateway.https(), HOST, "/chat", &authority.client()).await;
    socket.echo("in TLS on both sides").await;
    socket.echo(&"a longer one ".repeat(10_000)).await;
    gateway.websocket("/plain").await.echo("and ws to wss").await;
    assert_eq!(backend.request("/chat").await.head.header("host"), Some("inner.test"));
}

#[tokio::test]
async fn pings_and_close_codes_pass() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    socket.ping().await;
    socket.echo("after the ping").await;
    assert_eq!(socket.close().await, End::Closed(1005));
}

#[tokio::test]
async fn many_at_once_do_not_mix() {
    let backends = [Backend::start().await, Backend::start().await];
    let members: Vec<IpAddr> = backends.iter().map(Backend::ip).collect();
    let gateway = Gateway::start(tidegate().threads(2), &members).await;
    let mut sockets = Vec::new();
    for _ in 0..50 {
        sockets.push(gateway.websocket("/chat").await);
    }
    for round in 0..3 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send(&format!("{round} of {number}")).await;
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            assert_eq!(socket.receive().await, format!("{round} of {number}"));
        }
    }
    assert!(
        backends.iter().all(|backend| backend.requests().len() >= 10),
        "they are spread over the members"
    );
}

#[tokio::test]
async fn each_end_of_a_tunnel_leaves_one_line() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (path, closed_by) in [("/first", "client"), ("/second", "backend")] {
        let mut client = gateway.peer().await;
        client.write(handshake(HOST, path, "")).await;
        let mut server = backend.accept_websocket().await;
        assert_eq!(client.read_head().await.status(), 101);
        client.write("a question").await;
        server.read_exact(10).await;
        server.write("an answer").await;
        client.read_exact(9).await;
        let (one, other) =
            if closed_by == "client" { (&mut client, &mut server) } else { (&mut server, &mut client) };
        one.finish().await;
        other.read_to_end().await;
        other.finish().await;

        let line = gateway.access_log().line_with(&[path, TUNNEL]).await;
        let properties = &line["properties"];
        for (holder, field, value) in [
            (&line, "listenerName", json!("http")),
            (&line, "ruleName", json!("rule")),
            (&line, "backendPoolName", json!("pool")),
            (&line, "backendSettingName", json!("settings")),
            (properties, "closedBy", json!(closed_by)),
            (properties, "serverRouted", json!(format!("{}:{BACKEND_PORT}", backend.ip()))),
            (properties, "receivedBytes", json!(10)),
            (properties, "sentBytes", json!(9)),
        ] {
            assert_eq!(holder[field], value, "{field} in {line}");
        }
    }
    // Lines keep their order: the lines of the first tunnel are written before that of the second.
    assert_eq!(gateway.access_log().count_with(&["/first", TUNNEL]), 1);
    assert_eq!(gateway.access_log().count_with(&[TUNNEL]), 2);
}

#[tokio::test]
async fn http_and_websocket_live_side_by_side() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    for _ in 0..5 {
        gateway.get("/page").await.expect(200);
        socket.echo("beside requests").await;
    }
}
