//! The treatment of properties that no type describes.

use serde_json::{Map, Value, json};

use crate::arm::document::Document;
use crate::arm::network::{FirewallPolicy, PublicIpAddress, Subnet, VirtualNetwork};
use crate::arm::resource_group::ResourceGroup;
use crate::arm::samples::{NEW, path};
use crate::testing::sent;
use crate::violation::{Violations, code};

fn gateway(body: Value) -> (Document, Violations) {
    Document::read(path(), &sent(body), None, NEW)
}

fn inner(properties: &Value) -> Value {
    json!({ "properties": properties })
}

fn child(collection: &str, child: &Value) -> Value {
    inner(&json!({ collection: [child] }))
}

fn settings(properties: &Value) -> Value {
    child("backendHttpSettingsCollection", &json!({ "name": "s", "properties": properties }))
}

/// The JSON paths of the violations, and of the warnings, sorted.
fn targets(violations: &Violations) -> (Vec<&str>, Vec<&str>) {
    let mut warned: Vec<&str> = violations.warnings().iter().map(|one| one.target.as_str()).collect();
    warned.sort_unstable();
    (violations.0.iter().map(|one| one.target.as_str()).collect(), warned)
}

#[test]
fn a_probable_mistake_is_refused_with_the_place_or_the_nearest_name() {
    let of_settings = "properties.backendHttpSettingsCollection[0].properties";
    let cases = [
        (
            settings(&json!({ "port": 80, "requestTimeOutt": 5 })),
            format!("{of_settings}.requestTimeOutt"),
            "The nearest name is 'requestTimeout'.",
        ),
        (settings(&json!({ "Prot": 80 })), format!("{of_settings}.Prot"), "The nearest name is 'port'."),
        (
            settings(&json!({ "connectionDraining": { "enabled": true, "requestTimeout": 1 } })),
            format!("{of_settings}.connectionDraining.requestTimeout"),
            "belongs at 'properties.backendHttpSettingsCollection[0].properties.requestTimeout'.",
        ),
        (
            inner(&json!({ "backendAdressPools": [] })),
            "properties.backendAdressPools".into(),
            "'backendAddressPools'",
        ),
        (
            child("backendAddressPools", &json!({ "name": "p", "backendAddresses": [] })),
            "properties.backendAddressPools[0].backendAddresses".into(),
            "belongs at 'properties.backendAddressPools[0].properties.backendAddresses'.",
        ),
        (
            child("backendAddressPools", &json!({ "name": "p", "proprties": {} })),
            "properties.backendAddressPools[0].proprties".into(),
            "The nearest name is 'properties'.",
        ),
        (
            child("httpListeners", &json!({ "name": "l", "properties": { "sslPolicy": {} } })),
            "properties.httpListeners[0].properties.sslPolicy".into(),
            "belongs at 'properties.sslPolicy'.",
        ),
        (
            child("httpListeners", &json!({ "name": "l", "properties": { "name": "l" } })),
            "properties.httpListeners[0].properties.name".into(),
            "belongs at 'properties.httpListeners[0].name'.",
        ),
        (json!({ "sku": {} }), "sku".into(), "belongs at 'properties.sku'."),
        (json!({ "httpListeners": [] }), "httpListeners".into(), "belongs at 'properties.httpListeners'."),
        (inner(&json!({ "Tags": {} })), "properties.Tags".into(), "belongs at 'tags'."),
        (
            inner(&json!({ "hostNames": [] })),
            "properties.hostNames".into(),
            "belongs at 'properties.httpListeners[].properties.hostNames'.",
        ),
        (json!({ "tagss": {} }), "tagss".into(), "The nearest name is 'tags'."),
        (
            child(
                "urlPathMaps",
                &json!({ "name": "m", "properties": { "pathRules": [{ "name": "r", "paths": [] }] } }),
            ),
            "properties.urlPathMaps[0].properties.pathRules[0].paths".into(),
            "belongs at 'properties.urlPathMaps[0].properties.pathRules[0].properties.paths'.",
        ),
        (
            child("sslCertificates", &json!({ "name": "c", "properties": { "pfxPhrase": "geheim" } })),
            "properties.sslCertificates[0].properties.pfxPhrase".into(),
            "might be a secret",
        ),
        (json!({ "$x": 1 }), "$x".into(), "no '$'"),
        (json!({ "deep": [[[[[[[[1]]]]]]]] }), "deep".into(), "8 levels"),
        (json!({ "large": "x".repeat(4096) }), "large".into(), "4096 bytes"),
        (json!({ "nul": { "a\0": 1 } }), "nul".into(), "U+0000"),
    ];
    for (body, target, advice) in cases {
        let (_, violations) = gateway(body.clone());
        let hit = violations.0.iter().find(|violation| violation.target == target);
        let good = hit.is_some_and(|hit| hit.code == code::UNKNOWN_PROPERTY && hit.message.contains(advice));
        assert!(good, "{body}: {violations}");
        assert!(!violations.to_string().contains("geheim"), "{violations}");
    }
}

