//! Addresses and ports that clients reach a gateway at.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use tidegate_shared::snapshot::Frontend;

use super::resources::{Resource, Resources, given, in_range};
use crate::arm::gateway::{FrontendIpConfiguration, FrontendPort, IpAllocationMethod, SubResource};
use crate::violation::{Violations, code};

/// A gateway has at most one frontend of each kind. A public one is one kind, whatever its version: a worker has one
/// public address.
#[derive(PartialEq, Eq, Hash)]
enum Kind {
    Public,
    PrivateV4,
    PrivateV6,
}

/// The address of each frontend; none where there is something wrong with it.
pub(super) fn addresses(
    frontends: &Resources<FrontendIpConfiguration>,
    violations: &mut Violations,
) -> Vec<Option<Frontend>> {
    let mut seen: HashMap<Kind, &str> = HashMap::new();
    let mut compiled = Vec::new();
    for resource in frontends.iter() {
        let frontend = address(resource, violations);
        if let Some(frontend) = frontend
            && let Some(other) = seen.insert(kind(frontend), &resource.id)
        {
            let message = format!(
                "{} and {other} are of one kind. A gateway has at most one public frontend, one private IPv4 and one \
                 private IPv6 frontend.",
                resource.id
            );
            violations.push(code::ONE_FRONTEND_PER_KIND, resource.target(), message);
        }
        compiled.push(frontend);
    }
    compiled
}

fn kind(frontend: Frontend) -> Kind {
    match frontend {
        Frontend::Public => Kind::Public,
        Frontend::Address(IpAddr::V4(_)) => Kind::PrivateV4,
        Frontend::Address(IpAddr::V6(_)) => Kind::PrivateV6,
    }
}

fn address(resource: &Resource<FrontendIpConfiguration>, violations: &mut Violations) -> Option<Frontend> {
    let properties = &resource.properties;
    let id = &resource.id;
    let refers =
        |reference: &Option<SubResource>| reference.as_ref().is_some_and(|r| given(r.id.as_ref()).is_some());
    let public = refers(&properties.public_ip_address);
    let private = given(properties.private_ip_address.as_ref());
    if public && (private.is_some() || refers(&properties.subnet)) {
        let message =
            format!("{id} has a publicIPAddress as well as a subnet or privateIPAddress. Make it two.");
        violations.push(code::EXCLUSIVE, resource.at("publicIPAddress"), message);
        return None;
    }
    if public {
        return Some(Frontend::Public);
    }
    if let Some(text) = private {
        return private_address(resource, text, violations).map(Frontend::Address);
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
    // Nothing is allocated here: a private frontend that leaves its address open is reached on loopback only.
    Some(Frontend::Address(Ipv4Addr::LOCALHOST.into()))
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
        let message = format!("'{text}' is no IP address that can be listened on.");
        violations.push(code::IP_ADDRESS, resource.at("privateIPAddress"), message);
    }
    usable
}

/// The number of each port; none where there is something wrong with it.
pub(super) fn ports(ports: &Resources<FrontendPort>, violations: &mut Violations) -> Vec<Option<u16>> {
    let number = |resource: &Resource<FrontendPort>| {
        let target = resource.at("port");
        // An absent number reads as zero, as the official service has it.
        in_range(resource.properties.port.unwrap_or(0), 1..=65199, code::FRONTEND_PORT, target, violations)
    };
    ports.iter().map(number).collect()
}
