//! The properties of a web application firewall policy. They are checked, stored and returned; no worker
//! inspects requests yet, and [`crate::protection`] decides about gateways that rely on it.
//!
//! The defaults are those that Azure's responses contain.

pub(crate) mod custom_rule;
pub(crate) mod managed_rules;

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::path::NetworkPath;
use super::read;
use crate::arm::firewall_rule_sets;
use crate::arm::gateway::{FirewallMode, SubResource};
use crate::arm::shape::Shape;
use crate::violation::Violations;

pub(crate) use custom_rule::{CustomRule, MatchCondition, MatchOperator, RuleType};
pub(crate) use managed_rules::{ManagedRules, RuleSetScope};

static SHAPE: LazyLock<Shape> = LazyLock::new(Shape::of::<FirewallPolicy>);

/// The body of a web application firewall policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FirewallPolicy {
    /// The region. Required.
    pub(crate) location: Option<String>,
    /// Labels chosen by the owner.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// The properties specific to a policy.
    pub(crate) properties: FirewallPolicyProperties,
}

/// The properties of a web application firewall policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["resourceGuid"]))]
pub(crate) struct FirewallPolicyProperties {
    /// The settings of the policy as a whole. A policy without them is `Disabled`.
    pub(crate) policy_settings: Option<PolicySettings>,
    /// The rules of the owner, at most 100.
    #[schemars(length(max = 100))]
    pub(crate) custom_rules: Vec<CustomRule>,
    /// The rule sets of the service. Required.
    pub(crate) managed_rules: Option<ManagedRules>,
    /// `Enabled` or `Disabled`, as in the settings.
    #[schemars(extend("readOnly" = true))]
    pub(crate) resource_state: Option<PolicyState>,
    /// The gateways that refer to the policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) application_gateways: Vec<SubResource>,
    /// The listeners that refer to the policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) http_listeners: Vec<SubResource>,
    /// The path rules that refer to the policy.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) path_based_rules: Vec<SubResource>,
    /// Always empty: application gateways for containers are not served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) application_gateway_for_containers: Vec<SubResource>,
}

/// The state of a policy, of a rule or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum PolicyState {
    Disabled,
    Enabled,
}

/// The settings of a policy as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PolicySettings {
    /// The state of the policy. `Enabled` if the settings are given without it.
    pub(crate) state: Option<PolicyState>,
    /// The action for a request that matches.
    pub(crate) mode: FirewallMode,
    /// True if request bodies are inspected.
    pub(crate) request_body_check: bool,
    /// The part of a request body that is inspected, 0 to 2000 KiB. 128 for the rule sets from OWASP 3.2 on;
    /// older ones do not have it.
    #[serde(rename = "requestBodyInspectLimitInKB")]
    #[schemars(range(min = 0, max = 2000))]
    pub(crate) request_body_inspect_limit_in_kb: Option<i64>,
    /// True if larger request bodies are rejected. `true` for the rule sets from OWASP 3.2 on; older ones do
    /// not have it.
    pub(crate) request_body_enforcement: Option<bool>,
    /// The maximum size of a request body without file uploads, 8 to 2000 KiB.
    #[schemars(range(min = 8, max = 2000))]
    pub(crate) max_request_body_size_in_kb: i64,
    /// True if larger file uploads are rejected. `true` for the rule sets from OWASP 3.2 on; older ones do
    /// not have it.
    pub(crate) file_upload_enforcement: Option<bool>,
    /// The maximum size of a file upload, 0 to 4000 MiB.
    #[schemars(range(min = 0, max = 4000))]
    pub(crate) file_upload_limit_in_mb: i64,
    /// The status of the response to a blocked request, 0 to 999. 403 if absent.
    #[schemars(range(min = 0, max = 999))]
    pub(crate) custom_block_response_status_code: Option<i64>,
    /// The body of the response to a blocked request: Base64, at most 32768 characters.
    #[schemars(length(max = 32768))]
    pub(crate) custom_block_response_body: Option<String>,
    /// The parts that are removed from the log.
    pub(crate) log_scrubbing: Option<LogScrubbing>,
    /// The validity of a passed JavaScript challenge, 5 to 1440 minutes.
    #[schemars(range(min = 5, max = 1440))]
    pub(crate) js_challenge_cookie_expiration_in_mins: Option<i64>,
    /// The validity of a passed CAPTCHA, 5 to 1440 minutes.
    #[schemars(range(min = 5, max = 1440))]
    pub(crate) captcha_expiration_in_mins: Option<i64>,
}

impl Default for PolicySettings {
    fn default() -> PolicySettings {
        PolicySettings {
            state: None,
            mode: FirewallMode::Detection,
            request_body_check: true,
            request_body_inspect_limit_in_kb: None,
            request_body_enforcement: None,
            max_request_body_size_in_kb: 128,
            file_upload_enforcement: None,
            file_upload_limit_in_mb: 100,
            custom_block_response_status_code: None,
            custom_block_response_body: None,
            log_scrubbing: None,
            js_challenge_cookie_expiration_in_mins: None,
            captcha_expiration_in_mins: None,
        }
    }
}

