//! Moving in: what Azure's tools print becomes a report, and then gateways; and out: a template that makes them again.

use serde_json::{Map, Value, json};
use tidegate_harness::{
    Authority, Backend, CommandLine, GROUP, GatewayDocument, HTTP_PORT, HttpClient, SUBSCRIPTION, Tidegate,
    loopback,
};

use crate::{HOST, tidegate, with_https};

fn id(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.Network/{rest}")
}

/// Returns a document as `az` prints it: properties beside names, and the group with each reference.
fn as_az_prints(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut flat = Map::new();
            for (key, value) in object {
                match value {
                    Value::Object(properties) if key == "properties" => {
                        let properties =
                            properties.iter().map(|(key, value)| (key.clone(), as_az_prints(value)));
                        flat.extend(properties);
                    }
                    _ => drop(flat.insert(key.clone(), as_az_prints(value))),
                }
            }
            if flat.contains_key("id") {
                flat.insert("resourceGroup".to_owned(), GROUP.into());
            }
            flat.into()
        }
        Value::Array(list) => list.iter().map(as_az_prints).collect(),
        other => other.clone(),
    }
}

/// Returns the paths of one part of a report.
fn paths(report: &Value, part: &str) -> Vec<String> {
    let list = report[part].as_array().expect("a list");
    list.iter().map(|one| one["path"].as_str().expect("a path").to_owned()).collect()
}

/// Returns a resource without what differs between two control planes.
async fn settled(tidegate: &Tidegate, id: &str) -> Value {
    fn quiet(value: &mut Value) {
        match value {
            Value::Object(object) => {
                object.retain(|key, _| !["etag", "resourceGuid"].contains(&key.as_str()));
                object.values_mut().for_each(quiet);
            }
            Value::Array(list) => list.iter_mut().for_each(quiet),
            _ => {}
        }
    }
    let mut shown = tidegate.management().get(id).await.expect(200).json();
    quiet(&mut shown);
    shown
}

