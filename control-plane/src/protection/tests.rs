//! Gateways and network resources with and without protection that no worker provides.

use serde_json::json;

use super::*;
use crate::arm::network::PolicyFacts;
use crate::arm::samples::{NEW, defined, path};
use crate::testing::sent;

const SCOPE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network";

fn policy(name: &str) -> String {
    format!("{SCOPE}/ApplicationGatewayWebApplicationFirewallPolicies/{name}")
}

/// The policies `prevents`, `detects` and `off`, and a network whose subnet `guarded` has a security group.
fn refs() -> ExternalRefs {
    let mut refs = ExternalRefs::default();
    let modes = [
        ("prevents", Some(FirewallMode::Prevention)),
        ("detects", Some(FirewallMode::Detection)),
        ("off", None),
    ];
    for (name, mode) in modes {
        refs.policies.insert(&NetworkPath::parse(&policy(name)).unwrap(), PolicyFacts { mode });
    }
    let network = NetworkPath::parse(&format!("{SCOPE}/virtualNetworks/net")).unwrap();
    let body = json!({"properties": {"subnets": [
        {"name": "open", "properties": {}},
        {"name": "Guarded", "properties": {"networkSecurityGroup": {"id": "/group"}}},
    ]}});
    refs.subnet_groups.insert(&network, body.as_object().unwrap());
    refs
}

/// The targets of the gaps of a gateway, each with whether it lets attacks pass.
fn gaps(body: &Value) -> Vec<(String, bool)> {
    let (document, _) = Document::read(path(), &sent(body.clone()), None, NEW);
    of_gateway(&document, &refs()).into_iter().map(|gap| (gap.target.clone(), gap.lets_pass())).collect()
}

#[test]
fn a_gateway_relies_on_a_firewall_that_is_on() {
    let own = |mode: &str, enabled: bool| {
        json!({"webApplicationFirewallConfiguration": {"enabled": enabled, "firewallMode": mode,
            "ruleSetType": "OWASP", "ruleSetVersion": "3.2"}})
    };
    let reference = |name: &str| json!({"firewallPolicy": {"id": policy(name).to_lowercase()}});
    let mut both = own("Prevention", true);
    both["firewallPolicy"] = json!({"id": policy("off")});
    const CONFIGURATION: &str = "properties.webApplicationFirewallConfiguration";
    const REFERENCE: &str = "properties.firewallPolicy";
    let cases: [(Value, &[(&str, bool)]); 10] = [
        (json!({}), &[]),
        (own("Prevention", true), &[(CONFIGURATION, true)]),
        (own("detection", true), &[(CONFIGURATION, false)]),
        (own("Prevention", false), &[]),
        (reference("prevents"), &[(REFERENCE, true)]),
        (reference("detects"), &[(REFERENCE, false)]),
        (reference("off"), &[]),
        (both, &[]),
        (json!({"sku": {"name": "WAF_v2"}}), &[("properties.sku", false)]),
        (json!({"sku": {"name": "Standard_v2", "tier": "Standard_v2"}}), &[]),
    ];
    for (properties, expected) in cases {
        let expected: Vec<_> =
            expected.iter().map(|(target, passes)| ((*target).to_owned(), *passes)).collect();
        assert_eq!(gaps(&json!({"properties": properties.clone()})), expected, "{properties}");
    }
}

#[test]
fn listeners_path_rules_and_subnets_count_too() {
    let mut body = defined();
    let properties = &mut body["properties"];
    properties["httpListeners"][0]["properties"]["firewallPolicy"] = json!({"id": policy("prevents")});
    let rules = &mut properties["urlPathMaps"][0]["properties"]["pathRules"];
    rules[0]["properties"]["firewallPolicy"] = json!({"id": policy("detects")});
    let subnet = |name: &str| {
        let id = format!("{SCOPE}/VIRTUALNETWORKS/net/subnets/{name}");
        json!({"name": name, "properties": {"subnet": {"id": id}}})
    };
    properties["gatewayIPConfigurations"] = json!([subnet("open"), subnet("guarded"), subnet("missing")]);
    let expected = [
        ("properties.httpListeners[0].properties.firewallPolicy", true),
        ("properties.urlPathMaps[0].properties.pathRules[0].properties.firewallPolicy", false),
        ("properties.gatewayIPConfigurations[1].properties.subnet", true),
    ];
    assert_eq!(gaps(&body), expected.map(|(target, passes)| (target.to_owned(), passes)));
}

#[test]
fn what_a_gateway_uses_already_is_looked_at_when_it_changes() {
    let sources = |sources: &'static [(&str, &str)]| sources.iter().copied();
    let path = NetworkPath::parse(&policy("p")).unwrap();
    let body = json!({"properties": {"policySettings": {"state": "Enabled", "mode": "Prevention"}}});
    let body = body.as_object().unwrap();
    assert_eq!(of_resource(&path, body, sources(&[])), []);
    let found = of_resource(&path, body, sources(&[("gateway", "p")]));
    assert!(found.len() == 1 && found[0].lets_pass());

    let network = NetworkPath::parse(&format!("{SCOPE}/virtualNetworks/net")).unwrap();
    let group = json!({"networkSecurityGroup": {"id": "/group"}});
    let body = json!({"properties": {"subnets": [{"name": "a", "properties": {}},
        {"name": "B", "properties": group}, {"name": "c", "properties": group}]}});
    let subnet: &'static str = Box::leak(network.subnet_id("b").into_boxed_str());
    let of = |source: &'static str| {
        let found = of_resource(&network, body.as_object().unwrap(), [(source, subnet)].into_iter());
        found.into_iter().map(|gap| gap.target).collect::<Vec<_>>()
    };
    let own = ["properties.subnets[1].properties.networkSecurityGroup"];
    assert_eq!(of("gateway/gatewayIPConfigurations/i"), own);
    assert_eq!(of("gateway/frontendIPConfigurations/f"), own);
    let elsewhere: &'static str = Box::leak(network.subnet_id("a").into_boxed_str());
    assert_eq!(of_resource(&network, body.as_object().unwrap(), [("gateway", elsewhere)].into_iter()), []);
}

#[test]
fn the_operator_decides_whether_it_is_refused() {
    let document = |name: &str| {
        let body = json!({"properties": {"firewallPolicy": {"id": policy(name)}}});
        Document::read(path(), &sent(body), None, NEW).0
    };
    let judged = |decision: UnservedProtection, name: &str| {
        let mut violations = Violations::default();
        decision.judge(&of_gateway(&document(name), &refs()), &mut violations);
        violations
    };
    let refused = judged(UnservedProtection::Refuse, "prevents");
    let message = &refused.0[0].message;
    assert!(
        refused.0[0].code == code::PROTECTION && message.contains("'--unserved-protection warn'"),
        "{message}"
    );
    assert!(message.contains("/prevents") && message.contains("does not inspect requests"), "{message}");
    for (decision, name) in [(UnservedProtection::Refuse, "detects"), (UnservedProtection::Warn, "prevents")]
    {
        let warned = judged(decision, name);
        assert!(warned.is_empty() && warned.warnings().count(code::PROTECTION) == 1, "{name}");
    }
    for decision in [UnservedProtection::Refuse, UnservedProtection::Warn] {
        assert_eq!(decision.to_string().parse::<UnservedProtection>().unwrap(), decision);
    }
    assert!("off".parse::<UnservedProtection>().is_err());
}
