//! Local replies: the gateway's responses without a backend.

use serde_json::json;
use tidegate_harness::{Backend, Behaviour, Gateway, HTTP_PORT, Then};

use crate::{HOST, tidegate};

#[tokio::test]
async fn each_own_answer_has_the_documented_shape() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document
            .listener("http", "http", &json!({"protocol": "Http", "hostName": HOST}))
            .pool("none", &[])
            .settings("settings", &json!({"requestTimeout": 1}))
            .port("other", HTTP_PORT + 1)
            .http_listener("empty", "other")
            .rule("empty", "empty", "none", "settings")
    })
    .await;
    backend.behave(Behaviour::Hang);
    let usual = gateway.http();
    let empty = (gateway.ip(), HTTP_PORT + 1).into();
    for (address, request, status, title) in [
        (usual, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "Bad Request"),
        (usual, "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n", 404, "Not Found"),
        (usual, "TRACE / HTTP/1.1\r\nHost: gateway.test\r\n\r\n", 405, "Method Not Allowed"),
        (empty, "GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n", 502, "Bad Gateway"),
        (usual, "GET / HTTP/1.1\r\nHost: gateway.test\r\n\r\n", 504, "Gateway Timeout"),
    ] {
        let mut peer = tidegate_harness::Peer::connect(address).await;
        peer.write(request).await;
        let head = peer.read_head().await;
        assert_eq!(head.status(), status, "{request}");
        assert_eq!(head.header("server"), Some("Tidegate"));
        assert_eq!(head.header("content-type"), Some("text/html"));
        assert_eq!(head.header("allow").is_some(), status == 405);
        let body = String::from_utf8(peer.read_body(&head).await).unwrap();
        assert_eq!(head.header("content-length"), Some(body.len().to_string().as_str()));
        let shape = format!("<center><h1>{status} {title}</h1></center>\r\n<hr><center>Tidegate</center>");
        assert!(body.contains(&shape), "{body}");
    }
}

#[tokio::test]
async fn an_answer_to_head_has_the_same_head_and_no_body() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let mut client = gateway.client().await;
    let get = client.get("/x").await.expect(502);
    for _ in 0..2 {
        let head = client.send("HEAD", "/x", &[], "").await.expect(502);
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-length"), get.header("content-length"));
    }
    client.get("/x").await.expect(502);
}

#[tokio::test]
async fn the_server_header_can_be_left_out_of_own_answers() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |mut document| {
        document.body_mut()["properties"]["globalConfiguration"] =
            json!({"disableDefaultServerHeaderInResponse": true});
        document.listener("http", "http", &json!({"protocol": "Http", "hostName": HOST}))
    })
    .await;
    let unknown = gateway.client().await.send("GET", "/", &[("host", "other.test")], "").await.expect(404);
    assert_eq!(unknown.header("server"), None);
    let refused = gateway.client().await.send("TRACE", "/", &[], "").await.expect(405);
    assert_eq!(refused.header("server"), None);

    let answer = "HTTP/1.1 502 Bad\r\nServer: backend\r\nContent-Length: 3\r\n\r\nown";
    backend.behave(Behaviour::literal(answer, Then::Next));
    let passed = gateway.get("/").await.expect(502);
    assert_eq!((passed.header("server"), passed.text().as_str()), (Some("backend"), "own"));
}
