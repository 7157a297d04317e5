//! WebSocket over HTTP/2 (RFC 8441): an extended CONNECT becomes an HTTP/1.1 handshake with the backend, and a
//! stream becomes the client's end of the tunnel.

use serde_json::json;
use tidegate_harness::{
    Authority, Behaviour, Ending, Gateway, Http2Client, Http2Stream, ManualBackend, Peer, Reason, StreamEnd,
    memory_kib, peak_memory_kib, reset_peak_memory,
};

use crate::http2::{Stage, with_http2};
use crate::{HOST, tidegate, with_https};

const HANDSHAKE: [(&str, &str); 2] = [("sec-websocket-version", "13"), ("origin", "https://app.test")];

/// A gateway in front of a backend that the test controls.
struct Manual {
    backend: ManualBackend,
    gateway: Gateway,
    client: Http2Client,
}

impl Manual {
    async fn new() -> Manual {
        Manual::with_timeout(30).await
    }

    async fn with_timeout(seconds: u64) -> Manual {
        let (backend, authority) = (ManualBackend::start().await, Authority::new());
        let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
            let document = with_http2(with_https(document, &authority));
            document.settings("settings", &json!({"requestTimeout": seconds}))
        })
        .await;
        let client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
        Manual { backend, gateway, client }
    }

    /// Opens a tunnel, and returns the client's stream and the backend's connection.
    async fn tunnel(&mut self) -> (Http2Stream, Peer) {
        let mut stream = self.client.connect_protocol("websocket", "/tunnel", &HANDSHAKE).await;
        let server = self.backend.accept_websocket().await;
        assert_eq!(stream.head().await.status(), 200);
        (stream, server)
    }
}

/// Encodes a client's text message, with a mask of zero.
fn message(text: &str) -> Vec<u8> {
    [&[0x81, 0x80 | text.len() as u8, 0, 0, 0, 0], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_message_goes_there_and_back() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let offer = [HANDSHAKE[0], HANDSHAKE[1], ("sec-websocket-protocol", "chat.v2"), ("cookie", "a=1")];
    let mut stream = client.connect_protocol("websocket", "/chat?room=1", &offer).await;
    let head = stream.head().await;
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["sec-websocket-protocol"], "chat.v2");
    for name in ["sec-websocket-accept", "upgrade", "connection"] {
        assert!(!head.headers().contains_key(name), "{name}: {head:?}");
    }
    stream.write(message("over a stream")).await;
    assert_eq!(stream.read_exact(15).await, b"\x81\x0dover a stream");

    let seen = stage.backend.request("/chat?room=1").await.head;
    assert_eq!(seen.first_line, "GET /chat?room=1 HTTP/1.1");
    for (name, value) in [
        ("host", HOST),
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat.v2"),
        ("origin", "https://app.test"),
        ("cookie", "a=1"),
        ("x-forwarded-proto", "https"),
    ] {
        assert_eq!(seen.header(name), Some(value), "{name}");
    }
    assert_eq!(seen.header("sec-websocket-key").map(str::len), Some(24), "the gateway makes the key");

    // A Close frame, and then the end of the stream.
    stream.write([0x88, 0x80, 0, 0, 0, 0]).await;
    stream.finish();
    let (last, end) = stream.read_to_end().await;
    assert_eq!((&last[..2], end), (&[0x88, 0][..], StreamEnd::Finished));
    stage.gateway.access_log().line_with(&["tunnel", "/chat?room=1", "closed"]).await;
    client.get("/next").await.expect(200);
}

#[tokio::test]
async fn a_refusal_of_the_backend_reaches_the_client() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for status in [400, 401, 403, 404, 503] {
        stage.backend.behave(Behaviour::status(status, "no"));
        let stream = client.connect_protocol("websocket", "/chat", &HANDSHAKE).await;
        assert_eq!(stream.answer().await.expect(status).text(), "no");
    }
}

#[tokio::test]
async fn what_is_no_true_101_opens_nothing() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    // For an HTTP/2 client a 200 would mean that the WebSocket is open.
    for lie in [Behaviour::lying_accept(), Behaviour::no_accept(), Behaviour::status(200, "no tunnel here")] {
        stage.backend.behave(lie);
        let stream = client.connect_protocol("websocket", "/lie", &HANDSHAKE).await;
        stream.answer().await.expect(502);
    }
}

