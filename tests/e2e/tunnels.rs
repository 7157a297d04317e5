//! Open tunnels: how long they last, how much they carry, and how the end of one side becomes that of the other.

mod draining;
mod handshake;
mod in_tls;
mod listing;
mod over_http2;
mod policies;
mod under_change;
mod websocket;

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Backend, Behaviour, End, Ending, Gateway, GatewayDocument, ManualBackend, Peer, handshake, memory_kib,
    peak_memory_kib, reset_peak_memory,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::{Instant, timeout};

use crate::tidegate;

fn two_seconds(document: GatewayDocument) -> GatewayDocument {
    document.settings("settings", &json!({"requestTimeout": 2}))
}

/// Opens a tunnel, and returns the client's end and the backend's.
async fn tunnel(gateway: &Gateway, backend: &mut ManualBackend) -> (Peer, Peer) {
    let mut client = gateway.peer().await;
    client.write(handshake("gateway.test", "/tunnel", "")).await;
    let server = backend.accept_websocket().await;
    assert_eq!(client.read_head().await.status(), 101);
    (client, server)
}

#[tokio::test]
async fn a_silent_tunnel_ends_without_a_close_frame() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], two_seconds).await;
    let mut socket = gateway.websocket("/silent").await;
    socket.echo("the last word").await;
    let since = Instant::now();
    assert_eq!(socket.end().await, End::WithoutCloseFrame);
    let passed = since.elapsed();
    assert!(passed >= Duration::from_millis(1900), "it was cut after {passed:?}");
    assert!(passed < Duration::from_secs(6), "it was cut only after {passed:?}");
    gateway.access_log().line_with(&["/silent", "idle timeout"]).await;
}

#[tokio::test]
async fn the_idle_limit_closes_both_legs() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], two_seconds).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    let (from_client, from_server) = tokio::join!(server.read_to_end(), client.read_to_end());
    assert_eq!((from_client.0.len(), from_server.0.len()), (0, 0), "not a byte of the gateway's own");
}

#[tokio::test]
async fn a_ping_in_time_keeps_it_open() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], two_seconds).await;
    let mut socket = gateway.websocket("/kept").await;
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..10 {
        ticks.tick().await;
        socket.ping().await;
    }
    socket.echo("after twice the limit").await;
}

#[tokio::test]
async fn bytes_in_one_direction_are_enough() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], two_seconds).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..10 {
        ticks.tick().await;
        server.write(".").await;
        assert_eq!(client.read_exact(1).await, b".");
    }
    client.write("still").await;
    assert_eq!(server.read_exact(5).await, b"still");
}

#[tokio::test]
async fn a_half_close_is_passed_on() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;

    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    client.write("last words").await;
    client.finish().await;
    assert_eq!(server.read_to_end().await, (b"last words".to_vec(), Ending::Eof));
    server.write("and the answer to them").await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (b"and the answer to them".to_vec(), Ending::Eof));

    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof));
    client.write("you may have gone, I have not").await;
    assert_eq!(server.read_exact(29).await, b"you may have gone, I have not");
}

#[tokio::test]
async fn a_reset_becomes_a_reset() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;

    let (client, mut server) = tunnel(&gateway, &mut backend).await;
    client.reset();
    assert_eq!(server.read_to_end().await.1, Ending::Reset);

    let (mut client, server) = tunnel(&gateway, &mut backend).await;
    server.reset();
    assert_eq!(client.read_to_end().await.1, Ending::Reset);
}

/// Encodes the header of one binary frame of this size. The mask is zero, which leaves the payload unchanged.
fn frame_header(size: u64) -> Vec<u8> {
    let mut header = vec![0x82, 0xff];
    header.extend(size.to_be_bytes());
    header.extend([0; 4]);
    header
}

#[tokio::test]
async fn a_message_of_100_mb_passes_both_ways_in_flat_memory() {
    const BLOCK: usize = 1024 * 1024;
    const BLOCKS: usize = 100;
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::echo_bytes());
    let mut client = gateway.peer().await;
    client.write(handshake("gateway.test", "/large", "")).await;
    assert_eq!(client.read_head().await.status(), 101);

    let worker = gateway.tidegate.worker_pid(1).await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);
    let header = frame_header((BLOCK * BLOCKS) as u64);
    client.write(&header).await;
    assert_eq!(client.read_exact(header.len()).await, header);
    // Writing does not wait for reading: the worker must not hold the bytes in between.
    let plain: Vec<u8> = (0..BLOCK as u32 / 4).flat_map(u32::to_be_bytes).collect();
    // Each block differs, and has its number in many places.
    let block = |number: usize| {
        let mut block = plain.clone();
        block.iter_mut().step_by(1024).for_each(|byte| *byte = number as u8);
        block
    };
    client.write_and_read_back((0..BLOCKS).map(block)).await;
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 8 * 1024, "the worker grew by {grown} KiB");
}

#[tokio::test]
async fn a_slow_reader_is_waited_for_in_bounded_memory() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    reset_peak_memory(worker);
    let before = memory_kib(worker);

    let block = vec![b'x'; 64 * 1024];
    // The client does not read.
    let sent = block.len() * server.write_until_held_up(&block).await;
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 8 * 1024, "the worker grew by {grown} KiB while it held {sent} bytes up");

    // The other direction continues, and nothing is lost.
    client.write("still moving").await;
    assert_eq!(server.read_exact(12).await, b"still moving");
    server.finish().await;
    let (received, ending) = client.read_to_end().await;
    assert_eq!(ending, Ending::Eof);
    assert!(received.len() >= sent && received.iter().all(|&byte| byte == b'x'));
}

#[tokio::test]
async fn what_the_kernel_holds_for_a_reader_that_takes_nothing_is_bounded() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate().option("--tunnel-buffer", "16KiB"), &[backend.ip()]).await;
    // The client's own buffer is small too, so that the bytes it can send are held by the gateway and the backend's
    // kernel.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    let mut client = socket.connect(gateway.http()).await.unwrap();
    client.write_all(handshake("gateway.test", "/stuck", "").as_bytes()).await.unwrap();
    let _server = backend.accept_websocket().await;
    let (mut sent, block) = (0, vec![b'x'; 16 * 1024]);
    while let Ok(written) = timeout(Duration::from_secs(1), client.write(&block)).await {
        sent += written.unwrap();
    }
    assert!(sent < 1024 * 1024, "{sent} bytes wait");
}

#[tokio::test]
async fn any_bytes_pass_unread() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    let nonsense: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    client.write(&nonsense).await;
    assert_eq!(server.read_exact(nonsense.len()).await, nonsense);
    server.write(&nonsense).await;
    assert_eq!(client.read_exact(nonsense.len()).await, nonsense);
    server.write("HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!(client.read_exact(19).await, b"HTTP/1.1 200 OK\r\n\r\n");
}
