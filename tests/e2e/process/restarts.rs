//! Restarts in order: a successor serves while its predecessor drains.

use std::time::Duration;

use tidegate_harness::{Backend, Gateway, wait_for};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::{serves, tidegate};

#[tokio::test]
async fn a_restart_in_order_serves_at_once_beside_the_workers_that_drain() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    let old = gateway.tidegate.worker_pid(1).await;
    let since = Instant::now();
    gateway.tidegate.terminate();
    let mut draining = gateway.tidegate.leave().await;
    gateway.tidegate.start_again().await;
    gateway.tidegate.worker_other_than(1, old).await;
    serves(&gateway).await;
    assert!(since.elapsed() < Duration::from_secs(20), "it took {:?} of a drain of 30 s", since.elapsed());
    socket.echo("through the old worker").await;
    let changed = gateway.document.clone().port("more", 20081);
    gateway.apply(changed).await;
    drop(socket);
    assert!(draining.exit().await.success(), "the exit code tells of a failure");
    gateway.get("/after").await.expect(200);
}

#[tokio::test]
async fn who_has_connected_before_a_stop_is_answered() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(gateway.peer().await);
    }
    gateway.tidegate.terminate();
    for client in &mut clients {
        client.write("GET /connected HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(client.read_head().await.status(), 200);
    }
    wait_for("the listener to be closed", async || TcpStream::connect(gateway.http()).await.err()).await;
    assert!(gateway.tidegate.exited_successfully().await);
}