#[tokio::test]
async fn what_az_shows_is_reported_and_imported() {
    let (backend, authority) = (Backend::start().await, Authority::new());
    let pooled = loopback();
    let tidegate = tidegate().option("--public-pool", &pooled.to_string()).start().await;
    tidegate.all_connected().await;
    let cli = CommandLine::of(&tidegate);
    let public = json!({"publicIPAddress": {"id": id("publicIPAddresses/ip")}});
    let document = GatewayDocument::forwarding("edge", loopback(), &[backend.ip()]);
    let document = document.child("frontendIPConfigurations", "frontend", &public);
    let shown = |document: &GatewayDocument, lose_key: bool| {
        let mut body = document.body().clone();
        for (key, value) in
            [("id", document.id()), ("name", "edge"), ("type", "Microsoft.Network/applicationGateways")]
        {
            body[key] = value.into();
        }
        body["etag"] = "W/\"1\"".into();
        body["zones"] = json!(["1"]);
        body["properties"]["provisioningState"] = "Succeeded".into();
        if lose_key {
            body["properties"]["sslCertificates"][0]["properties"] = json!({"publicCertData": "MIIB"});
        }
        as_az_prints(&body).to_string()
    };
    let address = json!({
        "id": id("publicIPAddresses/ip"), "name": "ip", "type": "Microsoft.Network/publicIPAddresses",
        "location": "local", "sku": {"name": "Standard"}, "properties": {
            "publicIPAllocationMethod": "Static", "ipAddress": "20.1.2.3",
            "ipConfiguration": {"id": document.child_id("frontendIPConfigurations", "frontend")}},
    });
    cli.file("azure/ip.json", &as_az_prints(&address).to_string());
    let folder = cli.home().join("azure").display().to_string();

    cli.file("azure/edge.json", &shown(&with_https(document.clone(), &authority), true));
    let looked = cli.run(&["import", &folder, "-o", "json", "--apply", "--yes"]).await;
    assert_eq!(looked.code, Some(1), "{}", looked.stderr);
    let report: Value = serde_json::from_str(&looked.stdout).expect("a report");
    assert_eq!(paths(&report, "mustChange"), ["properties.sslCertificates[0]"], "{report}");
    let advice = report["mustChange"][0]["message"].as_str().expect("a message");
    assert!(advice.contains("properties.data") && advice.contains("private key"), "{advice}");
    let without = paths(&report, "withoutEffect");
    for path in ["zones", "properties.sku.capacity", "properties.ipAddress"] {
        assert!(without.contains(&path.to_owned()), "{path}: {report}");
    }
    assert!(paths(&report, "taken").contains(&"properties.httpListeners[0]".to_owned()), "{report}");
    tidegate.management().get(document.id()).await.expect(404);

    cli.file("azure/edge.json", &shown(&document, false));
    let looked = cli.run(&["import", &folder]).await;
    assert!(looked.expect(0).contains("applicationGateways/edge"), "{}", looked.stdout);
    assert!(looked.stderr.contains("--apply"), "{}", looked.stderr);
    tidegate.management().get(document.id()).await.expect(404);
    cli.run(&["import", &folder, "--apply", "--yes"]).await.expect(0);
    HttpClient::connect((pooled, HTTP_PORT).into(), HOST).await.get("/").await.expect(200);

    for (content, part) in [("{}", "no document that can be imported"), ("{\"id\": \"/x\"}", "is not the ID")]
    {
        let refused = cli.run_with(&["import", "-"], &[], content).await;
        refused.expect(2);
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn what_is_exported_is_imported_into_another_control_plane_as_it_was() {
    let backend = Backend::start().await;
    let (first, second) = (tidegate().start().await, tidegate().start().await);
    for tidegate in [&first, &second] {
        tidegate.all_connected().await;
    }
    let (management, address) = (first.management(), loopback());
    let network = json!({"location": "local", "tags": {"odd": "[it's]"}, "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "s", "properties": {"addressPrefix": "10.0.0.0/24"}}]}});
    management.put(&id("virtualNetworks/v"), &network).await.expect(201);
    let document =
        GatewayDocument::forwarding("edge", address, &[backend.ip()]).probed(&json!({}), &json!({}));
    management.apply_gateway(&document).await;
    let exported = CommandLine::of(&first).run(&["export", "edge"]).await;
    let template: Value = serde_json::from_str(exported.expect(0)).expect("a template");
    assert_eq!(template["resources"].as_array().map(Vec::len), Some(2), "{template}");
    let before = [settled(&first, document.id()).await, settled(&first, &id("virtualNetworks/v")).await];
    // Both control planes are on one machine, and one address can be bound once.
    management.remove(document.id()).await;

    let cli = CommandLine::of(&second);
    let nowhere = cli.run_with(&["import", "-"], &[], &template.to_string()).await;
    nowhere.expect(2);
    assert!(nowhere.stderr.contains("--resource-group"), "{}", nowhere.stderr);
    let place = ["--subscription", SUBSCRIPTION, "--resource-group", GROUP];
    let arguments = [&["import", "-", "--apply", "--yes"][..], &place].concat();
    cli.run_with(&arguments, &[], &template.to_string()).await.expect(0);
    let after = [settled(&second, document.id()).await, settled(&second, &id("virtualNetworks/v")).await];
    assert_eq!(after, before);
    HttpClient::connect((address, HTTP_PORT).into(), HOST).await.get("/").await.expect(200);

    let mut spoilt = template;
    let at = |kind: &str, list: &Value| {
        list.as_array().unwrap().iter().position(|one| one["type"].as_str().unwrap().ends_with(kind)).unwrap()
    };
    let gateway = at("/applicationGateways", &spoilt["resources"]);
    spoilt["resources"][gateway]["properties"]["frontendPorts"][0]["properties"]["port"] = 70000.into();
    let arguments = [&["import", "-", "-o", "json"][..], &place].concat();
    let refused = cli.run_with(&arguments, &[], &spoilt.to_string()).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stderr);
    let report: Value = serde_json::from_str(&refused.stdout).expect("a report");
    assert_eq!(paths(&report, "mustChange"), ["properties.frontendPorts[0].properties.port"], "{report}");
    assert_eq!(report["mustChange"][0]["resource"], "applicationGateways/edge");
}

#[tokio::test]
async fn a_state_of_terraform_is_imported() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    tidegate.all_connected().await;
    let cli = CommandLine::of(&tidegate);
    let address = loopback();
    let gateway = json!({
        "id": id("applicationGateways/edge"), "name": "edge", "resource_group_name": GROUP, "location": "local",
        "sku": [{"name": "Standard_v2", "tier": "Standard_v2", "capacity": 1}], "zones": null,
        "gateway_ip_configuration": [{"name": "s", "subnet_id": id("virtualNetworks/v/subnets/s")}],
        "frontend_ip_configuration": [{"name": "f", "subnet_id": id("virtualNetworks/v/subnets/s"),
            "private_ip_address": address.to_string(), "private_ip_address_allocation": "Static",
            "public_ip_address_id": ""}],
        "frontend_port": [{"name": "http", "port": HTTP_PORT}],
        "backend_address_pool": [{"name": "p", "fqdns": [], "ip_addresses": [backend.ip().to_string()]}],
        "backend_http_settings": [{"name": "s", "port": tidegate_harness::BACKEND_PORT, "protocol": "Http",
            "cookie_based_affinity": "Disabled", "request_timeout": 30, "path": "", "host_name": ""}],
        "http_listener": [{"name": "l", "frontend_ip_configuration_name": "f", "frontend_port_name": "http",
            "protocol": "Http", "host_name": "", "host_names": [], "ssl_certificate_name": ""}],
        "request_routing_rule": [{"name": "r", "rule_type": "Basic", "http_listener_name": "l", "priority": 1,
            "backend_address_pool_name": "p", "backend_http_settings_name": "s", "url_path_map_name": ""}],
    });
    let network = json!({"id": id("virtualNetworks/v"), "location": "local", "address_space": ["10.0.0.0/16"], "subnet": []});
    let subnet = json!({"id": id("virtualNetworks/v/subnets/s"), "address_prefixes": ["10.0.1.0/24"]});
    let of = |kind: &str, values: &Value| json!({"mode": "managed", "address": format!("{kind}.edge"), "type": kind, "name": "edge", "values": values});
    let state = json!({"format_version": "1.0", "terraform_version": "1.9.5", "values": {"root_module": {"resources": [
        of("azurerm_application_gateway", &gateway), of("azurerm_virtual_network", &network),
        of("azurerm_subnet", &subnet), of("azurerm_storage_account", &json!({"id": "/x"})),
    ]}}});
    let imported = cli.run_with(&["import", "-", "--apply", "--yes"], &[], &state.to_string()).await;
    assert!(imported.expect(0).contains("azurerm_storage_account.edge"), "{}", imported.stdout);
    assert!(imported.stdout.contains("virtualNetworks/v/subnets/s"), "{}", imported.stdout);
    HttpClient::connect((address, HTTP_PORT).into(), HOST).await.get("/").await.expect(200);
    tidegate.management().get(&id("virtualNetworks/v/subnets/s")).await.expect(200);
}
