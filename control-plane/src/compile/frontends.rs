//! The addresses and ports of listeners.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use tidegate_shared::snapshot::Frontend;

use super::resources::{Resource, Resources, given, in_range};
use crate::addresses::is_usable;
use crate::arm::collection::Collection;
use crate::arm::document::Document;
use crate::arm::external_refs::ExternalRefs;
use crate::arm::gateway::{FrontendIpConfiguration, FrontendPort, IpAllocationMethod, SubResource};
use crate::arm::network::PublicAddresses;
use crate::arm::private_addresses::Unbound;
use crate::violation::{Violations, code};

/// The kind of a frontend, of which a gateway has at most one each. Public frontends are one kind regardless of
/// IP version, because a worker has one public address.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Public,
    PrivateV4,
    PrivateV6,
}

/// Returns the private addresses of a document, in the order in which they are bound.
pub(crate) fn private_addresses(document: &Document) -> Vec<IpAddr> {
    let Some(collection) = Collection::named("frontendIPConfigurations") else { return Vec::new() };
    let given =
        document.members(collection).filter_map(|child| child.properties.get("privateIPAddress")?.as_str());
    given.filter_map(parsed).collect()
}

/// Parses a private address; `None` for one that no socket can listen on.
fn parsed(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok().map(|address: IpAddr| address.to_canonical());
    address.filter(|address| is_usable(*address))
}

/// Compiles the address of each frontend; `None` if it is invalid.
pub(super) fn addresses(
    document: &Document,
    frontends: &Resources<FrontendIpConfiguration>,
    external_refs: &ExternalRefs,
    violations: &mut Violations,
) -> Vec<Option<Frontend>> {
    let known = Known {
        addresses: &external_refs.addresses,
        second_generation: !document.is_v1(),
        bound: external_refs.private.bind(private_addresses(document)),
    };
    let mut kinds: HashMap<Kind, &str> = HashMap::new();
    let mut bound: HashMap<Frontend, &str> = HashMap::new();
    let mut compiled = vec![None; frontends.iter().count()];
    for (index, resource) in frontends.listed() {
        let frontend = address(resource, &known, violations);
        let Some((kind, frontend)) = frontend else { continue };
        compiled[index] = Some(frontend);
        if let Some(other) = kinds.insert(kind, &resource.id) {
            let message = format!(
                "{} and {other} are of the same kind. A gateway may have at most one public, one private \
                 IPv4 and one private IPv6 frontend.",
                resource.id
            );
            violations.push(code::ONE_FRONTEND_PER_KIND, resource.target(), message);
        } else if let Some(other) = bound.insert(frontend, &resource.id) {
            let message = format!("{} and {other} have the same address.", resource.id);
            violations.push(code::FRONTENDS_CLASH, resource.target(), message);
        }
    }
    compiled
}

/// What is known of addresses.
struct Known<'a> {
    /// The stored public IP addresses to which the gateway refers.
    addresses: &'a PublicAddresses,
    /// True if the gateway has a v2 SKU.
    second_generation: bool,
    /// What is bound for each private address.
    bound: BTreeMap<IpAddr, Result<IpAddr, Unbound>>,
}

fn address(
    resource: &Resource<FrontendIpConfiguration>,
    known: &Known,
    violations: &mut Violations,
) -> Option<(Kind, Frontend)> {
    let properties = &resource.properties;
    let id = &resource.id;
    let refers =
        |reference: &Option<SubResource>| reference.as_ref().is_some_and(|r| given(r.id.as_ref()).is_some());
    let public = refers(&properties.public_ip_address);
    let private = given(properties.private_ip_address.as_ref());
    if public && (private.is_some() || refers(&properties.subnet)) {
        let message =
            format!("{id} has both a publicIPAddress and a subnet or privateIPAddress. Use two frontends.");
        violations.push(code::EXCLUSIVE, resource.at("publicIPAddress"), message);
        return None;
    }
    if public {
        return public_address(resource, known, violations).map(|frontend| (Kind::Public, frontend));
    }
    if let Some(text) = private {
        return private_address(resource, text, &known.bound, violations).map(private_frontend);
    }
    if !refers(&properties.subnet) {
        let message = format!(
            "Frontend ip configuration {id} cannot have both subnet and publicIp as null. One of publicIPAddress, \
             subnet and privateIPAddress is required."
        );
        violations.push(code::FRONTEND_NEEDS_ADDRESS, resource.target(), message);
        return None;
    }
    if properties.private_ip_allocation_method == IpAllocationMethod::Static {
        let message = format!("{id} is allocated statically, so a privateIPAddress is required.");
        violations.push(code::FRONTEND_ALLOCATION, resource.at("privateIPAllocationMethod"), message);
        return None;
    }
    // No addresses are allocated: a private frontend without an address binds to loopback only.
    Some(private_frontend(Ipv4Addr::LOCALHOST.into()))
}

