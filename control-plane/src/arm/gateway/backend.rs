//! Backends: pools, the settings of connections to their members, and health probes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protocol, SubResource};

/// A pool of interchangeable backends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["backendIPConfigurations"]))]
pub(crate) struct BackendAddressPool {
    /// The members. An empty pool is valid; its requests are answered with 502.
    #[schemars(length(max = 1200))]
    pub(crate) backend_addresses: Vec<BackendAddress>,
}

/// A member of a pool, given by exactly one of the two properties.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BackendAddress {
    /// A host name, resolved by the workers.
    pub(crate) fqdn: Option<String>,
    /// An IP address. A host name is accepted too.
    pub(crate) ip_address: Option<String>,
}

/// The settings of HTTP connections to the members of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct BackendHttpSettings {
    /// The port of the members: 1 to 65535. Required.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<i64>,
    /// `Https` for TLS to the members.
    pub(crate) protocol: Protocol,
    /// The version of HTTP. `HTTP/1.1` if absent. An extension of this service.
    pub(crate) protocol_version: Option<ProtocolVersion>,
    /// `Enabled` if cookies bind a client to the first member it was sent to.
    pub(crate) cookie_based_affinity: CookieBasedAffinity,
    /// The timeout of a response, and the idle timeout of a WebSocket connection, in seconds: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) request_timeout: i64,
    /// A custom probe of the same protocol. The default probe is used if absent.
    #[schemars(extend("x-refers-to" = "probes"))]
    pub(crate) probe: Option<SubResource>,
    /// For `Https`: the only trusted certificate authorities. Those of the system if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-refers-to" = "trustedRootCertificates"))]
    pub(crate) trusted_root_certificates: Vec<SubResource>,
    /// The treatment of requests in flight when a member is removed.
    pub(crate) connection_draining: Option<ConnectionDraining>,
    /// The `Host` header sent to members.
    pub(crate) host_name: Option<String>,
    /// True to send the member's own name or address as `Host`. Excludes `hostName`.
    pub(crate) pick_host_name_from_backend_address: bool,
    /// The name of the affinity cookie. `ApplicationGatewayAffinity` if absent; has no effect while affinity is
    /// disabled. A second cookie with `CORS` appended to the name is set with it.
    #[schemars(length(max = 128))]
    pub(crate) affinity_cookie_name: Option<String>,
    /// Stored and returned; has no effect, as in Azure.
    pub(crate) probe_enabled: Option<bool>,
    /// The path that replaces the part matched by the path rule, or that is prepended to the path without one.
    /// Begins with `/`.
    pub(crate) path: Option<String>,
    /// For `Https`: the only certificates that members may present, as in Azure v1. Nothing else is checked of
    /// them: neither issuer, nor expiry, nor name. Excludes `trustedRootCertificates`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-refers-to" = "authenticationCertificates"))]
    pub(crate) authentication_certificates: Vec<SubResource>,
    /// True if each client connection has its own connections to members, as connection-based authentication
    /// (NTLM) requires.
    pub(crate) dedicated_backend_connection: Option<bool>,
    /// For `Https`: whether the certificate must be valid and issued by a trusted authority. `true` if absent.
    pub(crate) validate_cert_chain_and_expiry: Option<bool>,
    /// For `Https`: whether the certificate must match the server name. `true` if absent.
    #[serde(rename = "validateSNI")]
    pub(crate) validate_sni: Option<bool>,
    /// For `Https`: the server name to send (SNI) and to verify, instead of the `Host` header. Requires
    /// `validateSNI` other than `false`.
    pub(crate) sni_name: Option<String>,
}

impl Default for BackendHttpSettings {
    fn default() -> BackendHttpSettings {
        BackendHttpSettings {
            port: None,
            protocol: Protocol::default(),
            protocol_version: None,
            cookie_based_affinity: CookieBasedAffinity::default(),
            request_timeout: 30,
            probe: None,
            trusted_root_certificates: Vec::new(),
            connection_draining: None,
            host_name: None,
            pick_host_name_from_backend_address: false,
            affinity_cookie_name: None,
            probe_enabled: None,
            path: None,
            authentication_certificates: Vec::new(),
            dedicated_backend_connection: None,
            validate_cert_chain_and_expiry: None,
            validate_sni: None,
            sni_name: None,
        }
    }
}

/// The version of HTTP to backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ProtocolVersion {
    /// The version that Azure uses.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// ALPN over TLS, prior knowledge without. WebSockets use HTTP/1.1 nevertheless.
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// The affinity of a client to the first member it was sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum CookieBasedAffinity {
    /// Bound by two cookies.
    Enabled,
    /// Not bound.
    #[default]
    Disabled,
}

/// The treatment of requests and tunnels in flight when a member is removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConnectionDraining {
    /// True if `drainTimeoutInSec` applies. Otherwise the timeout is 30 s.
    pub(crate) enabled: bool,
    /// The maximum remaining time in seconds: 1 to 3600, checked even if disabled.
    #[schemars(range(min = 1, max = 3600))]
    pub(crate) drain_timeout_in_sec: i64,
}

/// A custom health probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Probe {
    /// The protocol; must be that of the settings that use the probe.
    pub(crate) protocol: Protocol,
    /// The `Host` header to send. Either this or `pickHostNameFromBackendHttpSettings` is required.
    pub(crate) host: Option<String>,
    /// The path and query to request; starts with `/`.
    #[schemars(regex(pattern = "^/"))]
    pub(crate) path: String,
    /// The time between two probes in seconds: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) interval: i64,
    /// The timeout of a response in seconds: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub(crate) timeout: i64,
    /// The number of consecutive failures that make a member unhealthy: 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub(crate) unhealthy_threshold: i64,
    /// True to send the same `Host` header as for requests that use the settings.
    pub(crate) pick_host_name_from_backend_http_settings: bool,
    /// The number of members of a pool that stay in use regardless of probes: 0 to 1200.
    #[schemars(range(min = 0, max = 1200))]
    pub(crate) min_servers: i64,
    /// The criteria of a healthy response. Status 200 to 399 if absent.
    #[serde(rename = "match")]
    pub(crate) criterion: Option<ProbeMatch>,
    /// The port: 1 to 65535. That of the settings if absent.
    #[schemars(range(min = 1, max = 65535))]
    pub(crate) port: Option<i64>,
    /// Not supported: layer 4.
    #[schemars(extend("x-not-served" = "Use pickHostNameFromBackendHttpSettings."))]
    pub(crate) pick_host_name_from_backend_settings: Option<bool>,
    /// Not supported: layer 4.
    #[schemars(extend("x-not-served" = ""))]
    pub(crate) enable_probe_proxy_protocol_header: Option<bool>,
}

impl Default for Probe {
    fn default() -> Probe {
        Probe {
            protocol: Protocol::default(),
            host: None,
            path: "/".to_owned(),
            interval: 30,
            timeout: 30,
            unhealthy_threshold: 3,
            pick_host_name_from_backend_http_settings: false,
            min_servers: 0,
            criterion: None,
            port: None,
            pick_host_name_from_backend_settings: None,
            enable_probe_proxy_protocol_header: None,
        }
    }
}

/// The criteria of a healthy response to a probe.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ProbeMatch {
    /// A text that the body must contain, at most 4090 characters. Any body if absent or empty.
    #[schemars(length(max = 4090))]
    pub(crate) body: Option<String>,
    /// Accepted status codes, each `"200"` or a range such as `"200-399"`, which is the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$")))]
    pub(crate) status_codes: Vec<String>,
}
