//! Request routing rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubResource;

/// The action for requests of a listener.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RequestRoutingRule {
    /// The kind of rule: the same action for every request, or by path.
    pub(crate) rule_type: RuleType,
    /// The priority: 1, evaluated first, to 20000; unique. Required from api-version 2021-08-01 on, filled in
    /// before.
    #[schemars(range(min = 1, max = 20000))]
    pub(crate) priority: Option<i64>,
    /// The listener. Required; a listener has at most one rule.
    #[schemars(extend("x-refers-to" = "httpListeners"))]
    pub(crate) http_listener: Option<SubResource>,
    /// The pool. Either this with settings, or a redirect, is required of a basic rule; has no effect in
    /// others.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) backend_address_pool: Option<SubResource>,
    /// The backend HTTP settings.
    #[schemars(extend("x-refers-to" = "backendHttpSettingsCollection"))]
    pub(crate) backend_http_settings: Option<SubResource>,
    /// The actions by path. Required of a path-based rule.
    #[schemars(extend("x-refers-to" = "urlPathMaps"))]
    pub(crate) url_path_map: Option<SubResource>,
    /// The redirect. Excludes a pool.
    #[schemars(extend("x-refers-to" = "redirectConfigurations"))]
    pub(crate) redirect_configuration: Option<SubResource>,
    /// The rewrites of requests and responses of a basic rule.
    #[schemars(extend("x-refers-to" = "rewriteRuleSets"))]
    pub(crate) rewrite_rule_set: Option<SubResource>,
    /// The distribution over several pools, instead of one pool.
    #[schemars(extend("x-refers-to" = "loadDistributionPolicies"))]
    pub(crate) load_distribution_policy: Option<SubResource>,
    /// Not supported yet.
    #[schemars(extend("x-not-served" = ""))]
    #[serde(rename = "entraJWTValidationConfig")]
    pub(crate) entra_jwt_validation_config: Option<SubResource>,
}

/// The way in which a rule selects its action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RuleType {
    /// The same action for every request.
    #[default]
    Basic,
    /// The action of the path map for the request's path.
    PathBasedRouting,
}
