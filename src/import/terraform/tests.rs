//! A state as `terraform show -json` prints it, and the documents it becomes.

use serde_json::json;

use super::*;

const GROUP: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";

fn state(resources: &Value) -> Map<String, Value> {
    let state = json!({"format_version": "1.0", "terraform_version": "1.9.0", "values": {"root_module": {
        "resources": [], "child_modules": [{"resources": resources}]}}});
    state.as_object().cloned().unwrap()
}

#[test]
fn a_gateway_becomes_its_document() {
    let gateway = format!("{GROUP}/applicationGateways/edge");
    let values = json!({
        "id": gateway, "name": "edge", "resource_group_name": "g", "location": "westeurope", "tags": {"a": "b"},
        "zones": [], "sku": [{"name": "Standard_v2", "tier": "Standard_v2", "capacity": 0}],
        "frontend_ip_configuration": [{"name": "public", "id": "x", "public_ip_address_id": "ip", "subnet_id": "",
            "private_ip_address": "", "private_ip_address_allocation": "Dynamic"}],
        "backend_address_pool": [{"name": "p", "id": "x", "fqdns": ["a.test"], "ip_addresses": ["10.0.0.4"]}],
        "backend_http_settings": [{"name": "s", "port": 80, "path": "", "connection_draining": [], "probe_name": "",
            "trusted_root_certificate_names": ["r"]}],
        "http_listener": [{"name": "l", "frontend_port_name": "web", "host_names": [], "require_sni": false}],
        "ssl_certificate": [{"name": "c", "data": "x", "password": "y", "key_vault_secret_id": ""}],
        "rewrite_rule_set": [{"name": "w", "rewrite_rule": [{"name": "h", "rule_sequence": 100, "condition": [],
            "url": [{"path": "/new", "query_string": "", "components": "path_only", "reroute": false}],
            "response_header_configuration": [{"header_name": "Server", "header_value": ""}]}]}],
        "probe": [{"name": "b", "port": 0, "interval": 30, "match": [{"body": "", "status_code": ["200"]}]}],
        "unheard_of": [1],
    });
    let resource = json!({"mode": "managed", "type": "azurerm_application_gateway", "address": "module.m.edge", "values": values});
    let mut findings = Vec::new();
    let read = resources("state.json", &state(&json!([resource])), &mut findings).unwrap();
    let expected = json!({
        "location": "westeurope", "tags": {"a": "b"},
        "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
            "frontendIPConfigurations": [{"name": "public", "properties": {
                "privateIPAllocationMethod": "Dynamic", "publicIPAddress": {"id": "ip"}}}],
            "backendAddressPools": [{"name": "p", "properties": {
                "backendAddresses": [{"fqdn": "a.test"}, {"ipAddress": "10.0.0.4"}]}}],
            "backendHttpSettingsCollection": [{"name": "s", "properties": {"port": 80,
                "trustedRootCertificates": [{"id": format!("{gateway}/trustedRootCertificates/r")}]}}],
            "httpListeners": [{"name": "l", "properties": {
                "frontendPort": {"id": format!("{gateway}/frontendPorts/web")}, "requireServerNameIndication": false}}],
            "rewriteRuleSets": [{"name": "w", "properties": {"rewriteRules": [{"name": "h", "ruleSequence": 100,
                "actionSet": {"responseHeaderConfigurations": [{"headerName": "Server", "headerValue": ""}],
                    "urlConfiguration": {"reroute": false, "modifiedPath": "/new"}}}]}}],
            "probes": [{"name": "b", "properties": {"interval": 30, "match": {"statusCodes": ["200"]}}}],
            "sslCertificates": [{"name": "c", "properties": {"data": "x", "password": "y"}}],
        },
    });
    assert_eq!(Value::Object(read[0].body.clone()), expected);
    assert_eq!(read[0].source, "module.m.edge of state.json");
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.outcome, finding.path.as_str()), (Outcome::WithoutEffect, "unheard_of"));
}

#[test]
fn networks_and_addresses_come_with_it_and_others_are_named() {
    let of = |kind: &str, values: Value| json!({"mode": "managed", "type": kind, "address": format!("{kind}.one"), "values": values});
    let list = json!([
        of(
            "azurerm_public_ip",
            json!({"id": format!("{GROUP}/publicIPAddresses/ip"), "sku": "Standard", "zones": null,
            "allocation_method": "Static", "ip_address": "20.1.2.3", "domain_name_label": "", "ip_version": "IPv4"})
        ),
        of(
            "azurerm_virtual_network",
            json!({"id": format!("{GROUP}/virtualNetworks/v"), "address_space": ["10.0.0.0/16"],
            "subnet": [{"name": "s", "address_prefixes": ["10.0.1.0/24"]}]})
        ),
        of(
            "azurerm_subnet",
            json!({"id": format!("{GROUP}/virtualNetworks/v/subnets/s"), "address_prefixes": ["10.0.1.0/24"]})
        ),
        of("azurerm_key_vault", json!({"id": "/k"})),
        of("azurerm_resource_group", json!({"id": "/g"})),
        of("random_id", json!({})),
        json!({"mode": "data", "type": "azurerm_public_ip", "values": {"id": "/d"}}),
    ]);
    let mut findings = Vec::new();
    let read = resources("state.json", &state(&list), &mut findings).unwrap();
    let bodies: Vec<Value> = read.into_iter().map(|resource| resource.body.into()).collect();
    assert_eq!(
        bodies,
        [
            json!({"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static",
                "publicIPAddressVersion": "IPv4", "ipAddress": "20.1.2.3"}}),
            json!({"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
                "subnets": [{"name": "s", "properties": {"addressPrefixes": ["10.0.1.0/24"]}}]}}),
            json!({"properties": {"addressPrefixes": ["10.0.1.0/24"]}}),
        ]
    );
    let named: Vec<&str> = findings.iter().map(|finding| finding.resource.as_str()).collect();
    assert_eq!(named, ["azurerm_key_vault.one"]);
    assert!(resources("state.json", &state(&json!([])), &mut Vec::new()).unwrap_err().contains("no gateway"));
}
