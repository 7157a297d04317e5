//! Events as they happen: for one gateway, for all, and after a reconnect.

use serde_json::{Value, json};
use tidegate_harness::{Backend, Gateway, GatewayDocument, Management, Peer, WebSocket, loopback};

use crate::identity::create;
use crate::tidegate;

/// A reader of server-sent events.
struct Events {
    peer: Peer,
    text: String,
}

/// One event.
#[derive(Clone, Debug)]
struct Event {
    id: Option<String>,
    data: Value,
}

impl Events {
    async fn follow(management: &Management, token: &str, path: &str, last: Option<&str>) -> Events {
        let mut peer = Peer::connect(management.address()).await;
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let separator = if path.contains('?') { '&' } else { '?' };
        let request = format!(
            "GET {path}{separator}api-version=2026-12-01 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n{last}\r\n",
            management.address()
        );
        peer.write(request).await;
        let head = peer.read_head().await;
        assert_eq!(head.status(), 200);
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        // The first block, which is a comment unless there is an event, says that the stream has begun.
        let mut events = Events { peer, text: String::new() };
        let first = events.block().await;
        events.text = format!("{first}\n\n{}", events.text);
        events
    }

    /// Returns the next block of lines.
    async fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let block = block.to_owned();
                self.text = rest.to_owned();
                return block;
            }
            let chunk = self.peer.read_chunk().await.expect("the stream has no end");
            self.text.push_str(std::str::from_utf8(&chunk).expect("events are text"));
        }
    }

    /// Returns the next event of this type; others are passed over.
    async fn next(&mut self, kind: &str) -> Event {
        loop {
            let block = self.block().await;
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.map(str::to_owned)
            };
            let Some(found) = field("event") else { continue };
            if found == kind {
                let data =
                    serde_json::from_str(&field("data").expect("an event has data")).expect("data is JSON");
                return Event { id: field("id"), data };
            }
        }
    }
}

fn of_gateway(id: &str) -> String {
    format!("{id}/providers/Tidegate.Network/events")
}

#[tokio::test]
async fn generations_and_members_are_told_as_they_change_and_after_a_reconnect() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        document.probed(&json!({"interval": 1, "timeout": 1, "unhealthyThreshold": 1}), &json!({}))
    })
    .await;
    let (management, token) = (gateway.management(), gateway.tidegate.admin_token());
    let path = of_gateway(gateway.id());
    let mut events = Events::follow(&management, &token, &path, None).await;

    let pool = gateway.document.child_id("backendAddressPools", "pool");
    let absent = "127.9.9.9";
    let members = json!([{"ipAddress": backend.ip().to_string()}, {"ipAddress": absent}]);
    management.apply(&pool, &json!({"properties": {"backendAddresses": members}})).await;
    let applied = events.next("generationApplied").await;
    assert_eq!((&applied.data["generation"], &applied.data["gateway"]), (&json!(2), &json!(gateway.id())));
    assert!(applied.data["worker"].is_string() && applied.data["time"].is_string(), "{applied:?}");
    let down = events.next("memberDown").await;
    assert_eq!((&down.data["member"], &down.data["pool"]), (&json!(absent), &json!("pool")));
    assert!(!down.data["reason"].as_str().unwrap().is_empty());

    // A reader that comes back gets what it missed, and nothing twice.
    let members = json!([{"ipAddress": backend.ip().to_string()}]);
    management.apply(&pool, &json!({"properties": {"backendAddresses": members}})).await;
    events.next("generationApplied").await;
    let mut again = Events::follow(&management, &token, &path, applied.id.as_deref()).await;
    assert_eq!(again.next("memberDown").await.id, down.id);
    assert_eq!(again.next("generationApplied").await.data["generation"], 3);

    // An ID of another process is answered with a reset, and with what there is.
    let mut foreign = Events::follow(&management, &token, &path, Some("0-7")).await;
    assert_eq!(foreign.next("reset").await.id, None);
    assert_eq!(foreign.next("generationApplied").await.data["generation"], 1);
    let rejected = management.get(&format!("{path}?api-version=2024-05-01")).await.expect(400);
    rejected.error_code();
}

