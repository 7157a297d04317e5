//! HTTP/2 from clients: the same requests, responses and limits as HTTP/1.1, on HTTPS listeners of a gateway with
//! HTTP/2 enabled.

mod conformance;
mod floods;
mod grpc;
mod strictness;

use serde_json::json;
use tidegate_harness::{
    Authority, Backend, Behaviour, End, Gateway, GatewayDocument, Http2Client, HttpClient, Peer, StreamEnd,
};

use crate::{HOST, tidegate, with_https};

/// A gateway with HTTP/2 enabled in front of one backend, and the authority that its clients trust.
pub(crate) struct Stage {
    pub(crate) backend: Backend,
    pub(crate) gateway: Gateway,
    pub(crate) authority: Authority,
}

impl Stage {
    pub(crate) async fn new() -> Stage {
        Stage::with(|document| document).await
    }

    pub(crate) async fn with(change: impl FnOnce(GatewayDocument) -> GatewayDocument) -> Stage {
        let (backend, authority) = (Backend::start().await, Authority::new());
        let document = |document| change(with_http2(with_https(document, &authority)));
        let gateway = Gateway::start_with(tidegate(), &[backend.ip()], document).await;
        Stage { backend, gateway, authority }
    }

    pub(crate) async fn client(&self) -> Http2Client {
        Http2Client::connect_tls(self.gateway.https(), HOST, &self.authority.client()).await
    }
}

pub(crate) fn with_http2(mut document: GatewayDocument) -> GatewayDocument {
    document.body_mut()["properties"]["enableHttp2"] = json!(true);
    document
}

#[tokio::test]
async fn requests_over_one_connection_reach_the_backend_as_http_1() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let headers = [("cookie", "a=1"), ("cookie", "b=2"), ("x-mine", "kept"), ("te", "trailers")];
    let answer = client.send("POST", "/upload?a=b", &headers, "the body").await.expect(200);
    assert_eq!(answer.json()["body"], "the body");
    assert!(answer.header("connection").is_none() && answer.header("transfer-encoding").is_none());

    let seen = stage.backend.request("/upload?a=b").await.head;
    assert_eq!(seen.first_line, "POST /upload?a=b HTTP/1.1");
    for (name, value) in [
        ("host", Some(HOST)),
        ("x-original-host", Some(HOST)),
        ("x-forwarded-proto", Some("https")),
        ("cookie", Some("a=1; b=2")),
        ("x-mine", Some("kept")),
        ("te", None),
    ] {
        assert_eq!(seen.header(name), value, "{name}");
    }
    let client_address = seen.header("x-forwarded-for").unwrap();
    assert!(client_address.starts_with("127.0.0.1:"), "{client_address}");

    for number in 0..5 {
        client.get(&format!("/{number}")).await.expect(200);
    }
    assert_eq!(stage.backend.connections(), 1, "one after the other, they share a connection to the backend");
    stage.gateway.access_log().line_with(&["/upload?a=b", "200"]).await;
}

#[tokio::test]
async fn it_is_spoken_where_it_is_enabled_and_the_client_asks_for_it() {
    let stage = Stage::new().await;
    let (address, trust) = (stage.gateway.https(), stage.authority.client());
    // A client without ALPN gets HTTP/1.1.
    HttpClient::connect_tls(address, HOST, &trust).await.get("/").await.expect(200);
    stage.client().await.get("/").await.expect(200);

    let mut gateway = stage.gateway;
    let mut document = gateway.document.clone();
    document.body_mut()["properties"]["enableHttp2"] = json!(false);
    gateway.apply(document).await;
    let refused = Http2Client::try_connect_tls(address, HOST, &trust).await;
    assert!(refused.is_err(), "there is no protocol that both know");
    HttpClient::connect_tls(address, HOST, &trust).await.get("/").await.expect(200);
}

#[tokio::test]
async fn requests_do_not_wait_for_each_other() {
    let stage = Stage::new().await;
    stage.backend.behave(Behaviour::Drip);
    let mut client = stage.client().await;
    let mut slow = client.begin("GET", "/slow", &[], true).await;
    assert_eq!(slow.read_exact(5).await, b"first");
    stage.backend.behave(Behaviour::Serve);
    client.get("/quick").await.expect(200);
    stage.backend.release();
    assert_eq!(slow.read_to_end().await, (b"last".to_vec(), StreamEnd::Finished));
}

#[tokio::test]
async fn a_host_may_be_said_twice_but_not_twice_differently() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET", "/", &[("host", HOST)], "").await.expect(200);
    client.send("GET", "/", &[("host", "other.test")], "").await.expect(400);
    client.get("/still").await.expect(200);
}

