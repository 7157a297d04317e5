//! HTTP/2 to backends, which settings enable, and gRPC from end to end.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Authority, Behaviour, Gateway, GatewayDocument, Http2Backend, Http2Client, Http2Stream, ManualBackend,
    Reason, StreamEnd, handshake, loopback, switching_protocols,
};

use crate::http2::with_http2;
use crate::{HOST, tidegate, with_https};

const CALL: [(&str, &str); 2] = [("content-type", "application/grpc"), ("te", "trailers")];

/// A gateway in front of an HTTP/2 backend, with an HTTP/2 client.
struct Stage {
    backend: Http2Backend,
    gateway: Gateway,
    client: Http2Client,
}

impl Stage {
    async fn new() -> Stage {
        let authority = Authority::new();
        let backend = Http2Backend::start().await;
        Stage::with(backend, &authority, by_http2).await
    }

    async fn with(
        backend: Http2Backend,
        authority: &Authority,
        change: impl FnOnce(GatewayDocument) -> GatewayDocument,
    ) -> Stage {
        let document = |document| change(with_http2(with_https(document, authority)));
        let gateway = Gateway::start_with(tidegate(), &[backend.ip()], document).await;
        let client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
        Stage { backend, gateway, client }
    }

    async fn call(&mut self, path: &str) -> Http2Stream {
        self.client.begin("POST", path, &CALL, false).await
    }
}

fn by_http2(document: GatewayDocument) -> GatewayDocument {
    document.settings("settings", &json!({"protocolVersion": "HTTP/2"}))
}

