//! The properties of a gateway and its children, as types: the one description of each.
//!
//! Reading ([`super::normalize`]), defaults, compiling and the published schema all follow from them. Every property
//! may be absent, so every type has a default, and the defaults are those that the official service fills in.
//! Numbers are wide here; their ranges are the compiler's business.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod backend;
mod frontend;
mod load_distribution;
mod member;
mod paths;
mod private_link;
mod redirect;
mod rewrite;
mod routing;
mod tls;
mod transport;

pub use backend::{
    BackendAddress, BackendAddressPool, BackendHttpSettings, ConnectionDraining, CookieBasedAffinity, Probe,
    ProbeMatch, ProtocolVersion,
};
pub use frontend::{
    FrontendIpConfiguration, FrontendPort, GatewayIpConfiguration, IpAllocationMethod, Listener,
    ProxyProtocol,
};
pub use load_distribution::{LoadDistributionAlgorithm, LoadDistributionPolicy, LoadDistributionTarget};
pub use member::Member;
pub use paths::{PathRule, UrlPathMap};
pub use private_link::{PrivateLinkConfiguration, PrivateLinkIpConfiguration};
pub use redirect::{RedirectConfiguration, RedirectType};
pub use rewrite::{
    HeaderConfiguration, HeaderValueMatcher, RewriteActionSet, RewriteCondition, RewriteRule, RewriteRuleSet,
    UrlConfiguration,
};
pub use routing::{RequestRoutingRule, RuleType};
pub use tls::{
    AuthenticationCertificate, ClientAuthConfiguration, ClientAuthMode, ClientRevocation, ManagedHsm,
    SslCertificate, SslPolicy, SslPolicyName, SslPolicyType, SslProfile, TrustedClientCertificate,
    TrustedRootCertificate,
};
pub use transport::{TransportListener, TransportProtocol, TransportRule, TransportSettings};

/// The body of a gateway, without its children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Gateway {
    /// The region. Stored and given back; without effect here.
    pub location: Option<String>,
    /// Labels of the owner's choice.
    pub tags: Option<BTreeMap<String, String>>,
    /// Availability zones. Stored and given back; without effect here.
    pub zones: Option<Vec<String>>,
    /// Managed identity. Stored and given back; without effect here.
    pub identity: Option<Identity>,
    /// Everything else.
    pub properties: GatewayProperties,
}

/// A managed identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Identity {
    /// Which kinds.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The resource IDs of the user-assigned ones, as keys.
    pub user_assigned_identities: Option<BTreeMap<String, Value>>,
}

/// The properties of a gateway that are no collection of children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GatewayProperties {
    /// Size and tier. Only the tier means something here: those with a web application firewall are refused.
    pub sku: Option<Sku>,
    /// How many instances. Stored and given back; without effect here.
    pub autoscale_configuration: Option<AutoscaleConfiguration>,
    /// TLS versions and cipher suites of the HTTPS listeners.
    pub ssl_policy: Option<SslPolicy>,
    /// The policy that is in force without `sslPolicy`.
    #[schemars(extend("readOnly" = true))]
    pub default_predefined_ssl_policy: Option<SslPolicyName>,
    /// Whether clients of HTTPS listeners may speak HTTP/2, and WebSocket over it (RFC 8441).
    pub enable_http2: bool,
    /// FIPS mode. Stored and given back; without effect here.
    pub enable_fips: Option<bool>,
    /// Stored and given back; without effect here.
    pub force_firewall_policy_association: Option<bool>,
    /// Switches for all requests.
    pub global_configuration: Option<GlobalConfiguration>,
    /// Pages of one's own for errors that the gateway itself answers, where the listener has none for the same error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_error_configurations: Vec<CustomError>,
    /// Not served yet.
    #[serde(rename = "entraJWTValidationConfigs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-not-served" = ""))]
    pub entra_jwt_validation_configs: Vec<Member<EntraJwtValidationConfig>>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out."))]
    pub firewall_policy: Option<SubResource>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out or disable it."))]
    pub web_application_firewall_configuration: Option<Value>,
}

impl Gateway {
    /// The switches for all requests.
    pub fn switches(&self) -> GlobalConfiguration {
        self.properties.global_configuration.clone().unwrap_or_default()
    }
}

