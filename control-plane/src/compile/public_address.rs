//! Validation of public IP addresses. [`crate::arm::network::PublicAddress`] is their meaning for a gateway.

use serde_json::{Map, Value};

use crate::addresses::is_usable;
use crate::arm::gateway::IpAllocationMethod;
use crate::arm::network::PublicIpAddress;
use crate::arm::network::public_address::{IpVersion, PublicIpAddressSkuName};
use crate::violation::{Violations, code};

/// Checks the canonical body of the public IP address with this resource ID. Targets are paths within that
/// body.
pub(crate) fn check_public_address(id: &str, body: &Map<String, Value>, violations: &mut Violations) {
    let address = PublicIpAddress::typed(body);
    let properties = &address.properties;
    let dynamic = properties.public_ip_allocation_method == IpAllocationMethod::Dynamic;
    if address.sku.name == PublicIpAddressSkuName::Standard && dynamic {
        let message = format!("Standard sku publicIp {id} must have AllocationMethod set to Static.");
        violations.push(code::STANDARD_MUST_BE_STATIC, "properties.publicIPAllocationMethod", message);
    }
    if !(4..=30).contains(&properties.idle_timeout_in_minutes) {
        let message = "The value must be from 4 to 30.";
        violations.push(code::OUT_OF_RANGE, "properties.idleTimeoutInMinutes", message);
    }
    let Some(text) = &properties.ip_address else { return };
    const TARGET: &str = "properties.ipAddress";
    match address.given() {
        Some(given) if !is_usable(given) => {
            violations.push(
                code::IP_ADDRESS,
                TARGET,
                format!("'{text}' is not an address that can be listened on."),
            );
        }
        Some(given) if given.is_ipv4() != (properties.public_ip_address_version == IpVersion::IPv4) => {
            let message = format!("'{text}' is not of the version given by 'publicIPAddressVersion'.");
            violations.push(code::IP_ADDRESS, TARGET, message);
        }
        Some(_) => {}
        None => violations.push(code::IP_ADDRESS, TARGET, format!("'{text}' is not an IP address.")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_wrong() {
        let address = |text: &str| json!({"properties": {"ipAddress": text}});
        let version6 = json!({"properties": {"ipAddress": "fd00::1", "publicIpAddressVersion": "ipv6"}});
        let cases = [
            (json!({}), None),
            (
                json!({"SKU": {"name": "standard"}, "properties": {"PublicIpAllocationMethod": "static"}}),
                None,
            ),
            (json!({"sku": {"name": "Standard"}}), Some("properties.publicIPAllocationMethod")),
            (json!({"sku": {"name": "Premium"}}), Some("sku.name")),
            (json!({"properties": {"idleTimeoutInMinutes": "31"}}), Some("properties.idleTimeoutInMinutes")),
            (json!({"properties": {"publicIPPrefix": {"id": "x"}}}), None),
            (address("127.0.0.9"), None),
            (version6, None),
            (address("fd00::1"), Some("properties.ipAddress")),
            (address("0.0.0.0"), Some("properties.ipAddress")),
            (address("224.0.0.1"), Some("properties.ipAddress")),
            (address("here"), Some("properties.ipAddress")),
        ];
        for (body, expected) in cases {
            let mut violations = Violations::default();
            let canonical = PublicIpAddress::read(body.clone(), &mut violations);
            check_public_address("id", &canonical, &mut violations);
            assert_eq!(violations.0.first().map(|v| v.target.as_str()), expected, "{body}: {violations}");
            assert!(violations.0.len() <= 1, "{body}: {violations}");
        }
    }
}
