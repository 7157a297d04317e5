//! Validation of a gateway's web application firewall: its configuration, and its references to policies.
//! They are not part of the snapshot.

use super::firewall_policy::in_range;
use super::firewall_rule_sets::{check_rule_set, required};
use super::sku::{has_firewall, tier_name};
use crate::arm::document::{Document, PolicyReference};
use crate::arm::gateway::{FirewallConfiguration, GatewayProperties};
use crate::arm::network::FirewallPolicies;
use crate::violation::{Violations, code};

/// The JSON path of the configuration.
const CONFIGURATION: &str = "properties.webApplicationFirewallConfiguration";

/// Checks the firewall of a gateway. `policies` are the stored policies to which the document refers.
pub(super) fn check(
    document: &Document,
    properties: &GatewayProperties,
    policies: &FirewallPolicies,
    violations: &mut Violations,
) {
    let references = document.policy_references();
    let configuration = properties.web_application_firewall_configuration.as_ref();
    let enabled = configuration.filter(|configuration| configuration.mode().is_some());
    let first = references.first().map(|reference| reference.target.as_str());
    let target = first.or_else(|| enabled.map(|_| CONFIGURATION));
    if let (Some(target), Some(sku)) = (target, properties.sku.as_ref().filter(|sku| !has_firewall(sku))) {
        let (id, tier) = (&document.path, tier_name(sku));
        let message = format!(
            "Application Gateway {id} does not support WebApplicationFirewall with the selected SKU tier {tier}. Use \
             'WAF_v2'."
        );
        violations.push(code::FIREWALL_OF_SKU, target, message);
    }
    if let Some(configuration) = configuration {
        check_configuration(configuration, violations);
    }
    for reference in &references {
        check_reference(reference, policies, violations);
    }
}

fn check_reference(reference: &PolicyReference, policies: &FirewallPolicies, violations: &mut Violations) {
    let PolicyReference { source, target, policy } = reference;
    if policies.get(policy).is_none() {
        let message = format!(
            "Resource {policy} referenced by resource {source} was not found. Please make sure that the referenced \
             resource exists."
        );
        violations.push(code::INVALID_REFERENCE, format!("{target}.id"), message);
    }
}

fn check_configuration(configuration: &FirewallConfiguration, violations: &mut Violations) {
    let at = |property: &str| format!("{CONFIGURATION}.{property}");
    // A configuration that is off needs nothing else.
    if configuration.enabled == Some(true) && configuration.firewall_mode.is_none() {
        required("A web application firewall", &at("firewallMode"), violations);
    }
    let (kind, version) = (configuration.rule_set_type.as_str(), configuration.rule_set_version.as_str());
    let known = check_rule_set((Some(kind), Some(version)), CONFIGURATION, violations);
    for (i, group) in configuration.disabled_rule_groups.iter().enumerate() {
        let target = at(&format!("disabledRuleGroups[{i}]"));
        known.group(group.rule_group_name.as_deref(), &target, violations);
    }
    in_range(configuration.max_request_body_size, 8, 128, &at("maxRequestBodySize"), violations);
    in_range(configuration.max_request_body_size_in_kb, 8, 128, &at("maxRequestBodySizeInKb"), violations);
    in_range(configuration.file_upload_limit_in_mb, 0, 4000, &at("fileUploadLimitInMb"), violations);
    for (i, exclusion) in configuration.exclusions.iter().enumerate() {
        let missing = [
            ("matchVariable", exclusion.match_variable.is_none()),
            ("selectorMatchOperator", exclusion.selector_match_operator.is_none()),
            ("selector", exclusion.selector.is_none()),
        ];
        for (property, _) in missing.into_iter().filter(|(_, missing)| *missing) {
            required("An exclusion", &at(&format!("exclusions[{i}].{property}")), violations);
        }
    }
}
