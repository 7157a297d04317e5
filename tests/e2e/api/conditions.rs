//! `If-Match` and `If-None-Match`: no client overwrites a change that it has not seen.

use serde_json::json;
use tidegate_harness::{GatewayDocument, loopback};

use crate::tidegate;

#[tokio::test]
async fn a_write_on_what_has_changed_since_is_refused() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let old = management.apply_gateway(&document).await["etag"].as_str().unwrap().to_owned();
    let changed = document.clone().port("more", 20081);
    let new = management.apply_gateway(&changed).await;
    assert_ne!(new["etag"], old.as_str());

    let again = document.clone().port("other", 20082);
    let refused = management.put_with(document.id(), &[("if-match", &old)], again.body()).await.expect(412);
    assert_eq!(refused.error_code(), "PreconditionFailed");
    assert_eq!(management.get(document.id()).await.json(), new, "nothing has changed");

    let new = new["etag"].as_str().unwrap();
    management.put_with(document.id(), &[("if-match", new)], again.body()).await.expect(200);
    management.put_with(document.id(), &[("if-match", "*")], changed.body()).await.expect(200);
}

#[tokio::test]
async fn a_child_has_an_etag_of_its_own() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    management.apply_gateway(&document).await;
    let pool = document.child_id("backendAddressPools", "pool");
    let old = management.get(&pool).await.json()["etag"].as_str().unwrap().to_owned();

    // A change of another child does not affect it.
    management
        .apply(&document.child_id("frontendPorts", "more"), &json!({"properties": {"port": 20081}}))
        .await;
    assert_eq!(management.get(&pool).await.json()["etag"], old.as_str());

    let member = |ip: &str| json!({"properties": {"backendAddresses": [{"ipAddress": ip}]}});
    management.put_with(&pool, &[("if-match", &old)], &member("127.0.0.1")).await.expect(200);
    let refused = management.put_with(&pool, &[("if-match", &old)], &member("127.0.0.2")).await.expect(412);
    assert_eq!(refused.error_code(), "PreconditionFailed");
    let members = management.get(&pool).await.json()["properties"]["backendAddresses"].clone();
    assert_eq!(members, json!([{"ipAddress": "127.0.0.1"}]));
    let headers = [("if-match", old.as_str())];
    management.send("DELETE", &format!("{pool}?api-version=2024-05-01"), &headers, "").await.expect(412);
}

#[tokio::test]
async fn only_the_first_of_two_creates() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    let new = [("if-none-match", "*")];
    management.put_with(document.id(), &new, document.body()).await.expect(201);
    let refused = management.put_with(document.id(), &new, document.body()).await.expect(412);
    assert_eq!(refused.error_code(), "PreconditionFailed");

    let port = document.child_id("frontendPorts", "web");
    let body = json!({"properties": {"port": 20080}});
    management.put_with(&port, &[("if-match", "*")], &body).await.expect(412);
    management.put_with(&port, &new, &body).await.expect(201);
    management.put_with(&port, &new, &body).await.expect(412);
}

#[tokio::test]
async fn of_two_writers_on_one_etag_exactly_one_wins() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    management.apply_gateway(&document).await;
    for round in 0..5u16 {
        let etag = management.get(document.id()).await.json()["etag"].as_str().unwrap().to_owned();
        let write = async |writer: u16| {
            let changed = document.clone().port("web", 20100 + round * 10 + writer);
            management.put_with(document.id(), &[("if-match", &etag)], changed.body()).await.status
        };
        let (a, b, c) = tokio::join!(write(1), write(2), write(3));
        let mut statuses = [a, b, c];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412, 412]);
    }
}

#[tokio::test]
async fn writers_of_different_children_lose_nothing() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    management.apply_gateway(&document).await;
    let write = async |writer: u16| {
        for round in 0..5 {
            let number = writer * 10 + round;
            let port = document.child_id("frontendPorts", &format!("port{number}"));
            management.put(&port, &json!({"properties": {"port": 20000 + number}})).await.expect(201);
        }
    };
    tokio::join!(write(1), write(2), write(3));
    let list = management.get(&format!("{}/frontendPorts", document.id())).await.expect(200).json();
    assert_eq!(list["value"].as_array().unwrap().len(), 15);
}

#[tokio::test]
async fn an_equal_put_changes_nothing() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let first = management.apply_gateway(&document).await;

    let generations = async || management.workers_of(document.id()).await;
    let before = generations().await;

    let again = management.put(document.id(), document.body()).await.expect(200);
    assert_eq!(again.json()["etag"], first["etag"]);
    assert!(!management.is_in_progress(&again).await, "there is nothing to roll out");
    let pool = document.child_id("backendAddressPools", "pool");
    let child = management.get(&pool).await.json();
    let again = management.put(&pool, &child).await.expect(200);
    assert_eq!(again.json()["etag"], child["etag"]);
    assert_eq!(management.get(document.id()).await.json(), first);
    assert_eq!(generations().await, before, "no new generation");

    // A change without an effect on workers is stored, and not sent to them.
    let mut tagged = document.clone();
    tagged.body_mut()["tags"] = json!({"owner": "tests"});
    assert_ne!(management.apply_gateway(&tagged).await["etag"], first["etag"]);
    assert_eq!(generations().await, before, "no new generation");

    // The same applies to another order of the children.
    let more = document.clone().pool("another", &[loopback().into()]).port("another", 20081);
    management.apply_gateway(&more).await;
    let before = generations().await;
    let mut reversed = more.clone();
    for collection in ["backendAddressPools", "frontendPorts"] {
        reversed.body_mut()["properties"][collection].as_array_mut().unwrap().reverse();
    }
    let seen = management.apply_gateway(&reversed).await;
    assert_eq!(seen["properties"]["backendAddressPools"][0]["name"], "another");
    assert_eq!(generations().await, before, "no new generation");
}
