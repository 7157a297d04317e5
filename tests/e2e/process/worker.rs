//! Workers that run apart from their control plane: joining, strangers on the channel, and serving alone.

use std::path::PathBuf;

use tidegate_harness::{
    Backend, GatewayDocument, HTTP_PORT, HttpClient, Peer, Tidegate, WebSocket, Worker, files_below,
    loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::tidegate;

async fn get(address: std::net::Ipv4Addr, path: &str) -> u16 {
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get(path).await.status
}

/// Starts a control plane, a worker that joins it, and a gateway.
async fn apart(backend: &Backend) -> (Tidegate, Worker, GatewayDocument, std::net::Ipv4Addr) {
    let (tidegate, address) = (tidegate().control_plane_alone().start().await, loopback());
    let worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    (tidegate, worker, document, address)
}

/// Returns the snapshot files of a worker.
fn snapshots(worker: &Worker) -> Vec<PathBuf> {
    files_below(&worker.data_dir().join("snapshots"))
}

#[tokio::test]
async fn a_worker_joins_with_a_token_and_serves() {
    let backend = Backend::start().await;
    let (_tidegate, worker, _, address) = apart(&backend).await;
    assert_eq!(get(address, "/joined").await, 200);
    WebSocket::connect((address, HTTP_PORT).into(), "a.test", "/chat").await.echo("joined").await;
    worker.access_log().line_with(&["/joined"]).await;
}

#[tokio::test]
async fn a_token_is_good_for_one_worker() {
    let backend = Backend::start().await;
    let (tidegate, address) = (tidegate().control_plane_alone().start().await, loopback());
    let token = tidegate.worker_token().await;
    assert_ne!(token, tidegate.worker_token().await, "each is another");
    let _first = Worker::start(&tidegate, "first", Some(&token));
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;

    let second = Worker::start(&tidegate, "second", Some(&token));
    second.says("token").await;
    assert!(snapshots(&second).is_empty(), "a worker that was not let in has a configuration");
    let logs = tidegate.output();
    assert!(!logs.contains(&token), "the token is in a log");
}

#[tokio::test]
async fn a_worker_without_token_or_identity_says_so_and_ends() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let mut worker = Worker::start(&tidegate, "nobody", None);
    assert!(!worker.exited_successfully().await);
    worker.says("token").await;
}

#[tokio::test]
async fn strangers_get_nothing_on_the_channel() {
    let backend = Backend::start().await;
    let (tidegate, mut worker, document, address) = apart(&backend).await;
    let channel = tidegate.channel();

    // Without TLS.
    let mut plain = Peer::connect(channel).await;
    plain.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (said, _) = plain.read_to_end().await;
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "it talks HTTP to strangers");

    // Over TLS without a certificate, with a frame that is no message.
    let mut strange =
        Peer::connect_tls(channel, "control-plane.tidegate.internal", &tidegate.ca_client()).await;
    let mut frame = 100u32.to_be_bytes().to_vec();
    frame.resize(104, b'{');
    strange.write(&frame).await;
    let (said, _) = strange.read_to_end().await;
    assert!(!String::from_utf8_lossy(&said).contains("gateway"), "it told a stranger of a gateway");

    // An enormous length causes neither a wait nor an allocation.
    let mut large =
        Peer::connect_tls(channel, "control-plane.tidegate.internal", &tidegate.ca_client()).await;
    large.write(u32::MAX.to_be_bytes()).await;
    large.read_to_end().await;

    // Meanwhile the worker's session is not affected.
    assert!(worker.is_running());
    let changed = document.port("more", 20081);
    tidegate.management().apply_gateway(&changed).await;
    assert_eq!(get(address, "/x").await, 200);
}

#[tokio::test]
async fn a_worker_started_without_its_control_plane_serves_what_it_last_had() {
    let backend = Backend::start().await;
    let (mut tidegate, mut worker, document, address) = apart(&backend).await;
    tidegate.kill();
    worker.kill();
    assert!(TcpStream::connect((address, HTTP_PORT)).await.is_err());

    worker.start_again();
    wait_for("the last good snapshot to be served", async || {
        TcpStream::connect((address, HTTP_PORT)).await.ok()
    })
    .await;
    assert_eq!(get(address, "/alone").await, 200);
    let mut socket = WebSocket::connect((address, HTTP_PORT).into(), "a.test", "/chat").await;
    socket.echo("alone").await;

    tidegate.start_again().await;
    tidegate.management().apply_gateway(&document.port("more", 20081)).await;
    socket.echo("and together again").await;
}

#[tokio::test]
async fn what_was_deleted_while_a_worker_was_away_is_not_served_when_it_returns() {
    let backend = Backend::start().await;
    let (tidegate, mut worker, document, address) = apart(&backend).await;
    worker.kill();
    wait_for("the control plane to notice", async || {
        let answer = tidegate.management().delete(document.id()).await;
        let ended = tidegate.management().operation(&answer).await;
        (ended.status == "Succeeded").then_some(())
    })
    .await;
    worker.start_again();
    wait_for("the worker to withdraw it", async || TcpStream::connect((address, HTTP_PORT)).await.err())
        .await;
    tidegate.management().get(document.id()).await.expect(404);
}

#[tokio::test]
async fn a_damaged_snapshot_is_not_served() {
    let backend = Backend::start().await;
    let (mut tidegate, mut worker, document, address) = apart(&backend).await;
    tidegate.kill();
    worker.kill();
    let saved = snapshots(&worker);
    assert_eq!(saved.len(), 1);
    for file in saved {
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    worker.start_again();
    tidegate.start_again().await;
    // The worker starts without a configuration and gets the stored one from the control plane.
    wait_for("the worker to serve", async || TcpStream::connect((address, HTTP_PORT)).await.ok()).await;
    assert_eq!(get(address, "/healed").await, 200);
    tidegate.management().apply_gateway(&document.port("more", 20081)).await;
}

#[tokio::test]
async fn a_lone_worker_drains_on_sigterm() {
    let backend = Backend::start().await;
    let (_tidegate, mut worker, _, address) = apart(&backend).await;
    let mut client = HttpClient::connect((address, HTTP_PORT).into(), "a.test").await;
    client.get("/x").await.expect(200);
    worker.terminate();
    assert!(worker.exited_successfully().await);
    assert!(TcpStream::connect((address, HTTP_PORT)).await.is_err());
}
