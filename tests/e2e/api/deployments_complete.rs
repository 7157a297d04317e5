//! Deployments in the mode `Complete`, and previews of what is not in the template.

use serde_json::{Value, json};
use tidegate_harness::{Backend, GROUP, GatewayDocument, Management, SUBSCRIPTION, loopback, wait_for};

use super::deployments::{deploy, deployment, error_of, is_there, network, request, template};
use crate::tidegate;

fn complete(template: &Value) -> Value {
    let mut body = request(template, &json!({}));
    body["properties"]["mode"] = "Complete".into();
    body
}

fn address(name: &str) -> Value {
    json!({
        "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2023-09-01", "name": name, "location": "local",
        "properties": {"publicIPAllocationMethod": "Static"},
    })
}

/// A template with an address of its own and one in a nested deployment.
fn kept() -> Value {
    let nested = json!({
        "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "nested",
        "properties": {"mode": "Incremental", "template": template(&json!([address("nested")]))},
    });
    let mut unwanted = address("unwanted");
    unwanted["condition"] = false.into();
    template(&json!([address("own"), nested, unwanted]))
}

async fn changes(management: &Management, body: &Value) -> Vec<(String, String)> {
    let path = format!("{}/whatIf", deployment("main"));
    let foreseen = management.send_json("POST", &path, body).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let changes = foreseen["properties"]["changes"].as_array().into_iter().flatten();
    let name = |id: String| id.rsplit('/').next().unwrap_or_default().to_owned();
    let mut changes: Vec<(String, String)> =
        changes.map(|change| (name(text(&change["resourceId"])), text(&change["changeType"]))).collect();
    changes.sort();
    changes
}

#[tokio::test]
async fn what_the_template_does_not_contain_is_deleted() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let management = tidegate.management();
    let gateway = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]);
    let begun = management.put(&network("applicationGateways/gateway"), gateway.body()).await;
    management.operation(&begun).await;
    let made = template(&json!([address("own"), address("unwanted"), address("other")]));
    deploy(&management, "first", &request(&made, &json!({}))).await;
    let elsewhere = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}-2/providers/Microsoft.Network/publicIPAddresses/other"
    );
    management.put(&elsewhere, &json!({"location": "local", "properties": {}})).await.expect(201);

    let expected = |rest: &str| {
        let rest = rest.to_owned();
        [
            ("gateway".to_owned(), rest.clone()),
            ("nested".to_owned(), "Create".to_owned()),
            ("other".to_owned(), rest.clone()),
            ("own".to_owned(), "NoChange".to_owned()),
            ("unwanted".to_owned(), rest),
        ]
    };
    assert_eq!(changes(&management, &request(&kept(), &json!({}))).await, expected("Ignore"));
    assert_eq!(changes(&management, &complete(&kept())).await, expected("Delete"));
    let mut brief = complete(&kept());
    brief["properties"]["whatIfSettings"] = json!({"resultFormat": "ResourceIdOnly"});
    assert_eq!(changes(&management, &brief).await, expected("Delete"));

    let shown = deploy(&management, "main", &complete(&kept())).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(shown["properties"]["mode"], "Complete");
    for (rest, there) in [
        ("applicationGateways/gateway", false),
        ("publicIPAddresses/own", true),
        ("publicIPAddresses/nested", true),
        ("publicIPAddresses/other", false),
        ("publicIPAddresses/unwanted", false),
    ] {
        assert_eq!(is_there(&management, &network(rest)).await, there, "{rest}");
    }
    assert!(is_there(&management, &elsewhere).await, "another group is left alone");
    assert!(is_there(&management, &deployment("first")).await, "deployments are no resources of the group");
    let steps = management.get(&format!("{}/operations", deployment("main"))).await.expect(200).json();
    let steps = steps["value"].as_array().unwrap();
    let operation = |at: usize| steps[at]["properties"]["provisioningOperation"].as_str().unwrap();
    assert_eq!(operation(0), "Create");
    assert_eq!((steps.len(), operation(2), operation(4)), (5, "Delete", "Delete"));
    assert_eq!(steps[2]["properties"]["targetResource"]["id"], network("applicationGateways/gateway"));
}

