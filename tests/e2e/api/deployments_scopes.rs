//! Deployments to subscriptions, to other groups and to other subscriptions, resource groups in templates,
//! and the rights that each scope needs.

use serde_json::{Value, json};
use tidegate_harness::{Management, SUBSCRIPTION};

use super::deployments::{deploy, error_of, is_there, request, template};
use crate::identity::create;
use crate::tidegate;

const OTHER: &str = "11111111-1111-1111-1111-111111111111";

fn group(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}")
}

fn in_subscription(name: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Resources/deployments/{name}")
}

fn address(scope: &str, name: &str) -> String {
    format!("{scope}/providers/Microsoft.Network/publicIPAddresses/{name}")
}

fn address_resource(name: &str) -> Value {
    json!({
        "type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2023-09-01", "name": name,
        "location": "[resourceGroup().location]", "properties": {"publicIPAllocationMethod": "Static"},
    })
}

/// A nested deployment with one address, placed by `place`.
fn nested(name: &str, place: &Value) -> Value {
    let mut within = template(&json!([address_resource(name)]));
    within["outputs"] = json!({
        "location": {"type": "string", "value": "[resourceGroup().location]"},
        "id": {"type": "string", "value": format!("[resourceId('Microsoft.Network/publicIPAddresses', '{name}')]")},
    });
    let mut nested = json!({
        "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": name,
        "properties": {
            "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"}, "template": within,
        },
    });
    for (key, value) in place.as_object().into_iter().flatten() {
        nested[key] = value.clone();
    }
    nested
}

/// As Bicep compiles a resource group and a module in it.
fn landing_zone() -> Value {
    let group = "[subscriptionResourceId('Microsoft.Resources/resourceGroups', parameters('group'))]";
    let mut whole = template(&json!([
        nested("inside", &json!({"resourceGroup": "[parameters('group')]", "dependsOn": [group]})),
        {
            "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01", "name": "[parameters('group')]",
            "location": "[deployment().location]", "tags": {"made": "by a template"},
        },
    ]));
    whole["parameters"] = json!({"group": {"type": "string", "defaultValue": "zone"}});
    let inside = "extensionResourceId(format('/subscriptions/{0}/resourceGroups/{1}', subscription().subscriptionId, parameters('group')), 'Microsoft.Resources/deployments', 'inside')";
    whole["outputs"] = json!({
        "id": {"type": "string", "value": format!("[reference({inside}).outputs.id.value]")},
        "location": {"type": "string", "value": format!("[reference({inside}).outputs.location.value]")},
    });
    whole
}

fn located(mut body: Value) -> Value {
    body["location"] = "westeurope".into();
    body
}

async fn deploy_to(management: &Management, id: &str, body: &Value) -> Value {
    let begun = management.put(id, body).await;
    assert!(matches!(begun.status, 200 | 201), "{}: {}", begun.status, begun.text());
    management.operation(&begun).await;
    management.get(id).await.expect(200).json()
}

#[tokio::test]
async fn a_subscription_gets_groups_and_what_is_in_them() {
    let tidegate = tidegate().control_plane_alone().flag("--strict-resource-groups").start().await;
    let management = tidegate.management();
    let body = located(request(&landing_zone(), &json!({})));
    let id = in_subscription("zone");
    let foreseen = management.send_json("POST", &format!("{id}/whatIf"), &body).await.expect(200).json();
    let changes = foreseen["properties"]["changes"].as_array().unwrap();
    let ids: Vec<&str> = changes.iter().map(|change| change["resourceId"].as_str().unwrap()).collect();
    let zone = group(SUBSCRIPTION, "zone");
    assert_eq!(ids, [zone.as_str(), &address(&zone, "inside")]);
    assert_eq!(changes[1]["after"]["location"], "westeurope", "{foreseen}");
    management.send_json("POST", &format!("{id}/validate"), &body).await.expect(200);
    assert!(!is_there(&management, &zone).await);

    let mut without = body.clone();
    without["properties"]["template"]["resources"].as_array_mut().unwrap().pop();
    without["properties"]["template"]["resources"][0]["dependsOn"] = json!([]);
    let answer = management.put(&id, &without).await.expect(404);
    assert_eq!(error_of(&answer)["code"], "ResourceGroupNotFound");

    let shown = deploy_to(&management, &id, &body).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!((&shown["id"], &shown["location"]), (&json!(id), &json!("westeurope")));
    assert_eq!(shown["properties"]["outputs"]["id"]["value"], address(&zone, "inside"));
    assert_eq!(shown["properties"]["outputs"]["location"]["value"], "westeurope");
    let made = management.get(&zone).await.expect(200).json();
    assert_eq!(made["tags"]["made"], "by a template");
    let within = format!("{zone}/providers/Microsoft.Resources/deployments/inside");
    assert_eq!(
        management.get(&within).await.expect(200).json()["properties"]["provisioningState"],
        "Succeeded"
    );
    let listed = management.get(in_subscription("").trim_end_matches('/')).await.expect(200).json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 1);
    let steps = management.get(&format!("{id}/operations")).await.expect(200).json();
    let target = |at: usize| steps["value"][at]["properties"]["targetResource"]["id"].clone();
    assert_eq!((target(0), target(1)), (json!(zone), json!(within)));
    let step = steps["value"][0]["id"].as_str().unwrap();
    management.get(step).await.expect(200);
    management.send("HEAD", &format!("{id}?api-version=2024-11-01"), &[], "").await.expect(204);
    let mut elsewhere = body.clone();
    elsewhere["location"] = "northeurope".into();
    let answer = management.put(&id, &elsewhere).await.expect(409);
    assert_eq!(error_of(&answer)["code"], "InvalidDeploymentLocation");
    management.post(&format!("{id}/cancel")).await.expect(409);
    management.delete(&id).await.expect(204);
    management.get(&id).await.expect(404);
}

