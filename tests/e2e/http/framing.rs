//! Message framing: each hop determines the end of a message itself, unambiguously.

use tidegate_harness::{Backend, Behaviour, Ending, Gateway, ManualBackend, Then};

use crate::tidegate;

#[tokio::test]
async fn a_get_keeps_its_body() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client
        .write("GET /search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        .await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.header("transfer-encoding"), Some("chunked"));
    assert_eq!(server.read_body(&head).await, b"hello");
}

#[tokio::test]
async fn a_client_of_http_1_0_needs_no_host_but_the_backend_gets_one() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /old HTTP/1.0\r\nX-Original-Host: admin.test\r\n\r\n").await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.header("x-original-host"), None, "that is for the gateway to say");
    assert_eq!(head.header("host"), Some(backend.ip().to_string().as_str()));
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.read_head().await.status(), 200);
}

#[tokio::test]
async fn what_cannot_be_framed_anew_is_refused_and_the_connection_closed() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cases = [
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET ftp://other/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ];
    for (request, status) in cases {
        let mut client = gateway.peer().await;
        client.write(request).await;
        assert_eq!(client.read_head().await.status(), status, "{request}");
        assert_eq!(client.read_to_end().await.1, Ending::Eof, "{request}");
    }
    assert!(backend.requests().iter().all(|request| request.body.is_empty()));
}

#[tokio::test]
async fn a_backend_cannot_have_the_end_of_its_answer_forgotten() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::literal(
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n\
         9\r\nall of it\r\n0\r\n\r\n",
        Then::Next,
    ));
    gateway.get("/length").await.expect(502);
    backend.behave(Behaviour::literal(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n\x1f\x08\r\n0\r\n\r\n",
        Then::Next,
    ));
    gateway.get("/foreign").await.expect(502);
}
