//! Deployments that are nested in others: the shape of Bicep's modules, outer scopes, failures, cancelling,
//! restarts and limits.

use serde_json::{Value, json};
use tidegate_harness::{GROUP, GatewayDocument, Management, SUBSCRIPTION, Worker, loopback, wait_for};

use super::deployments::{deploy, deployment, error_of, is_there, network, request, template};
use crate::tidegate;

/// A nested deployment as Bicep compiles a module.
pub(super) fn module(name: &str, template: &Value, parameters: &Value) -> Value {
    json!({
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2022-09-01",
        "name": name,
        "properties": {
            "expressionEvaluationOptions": {"scope": "inner"},
            "mode": "Incremental",
            "parameters": parameters,
            "template": template,
        },
    })
}

/// A module with a virtual network that it names in an output.
fn network_module() -> Value {
    let mut module = template(&json!([{
        "type": "Microsoft.Network/virtualNetworks",
        "apiVersion": "2023-09-01",
        "name": "[parameters('name')]",
        "location": "[resourceGroup().location]",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        },
    }]));
    module["parameters"] = json!({"name": {"type": "string"}});
    module["outputs"] = json!({
        "id": {"type": "string", "value": "[resourceId('Microsoft.Network/virtualNetworks', parameters('name'))]"},
        "space": {
            "type": "array",
            "value": "[reference(resourceId('Microsoft.Network/virtualNetworks', parameters('name'))).addressSpace.addressPrefixes]",
        },
    });
    module
}

/// A module with a public IP address that has what another module named as a tag.
pub(super) fn address_module() -> Value {
    let mut module = template(&json!([{
        "type": "Microsoft.Network/publicIPAddresses",
        "apiVersion": "2023-09-01",
        "name": "address",
        "location": "westeurope",
        "sku": {"name": "Standard"},
        "tags": {"network": "[parameters('network')]"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }]));
    module["parameters"] = json!({"network": {"type": "string"}});
    module
}

fn two_modules() -> Value {
    let first = "Microsoft.Resources/deployments', 'first'";
    let mut second = module(
        "second",
        &address_module(),
        &json!({"network": {"value": format!("[reference(resourceId('{first}), '2022-09-01').outputs.id.value]")}}),
    );
    second["dependsOn"] = json!([format!("[resourceId('{first})]")]);
    let first = module("first", &network_module(), &json!({"name": {"value": "vnet"}}));
    let mut whole = template(&json!([second, first]));
    whole["outputs"] =
        json!({"space": {"type": "array", "value": "[reference('first').outputs.space.value]"}});
    whole
}

async fn steps_of(management: &Management, name: &str) -> Vec<(String, String)> {
    let steps = management.get(&format!("{}/operations", deployment(name))).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let steps = steps["value"].as_array().into_iter().flatten().map(|step| &step["properties"]);
    steps.map(|step| (text(&step["targetResource"]["id"]), text(&step["provisioningState"]))).collect()
}

fn deployment_id(name: &str) -> String {
    deployment(name).replace("resourcegroups", "resourceGroups")
}

#[tokio::test]
async fn modules_are_deployments_of_their_own_and_pass_outputs_on() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let body = request(&two_modules(), &json!({}));

    let foreseen = management
        .send_json("POST", &format!("{}/whatIf", deployment("main")), &body)
        .await
        .expect(200)
        .json();
    let changes = foreseen["properties"]["changes"].as_array().unwrap();
    let ids: Vec<&str> = changes.iter().map(|change| change["resourceId"].as_str().unwrap()).collect();
    assert_eq!(ids, [network("virtualNetworks/vnet"), network("publicIPAddresses/address")], "{foreseen}");
    assert_eq!(changes[1]["after"]["tags"]["network"], network("virtualNetworks/vnet"));
    assert!(!is_there(&management, &deployment("first")).await, "nothing was written yet");

    let shown = deploy(&management, "main", &body).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert_eq!(shown["properties"]["outputs"]["space"]["value"], json!(["10.0.0.0/16"]));
    assert_eq!(shown["properties"]["outputResources"].as_array().unwrap().len(), 2);
    let address = management.get(&network("publicIPAddresses/address")).await.expect(200).json();
    assert_eq!(address["tags"]["network"], network("virtualNetworks/vnet"));

    let first = management.get(&deployment("first")).await.expect(200).json();
    assert_eq!(first["properties"]["parameters"]["name"]["value"], "vnet");
    assert_eq!(first["properties"]["outputs"]["id"]["value"], network("virtualNetworks/vnet"));
    assert_eq!(first["properties"]["correlationId"], shown["properties"]["correlationId"]);
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200).json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 3);
    let succeeded = |id: String| (id, "Succeeded".to_owned());
    let expected = [succeeded(deployment_id("first")), succeeded(deployment_id("second"))];
    assert_eq!(steps_of(&management, "main").await, expected);
    assert_eq!(steps_of(&management, "first").await, [succeeded(network("virtualNetworks/vnet"))]);
    // The same again changes nothing.
    let shown = deploy(&management, "main", &body).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
}

