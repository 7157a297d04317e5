//! Where requests come in: addresses, ports and listeners.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CustomError, Protocol, SubResource};

/// Where the gateway lives in a virtual network. Stored and given back; without effect here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct GatewayIpConfiguration {
    /// The subnet. Required.
    pub subnet: Option<SubResource>,
}

/// An address that clients reach the gateway at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct FrontendIpConfiguration {
    /// The address of a private frontend. Without one it is reached on loopback only, since nothing is allocated.
    #[serde(rename = "privateIPAddress")]
    pub private_ip_address: Option<String>,
    /// Whether `privateIPAddress` is required.
    #[serde(rename = "privateIPAllocationMethod")]
    pub private_ip_allocation_method: IpAllocationMethod,
    /// Makes the frontend a private one; not looked up.
    pub subnet: Option<SubResource>,
    /// Makes the frontend the public one: at the `ipAddress` of that public IP address where it is stored and has one,
    /// else at the worker's own public address.
    #[serde(rename = "publicIPAddress")]
    pub public_ip_address: Option<SubResource>,
    /// Stored and given back; without effect here.
    #[schemars(extend("x-refers-to" = "privateLinkConfigurations"))]
    pub private_link_configuration: Option<SubResource>,
}

/// How a private address is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpAllocationMethod {
    /// It may be left out.
    #[default]
    Dynamic,
    /// It must be given.
    Static,
}

/// A port that clients reach the gateway at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FrontendPort {
    /// 1 to 65199. Required.
    #[schemars(range(min = 1, max = 65199))]
    pub port: Option<i64>,
}

/// The PROXY protocol, versions 1 and 2, on a listener: each connection begins with a line about its client.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ProxyProtocol {
    /// Addresses or networks of those that may connect, such as `10.0.0.0/8`; each must begin with such a line. Others
    /// are closed. At least one, at most a hundred.
    #[schemars(length(min = 1, max = 100))]
    pub sources: Vec<String>,
}

/// An address, a port, a protocol, and perhaps the host names that it answers for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Listener {
    /// The address. Required.
    #[serde(rename = "frontendIPConfiguration")]
    #[schemars(extend("x-refers-to" = "frontendIPConfigurations"))]
    pub frontend_ip_configuration: Option<SubResource>,
    /// The port. Required.
    #[schemars(extend("x-refers-to" = "frontendPorts"))]
    pub frontend_port: Option<SubResource>,
    /// WebSocket goes over both, with no switch of its own.
    pub protocol: Protocol,
    /// The one host name, without wildcards.
    pub host_name: Option<String>,
    /// Up to five host names, wildcards `*` and `?` allowed. Not together with `hostName`.
    #[schemars(length(max = 5))]
    pub host_names: Vec<String>,
    /// The server certificate. Required for `Https`.
    #[schemars(extend("x-refers-to" = "sslCertificates"))]
    pub ssl_certificate: Option<SubResource>,
    /// Stored and given back; without effect, as with the official service's second generation.
    pub require_server_name_indication: bool,
    /// How it does TLS, where it does not do it as the whole gateway does. For `Https` alone.
    #[schemars(extend("x-refers-to" = "sslProfiles"))]
    pub ssl_profile: Option<SubResource>,
    /// Who tells of its clients by the PROXY protocol: an addition of this service's own. Without it nobody does.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Pages of one's own for errors that the gateway itself answers to requests of this listener.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub custom_error_configurations: Vec<CustomError>,
    /// Not served yet.
    #[schemars(extend("x-not-served" = "No web application firewall is served; leave it out."))]
    pub firewall_policy: Option<SubResource>,
}
