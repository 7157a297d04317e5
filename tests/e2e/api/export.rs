//! The export of a resource group as a template, which deploys the same resources again.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, GROUP, GatewayDocument, HTTP_PORT, HttpClient, Management, SUBSCRIPTION, loopback,
    wait_for,
};

use super::deployments::{deploy, is_there, network, request};
use crate::{HOST, tidegate, with_https};

fn group() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}")
}

async fn export(management: &Management, body: &Value) -> Value {
    management.send_json("POST", &format!("{}/exportTemplate", group()), body).await.expect(200).json()
}

/// Creates a network, an address and a gateway that refers to both.
async fn fill(management: &Management, address: &str, backend: &Backend) {
    let vnet = json!({"location": "local", "tags": {"odd": "[it's]"}, "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}],
    }});
    management.put(&network("virtualNetworks/vnet"), &vnet).await.expect(201);
    let ip = json!({"location": "local", "sku": {"name": "Standard"}, "properties": {
        "publicIPAllocationMethod": "Static", "ipAddress": address,
    }});
    management.put(&network("publicIPAddresses/ip"), &ip).await.expect(201);
    let mut gateway = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]).body().clone();
    let properties = &mut gateway["properties"];
    properties["frontendIPConfigurations"][0]["properties"] =
        json!({"publicIPAddress": {"id": network("publicIPAddresses/ip")}});
    properties["gatewayIPConfigurations"] = json!([{"name": "subnet", "properties": {
        "subnet": {"id": network("virtualNetworks/vnet/subnets/default")},
    }}]);
    let begun = management.put(&network("applicationGateways/gateway"), &gateway).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
}

/// Returns a resource without what changes with each write.
async fn settled(management: &Management, rest: &str) -> Value {
    fn quiet(value: &mut Value) {
        match value {
            Value::Object(object) => {
                for key in ["etag", "resourceGuid"] {
                    object.remove(key);
                }
                object.values_mut().for_each(quiet);
            }
            Value::Array(list) => list.iter_mut().for_each(quiet),
            _ => {}
        }
    }
    let mut shown = management.get(&network(rest)).await.expect(200).json();
    quiet(&mut shown);
    shown
}

const ALL: [&str; 3] = ["applicationGateways/gateway", "publicIPAddresses/ip", "virtualNetworks/vnet"];

#[tokio::test]
async fn an_exported_group_is_deployed_again_as_it_was() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    let management = tidegate.management();
    fill(&management, &address.to_string(), &backend).await;
    let mut before = Vec::new();
    for rest in ALL {
        before.push(settled(&management, rest).await);
    }
    let exported =
        export(&management, &json!({"resources": ["*"], "options": "IncludeParameterDefaultValue"})).await;
    assert!(exported.get("error").is_none(), "{exported}");
    let template = &exported["template"];
    let text = template.to_string();
    for absent in ["etag", "provisioningState", "resourceGuid", "operationalState", SUBSCRIPTION] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    assert_eq!(template["resources"].as_array().unwrap().len(), 3);
    assert_eq!(template["resources"][0]["dependsOn"].as_array().unwrap().len(), 2);

    management.delete(&group()).await.expect(202);
    let gateway = network(ALL[0]);
    wait_for("the group to go", async || (!is_there(&management, &gateway).await).then_some(())).await;
    wait_for("the group to go", async || (!is_there(&management, &group()).await).then_some(())).await;
    let shown = deploy(&management, "again", &request(template, &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    for (rest, before) in ALL.into_iter().zip(before) {
        assert_eq!(settled(&management, rest).await, before, "{rest}");
    }
    HttpClient::connect((address, HTTP_PORT).into(), HOST).await.get("/again").await.expect(200);
}

#[tokio::test]
async fn some_resources_are_exported_and_what_is_missing_is_named() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let management = tidegate.management();
    let authority = Authority::new();
    let document =
        with_https(GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]), &authority);
    let begun = management.put(&network("applicationGateways/gateway"), document.body()).await.expect(201);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let ip = json!({"location": "local", "properties": {}});
    management.put(&network("publicIPAddresses/ip"), &ip).await.expect(201);

    let only = json!({"resources": [network("publicipaddresses/IP"), network("publicIPAddresses/none")]});
    let exported = export(&management, &only).await;
    assert_eq!(exported["template"]["resources"].as_array().unwrap().len(), 1);
    assert_eq!(exported["template"]["parameters"], json!({"publicIPAddresses_ip_name": {"type": "String"}}));
    let detail = &exported["error"]["details"][0];
    assert_eq!((&detail["code"], &detail["target"]), (&json!("ResourceNotFound"), &only["resources"][1]));

    let all = json!({"resources": ["*"], "options": "SkipAllParameterization, IncludeComments"});
    let exported = export(&management, &all).await;
    let error = &exported["error"];
    assert_eq!(error["details"][0]["code"], "ExportTemplateSecretLeftOut", "{exported}");
    let target = error["details"][0]["target"].as_str().unwrap();
    assert!(target.starts_with(&network("applicationGateways/gateway/sslCertificates/")), "{target}");
    assert!(!exported["template"].to_string().contains("publicCertData"));
    // Over the gateway that is there, the certificate keeps its key.
    let shown = deploy(&management, "again", &request(&exported["template"], &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");

    let refuse = async |body: Value| {
        management.send_json("POST", &format!("{}/exportTemplate", group()), &body).await.expect(400).text()
    };
    assert!(refuse(json!({})).await.contains("list of resource IDs"));
    assert!(refuse(json!({"resources": ["*"], "options": "Everything"})).await.contains("'Everything'"));
    assert!(refuse(json!({"resources": ["*"], "outputFormat": "Bicep"})).await.contains("'Json' only"));
    let nowhere = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/none/exportTemplate");
    management.send_json("POST", &nowhere, &json!({"resources": ["*"]})).await.expect(404);
}

#[tokio::test]
async fn resources_that_are_not_served_are_exported_with_children_and_extensions() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let nsg = json!({"location": "local", "tags": {"a": "b"}, "properties": {"flushConnection": false}});
    let rule = json!({"properties": {"access": "Allow", "of": network("networkSecurityGroups/nsg")}});
    let lock = json!({"properties": {"level": "CanNotDelete"}});
    let ids = [
        "networkSecurityGroups/nsg",
        "networkSecurityGroups/nsg/providers/Microsoft.Authorization/locks/lock",
        "networkSecurityGroups/nsg/securityRules/rule",
    ];
    for (rest, body) in [(ids[0], nsg), (ids[2], rule), (ids[1], lock)] {
        management.put(&network(rest), &body).await.expect(201);
    }
    let mut before = Vec::new();
    for rest in ids {
        before.push(settled(&management, rest).await["properties"].clone());
    }
    let options = json!({"resources": ["*"], "options": "IncludeParameterDefaultValue"});
    let exported = export(&management, &options).await;
    assert!(!exported["template"].to_string().contains("provisioningState"), "{exported}");
    management.delete(&network(ids[0])).await;
    assert!(!is_there(&management, &network(ids[1])).await);
    let shown = deploy(&management, "again", &request(&exported["template"], &json!({}))).await;
    assert_eq!(shown["properties"]["provisioningState"], "Succeeded", "{shown}");
    for (rest, before) in ids.into_iter().zip(before) {
        let after = settled(&management, rest).await["properties"].clone();
        assert_eq!(after, before, "{rest}");
    }
}