#[tokio::test]
async fn an_outer_template_is_evaluated_around_it() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let mut nested = module("nested", &network_module(), &json!({}));
    nested["name"] = "[concat('nested', copyIndex())]".into();
    nested["copy"] = json!({"name": "loop", "count": 2});
    nested["properties"].as_object_mut().unwrap().remove("expressionEvaluationOptions");
    let within = &mut nested["properties"]["template"];
    within.as_object_mut().unwrap().remove("outputs");
    within["parameters"] = json!({});
    within["resources"][0]["name"] = "[concat(parameters('name'), copyIndex())]".into();
    within["outputs"] = json!({"name": {"type": "string", "value": "[parameters('name')]"}});
    let mut skipped = module("skipped", &network_module(), &json!({"name": {"value": "skipped"}}));
    skipped["condition"] = "[equals(parameters('name'), 'other')]".into();
    let mut whole = template(&json!([nested, skipped]));
    whole["parameters"] = json!({"name": {"type": "string"}});
    let shown = deploy(&management, "main", &request(&whole, &json!({"name": {"value": "v"}}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    for (name, there) in [("v0", true), ("v1", true), ("skipped", false)] {
        assert_eq!(
            is_there(&management, &network(&format!("virtualNetworks/{name}"))).await,
            there,
            "{name}"
        );
    }
    let nested = management.get(&deployment("nested1")).await.expect(200).json();
    assert_eq!(nested["properties"]["outputs"]["name"]["value"], "v");
    assert!(!is_there(&management, &deployment("skipped")).await);
}

#[tokio::test]
async fn what_is_wrong_within_is_said_with_its_place() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let spoilt = |spoil: fn(&mut Value)| {
        let mut whole = two_modules();
        spoil(&mut whole["resources"][0]["properties"]);
        whole["resources"][0]["name"] = "nested".into();
        request(&whole, &json!({}))
    };
    let within = "properties.template.resources[0].properties";
    let cases: [(fn(&mut Value), &str, String); 6] = [
        (|p| p["mode"] = "Complete".into(), "DeploymentModeNotSupported", format!("{within}.mode")),
        (
            |p| p["template"]["resources"][0]["tags"]["network"] = "[nothing()]".into(),
            "TemplateFunctionNotSupported",
            format!("{within}.template.resources[0].tags.network"),
        ),
        (|p| p["parameters"] = json!({}), "TemplateParameterInvalid", format!("{within}.parameters.network")),
        (
            |p| p["template"]["resources"][0]["properties"]["publicIPAllocationMethod"] = "Sometimes".into(),
            "",
            format!("{within}.template.resources[0]"),
        ),
        (
            |p| p["template"]["outputs"] = json!({"o": {"type": "string", "value": "[variables('x')]"}}),
            "TemplateExpressionInvalid",
            format!("{within}.template.outputs.o.value"),
        ),
        (
            |p| p["template"]["resources"][0]["type"] = "Microsoft.Network/publicIPAddress".into(),
            "",
            format!("{within}.template.resources[0]"),
        ),
    ];
    for (spoil, code, target) in cases {
        let answer = management.put(&deployment("main"), &spoilt(spoil)).await.expect(400);
        let detail = &error_of(&answer)["details"][0];
        assert!(code.is_empty() || detail["code"] == code, "{detail}");
        assert!(detail["target"].as_str().unwrap().starts_with(&target), "{target}: {detail}");
        assert!(!is_there(&management, &network("virtualNetworks/vnet")).await);
    }
}

#[tokio::test]
async fn depth_names_and_numbers_are_limited_for_the_whole_tree() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let nested = |levels: usize| {
        (0..levels).fold(template(&json!([])), |within, level| {
            template(&json!([module(&format!("level{level}"), &within, &json!({}))]))
        })
    };
    let shown = deploy(&management, "main", &request(&nested(5), &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    assert!(is_there(&management, &deployment("level0")).await);
    let many = |count: usize| {
        let mut addresses = address_module();
        addresses["resources"][0]["name"] = "[concat('a', copyIndex())]".into();
        addresses["resources"][0]["copy"] = json!({"name": "l", "count": count});
        module("many", &addresses, &json!({"network": {"value": "n"}}))
    };
    let long = "n".repeat(65);
    for (whole, code) in [
        (nested(6), "TemplateLimitExceeded"),
        (template(&json!([many(800)])), "TemplateLimitExceeded"),
        (template(&json!([module(&long, &template(&json!([])), &json!({}))])), "TemplateResourceInvalid"),
        // A deployment that is nested in itself.
        (template(&json!([module("main", &template(&json!([])), &json!({}))])), "TemplateResourceInvalid"),
    ] {
        let answer = management.put(&deployment("main"), &request(&whole, &json!({}))).await.expect(400);
        assert_eq!(error_of(&answer)["details"][0]["code"], code);
    }
}

/// A template whose second module contains a gateway, which no worker applies.
pub(super) fn stuck() -> Value {
    let mut gateway = GatewayDocument::forwarding("gateway", loopback(), &[loopback().into()]).body().clone();
    gateway["type"] = "Microsoft.Network/applicationGateways".into();
    gateway["apiVersion"] = "2024-05-01".into();
    gateway["name"] = "gateway".into();
    let first = module("first", &network_module(), &json!({"name": {"value": "vnet"}}));
    let mut second = module("second", &template(&json!([gateway])), &json!({}));
    second["dependsOn"] = json!(["first"]);
    let mut third = module("third", &network_module(), &json!({"name": {"value": "left-out"}}));
    third["dependsOn"] = json!(["second"]);
    template(&json!([module("outer", &template(&json!([first, second, third])), &json!({}))]))
}

#[tokio::test]
async fn a_nested_failure_fails_all_that_is_around_it() {
    let tidegate = tidegate().control_plane_alone().option("--rollout-timeout", "1s").start().await;
    let management = tidegate.management();
    let shown = deploy(&management, "main", &request(&stuck(), &json!({}))).await;
    let error = &shown["properties"]["error"];
    assert_eq!(shown["properties"]["provisioningState"], "Failed");
    let outer = &error["details"][0];
    assert_eq!(
        (&outer["code"], &outer["target"]),
        (&json!("DeploymentFailed"), &json!(deployment_id("outer")))
    );
    let second = &outer["details"][0];
    assert_eq!(second["target"], deployment_id("second"));
    assert_eq!(second["details"][0]["code"], "ApplicationGatewayNoWorkerConnected");
    for (name, state) in [("outer", "Failed"), ("first", "Succeeded"), ("second", "Failed")] {
        let shown = management.get(&deployment(name)).await.expect(200).json();
        assert_eq!(shown["properties"]["provisioningState"], state, "{name}");
    }
    assert!(!is_there(&management, &deployment("third")).await);
}

#[tokio::test]
async fn the_whole_tree_is_cancelled() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    for (cancelled, others) in [("main", "Canceled"), ("second", "Failed")] {
        let begun = management.put(&deployment("main"), &request(&stuck(), &json!({}))).await;
        assert!(begun.status < 300, "{}", begun.text());
        let running = async || {
            let answer = management.get(&deployment("second")).await;
            (answer.status == 200 && answer.json()["properties"]["provisioningState"] == "Running")
                .then_some(())
        };
        wait_for("the nested deployment to run", running).await;
        // It can be neither deleted nor begun by another request.
        management.delete(&deployment("second")).await.expect(409);
        let other = request(&template(&json!([])), &json!({}));
        let answer = management.put(&deployment("second"), &other).await.expect(409);
        assert_eq!(error_of(&answer)["code"], "DeploymentActive");
        management.post(&format!("{}/cancel", deployment(cancelled))).await.expect(204);
        assert_eq!(management.operation(&begun).await.status, others);
        for (name, state) in [("main", others), ("outer", others), ("second", "Canceled")] {
            let shown = management.get(&deployment(name)).await.expect(200).json();
            assert_eq!(shown["properties"]["provisioningState"], state, "{name} after {cancelled}");
        }
        let gateway = management.delete(&network("applicationGateways/gateway")).await;
        assert!(gateway.status < 300, "{}", gateway.text());
        let id = network("applicationGateways/gateway");
        wait_for("the gateway to go", async || (!is_there(&management, &id).await).then_some(())).await;
    }
}

#[tokio::test]
async fn a_tree_under_way_is_finished_by_the_next_process() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let begun = management.put(&deployment("main"), &request(&stuck(), &json!({}))).await.expect(201);
    let id = network("applicationGateways/gateway");
    wait_for("the gateway to be written", async || is_there(&management, &id).await.then_some(())).await;
    tidegate.kill();
    tidegate.start_again().await;
    let management = tidegate.management();
    let _worker = Worker::start(&tidegate, "late", Some(&tidegate.worker_token().await));
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    for name in ["outer", "first", "second", "third"] {
        let shown = management.get(&deployment(name)).await.expect(200).json();
        assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{name}");
    }
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200).json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 5, "none is there twice");
    assert!(is_there(&management, &network("virtualNetworks/left-out")).await);
    assert!(id.contains(SUBSCRIPTION) && id.contains(GROUP));
}

