//! Deployments of templates: those of `az network application-gateway create`, and invalid ones.

use serde_json::{Value, json};
use tidegate_harness::{
    Answer, BACKEND_PORT, Backend, GROUP, GatewayDocument, HTTP_PORT, HttpClient, Management, SUBSCRIPTION,
    Worker, loopback, wait_for,
};

use crate::tidegate;

pub(super) fn deployment(name: &str) -> String {
    // Clients spell the path like this.
    format!(
        "/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/providers/Microsoft.Resources/deployments/{name}"
    )
}

pub(super) fn network(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{rest}")
}

pub(super) fn template(resources: &Value) -> Value {
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {},
        "variables": {},
        "resources": resources,
        "outputs": {},
    })
}

pub(super) fn request(template: &Value, parameters: &Value) -> Value {
    json!({"properties": {"template": template, "parameters": parameters, "mode": "incremental"}})
}

/// The template that `az network application-gateway create` makes for a gateway with its own network and address,
/// with its odd casing, its nulls and its port as a string. The only difference is that the address is given.
fn from_az(address: &str, backend: &str) -> Value {
    let id = |rest: &str| format!("[concat(variables('appGwID'), '/{rest}')]");
    let mut whole = template(&json!([
        {
            "name": "gwVnet",
            "type": "Microsoft.Network/virtualNetworks",
            "location": "westus",
            "apiVersion": "2015-06-15",
            "dependsOn": [],
            "tags": {},
            "properties": {
                "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}],
            },
        },
        {
            "apiVersion": "2022-05-01",
            "type": "Microsoft.Network/publicIPAddresses",
            "name": "gwIP",
            "location": "westus",
            "tags": {},
            "dependsOn": [],
            "properties": {"publicIPAllocationMethod": "Static", "ipAddress": address},
            "sku": {"name": "Standard"},
            "zones": null,
        },
        {
            "type": "Microsoft.Network/applicationGateways",
            "name": "gateway",
            "location": "westus",
            "tags": {},
            "apiVersion": "2022-05-01",
            "dependsOn": ["Microsoft.Network/virtualNetworks/gwVnet", "Microsoft.Network/publicIpAddresses/gwIP"],
            "properties": {
                "backendAddressPools": [
                    {"name": "appGatewayBackendPool", "properties": {"BackendAddresses": [{"ipAddress": backend}]}},
                ],
                "backendHttpSettingsCollection": [{
                    "name": "appGatewayBackendHttpSettings",
                    "properties": {
                        "Port": BACKEND_PORT.to_string(), "Protocol": "Http", "CookieBasedAffinity": "disabled",
                        "connectionDraining": {"enabled": false, "drainTimeoutInSec": 1},
                    },
                }],
                "frontendIPConfigurations": [{
                    "name": "appGatewayFrontendIP",
                    "properties": {"publicIPAddress": {
                        "id": "[resourceId('Microsoft.Network/publicIPAddresses', 'gwIP')]",
                    }},
                }],
                "frontendPorts": [{"name": "appGatewayFrontendPort", "properties": {"Port": HTTP_PORT.to_string()}}],
                "gatewayIPConfigurations": [{
                    "name": "appGatewayFrontendIP",
                    "properties": {"subnet": {
                        "id": "[concat(resourceId('Microsoft.Network/virtualNetworks', 'gwVnet'), '/subnets/default')]",
                    }},
                }],
                "httpListeners": [{
                    "name": "appGatewayHttpListener",
                    "properties": {
                        "FrontendIpConfiguration": {"Id": id("frontendIPConfigurations/appGatewayFrontendIP")},
                        "FrontendPort": {"Id": id("frontendPorts/appGatewayFrontendPort")},
                        "Protocol": "http",
                        "SslCertificate": null,
                    },
                }],
                "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": 2},
                "requestRoutingRules": [{
                    "Name": "rule1",
                    "properties": {
                        "RuleType": "Basic",
                        "priority": 1001,
                        "httpListener": {"id": id("httpListeners/appGatewayHttpListener")},
                        "backendAddressPool": {"id": id("backendAddressPools/appGatewayBackendPool")},
                        "backendHttpSettings": {
                            "id": id("backendHttpSettingsCollection/appGatewayBackendHttpSettings"),
                        },
                    },
                }],
                "privateLinkConfigurations": [],
            },
            "zones": null,
        },
    ]));
    whole["variables"] =
        json!({"appGwID": "[resourceId('Microsoft.Network/applicationGateways', 'gateway')]"});
    whole["outputs"] = json!({"applicationGateway": {"type": "object", "value": "[reference('gateway')]"}});
    whole
}

