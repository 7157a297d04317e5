//! Layer 4: what is passed on as TCP or TLS, without a look inside.
//!
//! No worker does that yet: listeners and settings are stored as definitions, and rules, which would join them, are
//! refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RuleType, SubResource};

/// What a layer-4 listener or backend speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TransportProtocol {
    /// Bytes.
    #[default]
    Tcp,
    /// Bytes in TLS.
    Tls,
}

/// An address and a port that take layer-4 connections: a member of `listeners`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TransportListener {
    /// The address. Required.
    #[serde(rename = "frontendIPConfiguration")]
    #[schemars(extend("x-refers-to" = "frontendIPConfigurations"))]
    pub frontend_ip_configuration: Option<SubResource>,
    /// The port. Required.
    #[schemars(extend("x-refers-to" = "frontendPorts"))]
    pub frontend_port: Option<SubResource>,
    /// What clients speak.
    pub protocol: TransportProtocol,
    /// The server certificate. Required for `Tls`.
    #[schemars(extend("x-refers-to" = "sslCertificates"))]
    pub ssl_certificate: Option<SubResource>,
    /// How TLS is done.
    #[schemars(extend("x-refers-to" = "sslProfiles"))]
    pub ssl_profile: Option<SubResource>,
    /// Up to five server names, wildcards `*` and `?` allowed. Only for `Tls`.
    #[schemars(length(max = 5))]
    pub host_names: Vec<String>,
}

/// How to speak with the members of a pool at layer 4: a member of `backendSettingsCollection`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TransportSettings {
    /// 1 to 65535. Required.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i64>,
    /// What members speak.
    pub protocol: TransportProtocol,
    /// Seconds that an answer may take: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout: Option<i64>,
    /// A custom probe.
    #[schemars(extend("x-refers-to" = "probes"))]
    pub probe: Option<SubResource>,
    /// The only authorities to trust, for `Tls`; the system's when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-refers-to" = "trustedRootCertificates"))]
    pub trusted_root_certificates: Vec<SubResource>,
    /// The server name to ask members for, for `Tls`.
    pub host_name: Option<String>,
    /// Whether members are asked for their own name. Not together with `hostName`.
    pub pick_host_name_from_backend_address: Option<bool>,
    /// Whether members learn the client's address by the PROXY protocol.
    #[serde(rename = "enableL4ClientIpPreservation")]
    pub enable_l4_client_ip_preservation: Option<bool>,
}

/// Ties a layer-4 listener to a pool: a member of `routingRules`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TransportRule {
    /// Only `Basic` means something at layer 4.
    pub rule_type: RuleType,
    /// 1, tried first, to 20000. Required.
    #[schemars(range(min = 1, max = 20000))]
    pub priority: Option<i64>,
    /// Where its connections go. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub backend_address_pool: Option<SubResource>,
    /// How they get there. Required.
    #[schemars(extend("x-refers-to" = "backendSettingsCollection"))]
    pub backend_settings: Option<SubResource>,
    /// Whose connections. Required.
    #[schemars(extend("x-refers-to" = "listeners"))]
    pub listener: Option<SubResource>,
}
