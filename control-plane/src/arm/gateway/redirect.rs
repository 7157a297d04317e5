//! Redirects of clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubResource;

/// A redirect to a listener of the same gateway, or to a URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["requestRoutingRules", "urlPathMaps", "pathRules"]))]
pub(crate) struct RedirectConfiguration {
    /// The status of the response. Required.
    pub(crate) redirect_type: Option<RedirectType>,
    /// The listener to which the client is redirected. Either this or `targetUrl` is required.
    #[schemars(extend("x-refers-to" = "httpListeners"))]
    pub(crate) target_listener: Option<SubResource>,
    /// The absolute URL to which the client is redirected.
    pub(crate) target_url: Option<String>,
    /// True if the path of the request is appended. `false` if absent.
    pub(crate) include_path: Option<bool>,
    /// True if the query of the request is appended. `false` if absent.
    pub(crate) include_query_string: Option<bool>,
}

/// The status of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum RedirectType {
    /// 301.
    Permanent,
    /// 302.
    Found,
    /// 303.
    SeeOther,
    /// 307.
    Temporary,
}
