//! Routing by the path of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Member, SubResource};

/// Path rules, and what becomes of a path that none of them matches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct UrlPathMap {
    /// Where all other paths go. This and settings, or a redirect, are required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub default_backend_address_pool: Option<SubResource>,
    /// How they get there.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub default_backend_http_settings: Option<SubResource>,
    /// What is changed in their requests and responses.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub default_rewrite_rule_set: Option<SubResource>,
    /// Where their clients are sent instead. Not together with a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub default_redirect_configuration: Option<SubResource>,
    /// How they are spread over several pools, in the place of one.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub default_load_distribution_policy: Option<SubResource>,
    /// Tried in this order; the first that matches decides. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-members" = true))]
    pub path_rules: Vec<Member<PathRule>>,
}

/// What becomes of some paths.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct PathRule {
    /// Patterns: each begins with `/`, and a `*` may only be its last character. Compared with the decoded path,
    /// without regard to case. Required.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = r"^/[^*?#]*\*?$")))]
    pub paths: Vec<String>,
    /// Where their requests go. This and settings, or a redirect, are required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
    /// How they get there.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub backend_http_settings: Option<SubResource>,
    /// Where clients are sent instead. Not together with a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub redirect_configuration: Option<SubResource>,
    /// What is changed in requests and responses.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub rewrite_rule_set: Option<SubResource>,
    /// How requests are spread over several pools, in the place of one.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub load_distribution_policy: Option<SubResource>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out."))]
    pub firewall_policy: Option<SubResource>,
}
