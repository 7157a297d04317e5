//! What becomes of a request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubResource;

/// Says what becomes of a listener's requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RequestRoutingRule {
    /// How it finds out what becomes of a request.
    pub rule_type: RuleType,
    /// 1, tried first, to 20000; unique. Required from api-version 2021-08-01 on, filled in before.
    #[schemars(range(min = 1, max = 20000))]
    pub priority: Option<i64>,
    /// Whose requests. Required; a listener has one rule at most.
    #[schemars(extend("x-refers-to" = "httpListeners"))]
    pub http_listener: Option<SubResource>,
    /// Where they go. This and settings, or a redirect, are required of a basic rule; without effect in others.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
    /// How they get there.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub backend_http_settings: Option<SubResource>,
    /// What becomes of them by their path. Required of a path-based rule.
    #[schemars(extend("x-refers-to" = "urlPathMaps"))]
    pub url_path_map: Option<SubResource>,
    /// Where their clients are sent instead. Not together with a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub redirect_configuration: Option<SubResource>,
    /// What is changed in requests and responses of a basic rule.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub rewrite_rule_set: Option<SubResource>,
    /// How requests are spread over several pools, in the place of one.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub load_distribution_policy: Option<SubResource>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    #[serde(rename = "entraJWTValidationConfig")]
    pub entra_jwt_validation_config: Option<SubResource>,
}

/// How a rule finds what to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RuleType {
    /// It is the same for every request.
    #[default]
    Basic,
    /// By the request's path.
    PathBasedRouting,
}
