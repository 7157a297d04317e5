//! Frames of the gateway in tunnels: Close frames at their end, and Pings while they are idle.

use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Authority, Backend, End, Gateway, Http2Client, Http2Stream, ManualBackend, Peer, wait_for,
};
use tokio::time::Instant;

use super::put_policy;
use crate::http2::with_http2;
use crate::tunnels::tunnel;
use crate::{HOST, tidegate, with_https};

/// A text message of a backend.
const MESSAGE: &[u8] = b"\x81\x05hello";
/// A client's Close frame with the code 1012, and a mask of zero.
const CLOSE_1012: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf4];

#[tokio::test]
async fn a_client_is_told_by_a_close_frame_whatever_ends_its_tunnel() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().option("--drain-timeout", "1s"), &[backend.ip()]).await;
    put_policy(
        &gateway,
        json!({"closeFrame": {"code": 1012, "reason": "moving"}, "onMemberRemoved": {"action": "close"},
            "idleTimeoutInSec": 1}),
    )
    .await;
    let mut idle = gateway.websocket("/idle").await;
    assert_eq!(idle.end().await, End::Closed(1012));
    let line = gateway.access_log().line_with(&["/idle", "idle timeout"]).await;
    assert_eq!(
        (&line["properties"]["closedBy"], &line["properties"]["closeCode"]),
        (&json!("gateway"), &json!(1012))
    );

    let mut removed = gateway.websocket("/removed").await;
    let with = gateway.document.clone();
    gateway.apply(with.clone().pool("pool", &[])).await;
    assert_eq!(removed.end().await, End::Closed(1012));
    gateway.apply(with).await;

    let mut stopped = gateway.websocket("/stopped").await;
    gateway.tidegate.terminate();
    assert_eq!(stopped.end().await, End::Closed(1012));
    assert!(gateway.tidegate.exited_successfully().await);
}

/// Returns the URL of an action on a tunnel of the gateway with this path.
async fn action_on(gateway: &Gateway, path: &str) -> String {
    let url = format!("{}/providers/Tidegate.Network/tunnels?api-version=2026-12-01", gateway.id());
    wait_for("the tunnel in the list", async || {
        let page = gateway.management().get(&url).await.expect(200).json();
        let tunnel = page["value"].as_array()?.iter().find(|tunnel| tunnel["properties"]["path"] == path)?;
        Some(format!("{}/close?api-version=2026-12-01", tunnel["id"].as_str()?))
    })
    .await
}

#[tokio::test]
async fn who_closes_tunnels_decides_about_the_close_frame() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let own = json!({"closeFrame": {"code": 1001, "reason": "bye"}});
    let mut without_policy = gateway.websocket("/plain").await;
    management.send_json("POST", &action_on(&gateway, "/plain").await, &own).await.expect(202);
    assert_eq!(without_policy.end().await, End::Closed(1001));

    put_policy(&gateway, json!({"closeFrame": {"code": 1012, "reason": "moving"}})).await;
    let [mut own_frame, mut of_policy] =
        [gateway.websocket("/own").await, gateway.websocket("/policy").await];
    management.send_json("POST", &action_on(&gateway, "/own").await, &own).await.expect(202);
    assert_eq!(own_frame.end().await, End::Closed(1001));
    management.post(&action_on(&gateway, "/policy").await).await.expect(202);
    assert_eq!(of_policy.end().await, End::Closed(1012));

    let many = format!("{}/providers/Tidegate.Network/closeTunnels?api-version=2026-12-01", gateway.id());
    for (frame, expected) in [
        (json!("none"), End::WithoutCloseFrame),
        (json!({"code": 1001}), End::Closed(1001)),
        (json!(null), End::Closed(1012)),
    ] {
        let mut socket = gateway.websocket("/many").await;
        action_on(&gateway, "/many").await;
        let body = json!({"filter": "path eq '/many'", "closeFrame": frame});
        management.send_json("POST", &many, &body).await.expect(202);
        assert_eq!(socket.end().await, expected, "{frame}");
    }
    let body = json!({"filter": "", "closeFrame": {"code": 1000}});
    let refused = management.send_json("POST", &many, &body).await.expect(400);
    assert!(refused.text().contains("closeFrame.code"), "{}", refused.text());
}

/// Starts a gateway whose tunnels are closed with a Close frame when their member is removed.
async fn closing(backend: &ManualBackend) -> Gateway {
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    put_policy(
        &gateway,
        json!({"closeFrame": {"code": 1012, "reason": ""}, "onMemberRemoved": {"action": "close"}}),
    )
    .await;
    gateway
}

