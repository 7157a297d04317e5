//! What-if: what a change would do, to documents and to tunnels, without making it.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Gateway, WebSocket, wait_for};

use crate::{HOST, tidegate};

async fn ask(gateway: &Gateway, body: &Value) -> Value {
    let path = format!("{}/providers/Tidegate.Network/whatIf?api-version=2026-12-01", gateway.id());
    gateway.management().send_json("POST", &path, body).await.expect(200).json()["properties"].clone()
}

fn kinds(found: &Value) -> Vec<(String, String)> {
    let changes = found["changes"].as_array().expect("there is a list of changes").iter();
    let text = |change: &Value, name: &str| change[name].as_str().expect("it is text").to_owned();
    let last = |id: String| id.rsplit('/').next().unwrap_or_default().to_owned();
    changes.map(|change| (last(text(change, "resourceId")), text(change, "changeType"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

#[tokio::test]
async fn a_change_is_told_with_the_fate_of_tunnels_and_nothing_of_it_is_done() {
    let (staying, leaving) = (Backend::start().await, Backend::start().await);
    let authority = Authority::new();
    let gateway = Gateway::start_with(tidegate().workers(2), &[staying.ip(), leaving.ip()], |document| {
        document.drained_after(7).https(&authority.issue(&["a.test"]))
    })
    .await;
    let management = gateway.management();
    // Round robin gives each member half of them.
    let mut sockets = Vec::new();
    for _ in 0..8 {
        sockets.push(gateway.websocket("/chat").await);
    }
    let before = management.get(gateway.id()).await.expect(200).json();

    // A child: one of the two members goes.
    let pool = gateway.document.child_id("backendAddressPools", "pool");
    let members = json!([{"ipAddress": staying.ip().to_string()}]);
    let body = json!({"id": pool, "properties": {"backendAddresses": members}});
    let found = ask(&gateway, &body).await;
    assert_eq!(kinds(&found), pairs(&[("pool", "Modify")]));
    assert_eq!(found["changes"][0]["delta"][0]["path"], "properties.backendAddresses");
    assert_eq!(found["newGeneration"], true);
    let traffic = &found["traffic"];
    let number = |name: &str| traffic["tunnels"][name].as_u64().unwrap();
    assert_eq!(number("kept") + number("drained"), 8, "{traffic}");
    assert!(number("drained") > 0 && number("closed") == 0, "{traffic}");
    assert_eq!(traffic["endWithinInSec"], 7);
    let workers = traffic["workers"].as_array().unwrap();
    assert_eq!(workers.len(), 2);
    for worker in workers {
        let removed = &worker["removedMembers"][0];
        assert_eq!(
            (&removed["member"], &removed["action"]),
            (&json!(leaving.ip().to_string()), &json!("drain"))
        );
    }

    // A set, in an order in which no single write would succeed, and with a policy that keeps the tunnels.
    let id = |collection: &str, name: &str| gateway.document.child_id(collection, name);
    let rule = json!({"id": id("requestRoutingRules", "more"), "properties": {"ruleType": "Basic", "priority": 77,
        "httpListener": {"id": id("httpListeners", "more")},
        "backendAddressPool": {"id": id("backendAddressPools", "pool")},
        "backendHttpSettings": {"id": id("backendHttpSettingsCollection", "settings")}}});
    let listener = json!({"id": id("httpListeners", "more"), "properties": {"protocol": "Http",
        "frontendIPConfiguration": gateway.document.body()["properties"]["httpListeners"][0]["properties"]["frontendIPConfiguration"],
        "frontendPort": {"id": id("frontendPorts", "more")}}});
    let port = json!({"id": id("frontendPorts", "more"), "properties": {"port": 20_085}});
    let policy = format!("{}/providers/Tidegate.Network/tunnelPolicies/default", gateway.id());
    let policy = json!({"id": policy, "properties": {"onMemberRemoved": {"action": "keep"}}});
    let set = json!({"resources": [rule, listener, port, policy], "deletions": [id("requestRoutingRules", "https"),
        id("httpListeners", "https")]});
    let found = ask(&gateway, &set).await;
    let expected = [
        ("more", "Create"),
        ("https", "Delete"),
        ("more", "Create"),
        ("https", "Delete"),
        ("more", "Create"),
        ("default", "Create"),
    ];
    let (mut kinds, mut expected) = (kinds(&found), pairs(&expected));
    kinds.sort();
    expected.sort();
    assert_eq!(kinds, expected);
    assert_eq!(found["listenersOpened"][0]["port"], 20_085);
    assert_eq!(found["listenersClosed"].as_array().unwrap().len(), 1);
    assert_eq!(found["traffic"]["tunnels"], json!({"kept": 8, "drained": 0, "closed": 0}));

    // The whole gateway, with another certificate; and its deletion.
    let other = authority.issue(&["a.test"]).pem_base64();
    let whole = gateway.document.clone().certificate("certificate", &other, None);
    let found = ask(&gateway, whole.body()).await;
    assert_eq!(found["certificatesReplaced"], json!([id("sslCertificates", "certificate")]));
    let found = ask(&gateway, &json!({"deletions": [gateway.id()]})).await;
    assert_eq!(found["traffic"]["tunnels"], json!({"kept": 0, "drained": 8, "closed": 0}));

    // What a write would refuse is refused, and nothing has changed.
    let path = format!("{}/providers/Tidegate.Network/whatIf?api-version=2026-12-01", gateway.id());
    let bad = json!({"id": pool, "properties": {"backendAddresses": [{"ipAddress": "no address"}]}});
    management.send_json("POST", &path, &bad).await.expect(400);
    let foreign = json!({"resources": [{"id": "/subscriptions/x"}]});
    let refused = management.send_json("POST", &path, &foreign).await.expect(400).json();
    assert_eq!(refused["error"]["target"], "resources[0].id");
    assert_eq!(management.get(gateway.id()).await.json(), before);
    for socket in &mut sockets {
        socket.echo("still here").await;
    }
}

/// Returns the numbers of tunnels that a change keeps, drains and closes.
fn fates(found: &Value) -> [u64; 3] {
    let tunnels = &found["traffic"]["tunnels"];
    ["kept", "drained", "closed"].map(|name| tunnels[name].as_u64().expect("it is a number"))
}

/// Returns the events of the only worker, without the time.
fn events(found: &Value) -> Vec<(String, u64, String)> {
    let events =
        found["traffic"]["workers"][0]["events"].as_array().expect("there is a list of events").iter();
    let text = |event: &Value, name: &str| event[name].as_str().expect("it is text").to_owned();
    events
        .map(|event| (text(event, "event"), event["tunnels"].as_u64().unwrap_or(0), text(event, "action")))
        .collect()
}

#[tokio::test]
async fn the_tunnels_of_every_event_are_counted_with_the_action_of_their_policy() {
    let (backend, other, authority) = (Backend::start().await, Backend::start().await, Authority::new());
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.port("more", 20_091).http_listener("more", "more");
        document.rule("more", "more", "pool", "settings")
    })
    .await;
    let policy = format!("{}/providers/Tidegate.Network/tunnelPolicies/default", gateway.id());
    let drain = json!({"action": "drain", "drainTimeoutInSec": 40});
    let properties = json!({"onRouteChanged": drain, "onListenerRemoved": {"action": "close"},
        "onPolicyTightened": {"action": "drain", "drainTimeoutInSec": 3}, "onGatewayRemoved": {"action": "close"}});
    gateway.management().apply(&policy, &json!({"properties": properties})).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(gateway.websocket("/chat").await);
    }
    for _ in 0..2 {
        sockets.push(WebSocket::connect((gateway.ip(), 20_091).into(), HOST, "/more").await);
    }
    let event = |name: &str, tunnels, action: &str| vec![(name.to_owned(), tunnels, action.to_owned())];

    let mut moved = gateway.document.clone().pool("other", &[other.ip()]);
    let target = moved.reference("backendAddressPools", "other");
    moved.body_mut()["properties"]["requestRoutingRules"][0]["properties"]["backendAddressPool"] = target;
    let found = ask(&gateway, moved.body()).await;
    assert_eq!((fates(&found), events(&found)), ([2, 3, 0], event("onRouteChanged", 3, "drain")));
    assert_eq!(found["traffic"]["endWithinInSec"], 40);

    let removed = gateway.document.clone().without("requestRoutingRules", "more");
    let removed = removed.without("httpListeners", "more");
    let found = ask(&gateway, removed.body()).await;
    assert_eq!((fates(&found), events(&found)), ([3, 0, 2], event("onListenerRemoved", 2, "close")));

    let identity = authority.issue(&[HOST]).pem_base64();
    let secure = gateway.document.clone().certificate("certificate", &identity, None);
    let secure = secure.https_listener("http", "http", "certificate");
    let found = ask(&gateway, secure.body()).await;
    assert_eq!((fates(&found), events(&found)), ([2, 3, 0], event("onPolicyTightened", 3, "drain")));
    assert_eq!(found["traffic"]["endWithinInSec"], 3);

    // The listener goes at once, so that its tunnels do not wait for the drain of their member.
    let both = removed.pool("pool", &[]);
    let found = ask(&gateway, both.body()).await;
    assert_eq!((fates(&found), events(&found)), ([0, 3, 2], event("onListenerRemoved", 2, "close")));
    let found = ask(&gateway, &json!({"deletions": [gateway.id()]})).await;
    assert_eq!((fates(&found), events(&found)), ([0, 0, 5], Vec::new()));

    let keep = json!({"id": policy, "properties": {"onListenerRemoved": {"action": "keep"}, "onRouteChanged": drain}});
    let without = |collection: &str| format!("{}/{collection}/more", gateway.id());
    let set =
        json!({"resources": [keep], "deletions": [without("requestRoutingRules"), without("httpListeners")]});
    let found = ask(&gateway, &set).await;
    assert_eq!((fates(&found), events(&found)), ([5, 0, 0], event("onListenerRemoved", 2, "keep")));
    wait_for("tunnels that are older than a second", async || {
        let short = json!({"id": policy, "properties": {"maxLifetimeInSec": 1}});
        let found = ask(&gateway, &short).await;
        (fates(&found) == [0, 0, 5])
            .then(|| assert_eq!(events(&found), event("maxLifetimeInSec", 5, "close")))
    })
    .await;

    for socket in &mut sockets {
        socket.echo("nothing was done").await;
    }
    gateway.apply(moved).await;
    let found = ask(&gateway, gateway.document.body()).await;
    assert_eq!(
        (fates(&found), events(&found)),
        ([5, 0, 0], Vec::new()),
        "what drains already is nothing new"
    );
}
