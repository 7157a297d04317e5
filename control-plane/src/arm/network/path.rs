//! Resource IDs of virtual networks, subnets, public IP addresses and firewall policies: parsed ignoring case,
//! printed as their creator spelled them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use crate::arm::document::Document;
use crate::resource_id::ResourceId;

/// The namespace of all these types.
const NAMESPACE: &str = "Microsoft.Network";

/// The segment of subnets within the ID of a virtual network.
const SUBNETS: &str = "subnets";

/// The type of a network resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NetworkKind {
    VirtualNetwork,
    /// A public IP address.
    PublicAddress,
    /// A web application firewall policy.
    FirewallPolicy,
}

impl NetworkKind {
    /// All types.
    pub(crate) const ALL: [NetworkKind; 3] =
        [NetworkKind::VirtualNetwork, NetworkKind::PublicAddress, NetworkKind::FirewallPolicy];

    /// The segment in resource IDs.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            NetworkKind::VirtualNetwork => "virtualNetworks",
            NetworkKind::PublicAddress => "publicIPAddresses",
            NetworkKind::FirewallPolicy => "ApplicationGatewayWebApplicationFirewallPolicies",
        }
    }

    /// The ARM type.
    pub(crate) const fn resource_type(self) -> &'static str {
        match self {
            NetworkKind::VirtualNetwork => "Microsoft.Network/virtualNetworks",
            NetworkKind::PublicAddress => "Microsoft.Network/publicIPAddresses",
            NetworkKind::FirewallPolicy => {
                "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"
            }
        }
    }

    /// Finds the type by its segment, ignoring case.
    pub(crate) fn of_segment(segment: &str) -> Option<NetworkKind> {
        NetworkKind::ALL.into_iter().find(|kind| kind.segment().eq_ignore_ascii_case(segment))
    }
}

/// The ARM type of a subnet.
pub(crate) const SUBNET_TYPE: &str = "Microsoft.Network/virtualNetworks/subnets";

/// The resource ID of a network resource, as its creator spelled it.
#[derive(Clone, Debug)]
pub(crate) struct NetworkPath {
    /// Subscription ID.
    pub(crate) subscription: String,
    /// Resource group.
    pub(crate) group: String,
    /// The type.
    pub(crate) kind: NetworkKind,
    /// The resource's name.
    pub(crate) name: String,
}

impl NetworkPath {
    /// Parses a resource ID. The leading slash may be missing; the fixed segments may be in any case.
    pub(crate) fn parse(id: &str) -> Option<NetworkPath> {
        let id = ResourceId::parse(id)?;
        let segments: Vec<&str> = id.segments().collect();
        let [subscriptions, subscription, groups, group, providers, namespace, kind, name] = segments[..]
        else {
            return None;
        };
        let fixed = [
            (subscriptions, "subscriptions"),
            (groups, "resourceGroups"),
            (providers, "providers"),
            (namespace, NAMESPACE),
        ];
        let shaped = fixed.iter().all(|(found, expected)| found.eq_ignore_ascii_case(expected));
        let kind = NetworkKind::of_segment(kind).filter(|_| shaped)?;
        let own = str::to_owned;
        Some(NetworkPath { subscription: own(subscription), group: own(group), kind, name: own(name) })
    }

    /// Parses the resource ID of a network resource or of a subnet. Returns the resource, or the network of the
    /// subnet.
    pub(crate) fn around(id: &str) -> Option<NetworkPath> {
        NetworkPath::parse(id).or_else(|| {
            let (network, name) = id.rsplit_once('/')?;
            let (network, segment) = network.rsplit_once('/')?;
            let is_subnet = segment.eq_ignore_ascii_case(SUBNETS) && !name.is_empty();
            NetworkPath::parse(network)
                .filter(|network| is_subnet && network.kind == NetworkKind::VirtualNetwork)
        })
    }

    /// The lower-case form: equal for all spellings of one resource's ID.
    pub(crate) fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    /// The resource ID of a subnet of this virtual network.
    pub(crate) fn subnet_id(&self, name: &str) -> String {
        format!("{self}/{SUBNETS}/{name}")
    }
}

impl fmt::Display for NetworkPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NetworkPath { subscription, group, kind, name } = self;
        let segment = kind.segment();
        write!(
            f,
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{NAMESPACE}/{segment}/{name}"
        )
    }
}

/// The properties of children that refer to a subnet or a public IP address.
const OF_CHILDREN: [&str; 2] = ["subnet", "publicIPAddress"];

/// The properties that refer to a network resource or a subnet.
const WITH_RESOURCE: [&str; 3] = ["subnet", "publicIPAddress", "firewallPolicy"];

/// A reference from a gateway to a network resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NetworkReference {
    /// The resource ID of the gateway, child or path rule with the reference.
    pub(crate) source: String,
    /// The resource ID of the subnet, public IP address or firewall policy, with its leading slash.
    pub(crate) target: String,
}