/// A reference to another resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SubResource {
    /// Its resource ID.
    pub id: Option<String>,
}

/// The protocol of a listener, of settings or of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP, and WebSocket as `ws`.
    #[default]
    Http,
    /// HTTP over TLS, and WebSocket as `wss`.
    Https,
}

/// What the official service charges by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Sku {
    /// The size.
    pub name: Option<SkuName>,
    /// The tier.
    pub tier: Option<SkuTier>,
    /// The number of instances: 1 to 125.
    #[schemars(range(min = 1, max = 125))]
    pub capacity: Option<i64>,
    /// The hardware generation.
    pub family: Option<SkuFamily>,
}

/// The size of a gateway.
#[expect(missing_docs, non_camel_case_types, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SkuName {
    Standard_Small,
    Standard_Medium,
    Standard_Large,
    WAF_Medium,
    WAF_Large,
    Standard_v2,
    WAF_v2,
    Basic,
}

/// The tier of a gateway.
#[expect(missing_docs, non_camel_case_types, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SkuTier {
    Standard,
    WAF,
    Standard_v2,
    WAF_v2,
    Basic,
}

/// The hardware generation of a gateway.
#[expect(missing_docs, non_camel_case_types, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SkuFamily {
    Generation_1,
    Generation_2,
}

/// Bounds for the number of instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoscaleConfiguration {
    /// The lower bound: 0 to 125. Required.
    #[schemars(range(min = 0, max = 125))]
    pub min_capacity: Option<i64>,
    /// The upper bound: 2 to 125.
    #[schemars(range(min = 2, max = 125))]
    pub max_capacity: Option<i64>,
}

/// Switches for all requests of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GlobalConfiguration {
    /// Whether a request's body is collected before a backend is asked. By default it streams. A body for which a
    /// worker has no room is answered with 413, or with 503 while others take the room.
    pub enable_request_buffering: Option<bool>,
    /// Whether a response is taken from its backend as fast as it comes, and held for a client that is slower. By
    /// default the backend waits for the client. What is there is never held back from a client that is ready.
    pub enable_response_buffering: Option<bool>,
    /// Whether the gateway's own answers come without a `Server` header. Those of backends pass as they are.
    pub disable_default_server_header_in_response: Option<bool>,
    /// By which names the headers of requests pass; what is dropped is counted, and named in the access log. `Standard`
    /// when absent. An addition of this service's own.
    pub header_names: Option<HeaderNames>,
    /// Whether the client's address in `X-Forwarded-For` is followed by its port. It is when absent, as it is with the
    /// official service. An addition of this service's own.
    pub forwarded_for_port: Option<bool>,
}

/// The names that headers of requests pass by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HeaderNames {
    /// Letters, digits, hyphens and underscores, as with the official service.
    #[default]
    Standard,
    /// Letters, digits and hyphens: many a server cannot tell an underscore from a hyphen.
    LettersDigitsHyphens,
    /// Whatever a name may hold.
    All,
}

/// A page of one's own for an error that the gateway itself answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct CustomError {
    /// Which error. Required; each once in a list.
    pub status_code: Option<CustomErrorStatus>,
    /// Where the page is to be fetched, by the control plane and each time that what names it is put: an absolute
    /// `http` or `https` URL whose path ends with `.htm` or `.html`, under 1 MB. Required.
    pub custom_error_page_url: Option<String>,
}

/// An error that the gateway itself answers: `HttpStatus` and the number.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CustomErrorStatus {
    HttpStatus400,
    HttpStatus403,
    HttpStatus404,
    HttpStatus405,
    HttpStatus408,
    HttpStatus500,
    HttpStatus502,
    HttpStatus503,
    HttpStatus504,
}

/// Which tokens of Microsoft Entra ID a request must bear.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct EntraJwtValidationConfig {
    /// What becomes of a request without a good one.
    pub un_authorized_request_action: Option<UnauthorizedRequestAction>,
    /// The tenant that must have issued it.
    pub tenant_id: Option<String>,
    /// The application that it must be for.
    pub client_id: Option<String>,
    /// The audiences that it may be for, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub audiences: Vec<String>,
}

/// What becomes of a request without a good token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum UnauthorizedRequestAction {
    /// It is refused.
    Deny,
    /// It goes on, and the backend learns what was wrong.
    Allow,
}