#[test]
fn the_body_of_a_single_child_is_told_in_its_own_terms() {
    let (document, _) = gateway(json!({}));
    let listeners = crate::arm::collection::Collection::named("httpListeners").unwrap();
    for (body, target, place) in [
        (json!({ "protocol": "Http" }), "protocol", "'properties.protocol'"),
        (inner(&json!({ "sslPolicy": {} })), "properties.sslPolicy", "'(gateway).properties.sslPolicy'"),
        (inner(&json!({ "hostNmae": "a" })), "properties.hostNmae", "'hostName'"),
    ] {
        let (_, violations) = document.with_child(listeners, "l", &sent(body.clone()), NEW);
        let hit = violations.0.iter().find(|violation| violation.target == target);
        assert!(hit.is_some_and(|hit| hit.message.contains(place)), "{body}: {violations}");
    }
}

#[test]
fn another_property_is_kept_where_it_was_sent_with_a_warning() {
    let (document, violations) = gateway(json!({
        "Whole": { "a": [1] },
        "properties": {
            "InGateway": true,
            "futures": null,
            "sku": { "name": "Standard_v2", "inSku": 1 },
            "backendAddressPools": [{
                "name": "p", "besideProperties": 1,
                "properties": { "inPool": "x", "backendAddresses": [{ "fqdn": "a.test", "weight": 3 }] },
            }],
            "urlPathMaps": [{ "name": "m", "properties": { "pathRules": [
                { "name": "r", "besideRule": 1, "properties": { "inRule": 2, "paths": ["/a"] } },
            ] } }],
        },
    }));
    let warned = vec![
        "Whole",
        "properties.InGateway",
        "properties.backendAddressPools[0].besideProperties",
        "properties.backendAddressPools[0].properties.backendAddresses[0].weight",
        "properties.backendAddressPools[0].properties.inPool",
        "properties.sku.inSku",
        "properties.urlPathMaps[0].properties.pathRules[0].besideRule",
        "properties.urlPathMaps[0].properties.pathRules[0].properties.inRule",
    ];
    assert_eq!(targets(&violations), (vec![], warned), "{violations}");
    assert_eq!(document.body["Whole"], json!({ "a": [1] }));
    assert_eq!(document.body["properties"]["InGateway"], true);
    assert_eq!(document.body["properties"]["sku"]["inSku"], 1);
    let pool = &document.children[0].properties;
    assert_eq!((&pool["inPool"], &pool["$beside"]), (&json!("x"), &json!({ "besideProperties": 1 })));
    assert_eq!(pool["backendAddresses"][0]["weight"], 3);
    let rule = &document.children[1].properties["pathRules"][0];
    assert_eq!((&rule["besideRule"], &rule["properties"]["inRule"]), (&json!(1), &json!(2)));
}

#[test]
fn what_responses_contain_may_be_sent_back() {
    let users = json!([{ "id": "/x", "resourceGroup": "g" }]);
    let address = json!({ "id": "/subscriptions/s", "resourceGroup": "g" });
    let (document, violations) = gateway(json!({
        "id": "/x", "name": "gw", "type": "t", "etag": "e", "resourceGroup": "g", "systemData": {},
        "identity": { "type": "SystemAssigned", "principalId": "p", "tenantId": "t" },
        "properties": {
            "provisioningState": "Succeeded", "operationalState": "Running", "resourceGuid": "g",
            "privateEndpointConnections": [], "defaultPredefinedSslPolicy": "AppGwSslPolicy20150501",
            "sslPolicy": { "servedCipherSuites": [] },
            "frontendIPConfigurations": [{ "name": "f", "etag": "e", "properties": {
                "httpListeners": users, "publicIPAddress": address, "provisioningState": "Succeeded" } }],
            "probes": [{ "name": "p", "resourceGroup": "g", "properties": { "backendHttpSettings": users } }],
            "backendAddressPools": [{ "name": "b", "properties": { "requestRoutingRules": users,
                "pathRules": [], "backendIPConfigurations": [{ "id": "x", "properties": {} }] } }],
            "trustedClientCertificates": [{ "name": "t", "properties": {
                "validatedCertData": "d", "clientCertIssuerDN": "n" } }],
        },
    }));
    assert_eq!(targets(&violations), (vec![], vec![]), "{violations}");
    assert!(!document.body["properties"].as_object().unwrap().contains_key("operationalState"));
}

