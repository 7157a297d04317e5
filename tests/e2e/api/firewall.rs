//! Web application firewall policies, the gateways that refer to them, and protection that is not enforced.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tidegate_harness::{
    Answer, Backend, GROUP, GatewayDocument, HTTP_PORT, HttpClient, Management, SUBSCRIPTION, loopback,
    wait_for,
};

use crate::{HOST, tidegate};

const NOT_ENFORCED: &str = "ApplicationGatewayProtectionNotEnforced";

fn network_id(kind: &str, name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{kind}/{name}")
}

fn policy_id(name: &str) -> String {
    network_id("ApplicationGatewayWebApplicationFirewallPolicies", name)
}

/// The body of a policy that is enabled in a mode.
fn policy(mode: &str) -> Value {
    json!({"location": "local", "properties": {
        "policySettings": {"state": "Enabled", "mode": mode},
        "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]}}})
}

/// The usual gateway, with a tier that has a firewall, and with these properties.
fn gateway(address: Ipv4Addr, backend: &Backend, properties: &Value) -> GatewayDocument {
    let mut document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    let own = document.body_mut()["properties"].as_object_mut().expect("an object");
    own.insert("sku".into(), json!({"name": "WAF_v2", "tier": "WAF_v2", "capacity": 1}));
    own.extend(properties.as_object().expect("an object").clone());
    document
}

fn refused(answer: Answer, status: u16, code: &str) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.error_code(), code, "{}", answer.text());
    answer.text()
}

fn warnings(answer: &Answer) -> String {
    answer.header("x-tidegate-warnings").unwrap_or_default().to_owned()
}

async fn names(management: &Management, path: &str) -> Vec<String> {
    let list = management.get(path).await.expect(200).json();
    let rows = list["value"].as_array().expect("a list").clone();
    rows.iter().map(|row| row["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_policy_is_created_changed_listed_and_deleted() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let id = policy_id("Policy");
    let body = json!({"location": "local", "tags": {"a": "b"}, "properties": {
        "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.1"}]}}});
    let created = management.put(&id, &body).await.expect(201);
    let shown = created.json();
    assert_eq!(shown["type"], "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies");
    let properties = &shown["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["resourceState"], "Disabled");
    assert_eq!(properties["policySettings"]["maxRequestBodySizeInKb"], 128);
    assert_eq!(
        management.put(&id, &shown).await.expect(200).json(),
        shown,
        "what a GET says can be put back"
    );

    let example = include_str!("../../azure-openapi/examples/WafPolicyCreateOrUpdate.json");
    let example: Value = serde_json::from_str(example).expect("JSON");
    let mut official = example["parameters"]["parameters"].clone();
    official["location"] = "local".into();
    let changed = management.put(&id.to_lowercase(), &official).await.expect(200);
    assert_eq!(changed.json()["properties"]["customRules"][2]["rateLimitDuration"], "OneMin");
    assert_eq!(changed.json()["name"], "Policy");
    let seen = management.get(&id).await.expect(200);
    assert_eq!(seen.header("etag"), changed.header("etag"));

    let stale = management.put_with(&id, &[("if-match", "W/\"stale\"")], &official).await;
    refused(stale, 412, "PreconditionFailed");
    let mut wrong = official.clone();
    wrong["properties"]["customRules"][0]["priority"] = json!(2);
    let why = refused(
        management.put(&id, &wrong).await,
        400,
        "ApplicationGatewayFirewallCustomRulePriorityMustBeUnique",
    );
    assert!(why.contains("properties.customRules[1].priority"), "{why}");
    wrong["properties"]["customRules"][0]["priorty"] = json!(1);
    refused(management.put(&id, &wrong).await, 400, "UnknownProperty");
    management.send_json("PATCH", &id, &json!({"tags": {}})).await.expect(405);

    management.put(&policy_id("other"), &body).await.expect(201);
    let all = "providers/Microsoft.Network/applicationGatewayWebApplicationFirewallPolicies";
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    for list in [format!("{subscription}/{all}"), format!("{subscription}/resourceGroups/{GROUP}/{all}")] {
        assert_eq!(names(&management, &list).await, ["other", "Policy"], "{list}");
    }
    management.delete(&id).await.expect(200);
    management.delete(&id).await.expect(204);
    refused(management.get(&id).await, 404, "ResourceNotFound");
}

#[tokio::test]
async fn the_rule_sets_can_be_listed() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let network = format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network");
    let listed = names(&management, &format!("{network}/applicationGatewayAvailableWafRuleSets")).await;
    for name in
        ["OWASP_2.2.9", "OWASP_3.2", "Microsoft_DefaultRuleSet_2.1", "Microsoft_BotManagerRuleSet_1.1"]
    {
        assert!(listed.contains(&name.to_owned()), "{name}: {listed:?}");
    }
    let manifests = format!("{network}/locations/local/applicationGatewayWafDynamicManifests");
    assert_eq!(names(&management, &manifests).await, ["default"]);
    for name in ["default", "dafault"] {
        let manifest = management.get(&format!("{manifests}/{name}")).await.expect(200).json();
        let properties = &manifest["properties"];
        assert_eq!(properties["defaultRuleSet"], json!({"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}));
        let sets = properties["availableRuleSets"].as_array().expect("a list");
        assert_eq!(sets.len(), listed.len());
        let rule = &sets[3]["ruleGroups"][0]["rules"][0];
        let expected = json!({"ruleId": 200_002, "ruleIdString": "200002", "state": "Enabled", "action": "AnomalyScoring"});
        assert_eq!(rule, &expected);
    }
}

#[tokio::test]
async fn a_policy_knows_its_users_and_stays_while_it_has_any() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let reference = json!({"firewallPolicy": {"id": policy_id("p").to_uppercase()}});
    let mut document = gateway(loopback(), &backend, &reference);
    let listener = &mut document.body_mut()["properties"]["httpListeners"][0]["properties"];
    listener["firewallPolicy"] = reference["firewallPolicy"].clone();
    let why = refused(management.put(document.id(), document.body()).await, 400, "InvalidResourceReference");
    assert!(why.contains("properties.firewallPolicy.id"), "{why}");

    management.put(&policy_id("p"), &policy("Detection")).await.expect(201);
    let written = management.put(document.id(), document.body()).await.expect(201);
    assert!(warnings(&written).contains("in Detection mode"), "{}", warnings(&written));
    assert_eq!(written.json()["properties"]["firewallPolicy"]["id"], policy_id("p").to_uppercase());
    management.apply_gateway(&document).await;

    let used = management.get(&policy_id("p")).await.expect(200).json();
    let listener = document.body()["properties"]["httpListeners"][0]["name"].as_str().expect("a name");
    let listener = document.child_id("httpListeners", listener);
    assert_eq!(used["properties"]["applicationGateways"], json!([{"id": document.id()}]));
    assert_eq!(used["properties"]["httpListeners"], json!([{"id": listener}]));
    assert_eq!(management.put(&policy_id("p"), &used).await.expect(200).json(), used);
    let why = refused(
        management.delete(&policy_id("p")).await,
        400,
        "ApplicationGatewayFirewallPolicyInUseCannotBeDeleted",
    );
    assert!(why.contains(&listener), "{why}");

    let mut standard = document.body().clone();
    standard["properties"]["sku"] = json!({"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1});
    refused(
        management.put(document.id(), &standard).await,
        400,
        "ApplicationGatewayFirewallCannotBeEnabledForSelectedSku",
    );
    management.remove(document.id()).await;
    management.delete(&policy_id("p")).await.expect(200);
}

#[tokio::test]
async fn protection_that_is_not_enforced_is_refused_by_default() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let says_how = |why: String| assert!(why.contains("--unserved-protection warn"), "{why}");
    let configuration = json!({"webApplicationFirewallConfiguration": {"enabled": true,
        "firewallMode": "Prevention", "ruleSetType": "OWASP", "ruleSetVersion": "3.2"}});
    let own = gateway(loopback(), &backend, &configuration);
    says_how(refused(management.put(own.id(), own.body()).await, 400, NOT_ENFORCED));

    management.put(&policy_id("p"), &policy("Prevention")).await.expect(201);
    let document = gateway(loopback(), &backend, &json!({"firewallPolicy": {"id": policy_id("p")}}));
    says_how(refused(management.put(document.id(), document.body()).await, 400, NOT_ENFORCED));
    management.put(&policy_id("p"), &policy("Detection")).await.expect(200);
    management.apply_gateway(&document).await;
    says_how(refused(management.put(&policy_id("p"), &policy("Prevention")).await, 400, NOT_ENFORCED));
    management.remove(document.id()).await;

    let guarded = |group: &str| {
        let mut subnet = json!({"name": "s", "properties": {"addressPrefix": "10.0.1.0/24"}});
        if !group.is_empty() {
            subnet["properties"]["networkSecurityGroup"] =
                json!({"id": network_id("networkSecurityGroups", group)});
        }
        json!({"location": "local",
            "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}})
    };
    // The subnet of the usual gateway.
    let net = network_id("virtualNetworks", "v");
    management.put(&net, &guarded("group")).await.expect(201);
    let plain = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]);
    let why = refused(management.put(plain.id(), plain.body()).await, 400, NOT_ENFORCED);
    assert!(why.contains("networkSecurityGroups/group"), "{why}");
    says_how(why);
    management.put(&net, &guarded("")).await.expect(200);
    management.apply_gateway(&plain).await;
    says_how(refused(management.put(&net, &guarded("group")).await, 400, NOT_ENFORCED));
    let subnet = &guarded("group")["properties"]["subnets"][0];
    says_how(refused(management.put(&format!("{net}/subnets/s"), subnet).await, 400, NOT_ENFORCED));
}

#[tokio::test]
async fn an_operator_may_have_it_accepted_with_a_warning() {
    let backend = Backend::start().await;
    let tidegate = tidegate().option("--unserved-protection", "warn").start().await;
    let management = tidegate.management();
    let here = loopback();
    let configuration = json!({"enabled": true, "firewallMode": "Prevention", "ruleSetType": "OWASP",
        "ruleSetVersion": "3.0", "disabledRuleGroups": [{"ruleGroupName": "General", "rules": [200_004]}]});
    let document = gateway(here, &backend, &json!({"webApplicationFirewallConfiguration": configuration}));
    let written = management.put(document.id(), document.body()).await.expect(201);
    assert!(
        warnings(&written).contains("attacks that Azure blocks reach the backends"),
        "{}",
        warnings(&written)
    );
    management.apply_gateway(&document).await;
    let shown = management.get(document.id()).await.expect(200).json();
    let own = &shown["properties"]["webApplicationFirewallConfiguration"];
    assert_eq!(own["disabledRuleGroups"], configuration["disabledRuleGroups"]);
    assert_eq!((&own["requestBodyCheck"], &own["exclusions"]), (&json!(true), &json!([])));
    HttpClient::connect((here, HTTP_PORT).into(), HOST).await.get("/?q=%3Cscript%3E").await.expect(200);

    let list = management.get("/not-enforced").await.expect(200).json();
    assert_eq!(list["value"][0]["id"], document.id());
    let reason = list["value"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("Prevention mode"), "{reason}");
    management.put(&policy_id("p"), &policy("Prevention")).await.expect(201);
    let mut listener = shown["properties"]["httpListeners"][0].clone();
    listener["properties"]["firewallPolicy"] = json!({"id": policy_id("p")});
    let id = listener["id"].as_str().expect("an ID").to_owned();
    let written = management.put(&id, &listener).await.expect(200);
    assert!(warnings(&written).contains("/p is in Prevention mode"), "{}", warnings(&written));
}

#[tokio::test]
async fn protection_that_no_gateway_uses_is_listed_too() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let disabled = json!({"location": "local", "properties": {
        "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]}}});
    for (name, body) in [("a", policy("Prevention")), ("b", policy("Detection")), ("c", disabled)] {
        management.put(&policy_id(name), &body).await.expect(201);
    }
    let group = network_id("networkSecurityGroups", "group");
    management.put(&group, &json!({"location": "local"})).await.expect(201);
    let list = management.get("/not-enforced").await.expect(200).json();
    let rows = list["value"].as_array().expect("a list").clone();
    let ids: Vec<&str> = rows.iter().map(|row| row["id"].as_str().expect("an ID")).collect();
    assert_eq!(ids, [policy_id("a"), policy_id("b"), group]);
    for (row, words) in rows.iter().zip(["Prevention mode", "Detection mode", "does not filter connections"])
    {
        assert!(row["reason"].as_str().is_some_and(|reason| reason.contains(words)), "{row}");
    }
}

#[tokio::test]
async fn a_template_deploys_a_policy_with_its_gateway() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let reference = "[resourceId('Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies', 'p')]";
    let mut document = gateway(loopback(), &backend, &json!({"firewallPolicy": {"id": reference}}));
    let mut resources = vec![policy("Detection"), std::mem::take(document.body_mut())];
    for (resource, kind, name) in [
        (0, "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies", "p"),
        (1, "Microsoft.Network/applicationGateways", "gateway"),
    ] {
        let resource = &mut resources[resource];
        (resource["type"], resource["name"]) = (kind.into(), name.into());
        resource["apiVersion"] = "2024-05-01".into();
    }
    resources[1]["dependsOn"] = json!([reference]);
    let template = json!({"contentVersion": "1.0.0.0", "resources": resources,
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#"});
    let deployment = format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/providers/Microsoft.Resources/deployments/d"
    );
    management
        .put(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"), &json!({"location": "local"}))
        .await
        .expect(201);
    let body = json!({"properties": {"mode": "Incremental", "template": template}});
    management.put(&deployment, &body).await.expect(201);
    let ended = wait_for("the end of the deployment", async || {
        let seen = management.get(&deployment).await.expect(200).json();
        let state = seen["properties"]["provisioningState"].as_str().expect("a state");
        (!["Accepted", "Running"].contains(&state)).then_some(seen.clone())
    })
    .await;
    assert_eq!(ended["properties"]["provisioningState"], "Succeeded", "{ended}");
    let used = management.get(&policy_id("p")).await.expect(200).json();
    assert_eq!(used["properties"]["applicationGateways"], json!([{"id": document.id()}]));
}
