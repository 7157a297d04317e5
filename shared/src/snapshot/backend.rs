//! Backend pools, and the settings of connections to backends.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::TunnelPolicy;
use crate::secret::base64_list;

/// A group of interchangeable backends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The name within the gateway.
    pub name: String,
    /// The backends in the order of the document. A request to an empty pool gets 502.
    pub members: Vec<Host>,
    /// The policy of tunnels to the members.
    #[serde(default, skip_serializing_if = "TunnelPolicy::is_default")]
    pub tunnels: TunnelPolicy,
}

/// The host of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Host {
    /// An IP address.
    Ip(IpAddr),
    /// A name, which the worker resolves.
    Name(String),
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Host::Ip(address) => address.fmt(f),
            Host::Name(name) => name.fmt(f),
        }
    }
}

/// The settings of connections to the backends of a pool (ARM's `backendHttpSettingsCollection`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Their name within the gateway.
    pub name: String,
    /// The backend's port.
    pub port: u16,
    /// The HTTP version of forwarded requests.
    pub version: HttpVersion,
    /// TLS to the backend; `None` for plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// The `Host` that the backend receives; also the default of [`UpstreamTls::name`].
    pub host: HostHeader,
    /// The path that replaces the part that the path rule matched, or else is put before the whole path; begins
    /// with `/`.
    pub path: Option<String>,
    /// The time limit of a response, and the idle timeout of a tunnel: 1 s to 86,400 s.
    pub request_timeout: Duration,
    /// The drain timeout: the time for which running requests and tunnels of a removed backend may continue, 1 s to
    /// 3,600 s.
    pub drain_timeout: Duration,
    /// The health probe of these backends.
    pub probe: Probe,
    /// The name of the cookie that binds a client to a backend, a token (RFC 9110); `None` without affinity. A
    /// second cookie has this name with `CORS` appended.
    pub affinity_cookie: Option<String>,
    /// True if each client connection has its own connections to backends.
    pub dedicated_connections: bool,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 9112).
    #[default]
    Http1,
    /// HTTP/2 (RFC 9113): negotiated by ALPN over TLS, with prior knowledge over plain TCP.
    Http2,
}

/// TLS to a backend, and the verification of its certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UpstreamTls {
    /// The authorities that the certificate must come from.
    pub trust: UpstreamTrust,
    /// True if the certificate must match the name.
    pub checks_name: bool,
    /// The server name to send (SNI) and to verify; `None` for the host of the `Host` header.
    pub name: Option<String>,
}

/// The authorities that a backend certificate must come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpstreamTrust {
    /// Any certificate: neither its issuer nor its expiry is checked.
    Anybody,
    /// The authorities that the worker's operating system trusts.
    System,
    /// Only these authorities: indices into [`Content::roots`](super::Content::roots), ascending, without
    /// duplicates.
    Roots(Vec<usize>),
    /// Only these certificates (DER) themselves, ascending, without duplicates; nothing else is checked of them.
    Pinned(#[serde(with = "base64_list")] Vec<Vec<u8>>),
}

/// Root certificates that were uploaded together. Without any, no backend is trusted by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedRoot {
    /// The certificates, DER.
    #[serde(with = "base64_list")]
    pub certificates: Vec<Vec<u8>>,
}

/// The `Host` of a forwarded request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostHeader {
    /// The client's `Host`.
    Client,
    /// The member's name or address.
    Member,
    /// This host.
    Fixed(String),
}

/// A health probe: the request to send, its interval, and the response to expect.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// The `Host` to send; `None` for the member's own name or address.
    pub host: Option<String>,
    /// The port to probe; `None` for that of the settings.
    pub port: Option<u16>,
    /// The path and query.
    pub path: String,
    /// The time from one probe to the next: 1 s to 86,400 s.
    pub interval: Duration,
    /// The time limit of the response: 1 s to 86,400 s.
    pub timeout: Duration,
    /// The number of consecutive failures after which a backend is unhealthy: 1 to 20.
    pub unhealthy_threshold: u32,
    /// The number of backends of a pool that receive requests whatever their health is.
    pub min_servers: u32,
    /// The statuses of a healthy response.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// The text that the body of a healthy response must contain; empty for no condition.
    pub body: String,
}
