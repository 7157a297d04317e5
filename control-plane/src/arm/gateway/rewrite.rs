//! Rewrites of requests and responses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rewrite rules that are applied together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RewriteRuleSet {
    /// The rules. They have names but are not resources.
    pub(crate) rewrite_rules: Vec<RewriteRule>,
}

/// Conditions, and the changes to make if they hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RewriteRule {
    /// A name: any text.
    pub(crate) name: Option<String>,
    /// The order of execution: 1 to 1000, lower first; rules without a number are last.
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) rule_sequence: Option<i64>,
    /// The conditions, all of which must hold. Without conditions the rule always applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub(crate) conditions: Vec<RewriteCondition>,
    /// The changes. Required.
    pub(crate) action_set: Option<RewriteActionSet>,
}

/// A condition on a header or server variable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RewriteCondition {
    /// The variable: `http_req_{header}`, `http_resp_{header}` or `var_{server variable}`. Required.
    pub(crate) variable: Option<String>,
    /// The regular expression to match. Required.
    pub(crate) pattern: Option<String>,
    /// True if case is ignored. `false` if absent.
    pub(crate) ignore_case: Option<bool>,
    /// True if the condition holds if the pattern does not match. `false` if absent.
    pub(crate) negate: Option<bool>,
}

/// The changes of a rewrite rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RewriteActionSet {
    /// Request headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub(crate) request_header_configurations: Vec<HeaderConfiguration>,
    /// Response headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub(crate) response_header_configurations: Vec<HeaderConfiguration>,
    /// Path and query of the request.
    pub(crate) url_configuration: Option<UrlConfiguration>,
}

/// A change of one header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HeaderConfiguration {
    /// The name of the header. Required.
    pub(crate) header_name: Option<String>,
    /// Selects one of several headers of that name, for `Set-Cookie` in responses.
    pub(crate) header_value_matcher: Option<HeaderValueMatcher>,
    /// The new value, with `{…}` for variables and captures of conditions. The header is removed if the result
    /// is empty.
    pub(crate) header_value: Option<String>,
}

/// Selects among several headers of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct HeaderValueMatcher {
    /// The regular expression to match the value. Required.
    pub(crate) pattern: Option<String>,
    /// True if case is ignored. `false` if absent.
    pub(crate) ignore_case: Option<bool>,
    /// True if headers that do not match are selected. `false` if absent.
    pub(crate) negate: Option<bool>,
}

/// The new path and query of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct UrlConfiguration {
    /// The path, with `{…}` as in headers. Unchanged if absent.
    pub(crate) modified_path: Option<String>,
    /// The query, with `{…}` as in headers. Unchanged if absent, removed if empty.
    pub(crate) modified_query_string: Option<String>,
    /// True if the path map is evaluated again with the new path. `false` if absent.
    pub(crate) reroute: Option<bool>,
}
