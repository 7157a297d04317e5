//! Streaming: neither side waits for a complete body.

use tidegate_harness::{
    Backend, Behaviour, Gateway, ManualBackend, memory_kib, peak_memory_kib, reset_peak_memory,
};

use crate::tidegate;

#[tokio::test]
async fn the_first_chunk_of_a_response_arrives_before_the_last_is_sent() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::Drip);
    let mut peer = gateway.peer().await;
    peer.write("GET /drip HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    assert_eq!(peer.read_head().await.status(), 200);
    assert_eq!(peer.read_chunk().await.unwrap(), b"first");
    backend.release();
    assert_eq!(peer.read_chunk().await.unwrap(), b"last");
    assert_eq!(peer.read_chunk().await, None);
}

#[tokio::test]
async fn the_first_chunk_of_a_request_arrives_before_the_last_is_sent() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client
        .write("POST /up HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        .await;
    let (head, mut server) = backend.accept().await;
    assert_eq!(head.method(), "POST");
    assert_eq!(server.read_chunk().await.unwrap(), b"first");
    client.write("4\r\nlast\r\n0\r\n\r\n").await;
    assert_eq!(server.read_chunk().await.unwrap(), b"last");
    assert_eq!(server.read_chunk().await, None);
    server.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    assert_eq!(client.read_head().await.status(), 200);
}

#[tokio::test]
async fn a_large_body_passes_without_being_collected() {
    const SIZE: usize = 64 * 1024 * 1024;
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);

    let block = vec![b'x'; 1024 * 1024];
    let upload = async {
        let mut client = gateway.peer().await;
        client.write(format!("POST /large HTTP/1.1\r\nHost: a.test\r\nContent-Length: {SIZE}\r\n\r\n")).await;
        for _ in 0..SIZE / block.len() {
            client.write(&block).await;
        }
        client.read_head().await.status()
    };
    let download = async {
        let (_, mut server) = backend.accept().await;
        for _ in 0..SIZE / block.len() {
            assert!(server.read_exact(block.len()).await == block, "the content is another");
        }
        server.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        server
    };
    let (status, _server) = tokio::join!(upload, download);
    assert_eq!(status, 200);
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 16 * 1024, "the worker grew by {grown} KiB");
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_request_at_the_backend() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /gone HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    client.reset();
    server.read_to_end().await;
    gateway.access_log().line_with(&["/gone", "499"]).await;
}

#[tokio::test]
async fn a_slow_reader_gets_all_that_came_before_a_body_broke_off() {
    const SENT: usize = 8 * 1024 * 1024;
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.peer().await;
    client.write("GET /broken HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    server.write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", SENT + 1)).await;
    let backend = async {
        server.write(vec![b'x'; SENT]).await;
        drop(server);
    };
    let (body, ()) = tokio::join!(
        async {
            client.read_head().await;
            client.read_to_end().await.0
        },
        backend
    );
    assert_eq!(body.len(), SENT);
}

#[tokio::test]
async fn a_slow_reader_slows_the_backend_down() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let mut client = gateway.peer().await;
    client.write("GET /endless HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
    let (_, mut server) = backend.accept().await;
    server.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);

    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend(b"\r\n");
    // The client reads nothing.
    server.write_until_held_up(&chunk).await;
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 16 * 1024, "the worker grew by {grown} KiB");
}
