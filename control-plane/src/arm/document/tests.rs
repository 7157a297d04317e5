//! Reading of bodies as clients send them, for whole gateways and single children.

use serde_json::{Value, json};

use super::*;
use crate::arm::collection::MAX_MEMBERS;
use crate::arm::samples::{
    CERTIFICATE, ID, NEW, OLD, command_line, defined, documentation, path, read, reference, shown, whole,
};
use crate::testing::sent;
use crate::violation::code;

fn collection(name: &str) -> &'static Collection {
    Collection::named(name).unwrap()
}

fn found(violations: &Violations) -> Vec<(&str, &str)> {
    violations.0.iter().map(|v| (v.code, v.target.as_str())).collect()
}

fn check_wrong(body: Value, version: ApiVersion, expected: &[(&str, &str)]) {
    let (_, violations) = Document::read(path(), &sent(body), None, version);
    assert_eq!(found(&violations), expected, "{violations}");
}

fn properties<'a>(document: &'a Document, of: &str, name: &str) -> &'a Map<String, Value> {
    &document.child(collection(of), name).unwrap().properties
}

#[test]
fn an_empty_gateway_is_a_gateway() {
    for body in [json!({}), json!({ "properties": {} }), json!({ "location": null, "properties": null })] {
        let document = read(body);
        assert_eq!(Value::Object(document.body), json!({ "properties": { "enableHttp2": false } }));
        assert!(document.children.is_empty());
    }
}

#[test]
fn what_is_no_gateway_at_all_is_still_read() {
    for body in [json!([]), json!(null), json!("x"), json!(7)] {
        check_wrong(body, NEW, &[(code::INVALID_JSON, "$")]);
    }
    check_wrong(json!({ "properties": [] }), NEW, &[(code::INVALID_JSON, "properties")]);
    check_wrong(json!({ "properties": { "probes": {} } }), NEW, &[(code::INVALID_JSON, "properties.probes")]);
}

#[test]
fn the_documentations_example_is_spelt_canonically() {
    let (document, violations) = Document::read(path(), &sent(documentation()), None, OLD);
    assert!(violations.is_empty(), "{violations}");
    let https = properties(&document, "httpListeners", "appgatewayhttpslistener");
    assert_eq!(https["frontendPort"], reference("frontendPorts/fp"));
    assert_eq!(https["protocol"], "Https");
    let http = properties(&document, "httpListeners", "appGatewayHttpListener");
    assert_eq!(http["frontendIPConfiguration"], reference("frontendIPConfigurations/fip"));
    assert_eq!(http["frontendPort"], reference("frontendPorts/fp80"));
    for (rule, priority) in [("rule1", 10), ("rule2", 20)] {
        let rule = properties(&document, "requestRoutingRules", rule);
        assert_eq!((&rule["priority"], &rule["ruleType"]), (&json!(priority), &json!("Basic")));
    }
    let (again, _) = Document::read(path(), &sent(documentation()), Some(&document), OLD);
    assert_eq!(again, document);
}

#[test]
fn the_command_lines_template_is_read() {
    let document = read(command_line());
    assert_eq!(document.body["location"], "westus");
    let settings = properties(&document, "backendHttpSettingsCollection", "appGatewayBackendHttpSettings");
    assert_eq!((&settings["port"], &settings["requestTimeout"]), (&json!(18999), &json!(30)));
    let rule = properties(&document, "requestRoutingRules", "rule1");
    assert_eq!(rule["httpListener"], reference("httpListeners/appGatewayHttpListener"));
}

#[test]
fn what_was_read_reads_the_same_again() {
    for body in [whole(), defined(), command_line()] {
        let document = read(body);
        let (again, violations) = Document::read(path(), &sent(shown(&document)), Some(&document), NEW);
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(again, document);
    }
}

