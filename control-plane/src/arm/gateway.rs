//! The properties of a gateway and its children as types, the single description of each.
//!
//! Reading ([`super::normalize`]), defaults, compilation and the published schema are derived from these types.
//! Every property may be absent; the defaults are those of Azure. Numbers are `i64` here; the compiler checks
//! their ranges.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tls_policy::SslPolicyName;

mod backend;
mod firewall;
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

pub(crate) use backend::{
    BackendAddress, BackendAddressPool, BackendHttpSettings, CookieBasedAffinity, Probe, ProbeMatch,
    ProtocolVersion,
};
pub(crate) use firewall::{FirewallConfiguration, FirewallMode};
pub(crate) use frontend::{
    FrontendIpConfiguration, FrontendPort, GatewayIpConfiguration, IpAllocationMethod, Listener,
};
pub(crate) use load_distribution::{
    LoadDistributionAlgorithm, LoadDistributionPolicy, LoadDistributionTarget,
};
pub(crate) use member::Member;
pub(crate) use paths::{PathRule, UrlPathMap};
pub(crate) use private_link::{PrivateLinkConfiguration, PrivateLinkIpConfiguration};
pub(crate) use redirect::{RedirectConfiguration, RedirectType};
pub(crate) use rewrite::{
    HeaderConfiguration, HeaderValueMatcher, RewriteActionSet, RewriteRule, RewriteRuleSet, UrlConfiguration,
};
pub(crate) use routing::{RequestRoutingRule, RuleType};
pub(crate) use tls::{
    AuthenticationCertificate, ClientAuthMode, ClientRevocation, SslCertificate, SslPolicy, SslPolicyType,
    SslProfile, TrustedClientCertificate, TrustedRootCertificate,
};
pub(crate) use transport::{TransportListener, TransportProtocol, TransportRule, TransportSettings};

/// The body of a gateway, without its children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Gateway {
    /// The region. Stored and returned; has no effect.
    pub(crate) location: Option<String>,
    /// Labels chosen by the owner.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Availability zones. Stored and returned; has no effect.
    pub(crate) zones: Option<Vec<String>>,
    /// Managed identity. Stored and returned; has no effect.
    pub(crate) identity: Option<Identity>,
    /// The properties specific to a gateway.
    pub(crate) properties: GatewayProperties,
}

/// A managed identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["principalId", "tenantId"]))]
pub(crate) struct Identity {
    /// The kinds of identity, such as `SystemAssigned` or `UserAssigned`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// The user-assigned identities, keyed by resource ID.
    pub(crate) user_assigned_identities: Option<BTreeMap<String, Value>>,
}

/// The properties of a gateway, except for the collections of children.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["operationalState", "resourceGuid", "privateEndpointConnections", "error"]))]
pub(crate) struct GatewayProperties {
    /// Size and tier. Only the tier matters: a web application firewall requires a WAF tier.
    pub(crate) sku: Option<Sku>,
    /// The bounds of autoscaling. Stored and returned; has no effect.
    pub(crate) autoscale_configuration: Option<AutoscaleConfiguration>,
    /// TLS versions and cipher suites of the HTTPS listeners.
    pub(crate) ssl_policy: Option<SslPolicy>,
    /// The policy that applies without `sslPolicy`.
    #[schemars(extend("readOnly" = true))]
    pub(crate) default_predefined_ssl_policy: Option<SslPolicyName>,
    /// True if clients of HTTPS listeners may use HTTP/2, and WebSocket over it (RFC 8441).
    pub(crate) enable_http2: bool,
    /// FIPS mode. Stored and returned; has no effect.
    pub(crate) enable_fips: Option<bool>,
    /// True if the policy of the gateway has precedence over its own configuration. Stored and returned; has no
    /// effect.
    pub(crate) force_firewall_policy_association: Option<bool>,
    /// Switches for all requests.
    pub(crate) global_configuration: Option<GlobalConfiguration>,
    /// Custom error pages for errors that the gateway itself answers. A listener's page for the same error has
    /// precedence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) custom_error_configurations: Vec<CustomError>,
    /// Not supported yet.
    #[serde(rename = "entraJWTValidationConfigs", skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-not-served" = ""))]
    pub(crate) entra_jwt_validation_configs: Vec<Member<EntraJwtValidationConfig>>,
    /// The web application firewall policy of the gateway, which must exist. No worker inspects requests yet.
    pub(crate) firewall_policy: Option<SubResource>,
    /// The web application firewall of a gateway without a policy. No worker inspects requests yet.
    pub(crate) web_application_firewall_configuration: Option<FirewallConfiguration>,
}

