//! Deployments of resources of types that Tidegate does not serve: what a preview finds, and secrets.

use serde_json::{Value, json};
use tidegate_harness::GROUP;

use super::deployments::{deploy, deployment, request, template};
use super::unserved::id;
use crate::tidegate;

const ZONES: &str = "Microsoft.Network/privateDnsZones";
const MACHINES: &str = "Microsoft.Compute/virtualMachines";

fn record(zone: &str) -> Value {
    json!({"type": format!("{ZONES}/A"), "apiVersion": "2020-06-01", "name": format!("{zone}/www"), "properties": {"ttl": 60}})
}

fn settings(gateway: &str) -> Value {
    json!({"type": "Microsoft.Insights/diagnosticSettings", "apiVersion": "2021-05-01-preview", "name": "all",
        "scope": format!("Microsoft.Network/applicationGateways/{gateway}"), "properties": {}})
}

#[tokio::test]
async fn a_preview_finds_what_the_deployment_would() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let zone = json!({"type": ZONES, "apiVersion": "2020-06-01", "name": "made.local", "location": "global"});
    for (resources, found) in [
        (json!([record("none.local")]), Some("ParentResourceNotFound")),
        (json!([settings("none")]), Some("ParentResourceNotFound")),
        (json!([record("made.local"), zone]), None),
    ] {
        let body = request(&template(&resources), &json!({}));
        for step in ["/validate", "/whatIf", ""] {
            let path = format!("{}{step}", deployment("d"));
            let method = if step.is_empty() { "PUT" } else { "POST" };
            let answer = management.send_json(method, &path, &body).await;
            match found {
                Some(code) => {
                    assert!(answer.status == 400 && answer.text().contains(code), "{}", answer.text())
                }
                None => assert!(answer.status < 300, "{step}: {}", answer.text()),
            }
        }
    }
}

#[tokio::test]
async fn a_preview_misses_a_group_that_must_be_created_first() {
    let tidegate = tidegate().control_plane_alone().flag("--strict-resource-groups").start().await;
    let management = tidegate.management();
    let group = id("").split("/providers").next().expect("a group").to_owned();
    management.put(&group, &json!({"location": "local"})).await.expect(201);
    let table = json!({"type": "Microsoft.Network/routeTables", "apiVersion": "2023-04-01", "name": "t", "location": "local"});
    let mut nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "inner",
        "resourceGroup": "Missing", "properties": {"mode": "Incremental", "template": template(&json!([table]))}});
    let refused = management
        .send_json(
            "POST",
            &format!("{}/validate", deployment("d")),
            &request(&template(&json!([nested])), &json!({})),
        )
        .await;
    assert!(refused.text().contains("ResourceGroupNotFound"), "{}", refused.text());
    nested["resourceGroup"] = GROUP.into();
    let body = request(&template(&json!([nested])), &json!({}));
    management.send_json("POST", &format!("{}/validate", deployment("d")), &body).await.expect(200);
}

#[tokio::test]
async fn what_comes_from_a_secure_parameter_is_written_only() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let machine = json!({"type": MACHINES, "apiVersion": "2023-03-01", "name": "vm", "location": "local",
    "properties": {
        "plain": "[parameters('name')]", "connection": "[format('Server={0};Pwd={1}', parameters('name'), parameters('secret'))]",
        "list": ["a", "[concat('x-', variables('derived'))]", "b"],
        "whole": "[parameters('object')]", "number": "[parameters('object').pin]",
        "hash": "[base64(parameters('secret'))]", "osProfile": {"adminUsername": "u", "adminPassword": "[parameters('secret')]"},
    }});
    let rules = json!({"type": "Microsoft.Network/networkSecurityGroups/securityRules", "apiVersion": "2023-04-01", "name": "nsg/in",
        "dependsOn": ["nsg"], "properties": {"priority": 100, "description": "[parameters('secret')]"}});
    let group = json!({"type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2023-04-01", "name": "nsg", "location": "local"});
    let mut inner = template(
        &json!([{"type": MACHINES, "apiVersion": "2023-03-01", "name": "inner", "location": "local",
        "properties": {"passed": "[parameters('given')]", "plain": "yes"}}]),
    );
    inner["parameters"] = json!({"given": {"type": "string"}});
    let nested = json!({"type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "nested", "properties": {
        "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": inner,
        "parameters": {"given": {"value": "[concat('p', parameters('secret'))]"}}}});
    let mut whole = template(&json!([machine, rules, group, nested]));
    whole["parameters"] = json!({"name": {"type": "string"}, "secret": {"type": "secureString"}, "object": {"type": "secureObject"}});
    whole["variables"] = json!({"derived": "[toUpper(parameters('secret'))]"});
    let given = json!({"name": {"value": "db"}, "secret": {"value": "hunter2-and-more"}, "object": {"value": {"pin": 987_654, "key": "s3cret-key"}}});
    let body = request(&whole, &given);
    let foreseen =
        management.send_json("POST", &format!("{}/whatIf", deployment("d")), &body).await.expect(200).text();
    let shown = deploy(&management, "d", &body).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let vm = management.get(&id(&format!("{MACHINES}/vm"))).await.expect(200).json();
    assert_eq!(vm["properties"]["plain"], "db");
    assert_eq!(vm["properties"]["osProfile"], json!({"adminUsername": "u"}));
    assert_eq!(vm["properties"]["list"], json!(["a", "b"]));
    for absent in ["connection", "whole", "number", "hash"] {
        assert!(vm["properties"].get(absent).is_none(), "{absent}: {vm}");
    }
    let passed = management.get(&id(&format!("{MACHINES}/inner"))).await.expect(200).json();
    assert_eq!((&passed["properties"]["plain"], passed["properties"].get("passed")), (&json!("yes"), None));
    let group = management.get(&id("Microsoft.Network/networkSecurityGroups/nsg")).await.expect(200).json();
    let rule = &group["properties"]["securityRules"][0]["properties"];
    assert_eq!((&rule["priority"], rule.get("description")), (&json!(100), None), "{group}");

    let scope = id("").split("/providers").next().expect("a group").to_owned();
    let exported =
        management.send_json("POST", &format!("{scope}/exportTemplate"), &json!({"resources": ["*"]})).await;
    let listed = management.get(&id(MACHINES)).await.expect(200).text();
    let database: Vec<u8> = ["tidegate.db", "tidegate.db-wal"]
        .iter()
        .flat_map(|file| std::fs::read(tidegate.data_dir().join(file)).unwrap_or_default())
        .collect();
    let stored = String::from_utf8_lossy(&database).into_owned();
    for text in [foreseen, exported.text(), listed, shown.to_string(), tidegate.output(), stored] {
        for secret in ["hunter2", "HUNTER2", "aHVudGVyMi", "987654", "s3cret-key"] {
            assert!(!text.contains(secret), "{secret}: {}", text.chars().take(2000).collect::<String>());
        }
    }

    let mut reading = template(&json!([]));
    reading["outputs"] = json!({"leak": {"type": "string", "value": format!("[reference('{}', '2023-03-01').connection]", id(&format!("{MACHINES}/vm")))}});
    let failed = deploy(&management, "reads", &request(&reading, &json!({}))).await;
    assert_eq!(failed["properties"]["provisioningState"], "Failed", "{failed}");
    assert!(failed["properties"]["error"].to_string().contains("connection"), "{failed}");
}
