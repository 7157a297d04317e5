//! Changes of the configuration do not affect open tunnels, unless they remove the tunnel's backend.

use std::time::Duration;

use tidegate_harness::{Backend, End, Gateway, GatewayDocument, HttpClient, WebSocket};
use tokio::time::Instant;

use crate::tidegate;

#[tokio::test]
async fn a_change_to_anything_else_leaves_a_tunnel_alone() {
    let (backend, other) = (Backend::start().await, Backend::start().await);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(2)).await;
    let mut socket = gateway.websocket("/chat").await;
    let pool = [backend.ip(), other.ip()];
    let steps: &[(&str, &dyn Fn(GatewayDocument) -> GatewayDocument)] = &[
        ("another pool", &|d| d.pool("more", &[other.ip()])),
        ("another port and listener", &|d| d.port("more", 20081).http_listener("more", "more")),
        ("another rule", &|d| d.rule("more", "more", "more", "settings")),
        ("a member beside its own", &|d| d.pool("pool", &pool)),
        ("that member gone again", &|d| d.pool("pool", &[backend.ip()])),
        ("another rule gone", &|d| d.without("requestRoutingRules", "more")),
        ("another listener gone", &|d| d.without("httpListeners", "more")),
    ];
    for (step, change) in steps {
        let document = change(gateway.document.clone());
        gateway.apply(document).await;
        socket.echo(step).await;
    }
    // Longer than the drain timeout of the first change: the end was not just postponed.
    let mut ticks = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..7 {
        ticks.tick().await;
        socket.echo("still the same tunnel").await;
    }
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn a_change_to_its_route_leaves_an_open_tunnel_where_it_is() {
    let (old, new) = (Backend::start().await, Backend::start().await);
    let mut gateway = Gateway::start(tidegate(), &[old.ip()]).await;
    let mut socket = gateway.websocket("/chat").await;
    // The old backend stays a member of its pool; only the rule's pool changes.
    let mut moved = gateway.document.clone().pool("new", &[new.ip()]);
    let target = moved.reference("backendAddressPools", "new");
    moved.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["backendAddressPool"] = target;
    gateway.apply(moved).await;

    socket.echo("on the old backend").await;
    gateway.websocket("/chat").await.echo("on the new backend").await;
    assert_eq!((old.requests().len(), new.requests().len()), (1, 1));
}

#[tokio::test]
async fn the_removal_of_its_own_backend_ends_it_after_the_drain_timeout() {
    let (removed, kept) = (Backend::start().await, Backend::start().await);
    let mut gateway =
        Gateway::start_with(tidegate(), &[removed.ip(), kept.ip()], |d| d.drained_after(2)).await;
    let mut sockets = [gateway.websocket("/a").await, gateway.websocket("/b").await];
    assert_eq!((removed.requests().len(), kept.requests().len()), (1, 1));
    let on_removed = usize::from(removed.requests()[0].head.target() == "/b");

    let changed = gateway.document.clone().pool("pool", &[kept.ip()]);
    let since = Instant::now();
    gateway.apply(changed).await;
    sockets[on_removed].echo("until the timeout").await;
    assert_ne!(sockets[on_removed].end().await, End::Closed(1000));
    let passed = since.elapsed();
    assert!(passed >= Duration::from_secs(2), "it was cut after {passed:?}");
    sockets[1 - on_removed].echo("on the backend that stays").await;
    for _ in 0..3 {
        gateway.get("/new").await.expect(200);
    }
    assert_eq!(removed.requests().len(), 1, "nothing new for the removed one");
}

/// The order that the API enforces: a pool can be deleted only once no rule refers to it.
#[tokio::test]
async fn a_pool_that_its_rule_left_before_it_went_keeps_the_drain_timeout_of_its_settings() {
    let (old, new) = (Backend::start().await, Backend::start().await);
    let mut gateway = Gateway::start_with(tidegate(), &[old.ip()], |d| d.drained_after(3)).await;
    let mut socket = gateway.websocket("/chat").await;
    let mut moved = gateway.document.clone().pool("new", &[new.ip()]);
    let target = moved.reference("backendAddressPools", "new");
    moved.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["backendAddressPool"] = target;
    gateway.apply(moved).await;
    socket.echo("its pool is still there").await;

    let deleted = gateway.document.clone().without("backendAddressPools", "pool");
    let since = Instant::now();
    gateway.apply(deleted).await;
    assert_ne!(socket.end().await, End::Closed(1000));
    let passed = since.elapsed();
    assert!(passed >= Duration::from_secs(3), "it was cut after {passed:?}");
    assert!(passed < Duration::from_secs(15), "it was cut only after {passed:?}");
    gateway.access_log().line_with(&["/chat", "its backend was removed"]).await;
}

#[tokio::test]
async fn a_closed_listener_takes_nothing_new_and_leaves_open_tunnels_alone() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document
            .port("other", 20081)
            .http_listener("other", "other")
            .rule("other", "other", "pool", "settings")
    })
    .await;
    let other = (gateway.ip(), 20081).into();
    let mut socket = WebSocket::connect(other, "gateway.test", "/chat").await;
    let without =
        gateway.document.clone().without("requestRoutingRules", "other").without("httpListeners", "other");
    gateway.apply(without).await;
    assert!(tokio::net::TcpStream::connect(other).await.is_err(), "the port is still open");
    socket.echo("the backend is still a member").await;
}

#[tokio::test]
async fn a_running_request_ends_well_whatever_is_changed() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(tidegate_harness::Behaviour::Held);
    let address = gateway.http();
    let mut client = HttpClient::connect(address, "gateway.test").await;
    let request = client.get("/held");
    let change = async {
        backend.request("/held").await;
        let changed = gateway.document.clone().pool("pool", &[]);
        gateway.apply(changed).await;
        backend.release();
    };
    let (answer, ()) = tokio::join!(request, change);
    answer.expect(200);
    gateway.get("/after").await.expect(502);
}
