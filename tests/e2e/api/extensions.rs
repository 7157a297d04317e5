//! The extension provider `Tidegate.Network`: documents of a gateway that no client of Azure knows.

use serde_json::{Value, json};
use tidegate_harness::{Backend, EXTENSION_VERSION, Gateway, GatewayDocument, Management, SUBSCRIPTION};

use super::deployments::{deploy, network, request, template};
use crate::tidegate;

fn policy(gateway: &str, name: &str) -> String {
    format!("{gateway}/providers/Tidegate.Network/tunnelPolicies/{name}")
}

/// Returns the pools that a policy applies to, by name.
async fn pools_of(management: &Management, policy: &str) -> Vec<String> {
    let shown = management.get(policy).await.expect(200).json();
    let pools = shown["properties"]["appliesTo"].as_array().expect("it is a list").iter();
    let ids = pools.map(|pool| pool["id"].as_str().expect("an ID is text"));
    ids.map(|id| id.rsplit('/').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_policy_stays_whatever_a_client_of_azure_writes() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let (management, id) = (gateway.management(), gateway.id().to_owned());
    let (default, before) = (policy(&id, "default"), management.get(&id).await.expect(200).json());
    management.get(&default).await.expect(404).error_code();

    let body = json!({"properties": {"onMemberRemoved": {"action": "DRAIN", "drainTimeoutInSec": 7},
        "drainSpread": "even", "closeFrame": {"code": 1012, "reason": "bye"}, "maxTunnels": 500}});
    let created = management.put(&default, &body).await.expect(201);
    assert_eq!(management.operation(&created).await.status, "Succeeded");
    let shown = management.get(&default).await.expect(200);
    let (etag, shown) = (shown.header("etag").unwrap().to_owned(), shown.json());
    assert_eq!((&shown["id"], &shown["name"]), (&json!(default), &json!("default")));
    assert_eq!((&shown["type"], &shown["etag"]), (&json!("Tidegate.Network/tunnelPolicies"), &json!(etag)));
    let properties = &shown["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["onMemberRemoved"], json!({"action": "drain", "drainTimeoutInSec": 7}));
    assert_eq!(properties["onListenerRemoved"], json!({"action": "keep"}), "defaults are filled in");
    assert_eq!((&properties["peerTimeoutInSec"], &properties["maxTunnels"]), (&json!(60), &json!(500)));
    assert_eq!(pools_of(&management, &default).await, ["pool"]);
    assert_eq!(management.get(&id).await.json(), before, "the gateway shows nothing of it");
    let runs = |workers: &[Value]| workers[0]["generation"].as_u64().unwrap();
    let generation = runs(&management.workers_of(&id).await);

    // Sent back as it was read, nothing changes.
    management.put_with(&default, &[("if-none-match", "*")], &body).await.expect(412).error_code();
    management.put_with(&default, &[("if-match", "\"other\"")], &body).await.expect(412);
    let again = management.put_with(&default, &[("if-match", &etag)], &shown).await.expect(200);
    assert_eq!(again.header("etag"), Some(etag.as_str()));
    let list = management.get(&policy(&id, "")[..default.len() - "/default".len()]).await.expect(200).json();
    assert_eq!(list["value"], json!([shown]));

    // As `az` does: read, change, write back whole.
    let mut whole = management.get(&id).await.json();
    whole["tags"] = json!({"written": "whole"});
    management.apply(&id, &whole).await;
    management.send_json("PATCH", &id, &json!({"tags": {"patched": "yes"}})).await.expect(200);
    let port = gateway.document.child_id("frontendPorts", "more");
    management.apply(&port, &json!({"properties": {"port": 20_099}})).await;
    management.remove(&port).await;
    let shown_after = management.get(&default).await.expect(200).json();
    assert_eq!((&shown_after, shown_after["etag"].as_str()), (&shown, Some(etag.as_str())));

    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    gateway.tidegate.all_connected().await;
    let management = gateway.management();
    management.provisioning_state(&default, "Succeeded").await;
    assert_eq!(management.get(&default).await.expect(200).json(), shown);

    management.remove(&default).await;
    management.get(&default).await.expect(404).error_code();
    management.delete(&default).await.expect(204);
    assert!(runs(&management.workers_of(&id).await) > generation);
    let log =
        management.send("GET", &format!("/audit?resourceId={default}"), &[], "").await.expect(200).json();
    let actions = log["value"].as_array().unwrap().iter().map(|entry| entry["action"].clone());
    let (kind, writes) = ("Tidegate.Network/tunnelPolicies", actions.collect::<Vec<_>>());
    assert_eq!(
        writes,
        [json!(format!("{kind}/delete")), json!(format!("{kind}/write")), json!(format!("{kind}/write"))]
    );
    management.apply(&default, &body).await;
    management.remove(&id).await;
    management.apply_gateway(&gateway.document).await;
    management.get(&default).await.expect(404).error_code();
}

#[tokio::test]
async fn a_policy_of_a_pool_waits_for_the_pool() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let (default, own) = (policy(id, "default"), policy(id, "spare"));
    management.apply(&default, &json!({"properties": {"maxTunnels": 5}})).await;
    let refused = management.put(&own, &json!({})).await.expect(400);
    assert_eq!(refused.error_code(), "InvalidResourceReference");
    assert!(refused.text().contains("like a pool: pool."), "{}", refused.text());

    let spare = gateway.document.child_id("backendAddressPools", "spare");
    management.apply(&spare, &json!({"properties": {}})).await;
    management.apply(&own, &json!({"properties": {"maxTunnels": 3}})).await;
    assert_eq!(pools_of(&management, &own).await, ["spare"]);
    assert_eq!(pools_of(&management, &default).await, ["pool"]);
    management.remove(&spare).await;
    assert!(pools_of(&management, &own).await.is_empty(), "it has no effect now");
    management.apply(&spare, &json!({"properties": {}})).await;
    assert_eq!(pools_of(&management, &own).await, ["spare"]);
    management.remove(&own).await;
    assert_eq!(pools_of(&management, &default).await, ["pool", "spare"]);
}

#[tokio::test]
async fn mistakes_are_answered_with_what_would_be_right() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let default = policy(id, "default");
    for (properties, code, target, advice) in [
        (json!({"maxTunels": 5}), "UnknownProperty", "properties.maxTunels", "'maxTunnels'"),
        (json!({"colour": 5}), "UnknownProperty", "properties.colour", "'colour'"),
        (
            json!({"maxTunnels": 0}),
            "ApplicationGatewayPropertyValueOutOfRange",
            "properties.maxTunnels",
            "[1, 10000000]",
        ),
        (
            json!({"closeFrame": {"code": 1000}}),
            "ApplicationGatewayPropertyValueOutOfRange",
            "properties.closeFrame.code",
            "1012",
        ),
        (
            json!({"onMemberDown": {}}),
            "TidegateTunnelPolicyIncomplete",
            "properties.onMemberDown.action",
            "'drain'",
        ),
        (json!({"onMemberDown": "keep"}), "InvalidRequestFormat", "properties.onMemberDown", "an object"),
    ] {
        let refused = management.put(&default, &json!({"properties": properties})).await.expect(400).json();
        let error = &refused["error"];
        assert_eq!(
            (error["code"].as_str(), error["target"].as_str()),
            (Some(code), Some(target)),
            "{refused}"
        );
        assert!(error["message"].as_str().unwrap().contains(advice), "{refused}");
    }
    management.get(&default).await.expect(404);

    for method in ["GET", "PUT", "DELETE"] {
        let other = format!("{default}?api-version=2025-05-01");
        let refused = management.send(method, &other, &[("content-type", "application/json")], "{}").await;
        let refused = refused.expect(400);
        assert_eq!(refused.error_code(), "NoRegisteredProviderFound");
        assert!(refused.text().contains(EXTENSION_VERSION), "{}", refused.text());
    }
    let misspelt = default.replace("tunnelPolicies", "tunelPolicies");
    let refused = management.get(&misspelt).await.expect(404);
    assert!(refused.text().contains("'Tidegate.Network/tunnelPolicies'"), "{}", refused.text());
    let nowhere = policy(GatewayDocument::empty("nowhere").id(), "default");
    management.put(&nowhere, &json!({})).await.expect(404).error_code();
    management.get(&nowhere).await.expect(404).error_code();
    management.delete(&nowhere).await.expect(204);
}

