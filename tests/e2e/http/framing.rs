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

#[tokio::test]
async fn trailers_of_an_answer_reach_a_client_that_has_said_that_it_takes_them() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (te, expected) in [
        ("TE: trailers\r\n", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        ("TE: gzip, Trailers\r\n", "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        ("", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut client = gateway.peer().await;
        client.write(format!("GET /sum HTTP/1.1\r\nHost: a\r\n{te}Connection: close\r\n\r\n")).await;
        let (_, mut server) = backend.accept().await;
        server
            .write(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\
                 X-Forwarded-For: me\r\n\r\n",
            )
            .await;
        assert_eq!(client.read_head().await.status(), 200);
        let (body, ending) = client.read_to_end().await;
        assert_eq!((String::from_utf8(body).unwrap().as_str(), ending), (expected, Ending::Eof), "{te}");
    }
}

#[tokio::test]
async fn a_head_of_any_size_leaves_before_its_body() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let line = format!("X: {}\r\n", "x".repeat(4000));
    for lines in [1, 7, 8, 15] {
        let mut client = gateway.peer().await;
        client.write("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let (_, mut server) = backend.accept().await;
        let head = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 5\r\n\r\n", line.repeat(lines));
        server.write(head + "hello").await;
        assert_eq!(client.read_head().await.status(), 200, "{lines}");
        assert_eq!(client.read_to_end().await, (b"hello".to_vec(), Ending::Eof), "{lines}");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_takes_the_end_of_the_connection_for_that_of_a_body() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let ask = async |backend: &mut ManualBackend, connection: &str| {
        let mut client = gateway.peer().await;
        client.write(format!("GET /old HTTP/1.0\r\nHost: a\r\n{connection}\r\n")).await;
        let (_, server) = backend.accept().await;
        (client, server)
    };
    let chunked = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let (mut client, mut server) = ask(&mut backend, "Connection: keep-alive\r\n").await;
    server.write(format!("{chunked}0\r\n\r\n")).await;
    let head = client.read_head().await;
    assert_eq!((head.first_line.as_str(), head.header("transfer-encoding")), ("HTTP/1.0 200 OK", None));
    assert_eq!(client.read_to_end().await, (b"hello".to_vec(), Ending::Eof));

    // A body that breaks off must not look like a whole one.
    let (mut client, mut server) = ask(&mut backend, "").await;
    server.write(chunked).await;
    assert_eq!(client.read_head().await.status(), 200);
    assert_eq!(client.read_exact(5).await, b"hello");
    drop(server);
    assert_eq!(client.read_to_end().await.1, Ending::Reset);

    // With a length, the connection can carry another request, if the client asks for that.
    let (mut client, mut server) = ask(&mut backend, "Connection: keep-alive\r\n").await;
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let head = client.read_head().await;
    assert_eq!(head.header("connection"), Some("keep-alive"));
    assert_eq!(client.read_body(&head).await, b"hello");
    client.write("GET /again HTTP/1.0\r\nHost: a\r\n\r\n").await;
    let again = server.read_head().await;
    assert_eq!(again.target(), "/again");
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.read_head().await.header("connection"), None);
    assert_eq!(client.read_to_end().await.1, Ending::Eof);
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_request_arrives_and_ends_the_connection_in_order() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("PUT /early HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nbegun").await;
    let (_, mut server) = backend.accept().await;
    server.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").await;
    let head = client.read_head().await;
    assert_eq!(head.status(), 403);
    assert_eq!(client.read_body(&head).await, b"no");
    drop(server);
    // What the client still sends does not cost it the answer.
    let _ = client.try_write(vec![b'x'; 100_000]).await;
    client.finish().await;
    assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof));
}
