//! The work for a write grows linearly with the number of children.

use crate::arm::collection::MAX_MEMBERS;
use crate::limits::{Limit, Limits};
use crate::testing::visits;

use super::*;

/// A gateway with this many listeners, each with a host name and a rule.
fn large(count: usize) -> Value {
    let mut body = body(8080);
    let id = path("gw").to_string();
    let listener = |i: usize| {
        json!({"name": format!("l{i}"), "properties": {
            "frontendIPConfiguration": {"id": format!("{id}/frontendIPConfigurations/f")},
            "frontendPort": {"id": format!("{id}/frontendPorts/p")},
            "hostName": format!("h{i}.test"),
        }})
    };
    let properties = &mut body["properties"];
    properties["httpListeners"] = (0..count).map(listener).collect();
    properties["requestRoutingRules"] = (0..count).map(|i| rule(i, &format!("r{i}"))).collect();
    body
}

fn rule(i: usize, name: &str) -> Value {
    let id = path("gw").to_string();
    json!({"name": name, "properties": {
        "priority": 1 + i,
        "httpListener": {"id": format!("{id}/httpListeners/l{i}")},
        "backendAddressPool": {"id": format!("{id}/backendAddressPools/b")},
        "backendHttpSettings": {"id": format!("{id}/backendHttpSettingsCollection/s")},
    }})
}

fn rules() -> DocumentRules {
    let most = |name: &str| format!("{name}={MAX_MEMBERS}").parse::<Limit>().unwrap();
    let limits = Limits::from_iter([most("httpListeners"), most("requestRoutingRules")]);
    DocumentRules { limits, ..DocumentRules::default() }
}

/// Returns the gateway after `edit` of `stored`.
fn gateway(edit: &Edit, stored: Option<&Gateway>) -> Gateway {
    let Decision::Replace { document, config_digest, .. } =
        edit.decision(DecisionContext { rules: &rules(), ..context() }, stored).unwrap()
    else {
        panic!("nothing changed")
    };
    let child_etags = vec![Etag("c".into()); document.children.len()];
    Gateway { document, child_etags, config_digest, ..super::stored() }
}

/// Returns the number of children visited by linear searches, for a write of the gateway and for one of a rule.
fn looked_at(count: usize) -> [usize; 2] {
    let stored = gateway(&put(large(count)), None);
    let mut changed = large(count);
    changed["properties"]["frontendPorts"][0]["properties"]["port"] = json!(8081);
    let whole = visits(|| drop(gateway(&put(changed), Some(&stored))));
    let name = format!("r{}", count - 1);
    let mut last = rule(count - 1, &name);
    last["properties"]["priority"] = json!(20_000);
    let edit = put_child("requestRoutingRules", &name, last);
    let child = visits(|| drop(gateway(&edit, Some(&stored))));
    [whole, child]
}

#[test]
fn ten_times_the_rules_are_ten_times_the_work() {
    let (few, many) = (looked_at(100), looked_at(1000));
    for (few, many) in few.into_iter().zip(many) {
        assert!(many <= 11 * few.max(1000), "{few} for 100 rules, {many} for 1,000");
    }
}

#[test]
fn as_many_listeners_and_rules_as_the_limits_allow_are_taken() {
    let stored = gateway(&put(large(MAX_MEMBERS)), None);
    assert_eq!(stored.document.children.len(), 2 * MAX_MEMBERS + 4);
}

#[test]
fn the_order_of_children_means_nothing() {
    let mut stored_body = large(5);
    let more =
        json!([{"name": "z", "properties": {"backendAddresses": []}}, {"name": "A", "properties": {}}]);
    let pools = stored_body["properties"]["backendAddressPools"].as_array_mut().unwrap();
    pools.extend(more.as_array().unwrap().iter().cloned());
    let stored = gateway(&put(stored_body.clone()), None);
    for collection in ["backendAddressPools", "httpListeners", "requestRoutingRules"] {
        let mut turned = stored_body.clone();
        turned["properties"][collection].as_array_mut().unwrap().reverse();
        let written = gateway(&put(turned), Some(&stored));
        assert_eq!(written.config_digest, stored.config_digest, "{collection}");
        assert_ne!(written.document, stored.document, "the order is kept for who reads it");
    }
    // The order of pool members matters, because they take turns.
    let mut members = stored_body.clone();
    let list = json!([{"ipAddress": "192.0.2.2"}, {"ipAddress": "192.0.2.1"}]);
    members["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"] = list;
    let one = gateway(&put(members.clone()), Some(&stored));
    let list = &mut members["properties"]["backendAddressPools"][0]["properties"]["backendAddresses"];
    list.as_array_mut().unwrap().reverse();
    assert_ne!(gateway(&put(members), Some(&one)).config_digest, one.config_digest);
}