#[test]
fn a_certificate_keeps_what_is_not_sent_again() {
    let document = read(whole());
    let certificate = document.child(collection("sslCertificates"), "CERT").unwrap();
    assert!(certificate.secret.is_some());
    assert_eq!(certificate.properties.keys().collect::<Vec<_>>(), ["publicCertData"]);
    assert!(!format!("{document:?}").contains("PRIVATE"));

    let mut body = whole();
    body["properties"]["sslCertificates"] = json!([{ "name": "Cert", "properties": { "data": null } }]);
    let (kept, violations) = Document::read(path(), &sent(body.clone()), Some(&document), NEW);
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(kept, document, "spelling, secret and public part are kept");

    let (without, violations) = Document::read(path(), &sent(body), None, NEW);
    assert!(violations.is_empty(), "what is missing is for the compiler to say: {violations}");
    assert!(without.child(collection("sslCertificates"), "cert").unwrap().secret.is_none());
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let with = |data: &str, password: &str| {
        json!({ "properties": { "sslCertificates": [
            { "name": "c", "properties": { "data": data, "password": password } } ] } })
    };
    let pfx = include_str!("../certificate/fixtures/modern.pfx.base64");
    let target = "properties.sslCertificates[0].properties";
    check_wrong(with(pfx, "secret"), NEW, &[]);
    check_wrong(with(pfx, "no"), NEW, &[(code::CERTIFICATE_PASSWORD, &format!("{target}.password"))]);
    check_wrong(with("****", "****"), NEW, &[(code::CERTIFICATE_INVALID, &format!("{target}.data"))]);
    let vault = json!({ "properties": { "sslCertificates": [
        { "name": "c", "properties": { "keyVaultSecretId": "https://kv/secret" } } ] } });
    check_wrong(vault, NEW, &[]);
    let both = json!({ "properties": { "sslCertificates": [
        { "name": "c", "properties": { "data": pfx, "keyVaultSecretId": "https://kv/secrets/a" } } ] } });
    check_wrong(both, NEW, &[(code::EXCLUSIVE, &format!("{target}.data"))]);
}

#[test]
fn names_are_checked_and_unique_without_case() {
    let ports = |ports: Value| json!({ "properties": { "frontendPorts": ports } });
    let at = |i: usize| format!("properties.frontendPorts[{i}].name");
    check_wrong(ports(json!([{ "name": "a" }, { "name": "A" }])), NEW, &[(code::DUPLICATE_NAME, &at(1))]);
    check_wrong(
        ports(json!([{ "name": "-a" }, { "name": "" }, {}])),
        NEW,
        &[(code::INVALID_NAME, &at(0)), (code::INVALID_NAME, &at(1)), (code::INVALID_NAME, &at(2))],
    );
    check_wrong(
        ports(json!([7, { "name": "a" }])),
        NEW,
        &[(code::INVALID_JSON, "properties.frontendPorts[0]"), (code::INVALID_NAME, &at(0))],
    );
    check_wrong(
        ports(json!([{ "name": "a", "properties": 7 }])),
        NEW,
        &[(code::INVALID_JSON, "properties.frontendPorts[0].properties")],
    );
}

#[test]
fn a_new_gateways_name_is_checked_and_a_stored_ones_is_not() {
    let named = |name: &str| GatewayPath { name: name.to_owned(), ..path() };
    for name in ["(a)", "-x", "..", "ä", &"x".repeat(81)] {
        let (document, violations) = Document::read(named(name), &sent(json!({})), None, NEW);
        assert_eq!(found(&violations), [(code::INVALID_NAME, "name")], "{name}");
        let (_, violations) = Document::read(named(name), &sent(json!({})), Some(&document), NEW);
        assert!(violations.is_empty(), "{violations}");
    }
}

