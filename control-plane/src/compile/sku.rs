//! Size, tier and scale. They have no effect; whatever Azure would reject is rejected.

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

/// Returns whether the tier supports a web application firewall. True if neither size nor tier is given.
pub(super) fn has_firewall(sku: &Sku) -> bool {
    let firewall = [SkuName::WAF_v2, SkuName::WAF_Medium, SkuName::WAF_Large];
    let by_name = sku.name.map(|name| firewall.contains(&name));
    let by_tier = sku.tier.map(|tier| matches!(tier, SkuTier::WAF | SkuTier::WAF_v2));
    by_name == Some(true) || by_tier == Some(true) || (by_name, by_tier) == (None, None)
}

/// The name of the tier, or of the size if only that is given.
pub(super) fn tier_name(sku: &Sku) -> String {
    let tier = sku.tier.map(|tier| format!("{tier:?}"));
    tier.or_else(|| sku.name.map(|name| format!("{name:?}"))).unwrap_or_default()
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
