//! Routing by the path of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, SubResource};

/// Path rules, and the default action for other paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct UrlPathMap {
    /// The pool for other paths. Either this with settings, or a redirect, is required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) default_backend_address_pool: Option<SubResource>,
    /// The backend HTTP settings for other paths.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub(crate) default_backend_http_settings: Option<SubResource>,
    /// The rewrites for other paths.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub(crate) default_rewrite_rule_set: Option<SubResource>,
    /// The redirect for other paths. Excludes a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub(crate) default_redirect_configuration: Option<SubResource>,
    /// The distribution over several pools for other paths, instead of one pool.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub(crate) default_load_distribution_policy: Option<SubResource>,
    /// The rules, in this order; the first match wins. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-members" = true))]
    pub(crate) path_rules: Vec<Member<PathRule>>,
}

/// The action for some paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct PathRule {
    /// Patterns: each begins with `/`, and `*` may only be the last character. Compared with the decoded path
    /// ignoring case. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^/[^*?#]*\*?$")))]
    pub(crate) paths: Vec<String>,
    /// The pool. Either this with settings, or a redirect, is required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) backend_address_pool: Option<SubResource>,
    /// The backend HTTP settings.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub(crate) backend_http_settings: Option<SubResource>,
    /// The redirect. Excludes a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub(crate) redirect_configuration: Option<SubResource>,
    /// The rewrites of requests and responses.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub(crate) rewrite_rule_set: Option<SubResource>,
    /// The distribution over several pools, instead of one pool.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub(crate) load_distribution_policy: Option<SubResource>,
    /// The web application firewall policy of these paths, which must exist, in place of that of the listener. No
    /// worker inspects requests yet.
    pub(crate) firewall_policy: Option<SubResource>,
}