#[test]
fn references_of_the_wrong_form_are_named() {
    for id in ["x", ID, &format!("{ID}/frontendIPConfigurations/x"), ""] {
        let listener = json!({ "name": "l", "properties": { "frontendPort": { "id": id } } });
        let target = "properties.httpListeners[0].properties.frontendPort.id";
        check_wrong(
            json!({ "properties": { "httpListeners": [listener] } }),
            NEW,
            &[(code::INVALID_REFERENCE_FORMAT, target)],
        );
    }
}

#[test]
fn priorities_are_all_or_none_before_they_were_required() {
    let mut body = documentation();
    body["Properties"]["requestRoutingRules"][1]["properties"]["Priority"] = json!(7);
    check_wrong(
        body.clone(),
        OLD,
        &[(code::PRIORITY_PARTIAL, "properties.requestRoutingRules[0].properties.priority")],
    );
    check_wrong(body, NEW, &[]);
}

#[test]
fn a_child_is_put_into_its_place() {
    let document = read(whole());
    let put = |of: &str, name: &str, body: Value| document.with_child(collection(of), name, &sent(body), NEW);

    let (same, violations) = put("frontendPorts", "P80", json!({ "properties": { "port": "80" } }));
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(same, document, "equal content, whatever the spelling");

    let (more, violations) =
        put("frontendPorts", "p81", json!({ "name": "P81", "Properties": { "Port": 81 } }));
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(more.target_of(collection("frontendports"), "P81").unwrap(), "properties.frontendPorts[2]");
    assert_eq!(more.without_child(collection("frontendPorts"), "P81"), Some(document.clone()));
    assert_eq!(more.without_child(collection("frontendPorts"), "p82"), None);

    let listener = json!({ "properties": { "frontendPort": { "id": format!("{ID}/FRONTENDPORTS/P443") } } });
    let (more, violations) = put("httpListeners", "new", listener);
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(properties(&more, "httpListeners", "new")["frontendPort"], reference("frontendPorts/p443"));

    let (kept, violations) = put("sslCertificates", "cert", json!({}));
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(kept, document);
    let (renewed, violations) =
        put("sslCertificates", "cert", json!({ "properties": { "data": CERTIFICATE } }));
    assert!(violations.is_empty(), "{violations}");
    assert_eq!(renewed, document);
}

#[test]
fn a_childs_body_is_judged_in_its_own_terms() {
    let document = read(whole());
    let check = |name: &str, body: Value, expected: &[(&str, &str)]| {
        let (_, violations) = document.with_child(collection("httpListeners"), name, &sent(body), NEW);
        assert_eq!(found(&violations), expected, "{violations}");
    };
    check("ws", json!([]), &[(code::INVALID_JSON, "$")]);
    check("ws", json!({ "name": "wss" }), &[(code::INVALID_NAME, "name")]);
    for id in [json!(""), json!(null), json!(ID), json!("/another/one")] {
        check("ws", json!({ "name": "", "id": id }), &[]);
    }
    check("ws", json!({ "name": "WS", "id": format!("{ID}/httplisteners/Ws") }), &[]);
    check("w s", json!({}), &[(code::INVALID_NAME, "name")]);
    check(
        "ws",
        json!({ "properties": { "protocol": "gopher", "frontendPort": { "id": "x" } } }),
        &[
            (code::INVALID_JSON, "properties.protocol"),
            (code::INVALID_REFERENCE_FORMAT, "properties.frontendPort.id"),
        ],
    );
}

#[test]
fn a_rule_on_its_own_gets_or_keeps_its_priority_in_old_versions() {
    let document = read(whole());
    let check = |name: &str, version: ApiVersion, expected: Option<&Value>| {
        let (document, violations) =
            document.with_child(collection("requestRoutingRules"), name, &sent(json!({})), version);
        assert!(violations.is_empty(), "{violations}");
        assert_eq!(properties(&document, "requestRoutingRules", name).get("priority"), expected);
    };
    check("new", OLD, Some(&json!(30)));
    check("wss-rule", OLD, Some(&json!(10)));
    check("new", NEW, None);
}