/// Returns every reference of a gateway and its children to a subnet, a public IP address or a firewall policy,
/// without duplicates.
pub(crate) fn references_of(document: &Document) -> Vec<NetworkReference> {
    let mut references = Vec::new();
    let mut add = |source: &str, target: &str| {
        // Reading a document removes every ID that cannot be parsed.
        let Some(target) = ResourceId::parse(target) else { return };
        let reference = NetworkReference { source: source.to_owned(), target: target.to_string() };
        if !references.contains(&reference) {
            references.push(reference);
        }
    };
    for child in &document.children {
        let source = document.path.child_id(child.collection, &child.name);
        visit(&child.collection.known(&child.properties), &OF_CHILDREN, &mut |target| add(&source, target));
    }
    for reference in document.policy_references() {
        add(&reference.source, &reference.policy);
    }
    references
}

/// Returns the network resources to which a body as sent may refer, without duplicates: public IP addresses,
/// firewall policies, and the networks of subnets. At most 16 of each kind but policies, because a gateway with
/// more is rejected anyway; at most 1000 policies.
pub(crate) fn network_resources_in(body: &Value) -> Vec<NetworkPath> {
    let mut found = BTreeMap::new();
    visit_within(body, &WITH_RESOURCE, &mut |id| {
        let Some(path) = NetworkPath::around(id) else { return };
        let enough = if path.kind == NetworkKind::FirewallPolicy { 1000 } else { 16 };
        if found.values().filter(|other: &&NetworkPath| other.kind == path.kind).count() < enough {
            found.insert(path.key(), path);
        }
    });
    found.into_values().collect()
}

/// Returns the network resources to which a document refers, without duplicates.
pub(crate) fn network_resources_of(document: &Document) -> Vec<NetworkPath> {
    let paths = references_of(document).into_iter().filter_map(|found| NetworkPath::around(&found.target));
    paths.map(|path| (path.key(), path)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// Calls `each` with the ID of every property of these names, at any depth.
fn visit(object: &Map<String, Value>, names: &[&str], each: &mut impl FnMut(&str)) {
    for (key, value) in object {
        if names.iter().any(|name| key.eq_ignore_ascii_case(name)) {
            let ids = value.as_object().into_iter().flatten();
            let id = ids.filter(|(key, _)| key.eq_ignore_ascii_case("id")).find_map(|(_, id)| id.as_str());
            id.into_iter().for_each(&mut *each);
        } else {
            visit_within(value, names, each);
        }
    }
}

fn visit_within(value: &Value, names: &[&str], each: &mut impl FnMut(&str)) {
    match value {
        Value::Object(object) => visit(object, names, each),
        Value::Array(list) => list.iter().for_each(|value| visit_within(value, names, each)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "/subscriptions/S/resourceGroups/Rg/providers/Microsoft.Network/publicIPAddresses/Ip";

    #[test]
    fn ids_are_read_in_any_case_and_printed_as_written() {
        for id in [ID, &ID[1..], &ID.to_ascii_lowercase(), &ID.to_ascii_uppercase()] {
            assert_eq!(NetworkPath::parse(id).unwrap().key(), ID.to_ascii_lowercase(), "{id}");
        }
        assert_eq!(NetworkPath::parse(ID).unwrap().to_string(), ID);
        for bad in [
            "",
            "/",
            &ID.replace("Rg", ""),
            &ID.replace("publicIPAddresses", "probes"),
            &format!("{ID}/x"),
            &ID.replace("/Ip", ""),
            &ID.replace("providers", "provider"),
        ] {
            assert!(NetworkPath::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn public_addresses_are_found_wherever_they_stand() {
        let body = json!({"Properties": {"frontendIPConfigurations": [
            {"properties": {"PublicIpAddress": {"Id": ID}}},
            {"properties": {"publicIPAddress": {"id": &ID.to_ascii_uppercase()}}},
            {"properties": {"publicIPAddress": {"id": 7}, "subnet": {"id": "elsewhere"}}},
            {"properties": {"publicIPAddress": "x"}},
        ]}});
        let found: Vec<String> = network_resources_in(&body).iter().map(NetworkPath::key).collect();
        assert_eq!(found, [ID.to_ascii_lowercase()]);
        let many: Vec<Value> =
            (0..100).map(|i| json!({"publicIPAddress": {"id": format!("{ID}{i}")}})).collect();
        assert_eq!(network_resources_in(&json!(many)).len(), 16);
    }

    #[test]
    fn policies_and_the_networks_of_subnets_are_found_too() {
        let id = |kind: &str| ID.replace("publicIPAddresses", kind);
        let policies = id("applicationgatewaywebapplicationfirewallpolicies");
        let networks = id("virtualNetworks");
        let body = json!({"properties": {
            "firewallPolicy": {"id": policies},
            "gatewayIPConfigurations": [{"properties": {"subnet": {"id": format!("{networks}/Subnets/s")}}}],
            "frontendIPConfigurations": [{"properties": {"subnet": {"id": format!("{networks}/subnets/t")}}}],
            "subnet": {"id": format!("{networks}/others/t")},
        }});
        let found: Vec<String> = network_resources_in(&body).iter().map(NetworkPath::key).collect();
        assert_eq!(found, [policies.to_ascii_lowercase(), networks.to_ascii_lowercase()]);
    }
}
