//! Rows of networks, addresses, firewall policies and deployments that are damaged: they hide no other one,
//! and can be deleted.

use serde_json::{Value, json};
use tidegate_harness::{Management, SUBSCRIPTION};

use super::deployments::{deploy, deployment, network, request, template};
use super::unserved_lists::change;
use crate::tidegate;

const POLICIES: &str = "ApplicationGatewayWebApplicationFirewallPolicies";

/// The types, each with the body of a resource.
fn kinds() -> [(&'static str, Value); 3] {
    let rules = json!({"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]});
    let (sku, address) = (json!({"name": "Standard"}), json!({"publicIPAllocationMethod": "Static"}));
    let space = json!({"addressPrefixes": ["10.0.0.0/16"]});
    [
        ("virtualNetworks", json!({"location": "local", "properties": {"addressSpace": space}})),
        ("publicIPAddresses", json!({"location": "local", "sku": sku, "properties": address})),
        (POLICIES, json!({"location": "local", "properties": {"managedRules": rules}})),
    ]
}

async fn names(management: &Management, path: &str) -> Vec<String> {
    let list = management.get(path).await.expect(200).json();
    let rows = list["value"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_damaged_network_address_or_policy_hides_no_other_and_can_be_deleted() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    for (kind, body) in kinds() {
        for name in ["bad", "good"] {
            management.put(&network(&format!("{kind}/{name}")), &body).await.expect(201);
        }
    }
    let damage = "UPDATE network_resources SET body = '{', id = 'x' || id WHERE name_key = 'bad'";
    change(&mut tidegate, damage).await;
    let management = tidegate.management();
    for (kind, _) in kinds() {
        let in_subscription = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/{kind}");
        for list in [network(kind), in_subscription] {
            assert_eq!(names(&management, &list).await, ["good"], "{list}");
        }
        let bad = network(&format!("{kind}/bad"));
        let refused = management.get(&bad).await.expect(500);
        assert!(refused.text().contains("is damaged"), "{}", refused.text());
        assert!(tidegate.output().contains(&format!("the stored {bad} is damaged")), "{}", tidegate.output());
        management.delete(&bad).await.expect(200);
        management.delete(&bad).await.expect(204);
        management.get(&bad).await.expect(404);
    }
    management.get("/not-enforced").await.expect(200);
}

#[tokio::test]
async fn a_deployment_with_damaged_warnings_is_shown_without_them() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let empty = request(&template(&json!([])), &json!({}));
    assert_eq!(deploy(&management, "main", &empty).await["properties"]["provisioningState"], "Succeeded");
    change(&mut tidegate, "UPDATE deployments SET warnings = '{'").await;
    let management = tidegate.management();
    let main = deployment("main");
    let shown = management.get(&main).await.expect(200).json();
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded");
    management.post(&format!("{main}/exportTemplate")).await.expect(200);
    assert!(tidegate.output().contains("the warnings of a deployment are left out"), "{}", tidegate.output());
    management.delete(&main).await.expect(204);
    management.get(&main).await.expect(404);
}
