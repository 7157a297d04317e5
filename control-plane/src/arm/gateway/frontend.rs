//! Frontends: addresses, ports and listeners.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CustomError, Protocol, SubResource};

/// The subnet of the gateway. Stored and returned; has no effect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct GatewayIpConfiguration {
    /// The subnet. Required.
    pub(crate) subnet: Option<SubResource>,
}

/// An address at which clients reach the gateway. Responses have the address that stands for `privateIPAddress`, if the
/// machine lacks that, as `boundIPAddress`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["boundIPAddress"]))]
pub(crate) struct FrontendIpConfiguration {
    /// The address of a private frontend. Without it the frontend binds to loopback only, because no addresses
    /// are allocated.
    #[serde(rename = "privateIPAddress")]
    pub(crate) private_ip_address: Option<String>,
    /// `Static` if `privateIPAddress` is required.
    #[serde(rename = "privateIPAllocationMethod")]
    pub(crate) private_ip_allocation_method: IpAllocationMethod,
    /// Makes the frontend private. The subnet is not looked up.
    pub(crate) subnet: Option<SubResource>,
    /// Makes the frontend public: it binds to the `ipAddress` of that public IP address if the address is
    /// stored and has one, otherwise to the worker's own public address.
    #[serde(rename = "publicIPAddress")]
    pub(crate) public_ip_address: Option<SubResource>,
    /// Stored and returned; has no effect.
    #[schemars(extend("x-refers-to" = "privateLinkConfigurations"))]
    pub(crate) private_link_configuration: Option<SubResource>,
}

/// The allocation method of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum IpAllocationMethod {
    /// The address is optional.
    #[default]
    Dynamic,
    /// The address is required.
    Static,
}

/// A port at which clients reach the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct FrontendPort {
    /// The port: 1 to 65199, or to 65502 in a gateway of a v1 SKU. Required.
    #[schemars(range(min = 1, max = 65502))]
    pub(crate) port: Option<i64>,
}

/// The PROXY protocol, versions 1 and 2, on a listener: each connection begins with a header about its client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ProxyProtocol {
    /// The addresses or networks that may connect, such as `10.0.0.0/8`; each connection must begin with the
    /// header. Connections from others are closed. 1 to 100 entries.
    #[schemars(length(min = 1, max = 100))]
    pub(crate) sources: Vec<String>,
}

/// A listener: an address, a port, a protocol, and optionally the host names it serves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Listener {
    /// The address. Required.
    #[serde(rename = "frontendIPConfiguration")]
    #[schemars(extend("x-refers-to" = "frontendIPConfigurations"))]
    pub(crate) frontend_ip_configuration: Option<SubResource>,
    /// The port. Required.
    #[schemars(extend("x-refers-to" = "frontendPorts"))]
    pub(crate) frontend_port: Option<SubResource>,
    /// The protocol, which includes WebSocket without a further switch.
    pub(crate) protocol: Protocol,
    /// A single host name, without wildcards.
    pub(crate) host_name: Option<String>,
    /// Up to five host names; wildcards `*` and `?` are allowed. Excludes `hostName`.
    #[schemars(length(max = 5))]
    pub(crate) host_names: Vec<String>,
    /// The server certificate. Required for `Https`.
    #[schemars(extend("x-refers-to" = "sslCertificates"))]
    pub(crate) ssl_certificate: Option<SubResource>,
    /// Stored and returned; has no effect, as in Azure v2.
    pub(crate) require_server_name_indication: bool,
    /// The TLS settings of this listener, in place of those of the gateway. Only for `Https`.
    #[schemars(extend("x-refers-to" = "sslProfiles"))]
    pub(crate) ssl_profile: Option<SubResource>,
    /// The senders of PROXY protocol headers. Without it the protocol is off. An extension of this service.
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
    /// Custom error pages for errors that the gateway itself answers to requests of this listener.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) custom_error_configurations: Vec<CustomError>,
    /// The web application firewall policy of the listener, which must exist, in place of that of the gateway. No
    /// worker inspects requests yet.
    pub(crate) firewall_policy: Option<SubResource>,
}
