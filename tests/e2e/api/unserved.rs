//! Resources of types that Tidegate does not serve: stored without effect, and refused where the operator wants it.

use serde_json::{Value, json};
use tidegate_harness::{API_VERSION, Answer, GROUP, GatewayDocument, Management, SUBSCRIPTION};

use crate::tidegate;

const HEADER: &str = "x-tidegate-not-enforced";

pub(super) fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{rest}")
}

fn is_not_enforced(answer: &Answer) {
    assert!(answer.header(HEADER).is_some_and(|reason| reason.contains("does not act")), "{}", answer.text());
}

async fn names(management: &Management, path: &str) -> Vec<String> {
    let list = management.get(path).await.expect(200).json();
    let members = list["value"].as_array().expect("a list").clone();
    members.iter().map(|member| member["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn a_resource_of_another_type_is_stored_whole_and_says_that_it_has_no_effect() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group = id("Microsoft.Network/networkSecurityGroups/Nsg");
    let body = json!({"location": "westeurope", "tags": {"a": "1"}, "properties": {
        "securityRules": [{"name": "in", "properties": {"priority": 100, "access": "Allow"}}], "NewThing": [1, null]}});

    let created = management.put(&group, &body).await.expect(201);
    is_not_enforced(&created);
    assert_eq!(management.operation(&created).await.status, "Succeeded");
    let shown = management.get(&group.to_ascii_uppercase()).await.expect(200);
    is_not_enforced(&shown);
    assert_eq!(
        (&shown.json()["id"], &shown.json()["type"]),
        (&json!(group), &json!("Microsoft.Network/networkSecurityGroups"))
    );
    assert_eq!(shown.json()["properties"]["provisioningState"], "Succeeded");
    assert_eq!(shown.json()["properties"]["NewThing"], body["properties"]["NewThing"]);
    assert_eq!(shown.json()["properties"]["securityRules"][0]["id"], format!("{group}/securityRules/in"));
    let again = management.put(&group, &shown.json()).await.expect(200);
    assert_eq!(again.json(), shown.json(), "what a GET says can be put back");

    let stale = management.put_with(&group, &[("if-match", "W/\"stale\"")], &body).await;
    assert_eq!(stale.expect(412).error_code(), "PreconditionFailed");
    let patched = management.send_json("PATCH", &group, &json!({"tags": {"b": "2"}})).await.expect(200);
    assert_eq!(patched.json()["tags"], json!({"a": "1", "b": "2"}));

    let in_group = id("Microsoft.Network/networkSecurityGroups");
    assert_eq!(names(&management, &in_group).await, ["Nsg"]);
    let subscription = format!("/subscriptions/{SUBSCRIPTION}");
    let path = format!("{subscription}/providers/microsoft.network/NETWORKSECURITYGROUPS");
    assert_eq!(names(&management, &path).await, ["Nsg"]);
    assert_eq!(names(&management, &id("Microsoft.Network/routeTables")).await, Vec::<String>::new());
    assert_eq!(names(&management, &format!("{subscription}/resources")).await, ["Nsg"]);
    let listed = management.get("/not-enforced").await.expect(200).json();
    assert_eq!((&listed["value"][0]["id"], listed["value"].as_array().unwrap().len()), (&json!(group), 1));

    is_not_enforced(&management.delete(&group).await.expect(200));
    management.delete(&group).await.expect(204);
    assert_eq!(management.get(&group).await.expect(404).error_code(), "ResourceNotFound");
}

#[tokio::test]
async fn children_and_extensions_need_their_parent_and_go_with_it() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let gateway = GatewayDocument::empty("gateway");
    let zone = id("Microsoft.Network/privateDnsZones/tide.local");
    let record = format!("{zone}/A/@");
    let settings = format!("{}/providers/Microsoft.Insights/diagnosticSettings/all", gateway.id());
    for child in [&record, &settings] {
        let refused = management.put(child, &json!({"properties": {}})).await.expect(404);
        assert_eq!(refused.error_code(), "ParentResourceNotFound", "{child}");
    }
    management.put(&zone, &json!({"location": "global"})).await.expect(201);
    management.put(&record, &json!({"properties": {"ttl": 60}})).await.expect(201);
    assert_eq!(names(&management, &format!("{zone}/A")).await, ["@"]);
    management.apply_gateway(&gateway).await;
    management.put(&settings, &json!({"properties": {"logs": []}})).await.expect(201);
    let path = format!("{}/providers/Microsoft.Insights/diagnosticSettings", gateway.id());
    assert_eq!(names(&management, &path).await, ["all"]);

    management.delete(&zone).await.expect(200);
    management.get(&record).await.expect(404);
    management.remove(gateway.id()).await;
    management.get(&settings).await.expect(404);
    assert_eq!(management.get("/not-enforced").await.json()["value"], json!([]));
}

#[tokio::test]
async fn keys_of_a_resource_are_made_and_the_same_each_time() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let account = id("Microsoft.Storage/storageAccounts/account");
    management.post(&format!("{account}/listKeys")).await.expect(404);
    management.put(&account, &json!({"location": "local"})).await.expect(201);
    let keys = management.post(&format!("{account}/listKeys")).await.expect(200).json();
    assert!(keys["keys"][0]["value"].as_str().is_some_and(|key| key.len() > 20), "{keys}");
    assert_eq!(management.post(&format!("{account}/LISTKEYS")).await.expect(200).json(), keys);
    let refused = management.post(&format!("{account}/failover")).await.expect(400);
    assert_eq!(refused.error_code(), "ActionNotServed");
    assert!(refused.text().contains("failover"), "{}", refused.text());
}

