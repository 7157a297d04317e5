//! The web application firewall of a gateway without a policy. Checked, stored and returned; no worker
//! inspects requests yet, and [`crate::protection`] decides about gateways that rely on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The configuration of a gateway's own firewall, which Azure has replaced by policies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FirewallConfiguration {
    /// True if requests are inspected. Required.
    pub(crate) enabled: Option<bool>,
    /// The action for a request that matches. Required.
    pub(crate) firewall_mode: Option<FirewallMode>,
    /// The type of the rule set. `OWASP` if absent.
    pub(crate) rule_set_type: String,
    /// The version of the rule set, such as `3.2`. `3.0` if absent, as in documents of api-versions before
    /// 2017-03-01, which do not have the property.
    pub(crate) rule_set_version: String,
    /// The rules that are not applied.
    pub(crate) disabled_rule_groups: Vec<DisabledRuleGroup>,
    /// True if request bodies are inspected.
    pub(crate) request_body_check: bool,
    /// The maximum size of a request body, 8 to 128 KiB: the older name of `maxRequestBodySizeInKb`.
    #[schemars(range(min = 8, max = 128))]
    pub(crate) max_request_body_size: Option<i64>,
    /// The maximum size of a request body without file uploads, 8 to 128 KiB.
    #[schemars(range(min = 8, max = 128))]
    pub(crate) max_request_body_size_in_kb: Option<i64>,
    /// The maximum size of a file upload, 0 to 4000 MiB.
    #[schemars(range(min = 0, max = 4000))]
    pub(crate) file_upload_limit_in_mb: Option<i64>,
    /// The parts of requests that are not inspected.
    pub(crate) exclusions: Vec<FirewallExclusion>,
}

impl Default for FirewallConfiguration {
    fn default() -> FirewallConfiguration {
        FirewallConfiguration {
            enabled: None,
            firewall_mode: None,
            rule_set_type: "OWASP".to_owned(),
            rule_set_version: "3.0".to_owned(),
            disabled_rule_groups: Vec::new(),
            request_body_check: true,
            max_request_body_size: None,
            max_request_body_size_in_kb: None,
            file_upload_limit_in_mb: None,
            exclusions: Vec::new(),
        }
    }
}

impl FirewallConfiguration {
    /// Returns the mode in which the firewall is in force; `None` if it is disabled.
    pub(crate) fn mode(&self) -> Option<FirewallMode> {
        self.firewall_mode.filter(|_| self.enabled == Some(true))
    }
}

/// The action of a firewall for a request that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub(crate) enum FirewallMode {
    /// The request is logged and forwarded.
    Detection,
    /// The request is logged and rejected.
    Prevention,
}

/// The rules of a group that are not applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct DisabledRuleGroup {
    /// The name of the group. Required.
    pub(crate) rule_group_name: Option<String>,
    /// The numbers of the rules. All of the group if absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rules: Vec<i64>,
}

/// A part of requests that is not inspected.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct FirewallExclusion {
    /// The kind of part, such as `RequestHeaderNames`. Required.
    pub(crate) match_variable: Option<String>,
    /// The comparison of names with the selector, such as `Equals`. Required.
    pub(crate) selector_match_operator: Option<String>,
    /// The name of the part. Required.
    pub(crate) selector: Option<String>,
}
