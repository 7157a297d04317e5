//! The history of a gateway under a control plane that is killed in the middle of writes.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tidegate_harness::{Gateway, Management};

use crate::tidegate;

/// The number of times that the control plane is killed.
const KILLS: u32 = 12;

async fn get(management: &Management, gateway: &str, rest: &str) -> Value {
    let url = format!("{gateway}/providers/Tidegate.Network/{rest}?api-version=2026-12-01");
    management.get(&url).await.expect(200).json()
}

fn host_of(document: &Value) -> &Value {
    &document["properties"]["backendHttpSettingsCollection"][0]["properties"]["hostName"]
}

/// Asserts that the newest revision is what the gateway is, and that none is missing before it.
async fn assert_consistent(management: &Management, id: &str) {
    let gateway = management.get(id).await.expect(200).json();
    let list = get(management, id, "revisions").await;
    let revisions = list["value"].as_array().expect("a list has values");
    let newest = &revisions[0]["properties"];
    assert_eq!((&newest["current"], &newest["gatewayEtag"]), (&json!(true), &gateway["etag"]), "{list}");
    let generations: Vec<u64> = revisions
        .iter()
        .map(|revision| revision["properties"]["generation"].as_u64().expect("it is a number"))
        .collect();
    let expected: Vec<u64> = (1..=generations[0]).rev().collect();
    assert_eq!(generations, expected, "each generation has one revision");

    let content = get(management, id, &format!("revisions/{}", generations[0])).await["properties"].clone();
    assert_eq!(host_of(&content["document"]), host_of(&gateway));
    let policies = get(management, id, "tunnelPolicies").await;
    let lifetimes = |list: &Value| -> Vec<Value> {
        let list = list.as_array().expect("it is a list").iter();
        list.map(|policy| policy["properties"]["maxLifetimeInSec"].clone()).collect()
    };
    assert_eq!(lifetimes(&content["extensions"]), lifetimes(&policies["value"]));
}

#[tokio::test]
async fn a_history_tells_what_the_gateway_is_whenever_the_control_plane_is_killed() {
    let mut gateway = Gateway::start(tidegate(), &[]).await;
    let (management, id) = (gateway.management(), gateway.id().to_owned());
    let settings = gateway.document.child_id("backendHttpSettingsCollection", "settings");
    let policy = format!("{id}/providers/Tidegate.Network/tunnelPolicies/default?api-version=2026-12-01");
    let mut rng = Rng::with_seed(13);
    for kill in 1..=KILLS {
        let host = json!({"properties": {"port": 20800, "protocol": "Http", "hostName": format!("host{kill}.test")}});
        let lifetime = json!({"properties": {"maxLifetimeInSec": 1000 + kill}});
        // Either write may be stored or not; killed before, between and after them.
        let writes = async {
            let _ = management.try_put(&settings, &host).await;
            let _ = management.try_put(&policy, &lifetime).await;
        };
        let time = Duration::from_micros(rng.u64(..25_000));
        tokio::join!(writes, gateway.tidegate.kill_after(time));
        gateway.tidegate.start_again().await;
        assert_consistent(&management, &id).await;
    }
    let host = json!({"properties": {"port": 20800, "protocol": "Http", "hostName": "last.test"}});
    management.apply(&settings, &host).await;
    assert_consistent(&management, &id).await;
}