#[tokio::test]
async fn other_protocols_are_not_served() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let stream = client.connect_protocol("connect-udp", "/", &[]).await;
    stream.answer().await.expect(501);
    assert!(stage.backend.requests().is_empty());
}

#[tokio::test]
async fn the_end_of_one_side_becomes_that_of_the_other() {
    let mut stage = Manual::new().await;
    let (mut client, mut server) = stage.tunnel().await;
    client.write("last words").await;
    client.finish();
    assert_eq!(server.read_to_end().await, (b"last words".to_vec(), Ending::Eof));
    server.write("and the answer to them").await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (b"and the answer to them".to_vec(), StreamEnd::Finished));

    let (mut client, mut server) = stage.tunnel().await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (Vec::new(), StreamEnd::Finished));
    client.write("you may have gone, I have not").await;
    assert_eq!(server.read_exact(29).await, b"you may have gone, I have not");
}

#[tokio::test]
async fn a_reset_becomes_a_reset() {
    let mut stage = Manual::new().await;
    for reason in [Reason::CANCEL, Reason::INTERNAL_ERROR] {
        let (mut client, mut server) = stage.tunnel().await;
        client.reset(reason);
        assert_eq!(server.read_to_end().await.1, Ending::Reset, "{reason}");
    }
    let (mut client, server) = stage.tunnel().await;
    server.reset();
    assert_eq!(client.read_to_end().await.1, StreamEnd::Reset(Reason::CANCEL));
    let (mut client, mut server) = stage.tunnel().await;
    client.write("the connection has not suffered").await;
    assert_eq!(server.read_exact(31).await, b"the connection has not suffered");
}

#[tokio::test]
async fn a_silent_tunnel_ends_and_its_connection_goes_on() {
    let mut stage = Manual::with_timeout(1).await;
    let (mut client, mut server) = stage.tunnel().await;
    let (from_client, from_server) = tokio::join!(server.read_to_end(), client.read_to_end());
    assert_eq!((from_client.0.len(), from_server.0.len()), (0, 0), "not a byte of the gateway's own");
    stage.gateway.access_log().line_with(&["tunnel", "/tunnel", "idle timeout"]).await;
    let (mut client, mut server) = stage.tunnel().await;
    client.write("another").await;
    assert_eq!(server.read_exact(7).await, b"another");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_holds_up_neither_memory_nor_its_siblings() {
    let mut stage = Manual::new().await;
    let worker = stage.gateway.tidegate.worker_pid(1).await;
    let block = vec![b'x'; 16 * 1024];
    let (mut moving_client, mut moving_server) = stage.tunnel().await;
    let (mut deaf_client, mut talking_server) = stage.tunnel().await;
    let (mut talking_client, mut deaf_server) = stage.tunnel().await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);
    let down = block.len() * talking_server.write_until_held_up(&block).await;
    let up = block.len() * talking_client.write_until_held_up(&block).await;
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 8 * 1024, "the worker grew by {grown} KiB while it held {} bytes up", down + up);

    // Both directions of another stream continue, far beyond one window.
    for _ in 0..64 {
        moving_client.write(&block).await;
        assert_eq!(moving_server.read_exact(block.len()).await, block);
        moving_server.write(&block).await;
        assert_eq!(moving_client.read_exact(block.len()).await, block);
    }
    // None of the blocked bytes is lost.
    talking_server.finish().await;
    talking_client.finish();
    let (received, end) = deaf_client.read_to_end().await;
    assert!(received.len() >= down && end == StreamEnd::Finished);
    assert!(deaf_server.read_to_end().await.0.len() >= up);
}

#[tokio::test]
async fn a_removed_backend_ends_its_tunnels_and_leaves_the_connection() {
    let mut stage = Manual::new().await;
    let drained = json!({"connectionDraining": {"enabled": true, "drainTimeoutInSec": 1}});
    let document = stage.gateway.document.clone().settings("settings", &drained);
    stage.gateway.apply(document.clone()).await;
    let (mut client, mut server) = stage.tunnel().await;
    stage.gateway.apply(document.pool("pool", &[])).await;
    assert_eq!(client.read_to_end().await.1, StreamEnd::Finished);
    server.read_to_end().await;
    stage.gateway.access_log().line_with(&["tunnel", "/tunnel", "its backend was removed"]).await;
    stage.client.get("/nobody").await.expect(502);
}
