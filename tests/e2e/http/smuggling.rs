//! Request smuggling: requests that two parsers could read differently are rejected with a page, logged, and never
//! forwarded.

use tidegate_harness::{Backend, Ending, Gateway, ManualBackend};

use crate::tidegate;

/// A request, the status that rejects it, and a word of the reason in its access line.
type Case = (&'static str, u16, &'static str);

const CASES: &[Case] = &[
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
        400,
        "both Content-Length and Transfer-Encoding",
    ),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG",
        400,
        "both Content-Length and Transfer-Encoding",
    ),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        400,
        "several Content-Length",
    ),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", 400, "not a number"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400, "not a number"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: -10\r\n\r\n", 400, "not a number"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 005\r\n\r\nhello", 400, "leading zeros"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 00\r\n\r\n", 400, "leading zeros"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n", 400, "not a number"),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        400,
        "last transfer coding",
    ),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        400,
        "last transfer coding",
    ),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "is repeated",
    ),
    ("POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "name of a header"),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
        400,
        "control character",
    ),
    (
        "POST /s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        501,
        "not supported",
    ),
    ("POST /s HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"),
    ("GET /s HTTP/1.1\nHost: a\n\n", 400, "carriage return"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nX: b\n\r\n", 400, "carriage return"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nX: b\rContent-Length: 5\r\n\r\n", 400, "control character"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400, "folded"),
    ("GET /s HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded"),
    ("GET /s HTTP/1.1\r\nHost : a\r\n\r\n", 400, "name of a header"),
    ("GET /s HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, "name of a header"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nX\u{e9}: b\r\n\r\n", 400, "name of a header"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 400, "control character"),
    ("GET /s HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "several Host"),
    ("GET /s HTTP/1.1\r\n\r\n", 400, "missing"),
    ("GET http://a@other/s HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request target"),
    ("GET /\u{ab}.doc HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request target"),
    ("GET /s#x HTTP/1.1\r\nHost: a\r\n\r\n", 400, "request target"),
    ("GET /s\r\n\r\n", 400, "HTTP/0.9"),
    ("GET /s HTTP/0.3\r\nHost: a\r\n\r\n", 400, "version"),
    ("GET123 /s HTTP/1.1\r\nHost: a\r\n\r\n", 400, "method"),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "version"),
    (
        "GET /s HTTP/1.1\r\nHost: a\r\nAuthorization: Basic x\r\nAuthorization: Basic x\r\n\r\n",
        400,
        "several Authorization",
    ),
    ("POST /s HTTP/1.1\r\nHost: a\r\n\r\n", 400, "neither Content-Length"),
    ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "CONNECT"),
    ("POST /s HTTP/1.1\r\nHost: a\r\nExpect: nonsense\r\nContent-Length: 1\r\n\r\n", 417, "expectation"),
];

#[tokio::test]
async fn what_could_be_taken_for_two_requests_is_refused_and_the_connection_closed() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (request, status, reason) in CASES {
        let mut client = gateway.peer().await;
        client.write(request).await;
        // The bytes after it are not answered.
        let _ = client.try_write("GET /behind HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = client.read_head().await;
        assert_eq!(head.status(), *status, "{request}");
        assert_eq!(head.header("connection"), Some("close"), "{request}");
        let page = String::from_utf8(client.read_body(&head).await).unwrap();
        assert!(page.contains("<center><h1>4") || *status == 501, "{request}: {page}");
        client.finish().await;
        let (rest, ending) = client.read_to_end().await;
        assert_eq!((rest.as_slice(), ending), (b"".as_slice(), Ending::Eof), "{request}");
        gateway.access_log().line_with(&[reason]).await;
    }
    assert!(backend.requests().is_empty(), "something was forwarded");
}

#[tokio::test]
async fn a_refusal_behind_a_good_request_waits_its_turn_and_nothing_follows_it() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let good = "POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok";
    let bad = "GET /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
    // In one piece, and split at the most awkward places.
    let all = format!("{good}{bad}GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    for cut in [0, good.len(), good.len() + 3, good.len() + bad.len() - 2] {
        let mut client = gateway.peer().await;
        client.write(&all[..cut]).await;
        client.write(&all[cut..]).await;
        let first = client.read_head().await;
        assert_eq!(first.status(), 200, "cut at {cut}");
        client.read_body(&first).await;
        let second = client.read_head().await;
        assert_eq!(second.status(), 400, "cut at {cut}");
        client.read_body(&second).await;
        client.finish().await;
        assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof), "cut at {cut}");
    }
    assert!(backend.requests().iter().all(|request| request.head.target() == "/good"));
    // The access line describes the rejected request as far as it could be parsed.
    let line = gateway.access_log().line_with(&["/bad"]).await.to_string();
    assert!(line.contains("400") && line.contains("both Content-Length and Transfer-Encoding"), "{line}");
}

#[tokio::test]
async fn a_malformed_chunk_ends_the_request_and_its_connection() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let extension = format!("1;{}\r\n", "x".repeat(9000));
    let trailers = format!("0\r\nX: {}\r\n\r\n", "x".repeat(9000));
    for chunk in [
        "5 \r\nhello\r\n",
        "5\nhello\r\n",
        "-5\r\n",
        "5\r\nhelloX",
        "5;\r\nhello\r\n",
        "5;bad[=x\r\nhello\r\n",
        "5;a=\"b\r\nhello\r\n",
        &extension,
        &trailers,
    ] {
        let mut client = gateway.peer().await;
        client
            .write("POST /chunk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
            .await;
        client.write(chunk).await;
        let head = client.read_head().await;
        assert_eq!((head.status(), head.header("connection")), (400, Some("close")), "{chunk}");
    }
    assert!(backend.requests().is_empty(), "a body that broke off was taken for whole");
}

#[tokio::test]
async fn what_is_odd_but_clear_is_served() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    for request in [
        "\r\nGET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /2?q=[a]|'^%20 HTTP/1.1\r\nHost:\ta \r\nX-Text: caf\u{e9}\r\n\r\n",
        "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n02;why=not\r\nok\r\n0\r\nX: y\r\n\r\n",
        "PROPFIND /5 HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        // Byte by byte: the result does not depend on the segments.
        for byte in request.as_bytes() {
            client.write([*byte]).await;
        }
        let head = client.read_head().await;
        assert_eq!(head.status(), 200, "{request}");
        client.read_body(&head).await;
    }
    assert_eq!(backend.requests().len(), 5);
}

#[tokio::test]
async fn a_later_minor_version_is_answered_and_forwarded_as_1_1() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /later HTTP/1.2\r\nHost: a\r\n\r\n").await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.first_line, "GET /later HTTP/1.1");
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.read_head().await.first_line, "HTTP/1.1 200 OK");
}