#[tokio::test]
async fn a_reader_may_ask_for_a_sample_of_tunnels() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (management, token) = (gateway.management(), gateway.tidegate.admin_token());
    let path = of_gateway(gateway.id());
    let mut events = Events::follow(&management, &token, &format!("{path}?tunnels=sample"), None).await;
    let socket = gateway.websocket("/chat").await;
    let opened = events.next("tunnelOpened").await;
    assert_eq!((&opened.data["path"], &opened.data["gateway"]), (&json!("/chat"), &json!(gateway.id())));
    assert_eq!(opened.id, None);
    socket.close().await;
    let closed = events.next("tunnelClosed").await;
    assert_eq!(closed.data["tunnel"], opened.data["tunnel"]);
    assert!(closed.data["reason"].is_string() && closed.data["closedBy"].is_string(), "{closed:?}");
    management.get(&format!("{path}?tunnels=all&api-version=2026-12-01")).await.expect(400);
}

#[tokio::test]
async fn all_events_are_those_of_the_gateways_that_a_client_may_see() {
    let mut tidegate = tidegate().start().await;
    tidegate.all_connected().await;
    let (management, token) = (tidegate.management(), tidegate.admin_token());
    let [own, other] = ["own", "other"].map(|name| GatewayDocument::forwarding(name, loopback(), &[]));
    management.apply_gateway(&own).await;
    let reader = create(&tidegate, &["reader", "--role", "reader", "--scope", own.id()]).await;
    let reader = reader.login(&management).await;
    let reader_token = reader.token().expect("it has one").to_owned();

    let all = "/providers/Tidegate.Network/events";
    let mut seen = Events::follow(&management, &reader_token, all, None).await;
    let mut everything = Events::follow(&management, &token, all, None).await;
    management.apply_gateway(&other).await;
    assert_eq!(everything.next("generationApplied").await.data["gateway"], other.id());
    management.remove(other.id()).await;
    management.apply_gateway(&own.clone().pool("more", &[])).await;
    let more = own.clone().child(
        "backendHttpSettingsCollection",
        "settings",
        &json!({"port": 9, "protocol": "Http"}),
    );
    management.apply_gateway(&more).await;
    everything.next("gatewayWithdrawn").await;
    assert_eq!(seen.next("generationApplied").await.data["gateway"], own.id());
    reader.get(&of_gateway(other.id())).await.expect(403);

    // A stop does not wait for the readers.
    tidegate.terminate();
    assert!(tidegate.exited_successfully().await);
}

#[tokio::test]
async fn refused_handshakes_are_told_by_numbers_and_not_one_by_one() {
    const REFUSED: u64 = 30;
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (management, token) = (gateway.management(), gateway.tidegate.admin_token());
    let policy = format!("{}/providers/Tidegate.Network/tunnelPolicies/pool", gateway.id());
    management.apply(&policy, &json!({"properties": {"maxTunnels": 1}})).await;
    let mut events = Events::follow(&management, &token, &of_gateway(gateway.id()), None).await;
    let _open = gateway.websocket("/open").await;
    for _ in 0..REFUSED {
        let refused = WebSocket::try_connect(gateway.http(), "gateway.test", "/refused", &[]).await;
        assert_eq!(refused.err(), Some(503));
    }
    let (mut told, mut number) = (0, 0);
    while told < REFUSED {
        let event = events.next("handshakesRefused").await;
        assert_eq!((&event.data["pool"], &event.data["limit"]), (&json!("pool"), &json!("maxTunnels")));
        assert!(event.data["withinInSec"].is_u64() && event.data["worker"].is_string(), "{event:?}");
        told += event.data["count"].as_u64().unwrap();
        number += 1;
    }
    assert!(told == REFUSED && number <= 5, "{number} events for {told} handshakes");
}