#[tokio::test]
async fn a_misspelt_type_is_refused_with_the_nearest_and_every_type_where_the_operator_wants_it() {
    let started = tidegate().control_plane_alone().start().await;
    let refused =
        started.management().put(&id("Microsoft.Network/applicationGatway/g"), &json!({})).await.expect(404);
    assert_eq!(refused.error_code(), "InvalidResourceType");
    for words in
        ["'Microsoft.Network/applicationGatway' is not served", "'Microsoft.Network/applicationGateways'?"]
    {
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let doubled = format!("{}?api-version={API_VERSION}", id("Microsoft.KeyVault//vaults/v"));
    let made = started.management().send("PUT", &doubled, &[], "{}").await.expect(201);
    assert_eq!(made.json()["id"], id("Microsoft.KeyVault/vaults/v"), "az sends an empty segment");
    let strict = tidegate().control_plane_alone().option("--unserved-types", "refuse").start().await;
    let refused =
        strict.management().put(&id("Microsoft.Network/routeTables/r"), &json!({})).await.expect(404);
    assert_eq!(refused.error_code(), "InvalidResourceType");
    for words in ["Microsoft.Network/routeTables", "virtualNetworks", "--unserved-types store"] {
        assert!(refused.text().contains(words), "{}", refused.text());
    }
}

#[tokio::test]
async fn odd_requests_about_other_types_are_answered_and_change_nothing() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let version = format!("?api-version={API_VERSION}");
    let resource = id("Microsoft.Compute/virtualMachines/v");
    let long = id(&format!("Microsoft.Compute/virtualMachines/{}", "n".repeat(300)));
    let deep = format!("{{\"properties\": {{\"a\": {}1{}}}}}", "[".repeat(100), "]".repeat(100));
    let cases: &[(&str, String, &str, u16)] = &[
        ("PUT", format!("{resource}{version}"), "[]", 400),
        ("PUT", format!("{resource}{version}"), "{\"properties\": 7}", 400),
        ("PUT", format!("{resource}{version}"), "{\"tags\": {\"a\": {}}}", 400),
        ("PUT", resource.clone(), "{}", 400),
        ("PATCH", format!("{resource}{version}"), "{}", 404),
        ("POST", format!("{resource}{version}"), "", 405),
        ("PUT", format!("{long}{version}"), "{}", 404),
        ("PUT", format!("{}{version}", id("Microsoft.Networ/%C3%A9x/n")), "{}", 404),
        ("PUT", format!("{resource}{version}"), &deep, 400),
        ("PUT", format!("{}{version}", id("NoDot/things/t")), "{}", 404),
        ("PUT", format!("{}{version}", id("Microsoft.Compute/virtualMachines")), "{}", 404),
        ("PUT", format!("{}%2Fextra{version}", resource), "{}", 404),
        ("PUT", format!("/subscriptions/s/elsewhere/x/providers/A.B/c/d{version}"), "{}", 404),
        ("PUT", format!("/subscriptions/s/resourceGroups/g/providers/A.B/c/d{version}"), "{}", 400),
        (
            "PUT",
            format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/a%20b/providers/A.B/c/d{version}"),
            "{}",
            400,
        ),
    ];
    for (method, path, body, status) in cases {
        let answer = management.send(method, path, &[], (*body).to_owned()).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text());
    }
    assert_eq!(management.get("/not-enforced").await.expect(200).json()["value"], json!([]));
}

