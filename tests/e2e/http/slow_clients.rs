//! Slow clients: each gets the granted time, and none holds the gateway for ever.

use serde_json::json;
use tidegate_harness::{
    Authority, Backend, Behaviour, Ending, FramePeer, Gateway, Http2Client, ManualBackend, Metrics, PREFACE,
    Reason, StreamEnd, TidegateBuilder, Verdict, flag, frame, header_block, kind, memory_kib,
};

use crate::http2::with_http2;
use crate::{HOST, tidegate, with_https};

fn impatient() -> TidegateBuilder {
    tidegate()
        .option("--client-header-timeout", "700ms")
        .option("--client-body-timeout", "600ms")
        .option("--client-send-timeout", "600ms")
        .option("--keep-alive-timeout", "500ms")
}

#[tokio::test]
async fn a_head_that_is_not_finished_in_time_is_408_however_it_drips() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(impatient(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /drip HTTP/1.1\r\nHost: a\r\n").await;
    // Single bytes do not restart the timeout.
    while client.is_silent_for(std::time::Duration::from_millis(50)).await {
        if client.try_write("X").await.is_err() {
            break;
        }
    }
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (408, Some("close")));
    client.finish().await;
    gateway.access_log().line_with(&["/drip", "408", "did not finish"]).await;
}

#[tokio::test]
async fn who_says_nothing_is_closed_without_a_word() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(impatient(), &[backend.ip()]).await;
    assert_eq!(gateway.peer().await.read_to_end().await, (Vec::new(), Ending::Eof));

    let mut client = gateway.peer().await;
    client.write("GET /kept HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let head = client.read_head().await;
    assert_eq!(head.status(), 200);
    client.read_body(&head).await;
    assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_408() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(impatient(), &[backend.ip()]).await;
    for head in ["Content-Length: 10\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"] {
        let mut client = gateway.peer().await;
        client.write(format!("POST /stuck HTTP/1.1\r\nHost: a\r\n{head}")).await;
        let head = client.read_head().await;
        assert_eq!((head.status(), head.header("connection")), (408, Some("close")));
    }
    assert!(backend.requests().is_empty(), "half a body was taken for a whole one");
}

#[tokio::test]
async fn a_client_that_stalls_within_its_body_is_not_its_backends_fault() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let tidegate = tidegate().option("--client-body-timeout", "2s");
    let gateway = Gateway::start_with(tidegate, &[backend.ip()], |document| {
        let document = document.settings("settings", &json!({"requestTimeout": 1}));
        with_http2(with_https(document, &authority))
    })
    .await;
    let longer_than_the_backend_has = std::time::Duration::from_millis(1300);
    let mut client = gateway.peer().await;
    client.write("POST /1/stuck HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhe").await;
    assert!(client.is_silent_for(longer_than_the_backend_has).await);
    client.write("llo").await;
    assert!(client.is_silent_for(longer_than_the_backend_has).await);
    assert_eq!(client.read_head().await.status(), 408);

    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let mut stuck = client.begin("POST", "/2/stuck", &[], false).await;
    stuck.write("hello").await;
    stuck.answer().await.expect(408);
    for path in ["/1/stuck", "/2/stuck"] {
        gateway.access_log().line_with(&[path, "408", "ERRORINFO_CLIENT_CLOSED_REQUEST"]).await;
    }
    assert!(backend.requests().is_empty(), "half a body was taken for a whole one");
}

