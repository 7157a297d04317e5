//! Size, tier and scale. They have no effect; whatever Azure would reject is rejected, and so are the WAF
//! tiers.

use super::resources::in_range;
use crate::arm::document::Document;
use crate::arm::gateway::{AutoscaleConfiguration, GatewayProperties, Sku, SkuName, SkuTier};
use crate::violation::{Violations, code};

/// The features, besides autoscaling, that Azure's tier `Basic` does not support.
const NOT_IN_BASIC: [&str; 6] = [
    "trustedClientCertificates",
    "rewriteRuleSets",
    "privateLinkConfigurations",
    "listeners",
    "backendSettingsCollection",
    "routingRules",
];

/// Checks size, tier and scale.
pub(super) fn check(document: &Document, properties: &GatewayProperties, violations: &mut Violations) {
    let sku = properties.sku.clone().unwrap_or_default();
    refuse_firewall(&sku, violations);
    let basic = sku.name == Some(SkuName::Basic) || sku.tier == Some(SkuTier::Basic);
    if let Some(capacity) = sku.capacity {
        let range = if basic { 1..=2 } else { 1..=125 };
        in_range::<u8>(capacity, range, code::OUT_OF_RANGE, "properties.sku.capacity".into(), violations);
    }
    if let Some(autoscale) = &properties.autoscale_configuration {
        check_autoscale(autoscale, violations);
        if sku.capacity.is_some() {
            let message = "A gateway may have either a fixed capacity or an autoscaleConfiguration.";
            violations.push(code::EXCLUSIVE, "properties.sku.capacity", message);
        }
    }
    if basic {
        refuse_what_basic_lacks(document, properties, violations);
    }
}

fn refuse_firewall(sku: &Sku, violations: &mut Violations) {
    let firewall = [SkuName::WAF_v2, SkuName::WAF_Medium, SkuName::WAF_Large];
    let by_name = sku.name.is_some_and(|name| firewall.contains(&name));
    if by_name || matches!(sku.tier, Some(SkuTier::WAF | SkuTier::WAF_v2)) {
        let property = if by_name { "name" } else { "tier" };
        let message = "The web application firewall is not supported yet. Use 'Standard_v2'.";
        violations.push(code::NOT_SUPPORTED, format!("properties.sku.{property}"), message);
    }
}

fn check_autoscale(autoscale: &AutoscaleConfiguration, violations: &mut Violations) {
    let at = |property: &str| format!("properties.autoscaleConfiguration.{property}");
    let Some(lowest) = autoscale.min_capacity else {
        let message = "An autoscaleConfiguration must have a minCapacity.";
        violations.push(code::AUTOSCALE, at("minCapacity"), message);
        return;
    };
    let lowest = in_range::<u8>(lowest, 0..=125, code::OUT_OF_RANGE, at("minCapacity"), violations);
    let Some(highest) = autoscale.max_capacity else { return };
    let highest = in_range::<u8>(highest, 2..=125, code::OUT_OF_RANGE, at("maxCapacity"), violations);
    if let (Some(lowest), Some(highest)) = (lowest, highest)
        && lowest > highest
    {
        let message =
            format!("The minCapacity is {lowest}, which is greater than the maxCapacity, {highest}.");
        violations.push(code::AUTOSCALE, at("maxCapacity"), message);
    }
}

fn refuse_what_basic_lacks(document: &Document, properties: &GatewayProperties, violations: &mut Violations) {
    let has_members = |name: &&str| document.children.iter().any(|child| child.collection.name == *name);
    let autoscale = properties.autoscale_configuration.is_some().then_some("autoscaleConfiguration");
    for property in NOT_IN_BASIC.into_iter().filter(has_members).chain(autoscale) {
        let message = format!("The selected SKU tier Basic does not support {property}.");
        violations.push(code::FEATURE_OF_SKU, format!("properties.{property}"), message);
    }
}
