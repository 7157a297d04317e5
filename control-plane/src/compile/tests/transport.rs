//! Layer 4: valid definitions, and rejection of features that no worker implements.

use super::check::{check_body, check_member};
use super::*;
use crate::arm::samples::defined;

#[test]
fn the_definitions_are_good() {
    check_body(defined(), "all", "properties", &[]);
    let mut executed = compile_body(whole()).unwrap();
    let with_definitions = compile_body(defined()).unwrap();
    executed.name.clone_from(&with_definitions.name);
    executed.path_maps.clone_from(&with_definitions.path_maps);
    executed.distributions.clone_from(&with_definitions.distributions);
    executed.rewrites.clone_from(&with_definitions.rewrites);
    executed.client_authorities.clone_from(&with_definitions.client_authorities);
    assert_eq!(executed, with_definitions, "what no rule leads to means nothing to workers");
}

#[test]
fn listeners() {
    let http = reference("frontendPorts/p80");
    for (changes, expected) in [
        (
            json!({ "frontendIPConfiguration": null }),
            &[(code::TRANSPORT_LISTENER_MUST_REFERENCE, ".frontendIPConfiguration")][..],
        ),
        (json!({ "frontendPort": null }), &[(code::TRANSPORT_LISTENER_MUST_REFERENCE, ".frontendPort")]),
        (
            json!({ "frontendPort": reference("frontendPorts/none") }),
            &[(code::INVALID_REFERENCE, ".frontendPort.id")],
        ),
        (json!({ "sslCertificate": null }), &[(code::LISTENER_NEEDS_CERTIFICATE, ".sslCertificate")]),
        (
            json!({ "sslCertificate": reference("sslCertificates/none") }),
            &[(code::INVALID_REFERENCE, ".sslCertificate.id")],
        ),
        (
            json!({ "sslProfile": reference("sslProfiles/none") }),
            &[(code::INVALID_REFERENCE, ".sslProfile.id")],
        ),
        (json!({ "hostNames": ["a.test", "**"] }), &[(code::HOST_NAME, ".hostNames[1]")]),
        (json!({ "protocol": "Tcp" }), &[(code::TRANSPORT_TLS_ONLY, ".hostNames")]),
        (json!({ "protocol": "Tcp", "hostNames": [] }), &[]),
        (json!({ "frontendPort": http }), &[(code::LISTENERS_CLASH, ".frontendPort")]),
    ] {
        check_member(defined(), "listeners", 0, changes, expected);
    }
    for (hosts, protocol, clash) in [
        (json!(["other.test"]), "Tls", false),
        (json!(["EC.test", "a.test"]), "Tls", true),
        (json!([]), "Tls", false),
        (json!([]), "Tcp", true),
    ] {
        let mut body = defined();
        let mut second = body["properties"]["listeners"][0].clone();
        second["name"] = json!("second");
        second["properties"]["hostNames"] = hosts;
        second["properties"]["protocol"] = json!(protocol);
        body["properties"]["listeners"].as_array_mut().unwrap().push(second);
        let expected = [(code::LISTENERS_CLASH, ".listeners[1].properties.frontendPort")];
        check_body(body, protocol, "properties", if clash { &expected } else { &[] });
    }
}

#[test]
fn settings() {
    for (changes, expected) in [
        (json!({ "port": null }), (code::TRANSPORT_PORT, ".port")),
        (json!({ "port": 65_536 }), (code::TRANSPORT_PORT, ".port")),
        (json!({ "timeout": 0 }), (code::OUT_OF_RANGE, ".timeout")),
        (json!({ "timeout": 86_401 }), (code::OUT_OF_RANGE, ".timeout")),
        (json!({ "probe": reference("probes/none") }), (code::INVALID_REFERENCE, ".probe.id")),
        (
            json!({ "trustedRootCertificates": [reference("trustedRootCertificates/none")] }),
            (code::INVALID_REFERENCE, ".trustedRootCertificates[0].id"),
        ),
        (json!({ "hostName": "a b" }), (code::HOST_NAME, ".hostName")),
        (json!({ "pickHostNameFromBackendAddress": true }), (code::EXCLUSIVE, ".hostName")),
        (json!({ "protocol": "Tcp" }), (code::TRANSPORT_TLS_ONLY, ".hostName")),
    ] {
        check_member(defined(), "backendSettingsCollection", 0, changes, &[expected]);
    }
}

#[test]
fn every_rule_is_refused_with_all_that_is_wrong_with_it() {
    let rule = |name: &str, priority: Value| {
        json!({ "name": name, "properties": {
            "priority": priority,
            "listener": reference("listeners/bytes"),
            "backendAddressPool": reference("backendAddressPools/pool"),
            "backendSettings": reference("backendSettingsCollection/bytes")
        } })
    };
    let check = |rules: Value, expected: &[(&str, &str)]| {
        let mut body = defined();
        body["properties"]["privateLinkConfigurations"] = json!([]);
        let what = rules.to_string();
        body["properties"]["routingRules"] = rules;
        check_body(body, &what, "properties.routingRules", expected);
    };
    let refused = (code::NOT_SUPPORTED, "[0].properties");
    check(json!([rule("a", json!(10))]), &[refused]);
    check(
        json!([rule("a", json!(10)), rule("b", json!(10))]),
        &[
            refused,
            (code::NOT_SUPPORTED, "[1].properties"),
            (code::PRIORITY_NOT_UNIQUE, "[1].properties.priority"),
            (code::RULES_SHARE_LISTENER, "[1].properties.listener"),
        ],
    );
    let nothing = json!([{ "name": "a", "properties": { "ruleType": "PathBasedRouting", "priority": 0 } }]);
    let missing = |property: &'static str| (code::TRANSPORT_RULE_MUST_REFERENCE, property);
    check(
        nothing,
        &[
            refused,
            (code::OUT_OF_RANGE, "[0].properties.priority"),
            (code::TRANSPORT_RULE_TYPE, "[0].properties.ruleType"),
            missing("[0].properties.listener"),
            missing("[0].properties.backendAddressPool"),
            missing("[0].properties.backendSettings"),
        ],
    );
    check(json!([rule("a", json!(null))]), &[refused, (code::PRIORITY_REQUIRED, "[0].properties.priority")]);
    let mut body = defined();
    body["properties"]["routingRules"] = json!([rule("a", json!(10))]);
    let expected = [
        (code::NOT_SUPPORTED, ".routingRules[0].properties"),
        (code::NETWORK_ISOLATION, ".privateLinkConfigurations"),
    ];
    check_body(body, "with private link", "properties", &expected);
}
