//! Validation of virtual networks, which have no effect on workers.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::arm::network::{Subnet, VirtualNetwork};
use crate::violation::{Violations, code};

/// Checks the canonical body of the network of that name. Targets are paths within that body.
pub(crate) fn check_virtual_network(name: &str, body: &Map<String, Value>, violations: &mut Violations) {
    let network = VirtualNetwork::typed(body);
    let properties = &network.properties;
    let space = prefixes(
        &properties.address_space.address_prefixes,
        "properties.addressSpace.addressPrefixes",
        violations,
    );
    if properties.address_space.address_prefixes.is_empty() {
        let message = "A virtual network requires at least one range in 'addressPrefixes'.";
        violations.push(code::ADDRESS_PREFIX_REQUIRED, "properties.addressSpace", message);
    }
    for (i, server) in
        properties.dhcp_options.iter().flat_map(|options| options.dns_servers.iter().enumerate())
    {
        if server.parse::<IpAddr>().is_err() {
            let target = format!("properties.dhcpOptions.dnsServers[{i}]");
            violations.push(code::IP_ADDRESS, target, format!("'{server}' is not an IP address."));
        }
    }
    if properties.flow_timeout_in_minutes.is_some_and(|minutes| !(4..=30).contains(&minutes)) {
        let message = "The value must be from 4 to 30.";
        violations.push(code::OUT_OF_RANGE, "properties.flowTimeoutInMinutes", message);
    }
    let mut others: Vec<IpNet> = Vec::new();
    for (i, member) in properties.subnets.iter().enumerate() {
        let target = format!("properties.subnets[{i}]");
        let own = subnet(&member.name, &member.properties, &target, violations);
        for range in &own {
            // An invalid address space has been reported already.
            if !space.is_empty() && !space.iter().any(|outer| outer.contains(range)) {
                let message = format!(
                    "Subnet '{}' is not valid because its IP address range is outside the IP address range of virtual \
                     network '{name}'.",
                    member.name
                );
                violations.push(code::SUBNET_OUTSIDE, target.as_str(), message);
            } else if others.iter().any(|other| overlap(other, range)) {
                let message = format!(
                    "Subnet '{}' is not valid because its IP address range overlaps with that of an existing subnet in \
                     virtual network '{name}'.",
                    member.name
                );
                violations.push(code::SUBNETS_OVERLAP, target.as_str(), message);
            }
        }
        others.extend(own);
    }
}

fn subnet(name: &str, subnet: &Subnet, target: &str, violations: &mut Violations) -> Vec<IpNet> {
    match (&subnet.address_prefix, subnet.address_prefixes.is_empty()) {
        (None, true) => {
            let message = format!("Subnet '{name}' requires an 'addressPrefix'.");
            violations.push(
                code::ADDRESS_PREFIX_REQUIRED,
                format!("{target}.properties.addressPrefix"),
                message,
            );
            Vec::new()
        }
        (Some(one), true) => {
            prefix(one, &format!("{target}.properties.addressPrefix"), violations).into_iter().collect()
        }
        (_, false) => {
            prefixes(&subnet.address_prefixes, &format!("{target}.properties.addressPrefixes"), violations)
        }
    }
}

fn prefixes(texts: &[String], target: &str, violations: &mut Violations) -> Vec<IpNet> {
    let read = |(i, text): (usize, &String)| prefix(text, &format!("{target}[{i}]"), violations);
    texts.iter().enumerate().filter_map(read).collect()
}

/// Parses an address range in CIDR notation, whose host bits must be zero.
pub(super) fn prefix(text: &str, target: &str, violations: &mut Violations) -> Option<IpNet> {
    let Ok(range) = text.parse::<IpNet>() else {
        let message = format!("'{text}' is not an address range in CIDR notation.");
        violations.push(code::ADDRESS_PREFIX_FORMAT, target, message);
        return None;
    };
    let whole = range.trunc();
    if whole != range {
        let message = format!(
            "The address prefix '{text}' has an invalid CIDR notation. For the given prefix length, it should be \
             '{whole}'."
        );
        violations.push(code::CIDR_NOTATION, target, message);
    }
    Some(whole)
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn network(prefixes: &[&str], subnets: &[&str]) -> Value {
        let subnets: Vec<Value> = subnets
            .iter()
            .enumerate()
            .map(|(i, prefix)| json!({"name": format!("s{i}"), "properties": {"AddressPrefix": prefix}}))
            .collect();
        json!({"properties": {"addressSpace": {"addressPrefixes": prefixes}, "subnets": subnets}})
    }

    #[test]
    fn subnets_lie_in_the_network_side_by_side() {
        let cases: [(Value, &[(&str, &str)]); 9] = [
            (network(&["10.0.0.0/16", "fd00::/48"], &["10.0.0.0/24", "10.0.1.0/24", "fd00::/64"]), &[]),
            (network(&["10.0.0.0/16"], &["10.0.0.0/16"]), &[]),
            (network(&[], &[]), &[(code::ADDRESS_PREFIX_REQUIRED, "properties.addressSpace")]),
            (
                network(&["10.0.0.0/16", "10.1.0.1/16", "here"], &[]),
                &[
                    (code::CIDR_NOTATION, "properties.addressSpace.addressPrefixes[1]"),
                    (code::ADDRESS_PREFIX_FORMAT, "properties.addressSpace.addressPrefixes[2]"),
                ],
            ),
            (network(&["10.0.0.0/16"], &["10.1.0.0/24"]), &[(code::SUBNET_OUTSIDE, "properties.subnets[0]")]),
            (
                network(&["10.0.0.0/16"], &["10.0.0.0/24", "10.0.0.0/25"]),
                &[(code::SUBNETS_OVERLAP, "properties.subnets[1]")],
            ),
            (
                network(&["10.0.0.0/16"], &["10.0.0.0/33"]),
                &[(code::ADDRESS_PREFIX_FORMAT, "properties.subnets[0].properties.addressPrefix")],
            ),
            (
                json!({"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                    "subnets": [{"name": "a"}]}}),
                &[(code::ADDRESS_PREFIX_REQUIRED, "properties.subnets[0].properties.addressPrefix")],
            ),
            (
                json!({"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                    "dhcpOptions": {"dnsServers": ["10.0.0.4", "x"]}, "flowTimeoutInMinutes": 3}}),
                &[
                    (code::IP_ADDRESS, "properties.dhcpOptions.dnsServers[1]"),
                    (code::OUT_OF_RANGE, "properties.flowTimeoutInMinutes"),
                ],
            ),
        ];
        for (body, expected) in cases {
            let mut violations = Violations::default();
            let canonical = VirtualNetwork::read(body.clone(), &mut violations);
            check_virtual_network("net", &canonical, &mut violations);
            let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
            assert_eq!(found, expected, "{body}: {violations}");
        }
    }
}
