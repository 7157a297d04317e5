//! The limits that can be set, and their effects on writes.

use serde_json::json;

use super::*;
use crate::arm::samples::{defined, read};

fn limits(settings: &[&str]) -> Limits {
    settings.iter().map(|text| text.parse::<Limit>().unwrap()).collect()
}

/// A gateway with this number of ports, and a pool with this number of addresses.
fn document(ports: usize, addresses: usize) -> Document {
    let ports: Vec<_> = (1..=ports)
        .map(|port| json!({ "name": format!("p{port}"), "properties": { "port": port } }))
        .collect();
    let addresses: Vec<_> = (0..addresses).map(|i| json!({ "fqdn": format!("b{i}") })).collect();
    let pool = json!({ "name": "pool", "properties": { "backendAddresses": addresses } });
    read(json!({ "properties": { "frontendPorts": ports, "backendAddressPools": [pool] } }))
}

#[test]
fn a_limit_has_a_name_and_a_number() {
    let limit = "FRONTENDPORTS = 7".parse::<Limit>();
    assert_eq!(limit, Ok(Limit { name: "frontendPorts", most: 7 }));
    assert_eq!("hostNames=10000".parse::<Limit>().unwrap().most, MAX_MEMBERS);
    for bad in
        ["", "frontendPorts", "frontendPorts=", "frontendPorts=0", "frontendPorts=-1", "hostNames=10001"]
    {
        assert_eq!(bad.parse::<Limit>(), Err(LimitError::Form), "{bad}");
    }
    let message = "ports=3".parse::<Limit>().unwrap_err().to_string();
    for name in ["'ports'", "frontendPorts", "requestRoutingRules", "backendAddresses"] {
        assert!(message.contains(name), "{message}");
    }
}

#[test]
fn every_list_within_a_child_is_a_property_of_its_collection() {
    for list in &LISTS {
        let collection = Collection::named(list.collection).unwrap();
        assert!(collection.properties().iter().any(|p| p.name == list.property), "{}", list.property);
    }
}

#[test]
fn published_limits_hold_unless_others_are_set() {
    for (settings, ports, addresses, wrong) in [
        (&[][..], 100, 1200, &[][..]),
        (&[], 101, 0, &["properties.frontendPorts"]),
        (&[], 0, 1201, &["properties.backendAddressPools[0].properties.backendAddresses"]),
        (&["frontendPorts=200", "backendAddresses=1300"], 200, 1300, &[]),
        (&["frontendPorts=200", "frontendPorts=3"], 4, 0, &["properties.frontendPorts"]),
    ] {
        let violations = limits(settings).check(&document(ports, addresses), None);
        let targets: Vec<_> = violations.0.iter().map(|v| v.target.as_str()).collect();
        assert_eq!(targets, wrong, "{violations}");
    }
    let violations = Limits::default().check(&document(113, 0), None);
    assert_eq!(violations.0[0].code, code::limit::FRONTEND_PORTS);
    let message = "The number of frontendPorts exceeds the maximum allowed value. The number of frontendPorts is 113 \
                   and the maximum allowed is 100.";
    assert_eq!(violations.0[0].message, message);
}

#[test]
fn path_rules_are_counted_in_each_map() {
    for (settings, wrong) in [(&[][..], 0), (&["pathRules=2"], 0), (&["PATHRULES=1"], 1)] {
        let violations = limits(settings).check(&read(defined()), None);
        assert_eq!(violations.0.len(), wrong, "{violations}");
        assert!(violations.0.iter().all(|violation| violation.code == code::limit::PATH_RULES));
    }
}

#[test]
fn what_is_stored_may_stay_and_shrink_but_not_grow() {
    let lowered = limits(&["frontendPorts=2", "backendAddresses=2"]);
    let stored = document(5, 5);
    for (ports, addresses, wrong) in [(5, 5, 0), (4, 3, 0), (6, 5, 1), (5, 6, 1), (6, 6, 2)] {
        let violations = lowered.check(&document(ports, addresses), Some(&stored));
        assert_eq!(violations.0.len(), wrong, "{violations}");
    }
}