fn private_frontend(address: IpAddr) -> (Kind, Frontend) {
    let kind = if address.is_ipv4() { Kind::PrivateV4 } else { Kind::PrivateV6 };
    (kind, Frontend::Address(address))
}

/// Returns the `ipAddress` of the public IP address, or the workers' own if that is absent or not stored.
fn public_address(
    resource: &Resource<FrontendIpConfiguration>,
    public: &Known,
    violations: &mut Violations,
) -> Option<Frontend> {
    let id = resource.properties.public_ip_address.as_ref().and_then(|reference| reference.id.as_deref());
    let Some(address) = id.and_then(|id| public.addresses.get(id)) else { return Some(Frontend::Public) };
    if address.basic && public.second_generation {
        let message = format!(
            "Application gateways v2 require a public IP address of SKU 'Standard'; that of {} is of SKU \
             'Basic'.",
            resource.id
        );
        violations.push(code::PUBLIC_IP_SKU, resource.at("publicIPAddress"), message);
        return None;
    }
    Some(address.address.map_or(Frontend::Public, Frontend::Address))
}

fn private_address(
    resource: &Resource<FrontendIpConfiguration>,
    text: &str,
    bound: &BTreeMap<IpAddr, Result<IpAddr, Unbound>>,
    violations: &mut Violations,
) -> Option<IpAddr> {
    let (code, message) = match parsed(text)
        .map(|address| bound.get(&address).copied().unwrap_or(Ok(address)))
    {
        Some(Ok(address)) => return Some(address),
        Some(Err(Unbound::Absent)) => (
            code::PRIVATE_ADDRESS_ABSENT,
            format!(
                "This machine does not have the address '{text}'. Start Tidegate with --map-address {text}=ADDRESS, \
                 where ADDRESS is one that the machine has, or with --private-pool CIDR, of which each such address \
                 gets one of its own."
            ),
        ),
        Some(Err(Unbound::PoolExhausted)) => (
            code::PRIVATE_ADDRESS_ABSENT,
            format!(
                "This machine does not have the address '{text}', and no address of --private-pool is free to stand \
                 for it. Start Tidegate with a larger --private-pool, or with --map-address {text}=ADDRESS."
            ),
        ),
        None => (code::IP_ADDRESS, format!("'{text}' is not an IP address that can be listened on.")),
    };
    violations.push(code, resource.at("privateIPAddress"), message);
    None
}

/// The highest frontend port. In Azure, the ports above are those of the management.
const HIGHEST_PORT: i64 = 65_199;
const HIGHEST_PORT_OF_V1: i64 = 65_502;

/// Compiles the port number of each frontend port; `None` if it is invalid.
pub(super) fn ports(
    document: &Document,
    ports: &Resources<FrontendPort>,
    violations: &mut Violations,
) -> Vec<Option<u16>> {
    let highest = if document.is_v1() { HIGHEST_PORT_OF_V1 } else { HIGHEST_PORT };
    let number = |resource: &Resource<FrontendPort>| {
        let target = resource.at("port");
        // An absent number counts as zero, as in Azure.
        in_range(resource.properties.port.unwrap_or(0), 1..=highest, code::FRONTEND_PORT, target, violations)
    };
    ports.iter().map(number).collect()
}
