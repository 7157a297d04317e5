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
mod routing;

pub use backend::{
    BackendAddress, BackendAddressPool, BackendHttpSettings, ConnectionDraining, CookieBasedAffinity, Probe,
    ProbeMatch,
};
pub use frontend::{
    FrontendIpConfiguration, FrontendPort, GatewayIpConfiguration, IpAllocationMethod, Listener,
    SslCertificate, TrustedRootCertificate,
};
pub use routing::{RequestRoutingRule, RuleType};

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
    /// Whether clients may speak HTTP/2.
    pub enable_http2: bool,
    /// FIPS mode. Stored and given back; without effect here.
    pub enable_fips: Option<bool>,
    /// Stored and given back; without effect here.
    pub force_firewall_policy_association: Option<bool>,
    /// Switches for all requests.
    pub global_configuration: Option<GlobalConfiguration>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub authentication_certificates: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub trusted_client_certificates: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub ssl_profiles: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    #[serde(rename = "entraJWTValidationConfigs")]
    pub entra_jwt_validation_configs: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub url_path_maps: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub redirect_configurations: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub rewrite_rule_sets: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub custom_error_configurations: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub private_link_configurations: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = ""))]
    pub load_distribution_policies: Option<Value>,
    /// Not served yet: layer 4.
    #[schemars(extend("x-not-served" = "Only httpListeners are served."))]
    pub listeners: Option<Value>,
    /// Not served yet: layer 4.
    #[schemars(extend("x-not-served" = "Only backendHttpSettingsCollection is served."))]
    pub backend_settings_collection: Option<Value>,
    /// Not served yet: layer 4.
    #[schemars(extend("x-not-served" = "Only requestRoutingRules are served."))]
    pub routing_rules: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out."))]
    pub firewall_policy: Option<Value>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out or disable it."))]
    pub web_application_firewall_configuration: Option<Value>,
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
    /// The number of instances.
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
    /// The lower bound.
    pub min_capacity: Option<i64>,
    /// The upper bound.
    pub max_capacity: Option<i64>,
}

/// TLS versions and cipher suites.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SslPolicy {
    /// Which kind of policy.
    pub policy_type: Option<SslPolicyType>,
    /// The name of a predefined one.
    pub policy_name: Option<SslPolicyName>,
    /// Of a custom one.
    pub min_protocol_version: Option<String>,
    /// Of a custom one.
    pub cipher_suites: Option<Vec<String>>,
    /// The oldest form of a policy.
    pub disabled_ssl_protocols: Option<Vec<String>>,
}

/// The kind of a TLS policy.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SslPolicyType {
    Predefined,
    Custom,
    CustomV2,
}

/// A predefined TLS policy.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SslPolicyName {
    AppGwSslPolicy20150501,
    AppGwSslPolicy20170401,
    AppGwSslPolicy20170401S,
    AppGwSslPolicy20220101,
    AppGwSslPolicy20220101S,
}

/// Switches for all requests of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct GlobalConfiguration {
    /// Whether a request's body is collected before it is forwarded. Bodies always stream: only `false` is served.
    pub enable_request_buffering: Option<bool>,
    /// Whether a response's body is collected before it is forwarded. Bodies always stream: only `false` is served.
    pub enable_response_buffering: Option<bool>,
}