#[tokio::test]
async fn header_fields_and_blocks_have_their_limits() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let (most, field, half) = ("v".repeat(8 * 1024 - 10), "v".repeat(8 * 1024), "v".repeat(6 * 1024));
    client.send("GET", "/most", &[("x-most", &most)], "").await.expect(200);
    client.send("GET", "/field", &[("x-field", &field)], "").await.expect(431);
    let block = [("x-a", half.as_str()), ("x-b", half.as_str()), ("x-c", half.as_str())];
    client.send("GET", "/block", &block, "").await.expect(431);
    client.get("/still").await.expect(200);
    assert_eq!(stage.backend.requests().len(), 2);
}

#[tokio::test]
async fn a_client_that_resets_a_stream_ends_its_request_alone() {
    let stage = Stage::new().await;
    stage.backend.behave(Behaviour::Hang);
    let mut client = stage.client().await;
    let mut given_up = client.begin("GET", "/given-up", &[], true).await;
    stage.backend.request("/given-up").await;
    given_up.reset(tidegate_harness::Reason::CANCEL);
    stage.gateway.access_log().line_with(&["/given-up", "499"]).await;
    stage.backend.behave(Behaviour::Serve);
    client.get("/next").await.expect(200);
}

#[tokio::test]
async fn a_response_that_breaks_off_resets_its_stream() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    stage.backend.behave(Behaviour::literal(
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        tidegate_harness::Then::Close,
    ));
    let mut broken = client.begin("GET", "/broken", &[], true).await;
    assert_eq!(broken.head().await.status(), 200);
    let (body, end) = broken.read_to_end().await;
    assert!(b"half".starts_with(&body) && matches!(end, StreamEnd::Reset(_)), "{body:?} {end:?}");
    stage.backend.behave(Behaviour::Serve);
    client.get("/next").await.expect(200);
}

#[tokio::test]
async fn after_a_thousand_requests_the_client_is_asked_to_connect_anew() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for _ in 0..1000 {
        client.get("/").await.expect(200);
    }
    client.refused().await;
    assert_eq!(stage.backend.requests().len(), 1000, "not one request is lost");
}

#[tokio::test]
async fn a_policy_sets_the_number_of_requests_of_new_connections() {
    let stage = Stage::new().await;
    let (mut before, management) = (stage.client().await, stage.gateway.management());
    before.get("/").await.expect(200);
    let policy = format!("{}/providers/Tidegate.Network/http2Policies/default", stage.gateway.id());
    management.apply(&policy, &json!({"properties": {"maxRequestsPerConnection": 3}})).await;
    for _ in 0..2 {
        let mut client = stage.client().await;
        for _ in 0..3 {
            client.get("/").await.expect(200);
        }
        client.refused().await;
    }
    for _ in 0..4 {
        before.get("/").await.expect(200);
    }
    management.remove(&policy).await;
    let mut client = stage.client().await;
    for _ in 0..4 {
        client.get("/").await.expect(200);
    }
}

#[tokio::test]
async fn a_closed_listener_lets_its_streams_finish() {
    let mut stage = Stage::new().await;
    stage.backend.behave(Behaviour::Drip);
    let mut client = stage.client().await;
    let mut running = client.begin("GET", "/running", &[], true).await;
    assert_eq!(running.read_exact(5).await, b"first");
    let document = stage.gateway.document.clone();
    let document = document.without("requestRoutingRules", "https").without("httpListeners", "https");
    stage.gateway.apply(document).await;
    client.refused().await;
    stage.backend.release();
    assert_eq!(running.read_to_end().await, (b"last".to_vec(), StreamEnd::Finished));
}

#[tokio::test]
async fn methods_that_are_not_served_are_refused() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("TRACE", "/", &[], "").await.expect(405);
    assert_eq!(client.connect_plain().await.head().await.status(), 405);
    client.get("/still").await.expect(200);
}

#[tokio::test]
async fn without_tls_it_is_refused() {
    let stage = Stage::new().await;
    let mut peer = stage.gateway.peer().await;
    peer.write(format!(
        "GET /upgrade HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    ))
    .await;
    assert_eq!(peer.read_head().await.status(), 403);

    for mut peer in [
        stage.gateway.peer().await,
        Peer::connect_tls(stage.gateway.https(), HOST, &stage.authority.client()).await,
    ] {
        peer.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        assert_eq!(peer.read_head().await.status(), 400, "by prior knowledge");
    }
    assert!(stage.backend.requests().is_empty());
}

#[tokio::test]
async fn a_websocket_of_http_1_still_works_beside_it() {
    let stage = Stage::new().await;
    let trust = stage.authority.client();
    let mut socket =
        tidegate_harness::WebSocket::connect_tls(stage.gateway.https(), HOST, "/chat", &trust).await;
    socket.echo("as ever").await;
    assert_eq!(socket.close().await, End::Closed(1005));
}