/// Returns a value with every property that a definition of Azure's description has, down to `depth` objects.
fn all_of(schema: &Value, file: &str, depth: usize) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/azure-openapi/");
    if let Some(reference) = schema["$ref"].as_str() {
        let (other, name) = reference.split_once("#/definitions/").unwrap();
        let file = if other.is_empty() { file } else { other.trim_start_matches("./") };
        let text = std::fs::read_to_string(format!("{folder}{file}")).unwrap();
        let definitions: Value = serde_json::from_str(&text).unwrap();
        return all_of(&definitions["definitions"][name], file, depth);
    }
    let mut object = Map::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        object.extend(all_of(part, file, depth).as_object().cloned().unwrap_or_default());
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten().filter(|_| depth > 0) {
        object.insert(name.clone(), all_of(property, file, depth - 1));
    }
    match schema["type"].as_str() {
        Some("array") => json!([all_of(&schema["items"], file, depth)]),
        Some("string") => schema["enum"].get(0).cloned().unwrap_or_else(|| json!("x")),
        Some("integer") => json!(1),
        Some("boolean") => json!(false),
        _ => Value::Object(object),
    }
}

#[test]
fn every_property_that_azure_describes_is_known() {
    for (file, name) in [
        ("applicationGateway.json", "ApplicationGateway"),
        ("virtualNetwork.json", "VirtualNetwork"),
        ("publicIpAddress.json", "PublicIPAddress"),
        ("webapplicationfirewall.json", "WebApplicationFirewallPolicy"),
    ] {
        let body = all_of(&json!({ "$ref": format!("#/definitions/{name}") }), file, 7);
        let mut violations = Violations::default();
        match name {
            "VirtualNetwork" => drop(VirtualNetwork::read(body, &mut violations)),
            "PublicIPAddress" => drop(PublicIpAddress::read(body, &mut violations)),
            "WebApplicationFirewallPolicy" => drop(FirewallPolicy::read(body, &mut violations)),
            _ => violations = gateway(body).1,
        }
        let unknown: Vec<_> = violations.0.iter().filter(|one| one.code == code::UNKNOWN_PROPERTY).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert_eq!(targets(&violations).1, Vec::<&str>::new());
    }
}

#[test]
fn networks_addresses_and_groups_are_read_the_same_way() {
    let subnet = json!([{ "name": "a", "addressPrefix": "10.0.0.0/24" }]);
    let group = json!({ "id": "/subscriptions/x", "location": "l", "properties": {} });
    let cases: [(&str, Value, &[&str], &[&str]); 13] = [
        ("network", inner(&json!({ "adressSpace": {} })), &["properties.adressSpace"], &[]),
        ("network", json!({ "addressSpace": {} }), &["addressSpace"], &[]),
        (
            "network",
            inner(&json!({ "mesh": 1, "subnets": subnet })),
            &["properties.subnets[0].addressPrefix"],
            &["properties.mesh"],
        ),
        ("subnet", json!({ "addressPrefix": "10.0.0.0/24" }), &["addressPrefix"], &[]),
        ("subnet", json!({ "extra": 1, "properties": { "mesh": 1 } }), &[], &["extra", "properties.mesh"]),
        ("subnet", inner(&json!({ "networkSecurityGroup": group, "purpose": "p" })), &[], &[]),
        ("subnet", json!({ "location": "l", "Tags": {}, "properties": {} }), &[], &["Tags", "location"]),
        ("subnet", inner(&json!({ "location": "l" })), &["properties.location"], &[]),
        ("address", json!({ "ipAddress": "10.0.0.1" }), &["ipAddress"], &[]),
        ("address", inner(&json!({ "ipAddres": "10.0.0.1" })), &["properties.ipAddres"], &[]),
        ("address", inner(&json!({ "newer": true })), &[], &["properties.newer"]),
        ("group", json!({ "locaton": "here" }), &["locaton"], &[]),
        ("group", json!({ "location": "here", "properties": {}, "owner": "me" }), &[], &["owner"]),
    ];
    for (which, body, refused, warned) in cases {
        let mut violations = Violations::default();
        let sent = body.clone();
        let stored = match which {
            "network" => Value::Object(VirtualNetwork::read(sent, &mut violations)),
            "subnet" => Subnet::read("s", sent, &mut violations),
            "address" => Value::Object(PublicIpAddress::read(sent, &mut violations)),
            _ => Value::Object(ResourceGroup::read(sent, &mut violations)),
        };
        assert_eq!(targets(&violations), (refused.to_vec(), warned.to_vec()), "{body}: {violations}");
        for target in warned {
            assert!(stored.pointer(&format!("/{}", target.replace('.', "/"))).is_some(), "{stored}");
        }
    }
}

#[test]
fn a_hostile_number_of_unknown_properties_is_refused() {
    let many: Map<String, Value> = (0..5000).map(|i| (format!("unknown{i}"), json!(i))).collect();
    let (document, violations) = gateway(Value::Object(many));
    assert_eq!(violations.warnings().iter().count(), 100);
    assert!(violations.0.iter().any(|violation| violation.message.contains("at most 100")));
    assert!(document.body.len() < 110);
}