/// The parts that are removed from the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct LogScrubbing {
    /// The state of the removal.
    pub(crate) state: PolicyState,
    /// The values to remove.
    pub(crate) scrubbing_rules: Vec<ScrubbingRule>,
}

impl Default for LogScrubbing {
    fn default() -> LogScrubbing {
        LogScrubbing { state: PolicyState::Enabled, scrubbing_rules: Vec::new() }
    }
}

/// Values that are removed from the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ScrubbingRule {
    /// The state of the rule.
    pub(crate) state: PolicyState,
    /// The kind of value. Required.
    pub(crate) match_variable: Option<ScrubbedVariable>,
    /// The comparison of names with the selector. Required.
    pub(crate) selector_match_operator: Option<ScrubbingOperator>,
    /// The name of the value.
    pub(crate) selector: Option<String>,
}

impl Default for ScrubbingRule {
    fn default() -> ScrubbingRule {
        ScrubbingRule {
            state: PolicyState::Enabled,
            match_variable: None,
            selector_match_operator: None,
            selector: None,
        }
    }
}

/// A kind of value that can be removed from the log.
#[expect(clippy::enum_variant_names, reason = "the official names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ScrubbedVariable {
    RequestHeaderNames,
    RequestCookieNames,
    RequestArgNames,
    RequestPostArgNames,
    RequestJSONArgNames,
    RequestIPAddress,
}

/// The comparison of a name in the log with a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ScrubbingOperator {
    Equals,
    EqualsAny,
}

impl FirewallPolicy {
    /// Returns the canonical form of a body as sent. Anything but an object is a violation and read as an
    /// empty object.
    pub(crate) fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
        let mut body = read::<FirewallPolicy>(body, &SHAPE, violations);
        let modern = FirewallPolicy::typed(&body).has_modern_rule_set();
        if let Some(Value::Object(properties)) = body.get_mut("properties") {
            let given = properties.contains_key("policySettings");
            let absent = json!(PolicySettings::default());
            let settings = properties.entry("policySettings").or_insert(absent);
            if let Value::Object(settings) = settings {
                fill(settings, given, modern);
            }
        }
        body
    }

    /// Deserializes a canonical body.
    pub(crate) fn typed(body: &Map<String, Value>) -> FirewallPolicy {
        serde_json::from_value(Value::Object(body.clone())).unwrap_or_default()
    }

    /// Returns whether the policy has a rule set with the settings of OWASP 3.2.
    pub(crate) fn has_modern_rule_set(&self) -> bool {
        let sets = self.properties.managed_rules.iter().flat_map(|rules| &rules.managed_rule_sets);
        sets.filter_map(|set| firewall_rule_sets::find(set.kind()?, set.version()?))
            .any(|set| set.is_modern())
    }

    /// Returns the mode in which the policy is in force; `None` if it is disabled.
    pub(crate) fn mode(&self) -> Option<FirewallMode> {
        let settings = self.properties.policy_settings.as_ref()?;
        (settings.state == Some(PolicyState::Enabled)).then_some(settings.mode)
    }
}

/// Fills in the defaults that depend on other properties.
fn fill(settings: &mut Map<String, Value>, given: bool, modern: bool) {
    settings.retain(|_, value| !value.is_null());
    settings.entry("state").or_insert_with(|| if given { "Enabled" } else { "Disabled" }.into());
    if modern {
        settings.entry("requestBodyInspectLimitInKB").or_insert_with(|| 128.into());
        settings.entry("requestBodyEnforcement").or_insert(Value::Bool(true));
        settings.entry("fileUploadEnforcement").or_insert(Value::Bool(true));
    }
}

/// The facts about a stored policy that a gateway depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PolicyFacts {
    /// The mode in which the policy is in force; `None` if it is disabled.
    pub(crate) mode: Option<FirewallMode>,
}

impl PolicyFacts {
    /// Extracts the facts from a canonical body.
    pub(crate) fn of(body: &Map<String, Value>) -> PolicyFacts {
        PolicyFacts { mode: FirewallPolicy::typed(body).mode() }
    }
}

/// The stored policies to which a gateway refers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FirewallPolicies(HashMap<String, PolicyFacts>);

impl FirewallPolicies {
    /// Adds a policy.
    pub(crate) fn insert(&mut self, path: &NetworkPath, policy: PolicyFacts) {
        self.0.insert(path.key(), policy);
    }

    /// Finds a policy by resource ID.
    pub(crate) fn get(&self, id: &str) -> Option<PolicyFacts> {
        self.0.get(&NetworkPath::parse(id)?.key()).copied()
    }
}

#[cfg(test)]
mod tests;
