//! The language of templates: what Bicep compiles, what older templates write, and what is refused by name.

use serde_json::{Value, json};
use tidegate_harness::{Backend, GatewayDocument, HTTP_PORT, HttpClient, Management, loopback};

use super::deployments::{deployment, request};
use crate::tidegate;

/// Puts a deployment that succeeds. Returns its outputs.
async fn outputs(management: &Management, name: &str, body: &Value) -> Value {
    let begun = management.put(&deployment(name), body).await;
    assert!(matches!(begun.status, 200 | 201), "{}: {}", begun.status, begun.text());
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    management.get(&deployment(name)).await.expect(200).json()["properties"]["outputs"].clone()
}

/// Returns the first detail of the error with which a deployment is refused.
async fn refused(management: &Management, template: &Value, parameters: &Value) -> Value {
    let answer = management.put(&deployment("refused"), &request(template, parameters)).await.expect(400);
    answer.json()["error"]["details"][0].clone()
}

/// A module as Bicep compiles it, around the document of a gateway.
fn module(document: &GatewayDocument) -> Value {
    let mut gateway = document.body().clone();
    gateway["type"] = "Microsoft.Network/applicationGateways".into();
    gateway["apiVersion"] = "2025-05-01".into();
    gateway["name"] = "[parameters('name')]".into();
    gateway["tags"] = "[parameters('tags')]".into();
    gateway["dependsOn"] = json!(["networks"]);
    json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "languageVersion": "2.0",
        "contentVersion": "1.0.0.0",
        "definitions": {
            "lockType": {"type": "object", "properties": {
                "kind": {"type": "string", "allowedValues": ["None", "ReadOnly"], "nullable": true},
            }, "additionalProperties": false},
            "subnetType": {"type": "object", "properties": {"prefix": {"type": "string", "minLength": 9}}},
        },
        "parameters": {
            "name": {"type": "string", "maxLength": 80},
            "tags": {"type": "object", "nullable": true},
            "lock": {"$ref": "#/definitions/lockType", "nullable": true},
            "subnets": {
                "type": "array", "items": {"$ref": "#/definitions/subnetType"},
                "defaultValue": [{"prefix": "10.0.0.0/24"}, {"prefix": "10.0.1.0/24"}],
            },
        },
        "resources": {
            "networks": {
                "copy": {"name": "networks", "count": "[length(parameters('subnets'))]"},
                "type": "Microsoft.Network/virtualNetworks",
                "apiVersion": "2025-05-01",
                "name": "[format('net{0}', copyIndex())]",
                "location": "[resourceGroup().location]",
                "properties": {
                    "addressSpace": {"addressPrefixes": ["[parameters('subnets')[copyIndex()].prefix]"]},
                    "subnets": [{
                        "name": "default",
                        "properties": {"addressPrefix": "[parameters('subnets')[copyIndex()].prefix]"},
                    }],
                },
            },
            "subnet": {
                "existing": true,
                "type": "Microsoft.Network/virtualNetworks/subnets",
                "apiVersion": "2025-05-01",
                "name": "[format('{0}/{1}', 'net1', 'default')]",
                "dependsOn": ["[format('networks[{0}]', 1)]"],
            },
            "gateway": gateway,
            "lock": {
                "condition": "[not(empty(parameters('lock')))]",
                "type": "Microsoft.Authorization/locks",
                "apiVersion": "2020-05-01",
                "scope": "[format('Microsoft.Network/applicationGateways/{0}', parameters('name'))]",
                "name": "lock",
                "properties": {"level": "[tryGet(parameters('lock'), 'kind')]"},
                "dependsOn": ["gateway"],
            },
        },
        "outputs": {
            "prefix": {"type": "string", "value": "[reference('subnet').addressPrefix]"},
            "networks": {"type": "array", "value": "[map(references('networks', 'full'), lambda('n', lambdaVariables('n').name))]"},
            "state": {"type": "string", "value": "[reference('gateway', '2025-05-01', 'full').properties.provisioningState]"},
            "lock": {"type": "string", "nullable": true, "value": "[tryGet(parameters('lock'), 'kind')]"},
            "management": {"type": "string", "value": "[environment().resourceManager]"},
        },
    })
}

