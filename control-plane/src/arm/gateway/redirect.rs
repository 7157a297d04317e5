//! Where clients are sent instead of being served.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubResource;

/// A redirect: to a listener of the same gateway, or to a URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct RedirectConfiguration {
    /// The status that clients get. Required.
    pub redirect_type: Option<RedirectType>,
    /// The listener that takes the request instead. This or `targetUrl` is required.
    #[schemars(extend("x-refers-to" = "httpListeners"))]
    pub target_listener: Option<SubResource>,
    /// The absolute URL to go to.
    pub target_url: Option<String>,
    /// Whether the request's path goes along; it does not when absent.
    pub include_path: Option<bool>,
    /// Whether the request's query goes along; it does not when absent.
    pub include_query_string: Option<bool>,
}

/// The status of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RedirectType {
    /// 301.
    Permanent,
    /// 302.
    Found,
    /// 303.
    SeeOther,
    /// 307.
    Temporary,
}
