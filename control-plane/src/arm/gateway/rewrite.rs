//! What is changed in requests and responses on their way.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rewrite rules that are applied together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteRuleSet {
    /// The rules. They have names, but are no resources of their own.
    pub rewrite_rules: Vec<RewriteRule>,
}

/// What to change, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteRule {
    /// What it is called. Any text.
    pub name: Option<String>,
    /// Rules with a smaller number go first, those without one last. 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub rule_sequence: Option<i64>,
    /// All of them must hold; none, and the rule always applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub conditions: Vec<RewriteCondition>,
    /// What to change. Required.
    pub action_set: Option<RewriteActionSet>,
}

/// Something that must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteCondition {
    /// What is looked at: `http_req_{header}`, `http_resp_{header}` or `var_{server variable}`. Required.
    pub variable: Option<String>,
    /// The regular expression that must match it. Required.
    pub pattern: Option<String>,
    /// Whether case does not count; it does when absent.
    pub ignore_case: Option<bool>,
    /// Whether the pattern must not match.
    pub negate: Option<bool>,
}

/// What to change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RewriteActionSet {
    /// Headers of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub request_header_configurations: Vec<HeaderConfiguration>,
    /// Headers of the response.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40))]
    pub response_header_configurations: Vec<HeaderConfiguration>,
    /// Path and query of the request.
    pub url_configuration: Option<UrlConfiguration>,
}

/// A header, and what becomes of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HeaderConfiguration {
    /// Its name. Required.
    pub header_name: Option<String>,
    /// Which of several headers of that name, for `Set-Cookie` in responses.
    pub header_value_matcher: Option<HeaderValueMatcher>,
    /// Its new value, with `{…}` for variables and for what conditions have captured; the header goes when that comes
    /// to nothing.
    pub header_value: Option<String>,
}

/// Which of several headers with one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct HeaderValueMatcher {
    /// The regular expression that must match its value. Required.
    pub pattern: Option<String>,
    /// Whether case does not count; it does when absent.
    pub ignore_case: Option<bool>,
    /// Whether the pattern must not match.
    pub negate: Option<bool>,
}

/// The new path and query of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct UrlConfiguration {
    /// The path, with `{…}` as in headers; unchanged when absent.
    pub modified_path: Option<String>,
    /// The query, with `{…}` as in headers; unchanged when absent, gone when empty.
    pub modified_query_string: Option<String>,
    /// Whether the path map is asked again with the new path; it is not when absent.
    pub reroute: Option<bool>,
}
