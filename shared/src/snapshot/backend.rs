//! Pools of backends, and how to speak with them.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::secret::base64_list;

/// A group of backends that serve the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Its name within the gateway.
    pub name: String,
    /// The backends, in the order listed; an empty pool answers 502.
    pub members: Vec<Host>,
}

/// Where a backend lives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Host {
    /// At an address.
    Ip(IpAddr),
    /// At the addresses that a name resolves to.
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

/// How to speak with the backends of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Their name within the gateway.
    pub name: String,
    /// The backend's port.
    pub port: u16,
    /// By which version of HTTP requests are sent.
    pub version: HttpVersion,
    /// TLS to the backend; none for plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// The `Host` that the backend sees, which is also the name its certificate must bear.
    pub host: HostHeader,
    /// What stands in the place of what the path rule matched, or before the whole path: begins with `/`.
    pub path: Option<String>,
    /// How long a response may take, and how long a tunnel may be idle. 1 s to 86,400 s.
    pub request_timeout: Duration,
    /// How long running requests and tunnels of a removed backend may go on. 1 s to 3,600 s.
    pub drain_timeout: Duration,
    /// How to find out whether a backend is healthy.
    pub probe: Probe,
    /// The name of the cookie that binds a client to the member that it got first, if one is to: a token. Another of
    /// that name with `CORS` after it goes with it.
    pub affinity_cookie: Option<String>,
    /// Whether each client connection has connections to backends of its own.
    pub dedicated_connections: bool,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HttpVersion {
    /// HTTP/1.1 (RFC 9112).
    #[default]
    Http1,
    /// HTTP/2 (RFC 9113): by ALPN over TLS, by prior knowledge in the clear.
    Http2,
}

/// TLS to a backend, and what its certificate is held against.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UpstreamTls {
    /// Who must vouch for it.
    pub trust: UpstreamTrust,
    /// Whether it must bear the name that is asked for.
    pub checks_name: bool,
    /// The name to ask for; the host of the `Host` header if none.
    pub name: Option<String>,
}

/// Whom to trust as a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpstreamTrust {
    /// Whoever has a certificate: neither who vouches for it counts, nor whether it has expired.
    Anybody,
    /// Whoever the authorities known to the worker's system vouch for.
    System,
    /// Whoever these authorities vouch for, and nobody else: indices into [`Content::roots`](super::Content::roots),
    /// ascending, each once.
    Roots(Vec<usize>),
}

/// Authorities that were uploaded as one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedRoot {
    /// Their certificates, DER.
    #[serde(with = "base64_list")]
    pub certificates: Vec<Vec<u8>>,
}

/// The `Host` of a forwarded request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostHeader {
    /// What the client sent.
    Client,
    /// The member's name or address.
    Member,
    /// This.
    Fixed(String),
}

/// A health probe: what to ask each backend, how often, and what a good answer is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// The `Host` to send; the member's own name or address when none.
    pub host: Option<String>,
    /// The port, if another than that of the settings.
    pub port: Option<u16>,
    /// The path and query.
    pub path: String,
    /// Time from one probe to the next. 1 s to 86,400 s.
    pub interval: Duration,
    /// How long an answer may take. 1 s to 86,400 s.
    pub timeout: Duration,
    /// How many failures in a row take a backend out. 1 to 20.
    pub unhealthy_threshold: u32,
    /// The number of backends of a pool that stay in use whatever the probes say.
    pub min_servers: u32,
    /// The statuses of a good answer.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// What its body must contain; anything when empty.
    pub body: String,
}
