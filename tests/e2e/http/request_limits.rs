//! Limits of what a client may send.

use tidegate_harness::{Authority, Backend, Gateway, Http2Client};

use crate::http2::with_http2;
use crate::{HOST, tidegate, with_https};

const KIB: usize = 1024;

#[tokio::test]
async fn a_request_may_be_as_large_as_documented_and_no_larger() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let target = |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(length - 1));
    let header = |length: usize| format!("GET /h HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "a".repeat(length));
    let lines = |count: usize| format!("GET /l HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: a\r\n".repeat(count - 1));
    let length = |length: u64| format!("PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let chunk = "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000001\r\n".to_owned();
    let cases = [
        (target(32 * KIB), 200),
        (target(32 * KIB + 1), 414),
        (target(1000 * KIB), 414),
        (header(32 * KIB - 20), 200),
        (header(32 * KIB), 431),
        (header(1000 * KIB), 431),
        (lines(100), 200),
        (lines(101), 431),
        (length(4 * 1024 * 1024 * 1024 + 1), 413),
        (chunk, 413),
    ];
    for (request, status) in cases {
        let mut client = gateway.peer().await;
        // The response may arrive while the client still sends.
        let _ = client.try_write(&request).await;
        let head = client.read_head().await;
        assert_eq!(head.status(), status, "{}", &request[..60]);
        assert_eq!(head.header("connection").is_some(), status != 200, "{}", &request[..60]);
    }
}

#[tokio::test]
async fn a_body_is_asked_for_only_where_it_is_wanted() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let ask = |host: &str, length: u64| {
        format!(
            "PUT /ask HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let mut client = gateway.peer().await;
    client.write(ask("a", 5)).await;
    assert_eq!(client.read_head().await.status(), 100);
    client.write("hello").await;
    assert_eq!(client.read_head().await.status(), 200);
    assert_eq!(backend.request("/ask").await.body, b"hello");

    for (request, status) in [(ask("a", 5 << 30), 413), (ask("a b", 5), 400)] {
        let mut client = gateway.peer().await;
        client.write(request).await;
        assert_eq!(client.read_head().await.status(), status);
    }
}

#[tokio::test]
async fn an_expectation_without_its_body_never_makes_a_body_of_the_next_request() {
    let backend = Backend::start().await;
    let impatient = tidegate().option("--client-body-timeout", "500ms");
    let gateway = Gateway::start(impatient, &[backend.ip()]).await;
    let ask = |host: &str| {
        format!("PUT /ask HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 46\r\n\r\n")
    };
    let next = "GET /next HTTP/1.1\r\nHost: a\r\nX-Long: 12345\r\n\r\n";
    assert_eq!(next.len(), 46);

    // The body was asked for and does not arrive.
    let mut client = gateway.peer().await;
    client.write(ask("a")).await;
    assert_eq!(client.read_head().await.status(), 100);
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (408, Some("close")));
    client.read_body(&head).await;
    let _ = client.try_write(next).await;
    client.finish().await;
    assert_eq!(client.read_to_end().await.0, b"");

    // The body was not asked for, and the client sends another request instead, which cannot be distinguished from
    // a body.
    let mut client = gateway.peer().await;
    client.write(ask("a b")).await;
    let head = client.read_head().await;
    assert_eq!((head.status(), head.header("connection")), (400, Some("close")));
    client.read_body(&head).await;
    let _ = client.try_write(next).await;
    client.finish().await;
    assert_eq!(client.read_to_end().await.0, b"");

    // The body was asked for, and bytes of the announced length arrive: they are the body, whatever they look like.
    let mut client = gateway.peer().await;
    client.write(ask("a")).await;
    assert_eq!(client.read_head().await.status(), 100);
    client.write(format!("{next}GET /after HTTP/1.1\r\nHost: a\r\n\r\n")).await;
    for _ in 0..2 {
        let head = client.read_head().await;
        assert_eq!(head.status(), 200);
        client.read_body(&head).await;
    }
    let seen: Vec<String> =
        backend.requests().iter().map(|request| request.head.target().to_owned()).collect();
    assert_eq!(seen, ["/ask", "/after"]);
    assert_eq!(backend.request("/ask").await.body, next.as_bytes());
}

#[tokio::test]
async fn the_largest_body_can_be_chosen_and_holds_by_either_version() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let limited = tidegate().option("--max-request-body", "100KiB");
    let gateway = Gateway::start_with(limited, &[backend.ip()], document).await;
    let (most, more) = ("x".repeat(100 * KIB), "x".repeat(100 * KIB + 1));
    gateway.client().await.send("PUT", "/most", &[], most.clone()).await.expect(200);
    for (framing, body) in [("Content-Length: 102401", ""), ("Transfer-Encoding: chunked", "19001\r\n")] {
        let mut client = gateway.peer().await;
        client.write(format!("PUT /more HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n{body}")).await;
        let head = client.read_head().await;
        assert_eq!((head.status(), head.header("connection")), (413, Some("close")), "{framing}");
    }

    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    client.send("PUT", "/most", &[], most).await.expect(200);
    let said = client.begin("PUT", "/more", &[("content-length", "102401")], false).await;
    said.answer().await.expect(413);
    let mut unsaid = client.begin("PUT", "/more", &[], false).await;
    unsaid.write(&more).await;
    unsaid.answer().await.expect(413);
    client.get("/still").await.expect(200);
    assert!(backend.requests().iter().all(|request| request.body.len() <= 100 * KIB));
    gateway.access_log().line_with(&["/more", "413", "HTTP/2.0", "larger than the limit"]).await;
}

#[tokio::test]
async fn who_does_not_speak_http_is_told_so_at_once() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    // None of them has a line end that could be waited for.
    for words in [b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".as_slice(), b"SSH-2.0-client", b"{\"json\": 1}"]
    {
        let mut client = gateway.peer().await;
        client.write(words).await;
        let head = client.read_head().await;
        assert_eq!((head.status(), head.header("connection")), (400, Some("close")), "{words:?}");
    }
}