#[tokio::test]
async fn nested_deployments_go_to_other_groups_and_subscriptions() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let whole = template(&json!([
        nested("a", &json!({"resourceGroup": "there"})),
        nested("b", &json!({"subscriptionId": OTHER, "resourceGroup": "there"})),
        nested("c", &json!({"scope": group(OTHER, "third")})),
        {
            "type": "Microsoft.Resources/deployments", "apiVersion": "2022-09-01", "name": "up", "location": "local",
            "subscriptionId": OTHER,
            "properties": {
                "mode": "Incremental", "expressionEvaluationOptions": {"scope": "inner"},
                "template": template(&json!([{
                    "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01", "name": "fourth",
                    "location": "local",
                }])),
            },
        },
    ]));
    let shown = deploy(&management, "main", &request(&whole, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    for id in [
        address(&group(SUBSCRIPTION, "there"), "a"),
        address(&group(OTHER, "there"), "b"),
        address(&group(OTHER, "third"), "c"),
        group(OTHER, "fourth"),
        format!("/subscriptions/{OTHER}/providers/Microsoft.Resources/deployments/up"),
    ] {
        assert!(is_there(&management, &id).await, "{id}");
    }
}

#[tokio::test]
async fn what_does_not_fit_its_scope_is_refused_by_name() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let group_resource = json!({
        "type": "Microsoft.Resources/resourceGroups", "apiVersion": "2022-09-01", "name": "g", "location": "local",
    });
    let empty = template(&json!([]));
    let in_group = super::deployments::deployment("main");
    let mut complete = located(request(&empty, &json!({})));
    complete["properties"]["mode"] = "Complete".into();
    for (id, body, message) in [
        (in_subscription("d"), request(&empty, &json!({})), "must have a location"),
        (in_subscription("d"), complete, "only allowed for a deployment to a resource group"),
        (in_subscription("d"), located(request(&template(&json!([address_resource("a")])), &json!({}))), ""),
        (
            in_group.clone(),
            request(&template(&json!([group_resource])), &json!({})),
            "deployment to its subscription",
        ),
        (
            in_group.clone(),
            request(&template(&json!([nested("a", &json!({"scope": "/"}))])), &json!({})),
            "no management groups",
        ),
        (
            in_group.clone(),
            request(&template(&json!([nested("a", &json!({"subscriptionId": OTHER}))])), &json!({})),
            "must have a location",
        ),
    ] {
        let answer = management.put(&id, &body).await;
        assert!(matches!(answer.status, 400 | 404), "{message}: {}", answer.text());
        assert!(answer.text().contains(message), "{message}: {}", answer.text());
    }
    for scope in ["", "/providers/Microsoft.Management/managementGroups/mg"] {
        let id = format!("{scope}/providers/Microsoft.Resources/deployments/d");
        let answer = management.put(&id, &located(request(&empty, &json!({})))).await.expect(400);
        assert!(answer.text().contains("to a subscription or to a resource group"), "{}", answer.text());
    }
}

#[tokio::test]
async fn each_scope_needs_the_authors_rights() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let own = group(SUBSCRIPTION, "own");
    let credentials = create(&tidegate, &["ci", "--role", "contributor", "--scope", &own]).await;
    let client = credentials.login(&management).await;
    let id = format!("{own}/providers/Microsoft.Resources/deployments/main");
    let whole = |place: &Value| request(&template(&json!([nested("a", place)])), &json!({}));
    let begun = client.put(&id, &whole(&json!({"resourceGroup": "OWN"}))).await.expect(201);
    assert_eq!(client.operation(&begun).await.status, "Succeeded");
    for place in [
        json!({"resourceGroup": "other"}),
        json!({"subscriptionId": OTHER, "resourceGroup": "own"}),
        json!({"scope": format!("/subscriptions/{SUBSCRIPTION}"), "location": "local"}),
    ] {
        for (method, path) in [("PUT", id.clone()), ("POST", format!("{id}/validate"))] {
            let answer = client.send_json(method, &path, &whole(&place)).await.expect(403);
            assert_eq!(error_of(&answer)["code"], "LinkedAuthorizationFailed", "{place}");
        }
    }
    let body = located(request(&template(&json!([])), &json!({})));
    client.put(&in_subscription("d"), &body).await.expect(403);
    assert!(!is_there(&management, &group(SUBSCRIPTION, "other")).await);
}