#[tokio::test]
async fn the_close_frame_stands_between_frames_and_the_clients_answer_reaches_the_backend() {
    let mut backend = ManualBackend::start().await;
    let mut gateway = closing(&backend).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    let (mut other, mut cut) = tunnel(&gateway, &mut backend).await;
    server.write(MESSAGE).await;
    // The backend of the other tunnel is within a frame, and stays there.
    cut.write(&MESSAGE[..3]).await;
    assert_eq!(client.read_exact(MESSAGE.len()).await, MESSAGE);
    assert_eq!(other.read_exact(3).await, &MESSAGE[..3]);
    let without = gateway.document.clone().pool("pool", &[]);
    gateway.apply(without).await;

    assert_eq!(client.read_exact(4).await, [0x88, 0x02, 0x03, 0xf4]);
    client.write(CLOSE_1012).await;
    assert_eq!(server.read_to_end().await.0, CLOSE_1012);
    assert_eq!(client.read_to_end().await.0, b"");
    assert_eq!(other.read_to_end().await.0, b"", "no byte may stand within a frame");
}

#[tokio::test]
async fn a_client_that_does_not_answer_the_close_frame_is_waited_for_briefly() {
    let mut backend = ManualBackend::start().await;
    let mut gateway = closing(&backend).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    let without = gateway.document.clone().pool("pool", &[]);
    gateway.apply(without).await;
    assert_eq!(client.read_exact(4).await, [0x88, 0x02, 0x03, 0xf4]);
    let since = Instant::now();
    assert_eq!(server.read_to_end().await.0, b"");
    assert_eq!(client.read_to_end().await.0, b"");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

/// Reads a Ping of the gateway, and returns the client's Pong to it, with a mask of zero.
fn pong(ping: &[u8]) -> Vec<u8> {
    assert_eq!((ping[0], usize::from(ping[1])), (0x89, ping.len() - 2), "{ping:?}");
    [&[0x8a, 0x80 | ping[1], 0, 0, 0, 0], &ping[2..]].concat()
}

#[tokio::test]
async fn an_idle_client_is_pinged_and_only_the_answers_to_that_are_swallowed() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document.settings("settings", &json!({"requestTimeout": 3}))
    })
    .await;
    put_policy(&gateway, json!({"pingAfterIdleInSec": 1})).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    server.write(&MESSAGE[..3]).await;
    assert_eq!(client.read_exact(3).await, &MESSAGE[..3]);
    assert!(client.is_silent_for(Duration::from_millis(1600)).await, "no Ping within a frame");
    server.write(&MESSAGE[3..]).await;
    assert_eq!(client.read_exact(4).await, &MESSAGE[3..]);
    let ping = client.read_exact(10).await;
    let (own, others) = (pong(&ping), b"\x8a\x80\0\0\0\0\x8a\x84\0\0\0\0mine");
    client.write([&own[..], others].concat()).await;
    assert_eq!(server.read_exact(others.len()).await, others);
    client.write(&own).await;
    // Pings and their answers keep no tunnel open.
    let (left, _) = server.read_to_end().await;
    assert_eq!(left, b"");
    gateway.access_log().line_with(&["/tunnel", "idle timeout after 3 s"]).await;
}

#[tokio::test]
async fn after_the_end_of_the_backend_no_ping_cuts_off_what_the_client_still_sends() {
    let mut backend = ManualBackend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    put_policy(&gateway, json!({"pingAfterIdleInSec": 1})).await;
    let (mut client, mut server) = tunnel(&gateway, &mut backend).await;
    pong(&client.read_exact(10).await);
    server.finish().await;
    assert_eq!(client.read_to_end().await.0, b"");
    assert!(server.is_silent_for(Duration::from_millis(1800)).await, "the tunnel was cut");
    client.write(b"\x81\x82\0\0\0\0hi").await;
    assert_eq!(server.read_exact(8).await, b"\x81\x82\0\0\0\0hi");
}

/// Opens a tunnel over a stream of HTTP/2, and returns the client's stream and the backend's connection.
async fn over_http2(client: &mut Http2Client, backend: &mut ManualBackend) -> (Http2Stream, Peer) {
    let mut stream =
        client.connect_protocol("websocket", "/tunnel", &[("sec-websocket-version", "13")]).await;
    let server = backend.accept_websocket().await;
    assert_eq!(stream.head().await.status(), 200);
    (stream, server)
}

#[tokio::test]
async fn both_work_over_http2() {
    let (mut backend, authority) = (ManualBackend::start().await, Authority::new());
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        with_http2(with_https(document, &authority))
    })
    .await;
    put_policy(
        &gateway,
        json!({"closeFrame": {"code": 1012}, "onMemberRemoved": {"action": "close"}, "pingAfterIdleInSec": 1}),
    )
    .await;
    let mut client = Http2Client::connect_tls(gateway.https(), HOST, &authority.client()).await;
    let (mut stream, mut server) = over_http2(&mut client, &mut backend).await;
    let ping = stream.read_exact(10).await;
    stream.write([&pong(&ping)[..], b"\x81\x82\0\0\0\0hi"].concat()).await;
    assert_eq!(server.read_exact(8).await, b"\x81\x82\0\0\0\0hi");
    let without = gateway.document.clone().pool("pool", &[]);
    gateway.apply(without).await;
    assert_eq!(stream.read_exact(4).await, [0x88, 0x02, 0x03, 0xf4]);
    stream.write(CLOSE_1012).await;
    assert_eq!(server.read_to_end().await.0, CLOSE_1012);
    stream.read_to_end().await;
}