#[tokio::test]
async fn what_cannot_be_known_before_is_said_to_be_unknown() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let mut address = address_module()["resources"][0].clone();
    address["tags"] = json!({});
    // Only a gateway gives it an address.
    let given = json!({"network": {"value": "[reference('address').ipAddress]"}});
    let mut other = address_module();
    other["resources"][0]["name"] = "other".into();
    let whole = template(&json!([address, module("late", &other, &given)]));
    let body = request(&whole, &json!({}));
    let path = |action: &str| format!("{}/{action}", deployment("main"));
    let foreseen = management.send_json("POST", &path("whatIf"), &body).await.expect(200).json();
    let change = &foreseen["properties"]["changes"][1];
    let late = (&json!(deployment_id("late")), &json!("Unsupported"));
    assert_eq!((&change["resourceId"], &change["changeType"]), late, "{foreseen}");
    assert!(change["unsupportedReason"].as_str().unwrap().contains("publicipaddresses/address"), "{change}");
    let validated = management.send_json("POST", &path("validate"), &body).await.expect(200).json();
    for shown in [&foreseen, &validated] {
        let diagnostic = &shown["properties"]["diagnostics"][0];
        assert_eq!(diagnostic["code"], "NestedDeploymentShortCircuited", "{shown}");
    }
    let shown = deploy(&management, "main", &body).await;
    let detail = &shown["properties"]["error"]["details"][0];
    assert_eq!(detail["target"], deployment_id("late"));
    assert!(detail["message"].as_str().unwrap().contains("'ipAddress'"), "{detail}");
    assert!(!is_there(&management, &deployment("late")).await);
}