impl Gateway {
    /// The switches for all requests.
    pub(crate) fn switches(&self) -> GlobalConfiguration {
        self.properties.global_configuration.clone().unwrap_or_default()
    }
}

/// A reference to another resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("x-response-only" = ["name", "kind", "sku", "location", "extendedLocation", "zones", "tags", "properties"]))]
pub(crate) struct SubResource {
    /// The resource ID.
    pub(crate) id: Option<String>,
}

/// The protocol of a listener, of backend HTTP settings or of a probe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum Protocol {
    /// HTTP, and WebSocket as `ws`.
    #[default]
    Http,
    /// HTTP over TLS, and WebSocket as `wss`.
    Https,
}

/// Size and tier, the units of Azure's billing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Sku {
    /// The size.
    pub(crate) name: Option<SkuName>,
    /// The tier.
    pub(crate) tier: Option<SkuTier>,
    /// The number of instances: 1 to 125.
    #[schemars(range(min = 1, max = 125))]
    pub(crate) capacity: Option<i64>,
    /// The hardware generation.
    pub(crate) family: Option<SkuFamily>,
}

/// The size of a gateway.
#[expect(non_camel_case_types, reason = "the names are those of Azure")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SkuName {
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
#[expect(non_camel_case_types, clippy::upper_case_acronyms, reason = "the names are those of Azure")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SkuTier {
    Standard,
    WAF,
    Standard_v2,
    WAF_v2,
    Basic,
}

/// The hardware generation of a gateway.
#[expect(non_camel_case_types, reason = "the names are those of Azure")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SkuFamily {
    Generation_1,
    Generation_2,
}

/// Bounds of the number of instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AutoscaleConfiguration {
    /// The lower bound: 0 to 125. Required.
    #[schemars(range(min = 0, max = 125))]
    pub(crate) min_capacity: Option<i64>,
    /// The upper bound: 2 to 125.
    #[schemars(range(min = 2, max = 125))]
    pub(crate) max_capacity: Option<i64>,
}

/// Switches for all requests of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct GlobalConfiguration {
    /// True if the whole body of a request is buffered before it is sent to a backend. Streams by default. A
    /// body that exceeds a worker's buffer is answered with 413, or with 503 while other requests occupy the
    /// buffer.
    pub(crate) enable_request_buffering: Option<bool>,
    /// True if a response is read from the backend at full speed and buffered for a slower client. By default a
    /// slow client slows the backend down. Buffered data is sent as soon as the client accepts it.
    pub(crate) enable_response_buffering: Option<bool>,
    /// True if local replies of the gateway omit the `Server` header. Responses of backends keep theirs.
    pub(crate) disable_default_server_header_in_response: Option<bool>,
    /// The names of request headers that are forwarded. Dropped headers are counted and named in the access
    /// log. `Standard` if absent. An extension of this service.
    pub(crate) header_names: Option<HeaderNames>,
    /// True if the client's address in `X-Forwarded-For` is followed by its port. `true` if absent, as in
    /// Azure. An extension of this service.
    pub(crate) forwarded_for_port: Option<bool>,
}

/// The set of header names that are forwarded in requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum HeaderNames {
    /// Letters, digits, hyphens and underscores, as in Azure.
    #[default]
    Standard,
    /// Letters, digits and hyphens: many servers do not distinguish an underscore from a hyphen.
    LettersDigitsHyphens,
    /// All valid names.
    All,
}

/// A custom page for an error that the gateway itself answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CustomError {
    /// The error. Required; unique within a list.
    pub(crate) status_code: Option<CustomErrorStatus>,
    /// The URL of the page: absolute, `http` or `https`, with a path that ends with `.htm` or `.html`.
    /// Required. The control plane fetches the page, which must be under 1 MB, on every PUT that names it.
    pub(crate) custom_error_page_url: Option<String>,
}

/// An error that the gateway itself answers: `HttpStatus` and the status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum CustomErrorStatus {
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

/// The Microsoft Entra ID tokens that a request must carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EntraJwtValidationConfig {
    /// The action for a request without a valid token.
    pub(crate) un_authorized_request_action: Option<UnauthorizedRequestAction>,
    /// The tenant that must have issued the token.
    pub(crate) tenant_id: Option<String>,
    /// The application for which the token must be issued.
    pub(crate) client_id: Option<String>,
    /// The accepted audiences, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub(crate) audiences: Vec<String>,
}

/// The action for a request without a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum UnauthorizedRequestAction {
    /// The request is rejected.
    Deny,
    /// The request is forwarded, and the backend is told the error.
    Allow,
}
