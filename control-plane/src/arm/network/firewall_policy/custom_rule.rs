//! The rules of a policy that its owner writes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::PolicyState;

/// A rule of the owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["skippedManagedRuleSets"]))]
pub(crate) struct CustomRule {
    /// The name, unique within the policy. At most 128 characters.
    #[schemars(length(max = 128))]
    pub(crate) name: Option<String>,
    /// The place in the order of rules, 1 to 100, unique within the policy. Rules with a lower value come
    /// first. Required.
    #[schemars(range(min = 1, max = 100))]
    pub(crate) priority: Option<i64>,
    /// The state of the rule.
    pub(crate) state: PolicyState,
    /// The kind of rule. Required.
    pub(crate) rule_type: Option<RuleType>,
    /// The conditions, all of which must hold. Clients may add them after the rule.
    pub(crate) match_conditions: Vec<MatchCondition>,
    /// The action for a request that matches. Required.
    pub(crate) action: Option<CustomRuleAction>,
    /// The period in which requests are counted. Required for `RateLimitRule`.
    pub(crate) rate_limit_duration: Option<RateLimitDuration>,
    /// The number of requests in the period, at least 1. Required for `RateLimitRule`.
    #[schemars(range(min = 1))]
    pub(crate) rate_limit_threshold: Option<i64>,
    /// The property that requests which are counted together have in common.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) group_by_user_session: Vec<GroupByUserSession>,
    /// An entity tag of Azure.
    #[schemars(extend("readOnly" = true))]
    pub(crate) etag: Option<String>,
}

impl Default for CustomRule {
    fn default() -> CustomRule {
        CustomRule {
            name: None,
            priority: None,
            state: PolicyState::Enabled,
            rule_type: None,
            match_conditions: Vec::new(),
            action: None,
            rate_limit_duration: None,
            rate_limit_threshold: None,
            group_by_user_session: Vec::new(),
            etag: None,
        }
    }
}

/// The kind of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RuleType {
    /// Matches each request by itself.
    MatchRule,
    /// Matches requests above a rate.
    RateLimitRule,
    /// A value that Azure accepts.
    Invalid,
}

/// The action for a request that matches a rule.
#[expect(clippy::upper_case_acronyms, reason = "the official names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum CustomRuleAction {
    Allow,
    Block,
    Log,
    JSChallenge,
    CAPTCHA,
}

/// The period in which requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RateLimitDuration {
    OneMin,
    FiveMins,
}

/// The property that requests which are counted together have in common.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GroupByUserSession {
    /// The variables. At least one.
    #[schemars(length(min = 1))]
    pub(crate) group_by_variables: Vec<GroupByVariable>,
}

/// A variable by which requests are counted together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GroupByVariable {
    /// The variable. Required.
    pub(crate) variable_name: Option<SessionVariable>,
}

/// A property of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SessionVariable {
    ClientAddr,
    GeoLocation,
    None,
    ClientAddrXFFHeader,
    GeoLocationXFFHeader,
}

/// A condition of a rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MatchCondition {
    /// The parts of the request, one of which must match. At least one.
    #[schemars(length(min = 1))]
    pub(crate) match_variables: Vec<MatchVariable>,
    /// The comparison. Required.
    pub(crate) operator: Option<MatchOperator>,
    /// True if the condition holds for requests that do not match. The name is Azure's.
    pub(crate) negation_conditon: bool,
    /// The values, one of which must match. Required except for `Any`.
    pub(crate) match_values: Vec<String>,
    /// The changes of the part of the request before the comparison.
    pub(crate) transforms: Vec<Transform>,
}

/// A part of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct MatchVariable {
    /// The part. Required.
    pub(crate) variable_name: Option<VariableName>,
    /// The name of one entry, if the part has several.
    pub(crate) selector: Option<String>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum VariableName {
    RemoteAddr,
    RequestMethod,
    QueryString,
    PostArgs,
    RequestUri,
    RequestHeaders,
    RequestBody,
    RequestCookies,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum MatchOperator {
    IPMatch,
    Equal,
    Contains,
    LessThan,
    GreaterThan,
    LessThanOrEqual,
    GreaterThanOrEqual,
    BeginsWith,
    EndsWith,
    Regex,
    GeoMatch,
    Any,
}

/// A change of a part of a request before its comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Transform {
    Uppercase,
    Lowercase,
    Trim,
    UrlDecode,
    UrlEncode,
    RemoveNulls,
    HtmlEntityDecode,
}