#[tokio::test]
async fn a_module_that_bicep_compiled_is_deployed() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    let management = tidegate.management();
    let module = module(&GatewayDocument::forwarding("gateway", address, &[backend.ip()]));
    let name = json!({"name": {"value": "gateway"}});
    let outputs = outputs(&management, "module", &request(&module, &name)).await;
    assert_eq!(outputs["prefix"], json!({"type": "String", "value": "10.0.1.0/24"}));
    assert_eq!(outputs["networks"]["value"], json!(["net0", "net1"]));
    assert_eq!(outputs["state"]["value"], "Succeeded");
    assert_eq!(outputs["management"]["value"], format!("http://{}/", management.address()));
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/made").await.expect(200);

    let cases = [
        (json!({"lock": {"value": {"kind": "Some"}}}), "TemplateParameterInvalid", "wrong value at 'kind'"),
        (json!({"lock": {"value": {"kin": "None"}}}), "TemplateParameterInvalid", "which has kind"),
        (
            json!({"subnets": {"value": [{"prefix": "::"}]}}),
            "TemplateParameterInvalid",
            "'[0].prefix': it has a length below 9",
        ),
    ];
    for (more, code, said) in cases {
        let mut parameters = name.clone();
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let error = refused(&management, &module, &parameters).await;
        assert_eq!(error["code"], code, "{error}");
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
}

#[tokio::test]
async fn what_older_templates_write_is_taken_and_what_is_not_served_says_what_to_do() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    let management = tidegate.management();
    let mut gateway = GatewayDocument::forwarding("gateway", address, &[backend.ip()]).body().clone();
    gateway["type"] = "Microsoft.Network/applicationGateways".into();
    gateway["apiVersion"] = "[providers('Microsoft.Network', 'applicationGateways').apiVersions[0]]".into();
    gateway["name"] = "gateway".into();
    let port = "[resourceId('Microsoft.Network/applicationGateways/frontendPorts/', 'gateway', 'http')]";
    gateway["properties"]["httpListeners"][0]["properties"]["frontendPort"]["id"] = port.into();
    let mut template = json!({
        "$schema": "https://schema.management.azure.com/schemas/2015-01-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "_artifactsLocation": {"type": "string", "defaultValue": "[deployment().properties.templateLink.uri]"},
            "start": {"type": "string", "defaultValue": "2026-01-31T08:00:00Z"},
        },
        "resources": [
            gateway,
            {"type": "Microsoft.Network/publicIPAddresses", "apiVersion": "2015-06-15", "name": "ip",
             "location": "West Europe", "properties": {"dnsSettings": {"domainNameLabel": "Shop"}}},
            {"type": "Microsoft.Network/trafficManagerProfiles", "apiVersion": "2015-11-01", "name": "tm",
             "location": "global", "properties": {"dnsConfig": {"relativeName": "shop", "ttl": 30}}},
        ],
        "outputs": {
            "end": {"type": "string", "value": "[dateTimeAdd(parameters('start'), 'P1D', 'yyyy-MM-dd')]"},
            "host": {"type": "string", "value": "[reference('ip').dnsSettings.fqdn]"},
            "manager": {"type": "string", "value": "[reference('tm').dnsConfig.fqdn]"},
        },
    });
    let outputs = outputs(&management, "old", &request(&template, &json!({}))).await;
    assert_eq!(outputs["end"]["value"], "2026-02-01");
    assert_eq!(outputs["host"]["value"], "shop.westeurope.cloudapp.azure.com");
    assert_eq!(outputs["manager"]["value"], "shop.trafficmanager.net");
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/made").await.expect(200);

    let site = "resourceId('Microsoft.Web/sites', 's')";
    let gateway = "resourceId('Microsoft.Network/applicationGateways', 'gateway')";
    let cases = [
        (
            "[uri(parameters('_artifactsLocation'), 'a.sh')]".to_owned(),
            "TemplateLinkMissing",
            "deploy the template by templateLink",
        ),
        (
            format!("[string(listSecrets({site}, '2023-01-01'))]"),
            "TemplateFunctionNotSupported",
            "'listSecrets' of Microsoft.Web/sites would need a running service",
        ),
        (
            format!("[string(listKeys({gateway}, '2023-01-01'))]"),
            "TemplateFunctionNotSupported",
            "resources of this type have nothing to list",
        ),
        (
            "[managementGroup().id]".to_owned(),
            "TemplateFunctionNotSupported",
            "use subscription() or tenant()",
        ),
        (
            "[toUper('a')]".to_owned(),
            "TemplateFunctionNotSupported",
            "Did you mean 'toUpper'? Expression: [toUper('a')]",
        ),
    ];
    for (expression, code, said) in cases {
        template["outputs"]["o"] = json!({"type": "string", "value": expression});
        let error = refused(&management, &template, &json!({})).await;
        assert_eq!(
            (error["code"].as_str(), error["target"].as_str()),
            (Some(code), Some("properties.template.outputs.o.value")),
            "{error}"
        );
        assert!(error["message"].as_str().unwrap().contains(said), "{error}");
    }
}
