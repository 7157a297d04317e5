//! The web application firewall of a gateway: SKUs, its configuration, and its references to policies.

use super::*;
use crate::arm::network::{NetworkPath, PolicyFacts};

const POLICY: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies/p";

/// Reads a body like the API.
fn read(body: &Value) -> (Document, Violations) {
    Document::read(path(), &sent(body.clone()), None, NEW)
}

/// Compiles a body with the policy [`POLICY`] stored. Returns the codes and targets of the violations.
fn found(body: &Value) -> Vec<(&'static str, String)> {
    let mut refs = ExternalRefs::default();
    refs.policies.insert(&NetworkPath::parse(POLICY).unwrap(), PolicyFacts { mode: None });
    let (document, mut violations) = read(body);
    if let Err(more) = compile(&document, &refs, &PatternCache::default()) {
        violations.absorb(more);
    }
    violations.0.into_iter().map(|violation| (violation.code, violation.target)).collect()
}

fn gateway(tier: &str, changes: Value) -> Value {
    let mut properties = json!({ "sku": { "name": tier, "tier": tier } });
    if let (Some(own), Value::Object(more)) = (properties.as_object_mut(), changes) {
        own.extend(more);
    }
    json!({ "properties": properties })
}

fn configuration(changes: Value) -> Value {
    let mut configuration = json!({ "enabled": true, "firewallMode": "Detection", "ruleSetType": "OWASP",
        "ruleSetVersion": "3.0" });
    if let (Some(own), Value::Object(more)) = (configuration.as_object_mut(), changes) {
        own.extend(more);
    }
    json!({ "webApplicationFirewallConfiguration": configuration })
}

#[test]
fn a_firewall_needs_a_tier_that_has_one() {
    let policy = json!({ "firewallPolicy": { "id": POLICY.to_ascii_uppercase() } });
    let of_sku = |target: &str| vec![(code::FIREWALL_OF_SKU, format!("properties.{target}"))];
    assert_eq!(found(&gateway("WAF_v2", policy.clone())), []);
    assert_eq!(found(&gateway("WAF_v2", json!({}))), []);
    assert_eq!(found(&gateway("WAF_v2", configuration(json!({})))), []);
    assert_eq!(found(&json!({ "properties": policy })), []);
    assert_eq!(found(&gateway("Standard_v2", policy)), of_sku("firewallPolicy"));
    let on = gateway("Standard_v2", configuration(json!({})));
    assert_eq!(found(&on), of_sku("webApplicationFirewallConfiguration"));
    assert_eq!(found(&gateway("Standard_v2", configuration(json!({ "enabled": false })))), []);
    for name in ["WAF_Medium", "WAF_Large"] {
        let mut old = gateway("WAF", configuration(json!({})));
        old["properties"]["sku"]["name"] = name.into();
        assert_eq!(found(&old), [], "{name}");
    }
}

#[test]
fn policies_must_exist_wherever_they_are_referred_to() {
    let mut body = defined();
    body["properties"]["sku"] = json!({ "name": "WAF_v2", "tier": "WAF_v2" });
    let refer = |body: &mut Value, id: &str| {
        let reference = json!({ "id": id });
        body["properties"]["firewallPolicy"] = reference.clone();
        body["properties"]["httpListeners"][0]["properties"]["firewallPolicy"] = reference.clone();
        let map = &mut body["properties"]["urlPathMaps"][0]["properties"];
        map["pathRules"][0]["properties"]["firewallPolicy"] = reference;
    };
    refer(&mut body, POLICY);
    assert_eq!(found(&body), []);
    let (document, _) = read(&body);
    let sources: Vec<String> =
        document.policy_references().into_iter().map(|reference| reference.source).collect();
    assert_eq!(sources.len(), 3);
    assert!(sources[1].contains("/httpListeners/") && sources[2].contains("/pathRules/"), "{sources:?}");

    let targets = [
        "properties.firewallPolicy.id",
        "properties.httpListeners[0].properties.firewallPolicy.id",
        "properties.urlPathMaps[0].properties.pathRules[0].properties.firewallPolicy.id",
    ];
    for (id, code) in [(format!("{POLICY}2"), code::INVALID_REFERENCE), ("p".into(), code::LINKED_ID)] {
        refer(&mut body, &id);
        let mut found = found(&body);
        found.sort();
        let mut expected = targets.map(|target| (code, target.to_owned()));
        expected.sort();
        assert_eq!(found, expected, "{id}");
    }
}

#[test]
fn a_configuration_is_complete_and_within_its_ranges() {
    let required = code::FIREWALL_REQUIRED;
    let cases: [(Value, &[(&str, &str)]); 8] = [
        (json!({ "firewallMode": null }), &[(required, "firewallMode")]),
        (json!({ "ruleSetType": null, "ruleSetVersion": null }), &[]),
        (json!({ "ruleSetVersion": "9" }), &[(code::FIREWALL_RULE_SET, "ruleSetVersion")]),
        (json!({ "maxRequestBodySizeInKb": 129 }), &[(code::OUT_OF_RANGE, "maxRequestBodySizeInKb")]),
        (json!({ "maxRequestBodySize": 7 }), &[(code::OUT_OF_RANGE, "maxRequestBodySize")]),
        (json!({ "fileUploadLimitInMb": -1 }), &[(code::OUT_OF_RANGE, "fileUploadLimitInMb")]),
        (
            json!({ "disabledRuleGroups": [{ "ruleGroupName": "General", "rules": ["200004"] }, {}] }),
            &[(required, "disabledRuleGroups[1].ruleGroupName")],
        ),
        (
            json!({ "exclusions": [{ "matchVariable": "RequestHeaderNames", "selectorMatchOperator": "Equals" }] }),
            &[(required, "exclusions[0].selector")],
        ),
    ];
    for (changes, expected) in cases {
        let expected: Vec<_> = expected
            .iter()
            .map(|(code, at)| (*code, format!("properties.webApplicationFirewallConfiguration.{at}")))
            .collect();
        assert_eq!(found(&gateway("WAF_v2", configuration(changes.clone()))), expected, "{changes}");
    }
    assert_eq!(found(&gateway("Standard_v2", json!({ "webApplicationFirewallConfiguration": {} }))), []);
    let old =
        json!({ "webApplicationFirewallConfiguration": { "enabled": "true", "firewallMode": "Detection" } });
    let old = gateway("WAF_v2", old);
    assert_eq!(found(&old), []);
    let (document, _) = read(&old);
    let own = &document.body["properties"]["webApplicationFirewallConfiguration"];
    assert_eq!((&own["ruleSetType"], &own["ruleSetVersion"]), (&json!("OWASP"), &json!("3.0")));
}
