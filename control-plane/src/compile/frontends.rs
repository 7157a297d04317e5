//! The addresses and ports of listeners.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use tidegate_shared::snapshot::Frontend;

use super::resources::{Resource, Resources, given, in_range};
use crate::arm::document::Document;
use crate::arm::gateway::{FrontendIpConfiguration, FrontendPort, IpAllocationMethod, SubResource};
use crate::arm::network::PublicAddresses;
use crate::violation::{Violations, code};

/// The kind of a frontend, of which a gateway has at most one each. Public frontends are one kind regardless of
/// IP version, because a worker has one public address.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Public,
    PrivateV4,
    PrivateV6,
}

/// Compiles the address of each frontend; `None` if it is invalid.
pub(super) fn addresses(
    document: &Document,
    frontends: &Resources<FrontendIpConfiguration>,
    public: &PublicAddresses,
    violations: &mut Violations,
) -> Vec<Option<Frontend>> {
    let public = Public { addresses: public, second_generation: !document.is_v1() };
    let mut kinds: HashMap<Kind, &str> = HashMap::new();
    let mut bound: HashMap<Frontend, &str> = HashMap::new();
    let mut compiled = vec![None; frontends.iter().count()];
    for (index, resource) in frontends.listed() {
        let frontend = address(resource, &public, violations);
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

/// The inputs of public frontends.
struct Public<'a> {
    /// The stored public IP addresses to which the gateway refers.
    addresses: &'a PublicAddresses,
    /// True if the gateway has a v2 SKU.
    second_generation: bool,
}

fn address(
    resource: &Resource<FrontendIpConfiguration>,
    addresses: &Public,
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
        return public_address(resource, addresses, violations).map(|frontend| (Kind::Public, frontend));
    }
    if let Some(text) = private {
        return private_address(resource, text, violations).map(private_frontend);
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
    public: &Public,
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
    Some(address.given.map_or(Frontend::Public, Frontend::Address))
}

fn private_address(
    resource: &Resource<FrontendIpConfiguration>,
    text: &str,
    violations: &mut Violations,
) -> Option<IpAddr> {
    let address: Option<IpAddr> = text.parse().ok().map(|address: IpAddr| address.to_canonical());
    let usable = address.filter(|address| {
        !address.is_unspecified() && !address.is_multicast() && *address != IpAddr::V4(Ipv4Addr::BROADCAST)
    });
    if usable.is_none() {
        let message = format!("'{text}' is not an IP address that can be listened on.");
        violations.push(code::IP_ADDRESS, resource.at("privateIPAddress"), message);
    }
    usable
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
