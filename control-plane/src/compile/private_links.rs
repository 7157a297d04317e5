//! Private link configurations. They have no effect; whatever Azure would reject is rejected.

use std::net::IpAddr;

use super::resources::{Resource, Resources, given};
use crate::arm::collection::over_limit;
use crate::arm::gateway::{
    FrontendIpConfiguration, IpAllocationMethod, PrivateLinkConfiguration, PrivateLinkIpConfiguration,
    TransportRule,
};
use crate::violation::{Violations, code};

/// The maximum number of addresses of one configuration, as Azure publishes it.
const ADDRESSES: usize = 8;

/// Checks the configurations, and the references of frontends to them.
pub(super) fn check(
    links: &Resources<PrivateLinkConfiguration>,
    frontends: &Resources<FrontendIpConfiguration>,
    violations: &mut Violations,
) {
    for frontend in frontends.iter() {
        let reference = frontend.properties.private_link_configuration.as_ref();
        links.optional(frontend, "privateLinkConfiguration", reference, violations);
    }
    for resource in links.iter() {
        let list = &resource.properties.ip_configurations;
        if list.len() > ADDRESSES {
            let message = over_limit("ipConfigurations", list.len(), ADDRESSES);
            violations.push(code::limit::PRIVATE_LINK_ADDRESSES, resource.at("ipConfigurations"), message);
        }
        if list.iter().filter(|address| address.properties.primary == Some(true)).count() > 1 {
            let message = format!("{} has more than one primary ipConfiguration.", resource.id);
            violations.push(code::PRIVATE_LINK_PRIMARY, resource.at("ipConfigurations"), message);
        }
        for (i, address) in list.iter().enumerate() {
            check_address(&resource.member("ipConfigurations", i, address), violations);
        }
    }
}

fn check_address(resource: &Resource<PrivateLinkIpConfiguration>, violations: &mut Violations) {
    let properties = &resource.properties;
    let id = &resource.id;
    if properties.subnet.as_ref().is_none_or(|subnet| given(subnet.id.as_ref()).is_none()) {
        let message = format!("Subnet reference is required for ipconfiguration {id}.");
        violations.push(code::SUBNET_IS_REQUIRED, resource.at("subnet"), message);
    }
    match given(properties.private_ip_address.as_ref()) {
        Some(text) if text.parse::<IpAddr>().is_err() => {
            let message = format!("'{text}' is not an IP address.");
            violations.push(code::IP_ADDRESS, resource.at("privateIPAddress"), message);
        }
        None if properties.private_ip_allocation_method == IpAllocationMethod::Static => {
            let message = format!("{id} is allocated statically, so a privateIPAddress is required.");
            violations.push(code::FRONTEND_ALLOCATION, resource.at("privateIPAllocationMethod"), message);
        }
        _ => {}
    }
}

/// Azure does not support private link together with layer-4 rules.
pub(super) fn refuse_with_transport(
    links: &Resources<PrivateLinkConfiguration>,
    rules: &Resources<TransportRule>,
    violations: &mut Violations,
) {
    if links.iter().next().is_some() && rules.iter().next().is_some() {
        let message = "Private link configurations are not supported together with routingRules.";
        violations.push(code::NETWORK_ISOLATION, "properties.privateLinkConfigurations", message);
    }
}
