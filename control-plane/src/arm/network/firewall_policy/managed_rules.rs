//! The rule sets of a policy that the service maintains, and the owner's changes of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PolicyState;

/// The rule sets of a policy, and what they do not apply to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ManagedRules {
    /// The rule sets. `applicationGatewayAvailableWafRuleSets` lists the available ones.
    pub(crate) managed_rule_sets: Vec<ManagedRuleSet>,
    /// The parts of requests that are not inspected.
    pub(crate) exclusions: Vec<Exclusion>,
    /// The requests that are not inspected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exceptions: Vec<Exception>,
}

/// A rule set with the owner's changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ManagedRuleSet {
    /// The type, such as `OWASP`. Required.
    pub(crate) rule_set_type: Option<String>,
    /// The version, such as `3.2`. Required.
    pub(crate) rule_set_version: Option<String>,
    /// The changes of rules.
    pub(crate) rule_group_overrides: Vec<RuleGroupOverride>,
    /// The rules that are disabled in the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) computed_disabled_rules: Vec<DisabledRules>,
}

/// The disabled rules of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DisabledRules {
    /// The name of the group.
    pub(crate) rule_group_name: Option<String>,
    /// The numbers of the rules.
    pub(crate) rules: Vec<String>,
}

/// The changes of the rules of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleGroupOverride {
    /// The name of the group. Required.
    pub(crate) rule_group_name: Option<String>,
    /// The changes of single rules. Without them, all rules of the group are disabled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RuleOverride>,
}

/// The change of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleOverride {
    /// The number of the rule. Required.
    pub(crate) rule_id: Option<String>,
    /// The state of the rule.
    pub(crate) state: PolicyState,
    /// The action for a request that matches. That of the rule if absent.
    pub(crate) action: Option<RuleAction>,
    /// The sensitivity of the rule, for the rule set against HTTP floods.
    pub(crate) sensitivity: Option<Sensitivity>,
}

impl Default for RuleOverride {
    fn default() -> RuleOverride {
        RuleOverride { rule_id: None, state: PolicyState::Disabled, action: None, sensitivity: None }
    }
}

/// The action for a request that matches a rule of a rule set.
#[expect(clippy::upper_case_acronyms, reason = "the official names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RuleAction {
    AnomalyScoring,
    Allow,
    Block,
    Log,
    JSChallenge,
    CAPTCHA,
}

/// The sensitivity of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Sensitivity {
    Low,
    Medium,
    High,
}

/// A part of requests that is not inspected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Exclusion {
    /// The kind of part. Required.
    pub(crate) match_variable: Option<ExcludedVariable>,
    /// The comparison of names with the selector. Required.
    pub(crate) selector_match_operator: Option<ExclusionOperator>,
    /// The name of the part. Required.
    pub(crate) selector: Option<String>,
    /// The rule sets that do not inspect the part. All if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exclusion_managed_rule_sets: Vec<RuleSetScope>,
}

/// A kind of part that can be excluded.
#[expect(clippy::enum_variant_names, reason = "the official names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ExcludedVariable {
    RequestHeaderNames,
    RequestCookieNames,
    RequestArgNames,
    RequestHeaderKeys,
    RequestHeaderValues,
    RequestCookieKeys,
    RequestCookieValues,
    RequestArgKeys,
    RequestArgValues,
}

/// The comparison of a name with a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ExclusionOperator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    EqualsAny,
}

/// The part of a rule set to which an exclusion or exception is limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleSetScope {
    /// The type, such as `OWASP`. Required.
    pub(crate) rule_set_type: Option<String>,
    /// The version, such as `3.2`. Required.
    pub(crate) rule_set_version: Option<String>,
    /// The groups. All if absent.
    pub(crate) rule_groups: Vec<RuleGroupScope>,
}

/// The rules of a group to which an exclusion or exception is limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleGroupScope {
    /// The name of the group. Required.
    pub(crate) rule_group_name: Option<String>,
    /// The rules. All of the group if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<RuleScope>,
}

/// A rule to which an exclusion or exception is limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RuleScope {
    /// The number of the rule. Required.
    pub(crate) rule_id: Option<String>,
}

/// Requests that are not inspected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Exception {
    /// The part of the request that decides. Required.
    pub(crate) match_variable: Option<ExceptionVariable>,
    /// The values, one of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    /// The comparison with the values. Required.
    pub(crate) value_match_operator: Option<ExceptionOperator>,
    /// The comparison of the names of headers with the selector.
    pub(crate) selector_match_operator: Option<SelectorOperator>,
    /// The name of the header.
    pub(crate) selector: Option<String>,
    /// The rule sets that do not inspect the request. All if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) exception_managed_rule_sets: Vec<RuleSetScope>,
}

/// The part of a request that decides about an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ExceptionVariable {
    RequestURI,
    RemoteAddr,
    RequestHeader,
}

/// The comparison of a part of a request with the values of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ExceptionOperator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    IPMatch,
}

/// The comparison of the name of a header with a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SelectorOperator {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

impl ManagedRuleSet {
    /// The type, if given.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.rule_set_type.as_deref()
    }

    /// The version, if given.
    pub(crate) fn version(&self) -> Option<&str> {
        self.rule_set_version.as_deref()
    }
}