/// Puts a deployment and waits until it has ended. Returns the resource that `GET` returns then.
pub(super) async fn deploy(management: &Management, name: &str, body: &Value) -> Value {
    let begun = management.put(&deployment(name), body).await;
    assert!(matches!(begun.status, 200 | 201), "{}: {}", begun.status, begun.text());
    assert_eq!(begun.json()["properties"]["provisioningState"], "Accepted");
    let operation = management.operation(&begun).await;
    let shown = management.get(&deployment(name)).await.expect(200).json();
    assert_eq!(shown["properties"]["provisioningState"], operation.status, "{shown}");
    shown
}

pub(super) async fn is_there(management: &Management, id: &str) -> bool {
    management.get(id).await.status == 200
}

pub(super) fn error_of(answer: &Answer) -> Value {
    answer.json()["error"].clone()
}

#[tokio::test]
async fn a_gateway_with_all_that_it_leans_on_is_made_from_nothing() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    let management = tidegate.management();
    let body = request(&from_az(&address.to_string(), &backend.ip().to_string()), &json!({}));

    let foreseen =
        management.send_json("POST", &format!("{}/whatIf", deployment("d")), &body).await.expect(200).json();
    assert_eq!(foreseen["status"], "Succeeded");
    let changes = foreseen["properties"]["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|change| change["changeType"] == "Create"), "{foreseen}");
    let validated = management
        .send_json("POST", &format!("{}/validate", deployment("d")), &body)
        .await
        .expect(200)
        .json();
    assert_eq!(validated["properties"]["validatedResources"].as_array().unwrap().len(), 3);
    assert!(!is_there(&management, &network("applicationGateways/gateway")).await, "nothing was written yet");
    management.get(&deployment("d")).await.expect(404);

    let begun = management.put(&deployment("d"), &body).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/made").await.expect(200);
    let shown = management.get(&deployment("d")).await.expect(200).json();
    let properties = &shown["properties"];
    assert_eq!(properties["outputs"]["applicationGateway"]["type"], "Object");
    let output = &properties["outputs"]["applicationGateway"]["value"];
    assert_eq!(output["provisioningState"], "Succeeded");
    assert_eq!(output["httpListeners"][0]["name"], "appGatewayHttpListener");
    assert_eq!(properties["outputResources"].as_array().unwrap().len(), 3);
    assert_eq!(properties["dependencies"][0]["dependsOn"].as_array().unwrap().len(), 2);
    assert!(is_there(&management, &network("virtualNetworks/gwVnet/subnets/default")).await);

    // The same deployment changes nothing, and a changed one only the difference.
    let foreseen =
        management.send_json("POST", &format!("{}/whatIf", deployment("d")), &body).await.expect(200).json();
    let changes = foreseen["properties"]["changes"].as_array().unwrap();
    assert!(changes.iter().all(|change| change["changeType"] == "NoChange"), "{foreseen}");
    management.put(&deployment("d"), &body).await.expect(200);
    let mut other = body.clone();
    other["properties"]["template"]["resources"][2]["tags"]["a"] = "b".into();
    let foreseen =
        management.send_json("POST", &format!("{}/whatIf", deployment("e")), &other).await.expect(200).json();
    let change = &foreseen["properties"]["changes"][2];
    assert_eq!((&change["changeType"], &change["delta"][0]["path"]), (&json!("Modify"), &json!("tags.a")));

    // azure-cli sends a template's file verbatim, with comments, and requests the operations under a shorter path.
    let file = format!(
        "{{\"properties\": {{\"mode\": \"Incremental\", template:{} // as it is\n}}}}",
        template(&json!([]))
    );
    let id = format!("{}/validate?api-version=2024-11-01", deployment("file"));
    management.send("POST", &id, &[("content-type", "application/json")], file).await.expect(200);
    let short = deployment("d").replace("/providers/Microsoft.Resources", "");
    management.get(&format!("{short}/operations")).await.expect(200);

    let steps = management.get(&format!("{}/operations", deployment("d"))).await.expect(200).json();
    for step in steps["value"].as_array().unwrap() {
        let id = step["id"].as_str().unwrap();
        assert_eq!(management.get(id).await.expect(200).json()["operationId"], step["operationId"]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_written() {
    let (tidegate, address) = (tidegate().control_plane_alone().start().await, loopback());
    let management = tidegate.management();
    let good = || from_az(&address.to_string(), "127.0.0.1");
    let resource = "properties.template.resources[2]";
    let cases: [(fn(&mut Value), &str, &str, String); 5] = [
        (
            |t| t["resources"][2]["tags"]["a"] = "[nothing('x')]".into(),
            "InvalidTemplate",
            "TemplateFunctionNotSupported",
            format!("{resource}.tags.a"),
        ),
        (
            |t| t["resources"][0]["type"] = "Microsoft.Network/virtualNetwork".into(),
            "InvalidTemplate",
            "TemplateResourceTypeNotSupported",
            "properties.template.resources[0].type".into(),
        ),
        (
            |t| t["parameters"]["p"] = json!({"type": "string"}),
            "InvalidTemplate",
            "TemplateParameterInvalid",
            "properties.parameters.p".into(),
        ),
        (
            |t| t["resources"][2]["properties"]["frontendPorts"][0]["properties"]["Port"] = 70000.into(),
            "InvalidTemplateDeployment",
            "ApplicationGatewayFrontendPortInvalidPortNumber",
            resource.to_owned(),
        ),
        (
            |t| t["outputs"]["o"] = json!({"type": "object", "value": format!("[reference('{}')]", network("virtualNetworks/none"))}),
            "InvalidTemplateDeployment",
            "ResourceNotFound",
            network("virtualNetworks/none").to_lowercase(),
        ),
    ];
    for (spoil, code, detail, target) in cases {
        let mut template = good();
        spoil(&mut template);
        for (method, id) in [("PUT", deployment("d")), ("POST", format!("{}/validate", deployment("d")))] {
            let answer = management.send_json(method, &id, &request(&template, &json!({}))).await.expect(400);
            let error = error_of(&answer);
            assert_eq!(
                (error["code"].as_str(), error["details"][0]["code"].as_str()),
                (Some(code), Some(detail)),
                "{error}"
            );
            assert!(error["details"][0]["target"].as_str().unwrap().starts_with(&target), "{error}");
        }
        management.get(&deployment("d")).await.expect(404);
        assert!(!is_there(&management, &network("virtualNetworks/gwVnet")).await);
    }
    let mut other = request(&good(), &json!({}));
    other["properties"]["mode"] = "Both".into();
    let error = error_of(&management.put(&deployment("d"), &other).await.expect(400));
    assert_eq!(error["details"][0]["code"], "DeploymentModeNotSupported");
}

#[tokio::test]
async fn a_resource_that_fails_fails_the_deployment_and_what_depends_on_it_is_left_out() {
    // Without a worker, no gateway is ever applied.
    let tidegate = tidegate().control_plane_alone().option("--rollout-timeout", "1s").start().await;
    let management = tidegate.management();
    let mut template = from_az(&loopback().to_string(), "127.0.0.1");
    let pool = json!({
        "type": "Microsoft.Network/applicationGateways/backendAddressPools", "apiVersion": "2022-05-01",
        "name": "gateway/more", "properties": {"backendAddresses": []},
    });
    template["resources"].as_array_mut().unwrap().push(pool);
    let shown = deploy(&management, "d", &request(&template, &json!({}))).await;
    let error = &shown["properties"]["error"];
    assert_eq!(
        (&shown["properties"]["provisioningState"], &error["code"]),
        (&json!("Failed"), &json!("DeploymentFailed"))
    );
    assert_eq!(error["details"][0]["code"], "ApplicationGatewayNoWorkerConnected");
    assert_eq!(error["details"][0]["target"], network("applicationGateways/gateway"));
    let steps = management.get(&format!("{}/operations", deployment("d"))).await.expect(200).json();
    let states: Vec<&str> = steps["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["properties"]["provisioningState"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["Succeeded", "Succeeded", "Failed"]);
    assert!(!is_there(&management, &network("applicationGateways/gateway/backendAddressPools/more")).await);
}

#[tokio::test]
async fn secrets_stay_secret() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]);
    let mut resource = document.body().clone();
    resource["type"] = "Microsoft.Network/applicationGateways".into();
    resource["apiVersion"] = "2024-05-01".into();
    resource["name"] = "gateway".into();
    let mut template = template(&json!([resource]));
    template["parameters"] =
        json!({"password": {"type": "secureString"}, "user": {"type": "string", "defaultValue": "me"}});
    template["outputs"] = json!({
        "login": {"type": "string", "value": "[concat(parameters('user'), ':', parameters('password'))]"},
        "user": {"type": "string", "value": "[parameters('user')]"},
    });
    let given = json!({"password": {"value": "hunter2-and-more"}});
    let shown = deploy(&management, "d", &request(&template, &given)).await;
    let properties = &shown["properties"];
    assert_eq!(properties["parameters"]["password"], json!({"type": "SecureString"}));
    assert_eq!(properties["outputs"]["login"], json!({"type": "String"}));
    assert_eq!(properties["outputs"]["user"]["value"], "me");

    template["resources"][0]["properties"]["frontendPorts"][0]["name"] =
        "[concat('a b', parameters('password'))]".into();
    let refused = management.put(&deployment("e"), &request(&template, &given)).await.expect(400);
    for text in [shown.to_string(), refused.text(), tidegate.output()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    let stored = std::fs::read(tidegate.data_dir().join("tidegate.db")).unwrap();
    assert!(!stored.windows(7).any(|part| part == b"hunter2"), "it is not kept in the clear either");
}

#[tokio::test]
async fn a_deployment_under_way_is_finished_by_the_next_process() {
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let (backend, address) = (Backend::start().await, loopback());
    let body = request(&from_az(&address.to_string(), &backend.ip().to_string()), &json!({}));
    let management = tidegate.management();
    let begun = management.put(&deployment("d"), &body).await.expect(201);
    // Without a worker, the deployment cannot end.
    let id = network("applicationGateways/gateway");
    wait_for("the deployment to reach the gateway", async || is_there(&management, &id).await.then_some(()))
        .await;
    assert!(management.is_in_progress(&begun).await);
    let error = error_of(&management.put(&deployment("d"), &body).await.expect(409));
    assert_eq!(error["code"], "DeploymentActive");
    management.delete(&deployment("d")).await.expect(409);

    tidegate.kill();
    tidegate.start_again().await;
    let management = tidegate.management();
    assert!(management.is_in_progress(&begun).await);
    let _worker = Worker::start(&tidegate, "late", Some(&tidegate.worker_token().await));
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/made").await.expect(200);
    let shown = management.get(&deployment("d")).await.expect(200).json();
    assert_eq!(
        shown["properties"]["outputs"]["applicationGateway"]["value"]["provisioningState"],
        "Succeeded"
    );
}

#[tokio::test]
async fn a_deployment_is_cancelled_listed_and_forgotten() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let begun =
        management.put(&deployment("d"), &request(&from_az("127.0.0.9", "127.0.0.1"), &json!({}))).await;
    let begun = begun.expect(201);
    management.post(&format!("{}/cancel", deployment("D"))).await.expect(204);
    assert_eq!(management.operation(&begun).await.status, "Canceled");
    management.post(&format!("{}/cancel", deployment("d"))).await.expect(409);
    management.post(&format!("{}/cancel", deployment("none"))).await.expect(404);
    let listed = management.get(deployment("").trim_end_matches('/')).await.expect(200).json();
    assert_eq!(listed["value"][0]["properties"]["provisioningState"], "Canceled");
    management
        .send("HEAD", &format!("{}?api-version=2024-11-01", deployment("d")), &[], "")
        .await
        .expect(204);
    management.delete(&deployment("d")).await.expect(204);
    management.delete(&deployment("d")).await.expect(204);
    management.get(&deployment("d")).await.expect(404);
}
