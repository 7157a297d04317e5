//! Interim responses: the hints of a backend, and its answer to a client that asks first whether its body is wanted.

use serde_json::json;
use tidegate_harness::{Ending, Gateway, GatewayDocument, ManualBackend};

use crate::tidegate;

const HINTS: &str = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const ASK: &str = "PUT /ask HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n";

#[tokio::test]
async fn hints_reach_a_client_of_http_1_1_before_the_response_and_no_older_one() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (version, is_told) in [("1.1", true), ("1.0", false)] {
        let mut client = gateway.peer().await;
        client.write(format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n")).await;
        let (_, mut server) = backend.accept().await;
        server.write(HINTS).await;
        if is_told {
            let hints = client.read_head().await;
            let told = (hints.status(), hints.header("link"), hints.header("x-hop"));
            assert_eq!(told, (103, Some("</a.css>"), None));
        }
        server.write(OK).await;
        let head = client.read_head().await;
        assert_eq!(head.status(), 200);
        assert_eq!(client.read_body(&head).await, b"ok");
    }
}

#[tokio::test]
async fn a_backend_decides_whether_it_wants_the_body_of_a_client_that_asks() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write(ASK).await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.header("expect"), Some("100-continue"));
    server.write("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(client.read_head().await.status(), 100);
    client.write("hello").await;
    assert_eq!(server.read_body(&head).await, b"hello");
    server.write(OK).await;
    assert_eq!(client.read_head().await.status(), 200);

    let mut client = gateway.peer().await;
    client.write(ASK).await;
    // The connection of the first request is used again.
    let head = server.read_head().await;
    assert_eq!(head.header("expect"), Some("100-continue"));
    server.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (403, Some("close")));
    assert_eq!(client.read_body(&head).await, b"no");
    client.finish().await;
    assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof));
    assert_eq!(server.read_to_end().await, (Vec::new(), Ending::Eof), "a body that nobody wants was sent");
}

#[tokio::test]
async fn a_backend_that_does_not_know_the_question_gets_the_body() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write(ASK).await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(client.read_head().await.status(), 100);
    client.write("hello").await;
    assert_eq!(server.read_body(&head).await, b"hello");
    server.write(OK).await;
    assert_eq!(client.read_head().await.status(), 200);
}

#[tokio::test]
async fn a_gateway_that_collects_bodies_asks_for_them_itself() {
    let mut backend = ManualBackend::start().await;
    let collecting = |mut document: GatewayDocument| {
        document.body_mut()["properties"]["globalConfiguration"] = json!({ "enableRequestBuffering": true });
        document
    };
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], collecting).await;
    let mut client = gateway.peer().await;
    client.write(ASK).await;
    assert_eq!(client.read_head().await.status(), 100);
    client.write("hello").await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.header("expect"), None);
    assert_eq!(server.read_body(&head).await, b"hello");
    server.write(OK).await;
    assert_eq!(client.read_head().await.status(), 200);
}
