//! Where requests go: pools, how to speak with their members, and how to find out whether they are well.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Protocol, SubResource};

/// Backends that serve the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackendAddressPool {
    /// The members. An empty pool is allowed; its requests are answered with 502.
    #[schemars(length(max = 1200))]
    pub backend_addresses: Vec<BackendAddress>,
}

/// A member of a pool: one of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackendAddress {
    /// A name to be resolved.
    pub fqdn: Option<String>,
    /// An IP address. A host name is accepted too.
    pub ip_address: Option<String>,
}

/// How to speak with the members of a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct BackendHttpSettings {
    /// 1 to 65535. Required.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i64>,
    /// Whether to speak TLS with them.
    pub protocol: Protocol,
    /// By which version of HTTP they are spoken with: an addition of this service's own. `HTTP/1.1` when absent.
    pub protocol_version: Option<ProtocolVersion>,
    /// Whether cookies bind a client to the member that it got first.
    pub cookie_based_affinity: CookieBasedAffinity,
    /// Seconds that a response may take and that a WebSocket session may be idle: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub request_timeout: i64,
    /// A custom probe of the same protocol, instead of the default one.
    #[schemars(extend("x-refers-to" = "probes"))]
    pub probe: Option<SubResource>,
    /// The only authorities to trust, for `Https`; the system's when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-refers-to" = "trustedRootCertificates"))]
    pub trusted_root_certificates: Vec<SubResource>,
    /// What becomes of running requests when a member is removed.
    pub connection_draining: ConnectionDraining,
    /// The `Host` that members see.
    pub host_name: Option<String>,
    /// Whether members see their own name or address as `Host`. Not together with `hostName`.
    pub pick_host_name_from_backend_address: bool,
    /// The name of the cookie that does it, `ApplicationGatewayAffinity` when absent; without effect while affinity is
    /// disabled. Another of that name with `CORS` after it goes with it.
    #[schemars(length(max = 128))]
    pub affinity_cookie_name: Option<String>,
    /// Stored and given back; without effect, as with the official service.
    pub probe_enabled: Option<bool>,
    /// What stands in the place of what the path rule matched, or before the whole path: begins with `/`.
    pub path: Option<String>,
    /// Not served.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-not-served" = "Use trustedRootCertificates.", "x-refers-to" = "authenticationCertificates"))]
    pub authentication_certificates: Vec<SubResource>,
    /// Whether each client connection has connections to members of its own, as some ways to sign on need it (NTLM).
    pub dedicated_backend_connection: Option<bool>,
    /// For `Https`: whether a certificate must have been issued by a trusted authority and be in date; it must if absent.
    pub validate_cert_chain_and_expiry: Option<bool>,
    /// For `Https`: whether a certificate must bear the name that is asked for; it must if absent.
    #[serde(rename = "validateSNI")]
    pub validate_sni: Option<bool>,
    /// For `Https`: the name to ask for (SNI) and to check, instead of that of the `Host` header. Only where `validateSNI`
    /// is not `false`.
    pub sni_name: Option<String>,
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
            // The service fills these two in together, though it refuses an object that lacks the second.
            connection_draining: ConnectionDraining { enabled: false, drain_timeout_in_sec: 1 },
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

/// A version of HTTP towards backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProtocolVersion {
    /// The version that the official service speaks.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// By ALPN over TLS, by prior knowledge in the clear; WebSockets by HTTP/1.1 all the same.
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// Whether a client stays with the member that it got first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CookieBasedAffinity {
    /// By two cookies.
    Enabled,
    /// No.
    #[default]
    Disabled,
}

/// What becomes of running requests and tunnels when a member is removed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ConnectionDraining {
    /// Whether the time below counts; 30 s otherwise.
    pub enabled: bool,
    /// Seconds that they may go on: 1 to 3600, checked even when disabled.
    #[schemars(range(min = 1, max = 3600))]
    pub drain_timeout_in_sec: i64,
}

/// A custom health probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Probe {
    /// That of the settings that use the probe.
    pub protocol: Protocol,
    /// The `Host` to send. This or `pickHostNameFromBackendHttpSettings` is required.
    pub host: Option<String>,
    /// The path and query to ask for; starts with `/`.
    #[schemars(regex(pattern = "^/"))]
    pub path: String,
    /// Seconds from one probe to the next: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub interval: i64,
    /// Seconds that an answer may take: 1 to 86400.
    #[schemars(range(min = 1, max = 86400))]
    pub timeout: i64,
    /// Failures in a row that take a member out: 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub unhealthy_threshold: i64,
    /// Whether to send the `Host` that requests of the settings are sent with.
    pub pick_host_name_from_backend_http_settings: bool,
    /// Members of a pool that stay in use whatever the probes say: 0 to 1200.
    #[schemars(range(min = 0, max = 1200))]
    pub min_servers: i64,
    /// What a good answer is; statuses 200 to 399 otherwise.
    #[serde(rename = "match")]
    pub criterion: Option<ProbeMatch>,
    /// 1 to 65535; the port of the settings otherwise.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i64>,
    /// Not served: layer 4.
    #[schemars(extend("x-not-served" = "Use pickHostNameFromBackendHttpSettings."))]
    pub pick_host_name_from_backend_settings: Option<bool>,
    /// Not served: layer 4.
    #[schemars(extend("x-not-served" = ""))]
    pub enable_probe_proxy_protocol_header: Option<bool>,
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

/// What a good answer to a probe is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ProbeMatch {
    /// Text that the body must contain, at most 4090 characters; anything when absent or empty.
    #[schemars(length(max = 4090))]
    pub body: Option<String>,
    /// Statuses, each `"200"` or `"200-399"`; the latter when there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(regex(pattern = "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$")))]
    pub status_codes: Vec<String>,
}