/// Encodes a gRPC message with its length prefix.
fn message(text: &str) -> Vec<u8> {
    [&[0], &(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn a_unary_call_goes_there_and_back_with_its_trailers() {
    let mut stage = Stage::new().await;
    let mut stream = stage.call("/tide.Tables/Next").await;
    stream.write(message("where?")).await;
    stream.finish();
    let mut call = stage.backend.call().await;
    assert_eq!(call.request.uri().to_string(), format!("http://{HOST}/tide.Tables/Next"));
    assert_eq!(call.header("te"), Some("trailers"));
    assert_eq!(call.header("content-type"), Some("application/grpc"));
    assert!(call.header("host").is_none() && call.header("x-forwarded-for").is_some());
    assert_eq!(call.read_to_end().await, message("where?"));
    call.head(&[("content-type", "application/grpc")]);
    call.write(message("here"));
    call.finish_with(&[("grpc-status", "0"), ("grpc-message", "fine")]);

    assert_eq!(stream.head().await.headers()["content-type"], "application/grpc");
    assert_eq!(stream.read_to_end().await, (message("here"), StreamEnd::Finished));
    let trailers = stream.trailers().await.expect("gRPC ends with trailers");
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers["grpc-message"], "fine");
}

/// Receives a call whose trailers were filtered, and answers with the same trailers.
async fn answer_with_trailers(backend: &mut Http2Backend, sent: &[(&'static str, &'static str)]) {
    let mut call = backend.call().await;
    assert_eq!(call.read_to_end().await, b"ok");
    let trailers = call.trailers().await.expect("one of them passes");
    let names: Vec<&str> = trailers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-checksum"], "{}", call.request.uri());
    call.head(&[]);
    call.finish_with(sent);
}

#[tokio::test]
async fn trailers_that_frame_route_or_authenticate_are_dropped_in_both_directions() {
    const SENT: [(&str, &str); 6] = [
        ("host", "admin.test"),
        ("content-length", "5"),
        ("authorization", "Basic x"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x_forwarded_for", "203.0.113.9"),
        ("x-checksum", "1"),
    ];
    let mut stage = Stage::new().await;
    let lines: String = SENT.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut client = stage.gateway.peer().await;
    client
        .write(format!(
            "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{lines}\r\n"
        ))
        .await;
    answer_with_trailers(&mut stage.backend, &SENT).await;
    assert_eq!(client.read_head().await.status(), 200);

    let mut stream = stage.client.begin("POST", "/2", &[], false).await;
    stream.write("ok").await;
    stream.finish_with(
        SENT.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect(),
    );
    answer_with_trailers(&mut stage.backend, &SENT).await;
    assert_eq!(stream.head().await.status(), 200);
    stream.read_to_end().await;
    let trailers = stream.trailers().await.expect("one of them passes");
    let names: Vec<&str> = trailers.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["x-checksum"]);
}

#[tokio::test]
async fn a_bidirectional_call_moves_in_both_directions_at_once() {
    let mut stage = Stage::new().await;
    let mut stream = stage.call("/tide.Tables/Watch").await;
    let mut call = stage.backend.call().await;
    call.head(&[("content-type", "application/grpc")]);
    stream.head().await;
    for round in 0..5 {
        let (question, answer) = (message(&format!("question {round}")), message(&format!("answer {round}")));
        stream.write(&question).await;
        assert_eq!(call.read_exact(question.len()).await, question);
        call.write(&answer);
        assert_eq!(stream.read_exact(answer.len()).await, answer);
    }
    stream.finish();
    assert!(call.read_to_end().await.is_empty());
    call.finish_with(&[("grpc-status", "0")]);
    assert_eq!(stream.read_to_end().await, (Vec::new(), StreamEnd::Finished));
    assert_eq!(stream.trailers().await.expect("gRPC ends with trailers")["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_of_trailers_alone_passes() {
    let mut stage = Stage::new().await;
    let mut stream = stage.call("/tide.Tables/Unknown").await;
    stream.finish();
    stage.backend.call().await.head_alone(&[("content-type", "application/grpc"), ("grpc-status", "12")]);
    assert_eq!(stream.head().await.headers()["grpc-status"], "12");
    assert_eq!(stream.read_to_end().await, (Vec::new(), StreamEnd::Finished));
}

#[tokio::test]
async fn a_call_that_is_given_up_is_given_up_at_the_backend() {
    let mut stage = Stage::new().await;
    let mut stream = stage.call("/tide.Tables/Watch").await;
    let mut call = stage.backend.call().await;
    call.head(&[]);
    stream.head().await;
    stream.reset(Reason::CANCEL);
    assert_eq!(call.was_reset().await, Reason::CANCEL);
}

#[tokio::test]
async fn calls_share_a_connection() {
    let mut stage = Stage::new().await;
    let mut streams = Vec::new();
    for number in 0..20 {
        streams.push(stage.call(&format!("/{number}")).await);
    }
    let mut calls = Vec::new();
    for _ in &streams {
        calls.push(stage.backend.call().await);
    }
    assert_eq!(stage.backend.connections(), 1);
    for call in &mut calls {
        call.head(&[]);
        call.finish_with(&[("grpc-status", "0")]);
    }
    for mut stream in streams {
        assert_eq!(stream.read_to_end().await.1, StreamEnd::Finished);
    }
}

#[tokio::test]
async fn what_the_backend_has_not_looked_at_is_asked_again() {
    let mut stage = Stage::new().await;
    let mut stream = stage.client.begin("GET", "/refused", &[], true).await;
    stage.backend.call().await.reset(Reason::REFUSED_STREAM);
    let answered = async {
        let mut again = stage.backend.call().await;
        assert_eq!(again.request.uri().path(), "/refused");
        again.head_alone(&[]);
    };
    answered.await;
    assert_eq!(stream.head().await.status(), 200);

    // A connection that the backend has ended is replaced without affecting a request.
    stage.backend.say_farewell();
    for number in 0..3 {
        let stream = stage.client.begin("GET", &format!("/after/{number}"), &[], true).await;
        stage.backend.call().await.head_alone(&[]);
        stream.answer().await.expect(200);
    }
    assert!(stage.backend.connections() >= 2);
}

#[tokio::test]
async fn a_connection_that_left_a_request_unanswered_gets_no_other() {
    let authority = Authority::new();
    let mut stage = Stage::with(Http2Backend::start().await, &authority, |document| {
        document.settings("settings", &json!({"protocolVersion": "HTTP/2", "requestTimeout": 1}))
    })
    .await;
    let stuck = stage.client.begin("GET", "/stuck", &[], true).await;
    let _unanswered = stage.backend.call().await;
    stuck.answer().await.expect(504);
    let next = stage.client.begin("GET", "/next", &[], true).await;
    stage.backend.call().await.head_alone(&[]);
    next.answer().await.expect(200);
    assert_eq!(stage.backend.connections(), 2);
}

#[tokio::test]
async fn over_tls_it_is_agreed_on_by_alpn() {
    let authority = Authority::new();
    let ip = loopback();
    let identity = authority.issue(&[&ip.to_string()]);
    let backend = Http2Backend::start_tls(ip, &identity.server()).await;
    let mut stage = Stage::with(backend, &authority, |document| {
        let roots = [document.reference("trustedRootCertificates", "root")];
        document.trusted_root("root", &authority.base64()).settings(
            "settings",
            &json!({"protocol": "Https", "protocolVersion": "HTTP/2", "hostName": ip.to_string(),
                "trustedRootCertificates": roots}),
        )
    })
    .await;
    let mut stream = stage.call("/tide.Tables/Next").await;
    stream.finish();
    let mut call = stage.backend.call().await;
    assert_eq!(call.request.uri().to_string(), format!("https://{ip}/tide.Tables/Next"));
    call.head_alone(&[("grpc-status", "0")]);
    assert_eq!(stream.head().await.status(), 200);
}

#[tokio::test]
async fn a_client_of_http_1_is_served_too() {
    let mut stage = Stage::new().await;
    let mut peer = stage.gateway.peer().await;
    peer.write(format!("POST /upload HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n")).await;
    peer.write("4\r\nbody\r\n0\r\n\r\n").await;
    let mut call = stage.backend.call().await;
    assert!(call.header("transfer-encoding").is_none());
    assert_eq!(call.read_to_end().await, b"body");
    call.head(&[("content-length", "5")]);
    call.write("there");
    call.finish_with(&[]);
    let head = peer.read_head().await;
    assert_eq!((head.status(), peer.read_body(&head).await), (200, b"there".to_vec()));
}

#[tokio::test]
async fn websockets_go_by_http_1_all_the_same() {
    let mut backend = ManualBackend::start().await;
    // The backend does not answer HTTP/2 probes: `minServers` keeps it in use.
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.probe("probe", &json!({"minServers": 1}));
        let probe = document.reference("probes", "probe");
        document.settings("settings", &json!({"protocolVersion": "HTTP/2", "probe": probe}))
    })
    .await;
    let mut client = gateway.peer().await;
    client.write(handshake(HOST, "/chat", "")).await;
    let mut server = loop {
        // To this backend an HTTP/2 probe looks like another request, or like an incomplete one.
        let accepted = tokio::time::timeout(Duration::from_secs(2), backend.accept()).await;
        let Ok((head, mut peer)) = accepted else { continue };
        if head.is_websocket() {
            peer.write(switching_protocols(&head)).await;
            break peer;
        }
    };
    assert_eq!(client.read_head().await.status(), 101);
    client.write("through").await;
    assert_eq!(server.read_exact(7).await, b"through");
}

#[tokio::test]
async fn a_backend_that_does_not_speak_it_is_a_502() {
    let backend = tidegate_harness::Backend::start().await;
    backend.behave(Behaviour::Serve);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.probe("probe", &json!({"minServers": 1}));
        let probe = document.reference("probes", "probe");
        document.settings("settings", &json!({"protocolVersion": "HTTP/2", "probe": probe}))
    })
    .await;
    gateway.get("/").await.expect(502);
}