#[test]
fn rules_of_a_v1_gateway_are_left_as_they_were_sent() {
    let v1 = |sku: &Value| {
        let mut body = whole();
        body["properties"]["sku"] = sku.clone();
        for rule in body["properties"]["requestRoutingRules"].as_array_mut().unwrap() {
            rule["properties"].as_object_mut().unwrap().remove("priority");
        }
        read_as(body, OLD)
    };
    for (sku, filled) in [
        (json!({ "name": "Standard_Medium", "tier": "Standard" }), false),
        (json!({ "name": "Standard_Small" }), false),
        (json!({ "name": "Standard_v2", "tier": "Standard_v2" }), true),
        (json!({ "name": "Basic" }), true),
        (json!({}), true),
    ] {
        let document = v1(&sku);
        let priority = properties(&document, "requestRoutingRules", "ws-rule").get("priority");
        assert_eq!((document.is_v1(), priority.is_some()), (!filled, filled), "{sku}");
    }
}

/// Reads a body without violations.
fn read_as(body: Value, version: ApiVersion) -> Document {
    let (document, violations) = Document::read(path(), &sent(body), None, version);
    assert!(violations.is_empty(), "{violations}");
    document
}

#[test]
fn users_of_a_child_are_found() {
    let document = read(whole());
    let check = |of: &str, name: &str, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|child| format!("{ID}/{child}")).collect();
        assert_eq!(users_of(&document, collection(of), name), expected);
    };
    check("frontendPorts", "P80", &["httpListeners/ws", "httpListeners/idle"]);
    check("trustedRootCertificates", "root", &["backendHttpSettingsCollection/tls"]);
    check("probes", "probe", &["backendHttpSettingsCollection/tls"]);
    check("backendAddressPools", "pool", &["requestRoutingRules/ws-rule", "requestRoutingRules/wss-rule"]);
    check("backendAddressPools", "empty", &[]);
    check("requestRoutingRules", "ws-rule", &[]);
}

#[test]
fn users_within_children_are_found() {
    let document = read(defined());
    let check = |of: &str, name: &str, expected: &[&str]| {
        let expected: Vec<String> = expected.iter().map(|child| format!("{ID}/{child}")).collect();
        assert_eq!(users_of(&document, collection(of), name), expected);
    };
    check("redirectConfigurations", "AWAY", &["urlPathMaps/map/pathRules/old"]);
    check("redirectConfigurations", "up", &[]);
    check("rewriteRuleSets", "set", &["urlPathMaps/map", "urlPathMaps/map/pathRules/images"]);
    check("trustedClientCertificates", "clients", &["sslProfiles/profile"]);
    check("sslProfiles", "profile", &["listeners/bytes"]);
    check(
        "trustedRootCertificates",
        "root",
        &["backendHttpSettingsCollection/tls", "backendSettingsCollection/bytes"],
    );
    check(
        "backendAddressPools",
        "pool",
        &[
            "urlPathMaps/map",
            "urlPathMaps/map/pathRules/images",
            "requestRoutingRules/ws-rule",
            "requestRoutingRules/wss-rule",
            "loadDistributionPolicies/policy/loadDistributionTargets/t",
        ],
    );
}

#[test]
fn a_body_without_end_costs_and_answers_little() {
    let many = json!({ "properties": { "probes": vec![json!({}); 100_000] } });
    let (document, violations) = Document::read(path(), &sent(many), None, NEW);
    assert_eq!(violations.0[0].code, code::limit::PROBES);
    assert!(violations.0[0].message.contains("100000"), "{}", violations.0[0].message);
    assert!(document.children.len() == MAX_MEMBERS && violations.0.len() <= 1000);
    let endless = json!({ "properties": { "probes": [{ "name": "x".repeat(1_000_000) }] } });
    let (document, violations) = Document::read(path(), &sent(endless), None, NEW);
    assert!(document.children[0].name.len() == 80 && violations.to_string().len() < 1000);
}
