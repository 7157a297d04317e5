//! The limits of tunnels, which refuse handshakes.

use serde_json::json;
use tidegate_harness::{Backend, Gateway, Metrics, WebSocket, handshake, wait_for};

use super::put_policy;
use crate::tidegate;

/// Returns the status and `Retry-After` with which a handshake is refused.
async fn refusal(gateway: &Gateway) -> (u16, String) {
    let mut client = gateway.peer().await;
    client.write(handshake("gateway.test", "/refused", "")).await;
    let head = client.read_head().await;
    (head.status(), head.header("retry-after").unwrap_or_default().to_owned())
}

/// Opens a tunnel as soon as there is a place.
async fn place(gateway: &Gateway) -> WebSocket {
    wait_for("a place for a tunnel", async || {
        WebSocket::try_connect(gateway.http(), "gateway.test", "/again", &[]).await.ok()
    })
    .await
}

fn refused_at_least(count: f64, limit: &str) -> impl Fn(&Metrics) -> bool {
    let label = format!("limit=\"{limit}\"");
    move |metrics| metrics.sum("tidegate_tunnels_rejected_total", &[&label]) >= count
}

#[tokio::test]
async fn a_pool_has_no_more_tunnels_than_it_may_also_when_many_come_at_once() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate().threads(2), &[backend.ip()]).await;
    let mut before = gateway.websocket("/before").await;
    put_policy(&gateway, json!({"maxTunnels": 10})).await;
    let mut attempts = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let address = gateway.http();
        attempts.spawn(WebSocket::try_connect(address, "gateway.test", "/many", &[]));
    }
    let (open, refused): (Vec<_>, Vec<_>) = attempts.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(open.len(), 9, "one was open before");
    assert!(refused.iter().all(|refused| matches!(refused, Err(503))));
    assert_eq!(refusal(&gateway).await, (503, "5".to_owned()));
    // Requests are not limited.
    gateway.get("/a-request").await.expect(200);
    before.echo("still there").await;
    drop(before);
    place(&gateway).await;
    gateway.tidegate.metrics_when("they were refused", refused_at_least(32.0, "pool")).await;
    gateway.access_log().line_with(&["/refused", "the pool has its maximum number of tunnels"]).await;
}

#[tokio::test]
async fn a_member_that_is_full_leaves_its_tunnels_to_the_others() {
    let (one, other) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start(tidegate(), &[one.ip(), other.ip()]).await;
    put_policy(&gateway, json!({"maxTunnelsPerMember": 3})).await;
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(gateway.websocket("/chat").await);
    }
    assert_eq!((one.requests().len(), other.requests().len()), (3, 3));
    assert_eq!(refusal(&gateway).await.0, 503);
    open.pop();
    place(&gateway).await;
    gateway.tidegate.metrics_when("it was refused", refused_at_least(1.0, "member")).await;
}

#[tokio::test]
async fn a_client_has_its_share_and_a_second_its_handshakes() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    put_policy(&gateway, json!({"maxTunnelsPerClientAddress": 2})).await;
    let mut open = vec![gateway.websocket("/one").await, gateway.websocket("/two").await];
    assert_eq!(refusal(&gateway).await, (429, "5".to_owned()));
    open.pop();
    open.push(place(&gateway).await);
    assert_eq!(refusal(&gateway).await.0, 429);
    gateway.tidegate.metrics_when("it was refused", refused_at_least(2.0, "client_address")).await;

    put_policy(&gateway, json!({"maxOpeningsPerSecond": 1})).await;
    open.push(place(&gateway).await);
    // More than one second may pass between two handshakes.
    wait_for("a refusal", async || (refusal(&gateway).await == (429, "1".to_owned())).then_some(())).await;
    place(&gateway).await;
    gateway.tidegate.metrics_when("it was refused", refused_at_least(1.0, "rate")).await;
}

#[tokio::test]
async fn a_member_that_comes_back_after_its_drain_counts_the_tunnels_that_it_has_kept() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(3)).await;
    put_policy(&gateway, json!({"onMemberRemoved": {"action": "keep"}, "maxTunnelsPerMember": 2})).await;
    let mut open = vec![gateway.websocket("/one").await, gateway.websocket("/two").await];
    let with = gateway.document.clone();
    gateway.apply(with.clone().pool("pool", &[])).await;
    for is_draining in [true, false] {
        wait_for(&format!("a drain: {is_draining}"), async || {
            let health = gateway.management().backend_health(gateway.id()).await.to_string();
            (health.contains("Draining") == is_draining).then_some(())
        })
        .await;
    }
    // Any change forgets a member whose drain is over.
    gateway.apply(gateway.document.clone().pool("unrelated", &[])).await;
    gateway.apply(with).await;
    assert_eq!(refusal(&gateway).await.0, 503, "two tunnels to the member are open");
    for socket in &mut open {
        socket.echo("kept").await;
    }
    open.pop();
    place(&gateway).await;
}
