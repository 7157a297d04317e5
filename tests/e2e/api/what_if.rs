//! What-if: what a change would do, to documents and to tunnels, without making it.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Gateway};

use crate::tidegate;

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
