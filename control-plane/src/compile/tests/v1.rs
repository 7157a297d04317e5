//! Gateways of the first generation, and the warnings about them.

use super::*;
use crate::compile::notices;

fn v1(change: impl Fn(&mut Value)) -> Value {
    let mut body = whole();
    body["properties"]["sku"] = json!({ "name": "Standard_Medium", "tier": "Standard", "capacity": 2 });
    for rule in body["properties"]["requestRoutingRules"].as_array_mut().unwrap() {
        rule["properties"].as_object_mut().unwrap().remove("priority");
    }
    change(&mut body);
    body
}

/// The names of the listeners with a rule, in the order in which they are tried.
fn order(body: Value) -> Vec<String> {
    let content = compile_body(body).unwrap();
    content.listeners.into_iter().filter(|one| one.rule.is_some()).map(|one| one.name).collect()
}

#[test]
fn rules_without_a_priority_are_ordered_as_listed_behind_those_with_one() {
    let listed = order(v1(|_| {}));
    let turned =
        order(v1(|body| body["properties"]["requestRoutingRules"].as_array_mut().unwrap().reverse()));
    assert_eq!(turned, listed.iter().rev().cloned().collect::<Vec<_>>());
    let last_first = order(v1(|body| {
        let rules = body["properties"]["requestRoutingRules"].as_array_mut().unwrap();
        rules.last_mut().unwrap()["properties"]["priority"] = json!(20_000);
    }));
    assert_eq!(last_first.first(), listed.last());
}

#[test]
fn only_v1_needs_no_priority_and_has_the_higher_ports() {
    let high =
        |body: &mut Value| body["properties"]["frontendPorts"][0]["properties"]["port"] = json!(65_502);
    assert!(compile_body(v1(high)).is_ok());
    let mut v2 = v1(high);
    v2["properties"]["sku"] = json!({ "name": "Standard_v2" });
    let codes: Vec<_> = compile_body(v2).unwrap_err().0.iter().map(|one| one.code).collect();
    assert!(codes.contains(&code::FRONTEND_PORT) && codes.contains(&code::PRIORITY_REQUIRED), "{codes:?}");
}

#[test]
fn what_azure_has_retired_and_what_has_no_effect_is_a_warning() {
    let targets = |body: Value| {
        let found = notices(&read(body));
        assert!(found.is_empty(), "{found}");
        found.warnings().iter().map(|one| (one.code, one.target.clone())).collect::<Vec<_>>()
    };
    assert_eq!(targets(whole()), []);
    assert_eq!(targets(v1(|_| {})), [(code::RETIRED, "properties.sku".to_owned())]);
    let mut body = defined();
    let profile = properties(&mut body, "sslProfiles", 0);
    profile["trustedClientCertificates"] = json!([]);
    profile["clientAuthConfiguration"] = json!({ "verifyClientCertIssuerDN": true });
    let target = "properties.sslProfiles[0].properties.clientAuthConfiguration.verifyClientCertIssuerDN";
    assert_eq!(targets(body), [(code::NO_EFFECT, target.to_owned())]);
}