#[tokio::test]
async fn templates_deploy_other_types_and_refer_to_them() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"secret": {"type": "securestring"}},
        "resources": [
            {"type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2023-04-01", "name": "nsg", "location": "local",
             "properties": {"securityRules": []}},
            {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-04-01", "name": "net", "location": "local",
             "dependsOn": ["[resourceId('Microsoft.Network/networkSecurityGroups', 'nsg')]"],
             "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [{"name": "s", "properties": {
                 "addressPrefix": "10.0.0.0/24",
                 "networkSecurityGroup": {"id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'nsg')]"}}}]}},
            {"type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2023-01-31", "name": "who", "location": "local"},
            {"type": "Microsoft.Compute/virtualMachines", "apiVersion": "2023-03-01", "name": "vm", "location": "local",
             "properties": {"osProfile": {"adminUsername": "u", "adminPassword": "[parameters('secret')]"}}},
        ],
        "outputs": {
            "client": {"type": "string", "value": "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'who')).clientId]"},
        },
    });
    let deployment = id("Microsoft.Resources/deployments/d");
    let body = json!({"properties": {"mode": "Incremental", "template": template, "parameters": {"secret": {"value": "hunter2hunter2"}}}});
    let begun = management.put(&deployment, &body).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let shown = management.get(&deployment).await.expect(200).json();
    let client = shown["properties"]["outputs"]["client"]["value"].as_str().unwrap();
    assert_eq!(client.len(), 36, "{client}");
    let machine = management.get(&id("Microsoft.Compute/virtualMachines/vm")).await.expect(200);
    assert_eq!(machine.json()["properties"]["osProfile"], json!({"adminUsername": "u"}));
    let subnet =
        management.get(&id("Microsoft.Network/virtualNetworks/net/subnets/s")).await.expect(200).json();
    let expected: Value = json!(id("Microsoft.Network/networkSecurityGroups/nsg"));
    assert_eq!(subnet["properties"]["networkSecurityGroup"]["id"], expected);
}

#[tokio::test]
async fn what_azure_makes_with_a_resource_can_be_referred_to() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let made = |kind: &str, name: &str| json!({"type": kind, "apiVersion": "2023-01-01", "name": name, "location": "local"});
    let mut machine = made("Microsoft.Compute/virtualMachines", "vm");
    machine["identity"] = json!({"type": "SystemAssigned"});
    let mut container =
        made("Microsoft.Storage/storageAccounts/blobServices/containers", "store/default/web");
    container["dependsOn"] = json!(["[resourceId('Microsoft.Storage/storageAccounts', 'store')]"]);
    let output = |expression: &str| json!({"type": "string", "value": expression});
    let template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "resources": [
            machine, container, made("Microsoft.Storage/storageAccounts", "store"),
            made("Microsoft.ServiceBus/namespaces", "bus"), made("Microsoft.Web/sites", "shop"),
        ],
        "outputs": {
            "principal": output("[reference(concat(resourceId('Microsoft.Compute/virtualMachines', 'vm'), '/providers/Microsoft.ManagedIdentity/Identities/default'), '2015-08-31-PREVIEW').principalId]"),
            "rule": output("[listKeys(resourceId('Microsoft.ServiceBus/namespaces/AuthorizationRules', 'bus', 'RootManageSharedAccessKey'), '2017-04-01').primaryConnectionString]"),
            "host": output("[listKeys(concat(resourceId('Microsoft.Web/sites', 'shop'), '/host/default/'), '2018-11-01').functionKeys.default]"),
        },
    });
    let deployment = id("Microsoft.Resources/deployments/d");
    let body = json!({"properties": {"mode": "Incremental", "template": template}});
    let begun = management.put(&deployment, &body).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let shown = management.get(&deployment).await.expect(200).json();
    let output = |name: &str| &shown["properties"]["outputs"][name]["value"];
    let machine = management.get(&id("Microsoft.Compute/virtualMachines/vm")).await.expect(200).json();
    assert_eq!(output("principal"), &machine["identity"]["principalId"]);
    let rule = output("rule").as_str().unwrap();
    assert!(
        rule.starts_with("Endpoint=sb://bus.servicebus.windows.net/;SharedAccessKeyName=RootManage"),
        "{rule}"
    );

    let identity = |of: &str| id(&format!("{of}/providers/Microsoft.ManagedIdentity/identities/default"));
    management.get(&identity("Microsoft.Compute/virtualMachines/vm")).await.expect(200);
    management.get(&identity("Microsoft.Web/sites/shop")).await.expect(404);
    let blobs = id("Microsoft.Storage/storageAccounts/store/blobServices/default");
    assert_eq!(management.get(&blobs).await.expect(200).json()["id"], blobs);
    let extension = format!("{blobs}/providers/Microsoft.Insights/diagnosticSettings/all");
    management.put(&extension, &json!({"properties": {}})).await.expect(201);
    management.put(&blobs, &json!({"properties": {"isVersioningEnabled": true}})).await.expect(201);
    let other = id("Microsoft.Storage/storageAccounts/store/blobServices/other/containers/web");
    management.put(&other, &json!({})).await.expect(404);
    management.delete(&id("Microsoft.Storage/storageAccounts/store")).await.expect(200);
    management.get(&blobs).await.expect(404);
    management.get(&extension).await.expect(404);
}
