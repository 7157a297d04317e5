//! Layer-4 proxying of TCP and TLS.
//!
//! No worker implements it yet: listeners and settings are stored as definitions, and rules, which would
//! connect them, are rejected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RuleType, SubResource};

/// The protocol of a layer-4 listener or backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum TransportProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// TLS over TCP.
    Tls,
}

/// A layer-4 listener, a member of `listeners`: an address and a port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TransportListener {
    /// The address. Required.
    #[serde(rename = "frontendIPConfiguration")]
    #[schemars(extend("x-refers-to" = "frontendIPConfigurations"))]
    pub(crate) frontend_ip_configuration: Option<SubResource>,
    /// The port. Required.
    #[schemars(extend("x-refers-to" = "frontendPorts"))]
    pub(crate) frontend_port: Option<SubResource>,
    /// The protocol of clients.
    pub(crate) protocol: TransportProtocol,
    /// The server certificate. Required for `Tls`.
    #[schemars(extend("x-refers-to" = "sslCertificates"))]
    pub(crate) ssl_certificate: Option<SubResource>,
    /// The TLS settings of this listener.
    #[schemars(extend("x-refers-to" = "sslProfiles"))]
    pub(crate) ssl_profile: Option<SubResource>,
    /// Up to five server names; wildcards `*` and `?` are allowed. Only for `Tls`.
    #[schemars(length(max = 5))]
    pub(crate) host_names: Vec<String>,
}

/// The settings of layer-4 connections to the members of a pool, a member of `backendSettingsCollection`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TransportSettings {
    /// The port of the members: 1 to 65535. Required.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<i64>,
    /// The protocol of the members.
    pub(crate) protocol: TransportProtocol,
    /// The timeout in seconds: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) timeout: Option<i64>,
    /// A custom probe.
    #[schemars(extend("x-refers-to" = "probes"))]
    pub(crate) probe: Option<SubResource>,
    /// For `Tls`: the only trusted certificate authorities. Those of the system if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-refers-to" = "trustedRootCertificates"))]
    pub(crate) trusted_root_certificates: Vec<SubResource>,
    /// For `Tls`: the server name to send (SNI).
    pub(crate) host_name: Option<String>,
    /// True to send the member's own name as server name. Excludes `hostName`.
    pub(crate) pick_host_name_from_backend_address: Option<bool>,
    /// True if members receive the client's address in the PROXY protocol.
    #[serde(rename = "enableL4ClientIpPreservation")]
    pub(crate) enable_l4_client_ip_preservation: Option<bool>,
}

/// A layer-4 routing rule, a member of `routingRules`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TransportRule {
    /// Must be `Basic`.
    pub(crate) rule_type: RuleType,
    /// The priority: 1, evaluated first, to 20000. Required.
    #[schemars(range(min = 1, max = 20000))]
    pub(crate) priority: Option<i64>,
    /// The pool. Required.
    #[schemars(extend("x-refers-to" = "backendAddressPools"))]
    pub(crate) backend_address_pool: Option<SubResource>,
    /// The layer-4 settings. Required.
    #[schemars(extend("x-refers-to" = "backendSettingsCollection"))]
    pub(crate) backend_settings: Option<SubResource>,
    /// The layer-4 listener. Required.
    #[schemars(extend("x-refers-to" = "listeners"))]
    pub(crate) listener: Option<SubResource>,
}
