//! The WebSocket handshake, which is an ordinary request until the 101.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{Backend, Behaviour, Gateway, ManualBackend, Then, WebSocket, handshake};

use crate::{HOST, tidegate};

#[tokio::test]
async fn a_backend_that_does_not_answer_it_in_time_is_a_504() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| {
        d.settings("settings", &json!({"requestTimeout": 1}))
    })
    .await;
    backend.behave(Behaviour::Hang);
    assert_eq!(gateway.refused_websocket("/slow").await, 504);
}

#[tokio::test]
async fn a_lying_101_is_a_502() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for lie in [Behaviour::lying_accept(), Behaviour::no_accept()] {
        backend.behave(lie);
        let mut peer = gateway.peer().await;
        peer.write(handshake(HOST, "/lie", "")).await;
        let head = peer.read_head().await;
        assert_eq!(head.status(), 502, "{head:?}");
        assert!(head.header("sec-websocket-accept").is_none(), "{head:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_has_its_own_headers_removed_is_the_clients_400() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for name in ["Sec-WebSocket-Key", "sec-websocket-version"] {
        let mut peer = gateway.peer().await;
        peer.write(handshake(HOST, "/stripped", &format!("Connection: {name}\r\n"))).await;
        assert_eq!(peer.read_head().await.status(), 400, "{name}");
    }
    gateway.access_log().line_with(&["/stripped", "400", "Connection header names"]).await;
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn a_200_goes_back_as_it_is_and_the_connection_stays_http() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut peer = gateway.peer().await;
    backend.behave(Behaviour::status(200, "no tunnel here"));
    peer.write(handshake(HOST, "/page", "")).await;
    let head = peer.read_head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(peer.read_body(&head).await, b"no tunnel here");

    backend.behave(Behaviour::Serve);
    peer.write("GET /next HTTP/1.1\r\nHost: gateway.test\r\n\r\n").await;
    let head = peer.read_head().await;
    assert_eq!(head.status(), 200, "the same connection serves the next request");
    peer.read_body(&head).await;

    peer.write(handshake(HOST, "/chat", "")).await;
    assert_eq!(peer.read_head().await.status(), 101, "and a WebSocket, should one be had");
}

#[tokio::test]
async fn a_refusal_of_the_backend_reaches_the_client() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for status in [400, 401, 403, 404, 426, 503] {
        backend.behave(Behaviour::status(status, "no"));
        assert_eq!(gateway.refused_websocket("/chat").await, status);
    }
}

#[tokio::test]
async fn not_one_byte_of_the_client_reaches_the_backend_before_the_101() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    // In the same segment, like an impatient client.
    client.write(handshake(HOST, "/early", "") + "early bytes").await;
    let (head, mut server) = backend.accept().await;
    assert!(head.is_websocket());
    assert!(server.is_silent_for(Duration::from_millis(300)).await, "bytes came before the 101");

    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(
        head.header("sec-websocket-key").unwrap().as_bytes(),
    );
    server
        .write(format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        ))
        .await;
    assert_eq!(client.read_head().await.status(), 101);
    assert_eq!(server.read_exact(11).await, b"early bytes", "and not one is lost");
}

#[tokio::test]
async fn early_bytes_of_a_client_that_gets_no_tunnel_go_nowhere() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::status(403, "no"));
    let mut client = gateway.peer().await;
    client
        .write(handshake(HOST, "/early", "") + "\u{1}\u{2} a frame for a tunnel that never was\r\n\r\n")
        .await;
    assert_eq!(client.read_head().await.status(), 403);
    client.read_to_end().await;
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn early_bytes_of_the_backend_arrive() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::early_bytes("hello before you said anything"));
    let mut client = gateway.peer().await;
    client.write(handshake(HOST, "/early", "")).await;
    assert_eq!(client.read_head().await.status(), 101);
    assert_eq!(client.read_exact(30).await, b"hello before you said anything");
    client.write("and on").await;
    assert_eq!(client.read_exact(6).await, b"and on");
}

#[tokio::test]
async fn subprotocol_and_extensions_pass_untouched() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::switching_with(
        "Sec-WebSocket-Protocol: soap\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n",
    ));
    let offered = "Sec-WebSocket-Protocol: wamp, soap\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n\
                   Origin: https://app.test\r\nCookie: session=1\r\n";
    let mut client = gateway.peer().await;
    client.write(handshake(HOST, "/chat?room=1", offered)).await;
    let answer = client.read_head().await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.header("sec-websocket-protocol"), Some("soap"));
    assert_eq!(
        answer.header("sec-websocket-extensions"),
        Some("permessage-deflate; server_max_window_bits=10")
    );

    let seen = backend.request("/chat?room=1").await.head;
    assert_eq!(seen.header("sec-websocket-protocol"), Some("wamp, soap"));
    assert_eq!(
        seen.header("sec-websocket-extensions"),
        Some("permessage-deflate; client_max_window_bits, x-other")
    );
    assert_eq!(seen.header("sec-websocket-version"), Some("13"));
    assert_eq!(seen.header("origin"), Some("https://app.test"));
    assert_eq!(seen.header("cookie"), Some("session=1"));
    assert_eq!(seen.header("x-original-host"), Some(HOST));
    assert!(seen.header("x-forwarded-for").is_some() && seen.header("x-appgw-trace-id").is_some());

    // The gateway does not interpret frames with the compression bit.
    let compressed = [0xc1, 0x87, 1, 2, 3, 4, 0xf3, 0x4a, 0xcf, 0xcd, 0, 1, 2];
    client.write(compressed).await;
    assert_eq!(client.read_exact(compressed.len()).await, compressed);
}

#[tokio::test]
async fn the_clients_own_subprotocol_comes_back() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let offer = [("sec-websocket-protocol", "chat.v2")];
    let socket = WebSocket::try_connect(gateway.http(), HOST, "/chat", &offer).await;
    let mut socket = socket.unwrap();
    assert_eq!(socket.header("sec-websocket-protocol"), Some("chat.v2"));
    socket.echo("in that protocol").await;
}

#[tokio::test]
async fn another_protocol_is_not_forwarded_as_an_upgrade() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (number, upgrade) in ["h2c", "TLS/1.3", "h2c, foo/2"].into_iter().enumerate() {
        let path = format!("/upgrade/{number}");
        let mut peer = gateway.peer().await;
        peer.write(format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        ))
        .await;
        let head = peer.read_head().await;
        assert_ne!(head.status(), 101, "{upgrade}");
        for request in backend.requests() {
            let head = request.head;
            assert!(head.header("upgrade").is_none() && head.header("http2-settings").is_none(), "{head:?}");
        }
    }
}

#[tokio::test]
async fn an_upgrade_header_that_connection_does_not_name_is_none() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut peer = gateway.peer().await;
    peer.write("GET /no HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n").await;
    assert_ne!(peer.read_head().await.status(), 101);
    assert!(backend.requests().iter().all(|request| request.head.header("upgrade").is_none()));
}

#[tokio::test]
async fn upgrade_is_matched_without_regard_to_case() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut peer = gateway.peer().await;
    let odd = handshake(HOST, "/chat", "")
        .replace("Connection: Upgrade", "Connection: keep-alive, UPGRADE")
        .replace("Upgrade: websocket", "UPGRADE: WebSocket");
    peer.write(odd).await;
    assert_eq!(peer.read_head().await.status(), 101);
}

#[tokio::test]
async fn a_101_to_an_ordinary_request_is_a_502() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::literal(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        Then::Hold,
    ));
    gateway.get("/ordinary").await.expect(502);
}
