//! Modules in the shape in which Bicep compiles them for a resource group that the same template makes.

use serde_json::{Value, json};
use tidegate_harness::{GROUP, GatewayDocument, Management, SUBSCRIPTION, loopback, wait_for};

use super::deployments::{deploy, deployment as in_group, network, request, template};
use crate::tidegate;

fn deployment() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/deployments/zone")
}

fn module(name: &str, template: &Value, parameters: &Value, depends_on: &Value) -> Value {
    json!({
        "type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": name,
        "resourceGroup": "[variables('group')]", "dependsOn": depends_on,
        "properties": {
            "expressionEvaluationOptions": {"scope": "inner"}, "mode": "Incremental",
            "parameters": parameters, "template": template,
        },
    })
}

fn modern(resources: &Value) -> Value {
    let mut whole = template(resources);
    whole["languageVersion"] = "2.0".into();
    whole
}

/// What a gateway needs beside it: an identity, and a role for it.
fn dependencies() -> Value {
    let mut whole = modern(&json!({
        "identity": {
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities", "apiVersion": "2024-11-30",
            "name": "identity", "location": "[resourceGroup().location]",
        },
        "vault": {
            "type": "Microsoft.KeyVault/vaults", "apiVersion": "2024-11-01", "name": "vault",
            "location": "[resourceGroup().location]", "properties": {"tenantId": "[tenant().tenantId]"},
        },
        "role": {
            "type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01",
            "scope": "[format('Microsoft.KeyVault/vaults/{0}', 'vault')]", "name": "[guid('vault', 'identity')]",
            "properties": {
                "principalId": "[reference('identity').principalId]", "principalType": "ServicePrincipal",
                "roleDefinitionId": "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'x')]",
            },
            "dependsOn": ["identity", "vault"],
        },
    }));
    whole["outputs"] =
        json!({"principal": {"type": "string", "value": "[reference('identity').principalId]"}});
    whole
}

/// A module that deploys a gateway from a parameter, and a lock on it.
fn gateway_module() -> Value {
    let mut whole = modern(&json!({
        "gateway": {
            "type": "Microsoft.Network/applicationGateways", "apiVersion": "2025-01-01", "name": "gateway",
            "location": "[resourceGroup().location]", "properties": "[parameters('properties')]",
            "tags": {"principal": "[parameters('principal')]"},
        },
        "lock": {
            "type": "Microsoft.Authorization/locks", "apiVersion": "2020-05-01", "name": "lock",
            "scope": "[format('Microsoft.Network/applicationGateways/{0}', 'gateway')]",
            "properties": {"level": "CanNotDelete"}, "dependsOn": ["gateway"],
        },
    }));
    whole["parameters"] = json!({"properties": {"type": "object"}, "principal": {"type": "string"}});
    whole
}

/// The whole template. As in Bicep, the IDs of the gateway's children begin with that of the group's resource.
fn zone() -> Value {
    let document = GatewayDocument::forwarding("gateway", loopback(), &[loopback().into()]);
    let mut properties = document.body()["properties"].clone();
    within_group(&mut properties);
    let parameters = json!({
        "properties": {"value": properties},
        "principal": {"value": "[reference('dependencies').outputs.principal.value]"},
    });
    let mut whole = modern(&json!({
        "group": {
            "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01",
            "name": "[variables('group')]", "location": "[deployment().location]",
        },
        "dependencies": module("dependencies", &dependencies(), &json!({}), &json!(["group"])),
        "gateway": module("gateway", &gateway_module(), &parameters, &json!(["dependencies", "group"])),
    }));
    whole["variables"] = json!({"group": "zone"});
    json!({"location": "westeurope", "properties": {"mode": "Incremental", "template": whole}})
}

/// Replaces the group in each ID by the group that the template makes.
fn within_group(value: &mut Value) {
    match value {
        Value::String(text) => {
            let own = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/");
            if let Some(rest) = text.strip_prefix(&own) {
                let group =
                    "subscriptionResourceId('Microsoft.Resources/resourceGroups', variables('group'))";
                *text = format!("[format('{{0}}/{rest}', {group})]");
            }
        }
        Value::Array(list) => list.iter_mut().for_each(within_group),
        Value::Object(object) => object.values_mut().for_each(within_group),
        _ => {}
    }
}

/// Returns the exported template of a deployment to the group or to the subscription.
async fn exported(management: &Management, id: &str) -> Value {
    management.post(&format!("{id}/exportTemplate")).await.expect(200).json()["template"].clone()
}

async fn changes(management: &Management, body: &Value) -> Vec<String> {
    let path = format!("{}/whatIf", deployment());
    let shown = management.send_json("POST", &path, body).await.expect(200).json();
    assert!(shown["properties"]["diagnostics"].is_null(), "{shown}");
    let changes = shown["properties"]["changes"].as_array().expect("there are changes");
    changes.iter().map(|change| change["changeType"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn modules_in_a_new_group_deploy_twice_and_the_second_time_change_nothing() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let body = zone();
    assert_eq!(changes(&management, &body).await, ["Create"; 6]);
    for _ in 0..2 {
        management.put(&deployment(), &body).await;
        let ended = async || {
            let shown = management.get(&deployment()).await.expect(200).json();
            let state = shown["properties"]["provisioningState"].clone();
            assert_ne!(state, "Failed", "{shown}");
            (state == "Succeeded").then_some(())
        };
        wait_for("the deployment to succeed", ended).await;
        assert_eq!(changes(&management, &body).await, ["NoChange"; 6]);
    }
}

#[tokio::test]
async fn the_templates_of_deployments_are_exported_without_secrets() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let tags =
        json!({"secret": "[parameters('secret')]", "of": "[deployment().properties.template.metadata.of]"});
    let inner = |name: &str| {
        json!({
            "type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": name, "tags": tags,
            "location": "local", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}},
        })
    };
    let outer = template(&json!([inner("within")]));
    let mut whole = template(&json!([
        inner("beside"),
        {
            "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "outer",
            "properties": {"mode": "Incremental", "template": outer},
        },
    ]));
    whole["parameters"] = json!({"secret": {"type": "securestring", "defaultValue": "do-not-show"}});
    whole["metadata"] = json!({"of": "the whole"});
    let shown = deploy(&management, "main", &request(&whole, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let vnet = management.get(&network("virtualNetworks/within")).await.expect(200).json();
    assert_eq!(vnet["tags"], json!({"secret": "do-not-show", "of": "the whole"}));

    whole["parameters"]["secret"].as_object_mut().expect("a parameter").remove("defaultValue");
    assert_eq!(exported(&management, &in_group("main")).await, whole);
    let mut within = template(&json!([inner("within")]));
    within["resources"][0]["tags"] = json!({"secret": "(secure)", "of": "the whole"});
    assert_eq!(exported(&management, &in_group("outer")).await, within);
    let missing = management.post(&format!("{}/exportTemplate", in_group("none"))).await.expect(404);
    assert_eq!(missing.json()["error"]["code"], "DeploymentNotFound");
}