#[tokio::test]
async fn nothing_is_deleted_by_a_deployment_that_fails() {
    let tidegate = tidegate().control_plane_alone().option("--rollout-timeout", "1s").start().await;
    let management = tidegate.management();
    deploy(&management, "first", &request(&template(&json!([address("other")])), &json!({}))).await;
    let mut gateway = GatewayDocument::forwarding("gateway", loopback(), &[loopback().into()]).body().clone();
    gateway["type"] = "Microsoft.Network/applicationGateways".into();
    gateway["apiVersion"] = "2024-05-01".into();
    gateway["name"] = "gateway".into();
    let shown = deploy(&management, "main", &complete(&template(&json!([gateway])))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Failed");
    assert!(is_there(&management, &network("publicIPAddresses/other")).await);
}

#[tokio::test]
async fn a_resource_in_use_elsewhere_fails_the_deployment() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let mut used = address("used");
    used["sku"] = json!({"name": "Standard"});
    deploy(&management, "first", &request(&template(&json!([used])), &json!({}))).await;
    let id = format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/users/providers/Microsoft.Network/applicationGateways/gw"
    );
    let mut user = GatewayDocument::forwarding("gw", loopback(), &[loopback().into()]).body().clone();
    let text = user.to_string().replace(&format!("resourceGroups/{GROUP}"), "resourceGroups/users");
    user = serde_json::from_str(&text).unwrap();
    user["properties"]["frontendIPConfigurations"][0]["properties"] =
        json!({"publicIPAddress": {"id": network("publicIPAddresses/used")}});
    let made = management.put(&id, &user).await;
    assert!(made.status < 300, "{}", made.text());
    let shown = deploy(&management, "main", &complete(&template(&json!([])))).await;
    let error = &shown["properties"]["error"];
    assert_eq!(error["details"][0]["target"], network("publicIPAddresses/used"), "{shown}");
    assert!(is_there(&management, &network("publicIPAddresses/used")).await);
    management.delete(&id).await;
    wait_for("the gateway to go", async || (!is_there(&management, &id).await).then_some(())).await;
    assert!(error_of(&management.get(&id).await)["code"].is_string());
}

#[tokio::test]
async fn resources_that_are_not_served_are_deleted_too() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group = |name: &str| {
        json!({
            "type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2023-09-01", "name": name,
            "location": "local", "properties": {},
        })
    };
    let rule = json!({
        "type": "Microsoft.Network/networkSecurityGroups/securityRules", "apiVersion": "2023-09-01",
        "name": "gone/rule", "properties": {"access": "Allow"}, "dependsOn": ["gone"],
    });
    let lock = json!({
        "type": "Microsoft.Authorization/locks", "apiVersion": "2020-05-01", "name": "lock",
        "scope": "[resourceId('Microsoft.Network/publicIPAddresses', 'kept')]", "properties": {"level": "CanNotDelete"},
        "dependsOn": ["kept"],
    });
    let all = template(&json!([group("gone"), rule, group("stays"), address("kept"), lock]));
    let shown = deploy(&management, "first", &request(&all, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    let lock = network("publicIPAddresses/kept/providers/Microsoft.Authorization/locks/lock");
    assert!(is_there(&management, &lock).await);

    let body = complete(&template(&json!([group("stays"), address("kept")])));
    let expected = [("gone", "Delete"), ("kept", "NoChange"), ("stays", "NoChange")];
    let expected = expected.map(|(name, change)| (name.to_owned(), change.to_owned()));
    assert_eq!(changes(&management, &body).await, expected);
    let shown = deploy(&management, "main", &body).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    for (rest, there) in [
        ("networkSecurityGroups/gone", false),
        ("networkSecurityGroups/gone/securityRules/rule", false),
        ("networkSecurityGroups/stays", true),
        ("publicIPAddresses/kept", true),
    ] {
        assert_eq!(is_there(&management, &network(rest)).await, there, "{rest}");
    }
    assert!(is_there(&management, &lock).await, "an extension belongs to its resource");
}
