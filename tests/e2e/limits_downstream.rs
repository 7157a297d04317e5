//! How much a client may send before it is told that it is too much.

use tidegate_harness::{Backend, Gateway};

use crate::tidegate;

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
        // It may be answered while it still talks.
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