#[tokio::test]
async fn the_provider_tells_its_types_and_operations() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let provider = format!("/subscriptions/{SUBSCRIPTION}/providers/tidegate.network");
    let shown = management.get(&provider).await.expect(200).json();
    let kinds: Vec<_> = shown["resourceTypes"].as_array().unwrap().iter().collect();
    assert_eq!(kinds[2]["resourceType"], "tunnelPolicies");
    assert_eq!(kinds[2]["apiVersions"], json!([EXTENSION_VERSION]));
    let operations = management.get("/providers/Tidegate.Network/operations").await.expect(200).json();
    let names = operations["value"].as_array().unwrap().iter().map(|operation| operation["name"].clone());
    assert!(names.collect::<Vec<_>>().contains(&json!("Tidegate.Network/tunnelPolicies/write")));
}

#[tokio::test]
async fn templates_deploy_policies_in_both_spellings_and_exports_contain_them() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let (management, id) = (gateway.management(), gateway.id());
    let resources = json!([
        {"type": "Microsoft.Network/applicationGateways/providers/tunnelPolicies", "apiVersion": EXTENSION_VERSION,
         "name": "gateway/Tidegate.Network/default", "properties": {"maxTunnels": 5}},
        {"type": "Tidegate.Network/tunnelPolicies", "apiVersion": EXTENSION_VERSION, "name": "pool",
         "scope": "[resourceId('Microsoft.Network/applicationGateways', 'gateway')]",
         "properties": {"maxTunnels": 6}},
    ]);
    let mut whole = template(&resources);
    let own = "extensionResourceId(resourceId('Microsoft.Network/applicationGateways', 'gateway'), \
               'Tidegate.Network/tunnelPolicies', 'pool')";
    let output = format!("[reference({own}, '{EXTENSION_VERSION}').maxTunnels]");
    whole["outputs"] = json!({"max": {"type": "int", "value": output}});
    let deployed = deploy(&management, "policies", &request(&whole, &json!({}))).await;
    assert_eq!(deployed["properties"]["provisioningState"], "Succeeded", "{deployed}");
    assert_eq!(deployed["properties"]["outputs"]["max"]["value"], 6);
    for (name, max) in [("default", 5), ("pool", 6)] {
        let shown = management.get(&policy(id, name)).await.expect(200).json();
        assert_eq!(shown["properties"]["maxTunnels"], max, "{name}");
    }
    whole["resources"][0]["apiVersion"] = json!("2025-05-01");
    let refused = management.put(&super::deployments::deployment("old"), &request(&whole, &json!({}))).await;
    let refused = refused.expect(400);
    assert!(refused.text().contains(EXTENSION_VERSION), "{}", refused.text());

    let all = json!({"resources": ["*"]});
    let group = network("").split("/providers/").next().unwrap().to_owned();
    let exported =
        management.send_json("POST", &format!("{group}/exportTemplate"), &all).await.expect(200).json();
    let before = management.get(&policy(id, "pool")).await.json();
    management.remove(&policy(id, "pool")).await;
    let given = json!({"applicationGateways_gateway_name": {"value": "gateway"}});
    let again = deploy(&management, "again", &request(&exported["template"], &given)).await;
    assert_eq!(again["properties"]["provisioningState"], "Succeeded", "{again} {exported}");
    assert_eq!(
        management.get(&policy(id, "pool")).await.expect(200).json()["properties"],
        before["properties"]
    );
}
