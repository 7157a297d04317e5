//! The lists of rule sets of the web application firewall.

#![expect(dead_code, reason = "only the schemas are of use")]

use schemars::JsonSchema;

/// The rule sets of the web application firewall.
#[derive(JsonSchema)]
pub(crate) struct FirewallRuleSets {
    /// The rule sets.
    value: Vec<FirewallRuleSet>,
}

/// A rule set.
#[derive(JsonSchema)]
struct FirewallRuleSet {
    /// The name: type and version.
    name: String,
    /// The resource ID, with empty segments as in Azure.
    id: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The content.
    properties: FirewallRuleSetProperties,
}

/// The content of a rule set.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct FirewallRuleSetProperties {
    /// Always `Succeeded`.
    provisioning_state: String,
    /// The type.
    rule_set_type: String,
    /// The version.
    rule_set_version: String,
    /// The groups.
    rule_groups: Vec<FirewallRuleGroup>,
    /// The tiers of gateways that support it.
    tiers: Vec<String>,
}

/// A group of rules.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct FirewallRuleGroup {
    /// The name.
    rule_group_name: String,
    /// Always empty.
    description: String,
    /// The rules.
    rules: Vec<FirewallRule>,
}

/// A rule.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct FirewallRule {
    /// The number.
    rule_id: i32,
    /// The number as text.
    rule_id_string: String,
    /// `Enabled` or `Disabled` by default.
    state: String,
    /// The action for a request that matches, if Azure publishes it.
    #[schemars(default)]
    action: Option<String>,
}

/// The manifests of the rule sets of a region.
#[derive(JsonSchema)]
pub(crate) struct FirewallManifests {
    /// The manifests: one.
    value: Vec<FirewallManifest>,
}

/// The manifest of the rule sets of a region.
#[derive(JsonSchema)]
pub(crate) struct FirewallManifest {
    /// The name.
    name: String,
    /// The resource ID.
    id: String,
    /// The resource type.
    #[schemars(rename = "type")]
    kind: String,
    /// The content.
    properties: FirewallManifestProperties,
}

/// The content of a manifest.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct FirewallManifestProperties {
    /// The rule set for new policies.
    default_rule_set: DefaultRuleSet,
    /// The rule sets.
    available_rule_sets: Vec<ManifestRuleSet>,
}

/// A type and a version.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct DefaultRuleSet {
    /// The type.
    rule_set_type: String,
    /// The version.
    rule_set_version: String,
}

/// A rule set of a manifest.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase")]
struct ManifestRuleSet {
    /// The type.
    rule_set_type: String,
    /// The version.
    rule_set_version: String,
    /// `Preview`, `GA`, `Supported` or `Deprecated`.
    status: String,
    /// The tiers of gateways that support it.
    tiers: Vec<String>,
    /// The groups.
    rule_groups: Vec<FirewallRuleGroup>,
}
