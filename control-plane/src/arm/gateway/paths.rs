//! Routing by the path of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, SubResource};

/// Path rules, and the default action for other paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct UrlPathMap {
    /// The pool for other paths. Either this with settings, or a redirect, is required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub default_backend_address_pool: Option<SubResource>,
    /// The backend HTTP settings for other paths.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub default_backend_http_settings: Option<SubResource>,
    /// The rewrites for other paths.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub default_rewrite_rule_set: Option<SubResource>,
    /// The redirect for other paths. Excludes a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub default_redirect_configuration: Option<SubResource>,
    /// The distribution over several pools for other paths, instead of one pool.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub default_load_distribution_policy: Option<SubResource>,
    /// The rules, in this order; the first match wins. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-members" = true))]
    pub path_rules: Vec<Member<PathRule>>,
}

/// The action for some paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PathRule {
    /// Patterns: each begins with `/`, and `*` may only be the last character. Compared with the decoded path
    /// ignoring case. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^/[^*?#]*\*?$")))]
    pub paths: Vec<String>,
    /// The pool. Either this with settings, or a redirect, is required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
    /// The backend HTTP settings.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub backend_http_settings: Option<SubResource>,
    /// The redirect. Excludes a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub redirect_configuration: Option<SubResource>,
    /// The rewrites of requests and responses.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub rewrite_rule_set: Option<SubResource>,
    /// The distribution over several pools, instead of one pool.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub load_distribution_policy: Option<SubResource>,
    /// Not supported yet.
    #[schemars(extend("x-not-served" = "The web application firewall is not supported; leave it out."))]
    pub firewall_policy: Option<SubResource>,
}