#[tokio::test]
async fn a_slow_backend_does_not_make_its_client_an_idle_one() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(impatient(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    // Longer than every client timeout.
    assert!(client.is_silent_for(std::time::Duration::from_millis(1500)).await);
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl").await;
    assert_eq!(client.read_head().await.status(), 200);
    assert_eq!(client.read_exact(2).await, b"sl");
    assert!(client.is_silent_for(std::time::Duration::from_millis(1500)).await);
    server.write("ow").await;
    assert_eq!(client.read_exact(2).await, b"ow");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_and_costs_little() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(impatient(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    gateway.get("/warm").await.expect(200);
    backend.behave(Behaviour::status(200, &"x".repeat(40 << 20)));
    let before = memory_kib(worker);
    let mut client = gateway.peer().await;
    client.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    gateway.access_log().line_with(&["/large", "read nothing"]).await;
    let grown = memory_kib(worker).saturating_sub(before);
    // Far less than the response; most of it is memory that the allocator keeps.
    assert!(grown < 16 * 1024, "{grown} KiB for one client");
    drop(client);
}

#[tokio::test]
async fn a_stream_of_http_2_that_nobody_reads_is_reset_and_no_other() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let gateway = Gateway::start_with(impatient(), &[backend.ip()], document).await;
    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    backend.behave(Behaviour::Drip);
    let mut waiting = client.begin("GET", "/waiting", &[], true).await;
    assert_eq!(waiting.read_exact(5).await, b"first");

    backend.behave(Behaviour::status(200, &"x".repeat(4 << 20)));
    let mut unread = client.begin("GET", "/unread", &[], true).await;
    assert_eq!(unread.head().await.status(), 200);
    assert_eq!(unread.was_reset().await, Reason::CANCEL);
    gateway.access_log().line_with(&["/unread", "read nothing"]).await;

    // Here the backend is slow, not the client.
    backend.release();
    assert_eq!(waiting.read_to_end().await, (b"last".to_vec(), StreamEnd::Finished));

    // A client with a window of zero.
    let mut peer = FramePeer::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let request = [(":method", "GET"), (":scheme", "https"), (":path", "/closed"), (":authority", HOST)];
    let settings = frame(kind::SETTINGS, flag::NONE, 0, [0, 4, 0, 0, 0, 0]);
    let request = frame(kind::HEADERS, flag::WHOLE, 1, header_block(&request));
    peer.write([PREFACE, &settings, &request].concat()).await.expect("a proper beginning is taken");
    let reset = |verdict| matches!(verdict, Verdict::Reset(..));
    assert_eq!(peer.verdict(reset).await, Verdict::Reset(1, u32::from(Reason::CANCEL)));
}

/// Starts a gateway with a high minimum rate and a short grace period.
fn in_haste(bytes_per_second: &str) -> TidegateBuilder {
    tidegate().option("--min-client-rate", bytes_per_second).option("--min-client-rate-grace", "700ms")
}

#[tokio::test]
async fn a_body_that_trickles_below_the_minimum_rate_is_408_by_either_version() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let gateway = Gateway::start_with(in_haste("240"), &[backend.ip()], document).await;
    let moment = std::time::Duration::from_millis(50);
    let mut client = gateway.peer().await;
    client.write("POST /1/trickle HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n").await;
    while client.is_silent_for(moment).await {
        if client.try_write("x").await.is_err() {
            break;
        }
    }
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (408, Some("close")));

    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let mut stream = client.begin("POST", "/2/trickle", &[], false).await;
    stream.write("x").await;
    stream.answer().await.expect(408);
    // A gRPC call may be silent.
    let mut call =
        client.begin("POST", "/2/call", &[("content-type", "application/grpc+proto")], false).await;
    let mut idle = gateway.peer().await;
    assert!(idle.is_silent_for(std::time::Duration::from_millis(1800)).await);
    call.finish();
    call.answer().await.expect(200);
    client.get("/2/sibling").await.expect(200);

    for path in ["/1/trickle", "/2/trickle"] {
        gateway.access_log().line_with(&[path, "408", "below the minimum rate"]).await;
    }
    let counted =
        |metrics: &Metrics| metrics.sum("tidegate_slow_clients_total", &["direction=\"request\""]) == 2.0;
    gateway.tidegate.metrics_when("each of them was counted", counted).await;
}

#[tokio::test]
async fn an_answer_that_is_taken_below_the_minimum_rate_is_cut_but_not_one_that_comes_slowly() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let gateway = Gateway::start_with(in_haste("1000000000"), &[backend.ip()], document).await;
    // Here the backend is slow, not the client.
    backend.behave(Behaviour::Drip);
    let mut patient = gateway.peer().await;
    patient.write("GET /drip HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(patient.read_head().await.status(), 200);
    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let mut waiting = client.begin("GET", "/waiting", &[], true).await;
    assert_eq!(waiting.read_exact(5).await, b"first");

    backend.behave(Behaviour::status(200, &"x".repeat(40 << 20)));
    let mut unread = gateway.peer().await;
    unread.write("GET /1/unread HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut stream = client.begin("GET", "/2/unread", &[], true).await;
    assert_eq!(stream.head().await.status(), 200);
    assert_eq!(stream.was_reset().await, Reason::CANCEL);
    for path in ["/1/unread", "/2/unread"] {
        gateway.access_log().line_with(&[path, "read the response below the minimum rate"]).await;
    }
    backend.release();
    assert_eq!(waiting.read_to_end().await, (b"last".to_vec(), StreamEnd::Finished));
    let counted =
        |metrics: &Metrics| metrics.sum("tidegate_slow_clients_total", &["direction=\"response\""]) == 2.0;
    gateway.tidegate.metrics_when("each of them was counted", counted).await;
    drop((unread, patient));
}
