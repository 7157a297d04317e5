//! The ends of tunnels whose client uses TLS, which are the same as without TLS.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{Authority, Ending, Gateway, ManualBackend, Peer, handshake};
use tokio::time::Instant;

use crate::{HOST, tidegate, with_https};

/// Starts a gateway with an HTTPS listener and this idle timeout for tunnels.
async fn gateway(backend: &ManualBackend, authority: &Authority, idle_limit: u32) -> Gateway {
    Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        with_https(document.settings("settings", &json!({"requestTimeout": idle_limit})), authority)
    })
    .await
}

/// Opens a tunnel, and returns the client's end (over TLS) and the backend's.
async fn tunnel(gateway: &Gateway, backend: &mut ManualBackend, authority: &Authority) -> (Peer, Peer) {
    let mut client = Peer::connect_tls(gateway.https(), HOST, &authority.client()).await;
    client.write(handshake(HOST, "/tunnel", "")).await;
    let server = backend.accept_websocket().await;
    assert_eq!(client.read_head().await.status(), 101);
    (client, server)
}

#[tokio::test]
async fn a_half_close_is_passed_on() {
    let (mut backend, authority) = (ManualBackend::start().await, Authority::new());
    let gateway = gateway(&backend, &authority, 30).await;

    let (mut client, mut server) = tunnel(&gateway, &mut backend, &authority).await;
    client.write("last words").await;
    client.finish().await;
    assert_eq!(server.read_to_end().await, (b"last words".to_vec(), Ending::Eof));
    server.write("and the answer to them").await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (b"and the answer to them".to_vec(), Ending::Eof));

    let (mut client, mut server) = tunnel(&gateway, &mut backend, &authority).await;
    server.finish().await;
    assert_eq!(client.read_to_end().await, (Vec::new(), Ending::Eof));
    client.write("you may have gone, I have not").await;
    assert_eq!(server.read_exact(29).await, b"you may have gone, I have not");
}

#[tokio::test]
async fn a_reset_becomes_a_reset() {
    let (mut backend, authority) = (ManualBackend::start().await, Authority::new());
    let gateway = gateway(&backend, &authority, 30).await;

    let (client, mut server) = tunnel(&gateway, &mut backend, &authority).await;
    client.reset();
    assert_eq!(server.read_to_end().await.1, Ending::Reset);

    let (mut client, server) = tunnel(&gateway, &mut backend, &authority).await;
    server.reset();
    assert_eq!(client.read_to_end().await.1, Ending::Reset);
}

#[tokio::test]
async fn a_silent_one_ends_on_both_legs_after_its_time() {
    let (mut backend, authority) = (ManualBackend::start().await, Authority::new());
    let gateway = gateway(&backend, &authority, 2).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend, &authority).await;
    client.write("the last word").await;
    assert_eq!(server.read_exact(13).await, b"the last word");
    let since = Instant::now();
    let (from_client, from_server) = tokio::join!(server.read_to_end(), client.read_to_end());
    let passed = since.elapsed();
    assert_eq!((from_client.0.len(), from_server.0.len()), (0, 0), "not a byte of the gateway's own");
    assert!(passed >= Duration::from_millis(1900), "it was cut after {passed:?}");
    assert!(passed < Duration::from_secs(6), "it was cut only after {passed:?}");
    gateway.access_log().line_with(&["/tunnel", "idle timeout"]).await;
}
