//! A gateway as a worker executes it: whole, validated, numbered, every reference resolved.
//!
//! These are plain values. They are made by the control plane's compiler alone and turned into a runtime by the
//! worker alone; neither resource documents nor live state (sockets, health, connections) belong here. References
//! between the parts are indices into the lists of the same [`Content`].

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::{Digest, GatewayId, Generation};
use crate::secret::{Secret, base64_list};

/// One numbered configuration of one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose configuration.
    pub gateway: GatewayId,
    /// Which one.
    pub generation: Generation,
    /// What it says.
    pub content: Content,
}

/// What a configuration says. Two equal contents mean the same: nothing is to be sent or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The gateway's resource ID in its creator's spelling. For log lines only.
    pub name: String,
    /// In the order in which they are tried for a request.
    pub listeners: Vec<Listener>,
    /// Groups of backends.
    pub pools: Vec<Pool>,
    /// How to speak with backends.
    pub settings: Vec<Settings>,
    /// Server certificates of the HTTPS listeners.
    pub certificates: Vec<Certificate>,
    /// Authorities that backends may be checked against, each list once however many settings refer to it.
    pub roots: Vec<TrustedRoot>,
}

impl Content {
    /// A hash of all that it says, the same in both planes.
    ///
    /// A generation's number alone does not tell what it means: after a backup was restored, the same number may be
    /// given again to something else.
    pub fn digest(&self) -> Digest {
        let json = Zeroizing::new(serde_json::to_vec(self).expect("a content is plain data"));
        Digest::of([json.as_slice()])
    }
}

/// Where requests come in, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name within the gateway.
    pub name: String,
    /// The address it is reached at.
    pub frontend: Frontend,
    /// The port of the frontend, before the worker adds its port offset.
    pub port: u16,
    /// The index of the server certificate: HTTPS with one, HTTP without.
    pub certificate: Option<usize>,
    /// The host names it answers for; empty for all.
    pub hosts: Vec<String>,
    /// What becomes of a request; none for a listener that no rule refers to, which answers 404.
    pub rule: Option<Rule>,
}

/// The address side of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Frontend {
    /// The worker's own public address.
    Public,
    /// This address.
    Address(IpAddr),
}

/// A request routing rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name within the gateway.
    pub name: String,
    /// What to do.
    pub action: Action,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send it to a backend of `pool`, as `settings` say. Both are indices.
    Forward {
        /// Index into [`Content::pools`].
        pool: usize,
        /// Index into [`Content::settings`].
        settings: usize,
    },
}

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
    /// TLS to the backend, and whom to trust; none for plain HTTP.
    pub tls: Option<UpstreamTls>,
    /// The `Host` that the backend sees, which is also the name its certificate must bear.
    pub host: HostHeader,
    /// How long a response may take, and how long a tunnel may be idle. 1 s to 86,400 s.
    pub request_timeout: Duration,
    /// How long running requests and tunnels of a removed backend may go on. 1 s to 3,600 s.
    pub drain_timeout: Duration,
    /// How to find out whether a backend is healthy.
    pub probe: Probe,
}

/// Whom to trust as a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpstreamTls {
    /// Whoever the authorities known to the worker's system vouch for.
    SystemRoots,
    /// Whoever these authorities vouch for, and nobody else: indices into [`Content::roots`], ascending, each once.
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

/// A server certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its name within the gateway.
    pub name: String,
    /// The chain as DER, the server's own certificate first.
    #[serde(with = "base64_list")]
    pub chain: Vec<Vec<u8>>,
    /// The private key, DER: PKCS#8, PKCS#1 or SEC1.
    pub key: Secret,
}
