//! The backends of all gateways, which survive changes of the configuration.
//!
//! A [`Backend`] is one pool member with one set of settings. A new runtime adopts the backend of the old one if
//! nothing that its health or its connections depend on has changed. So a change elsewhere neither resets the
//! health of a backend nor closes its connections.

mod drained;
mod tunnel_guard;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use rustls::pki_types::ServerName;
use tidegate_shared::snapshot::{Host, HostHeader, HttpVersion, Pool, Probe, Settings};

use crate::dial::Location;
use crate::drain_deadline::DrainDeadline;
use crate::health::HealthStatus;
use crate::member::MemberState;
use crate::metrics::series::PoolSeries;
use crate::registry::CloseReason;
use crate::resolver::name::Name;
use crate::tls::client::{self, TlsClient, VerificationPolicy};
pub(crate) use drained::Drained;
pub(crate) use tunnel_guard::TunnelGuard;

/// The identity of a backend: everything that its connections and its health depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BackendKey {
    pub(crate) pool: String,
    pub(crate) settings: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// The HTTP version of requests; tunnels always begin with HTTP/1.1.
    pub(crate) version: HttpVersion,
    tls: Option<VerificationPolicy>,
    host_header: HostHeader,
    probe: Probe,
}

impl BackendKey {
    fn new(pool: &str, host: &Host, settings: &Settings, tls: Option<&TlsClient>) -> BackendKey {
        BackendKey {
            pool: pool.to_owned(),
            settings: settings.name.clone(),
            host: host.clone(),
            port: settings.port,
            version: settings.version,
            tls: tls.map(|client| client.verification.clone()),
            host_header: settings.host.clone(),
            probe: settings.probe.clone(),
        }
    }
}

/// The `Host` of the default probe. It names no backend, so no certificate is matched with it.
const DEFAULT_PROBE_HOST: &str = "127.0.0.1";

impl BackendKey {
    /// Returns the name that the backend's certificate must have when a probe sends `host`: `host` itself or, for
    /// the default probe's host, the settings' host or the member itself.
    pub(crate) fn server_name<'a>(&'a self, host: &'a str, member: &'a str) -> &'a str {
        match &self.host_header {
            _ if host != DEFAULT_PROBE_HOST => host,
            HostHeader::Fixed(name) => name,
            HostHeader::Client | HostHeader::Member => member,
        }
    }
}

/// One pool member with one set of settings, and its health.
#[derive(Debug)]
pub(crate) struct Backend {
    /// A number that is unique in this process and never reused; threads keep idle connections under it.
    pub(crate) number: u64,
    pub(crate) key: BackendKey,
    /// Its own name or address as a `Host` value.
    pub(crate) host_header: HeaderValue,
    /// The address or name to connect to.
    pub(crate) location: Location,
    /// The TLS configuration for HTTPS, with its session cache; kept for as long as the backend stays the same.
    pub(crate) tls: Option<TlsClient>,
    /// The name that its certificate must have, unless the `Host` of each request decides: the settings' TLS name
    /// or host.
    pub(crate) usual_name: Option<ServerName<'static>>,
    pub(crate) health: HealthStatus,
    /// The state of the pool member, shared by all settings that it is used with.
    pub(crate) member_state: Arc<MemberState>,
    /// The metrics of the pool with these settings.
    pub(crate) series: Arc<PoolSeries>,
    /// The end of its tunnels while it is unhealthy.
    pub(crate) drain: DrainDeadline,
}

impl Backend {
    /// Returns `host:port` for logs and health reports, with an IPv6 address in brackets.
    pub(crate) fn address(&self) -> String {
        self.address_at(self.key.port)
    }

    /// Returns `host:port` with another port.
    pub(crate) fn address_at(&self, port: u16) -> String {
        match &self.key.host {
            Host::Ip(address) => std::net::SocketAddr::new(*address, port).to_string(),
            Host::Name(name) => format!("{name}:{port}"),
        }
    }

    /// Returns a host as text, with an IPv6 address in brackets.
    pub(crate) fn own_host(host: &Host) -> String {
        match host {
            Host::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        }
    }

    /// Describes its health for a person: the reason, and the state of its name.
    pub(crate) fn describe(&self) -> String {
        let reason = self.health.reason();
        match &self.location {
            Location::Name(name) => {
                name.describe().map_or(reason.clone(), |state| format!("{reason} {state}"))
            }
            Location::Address(_) => reason,
        }
    }

    /// Returns the reason why its running requests and tunnels were ended, if they were.
    pub(crate) fn drained(&self) -> Option<CloseReason> {
        if self.member_state.is_gone() {
            Some(CloseReason::BackendRemoved)
        } else {
            self.health.is_drained().then_some(CloseReason::BackendDown)
        }
    }

    /// The health probe of this backend.
    pub(crate) fn probe(&self) -> &Probe {
        &self.key.probe
    }
}

fn usual_name(tls: &TlsClient, settings: &Settings, host: &Host) -> Option<ServerName<'static>> {
    if let Some(name) = &tls.name {
        return Some(name.clone());
    }
    let name = match &settings.host {
        HostHeader::Client => return None,
        HostHeader::Fixed(name) => name.clone(),
        HostHeader::Member => Backend::own_host(host),
    };
    client::server_name(&name)
}

/// The backends of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Backends {
    /// The number of data threads, for the metrics.
    threads: usize,
    /// The metrics by pool and settings.
    series: HashMap<(String, String), Arc<PoolSeries>>,
    by_key: HashMap<BackendKey, Arc<Backend>>,
    /// The backends by member: a new backend starts with the health of the one that it replaces.
    by_member: HashMap<MemberKey, Arc<Backend>>,
    names: HashMap<String, Arc<Name>>,
}

/// The names of a pool and settings, and a member of the pool.
pub(crate) type MemberKey = (String, String, Host);

impl Backends {
    /// Creates an empty set for this number of data threads.
    pub(crate) fn new(threads: usize) -> Backends {
        Backends { threads, ..Backends::default() }
    }

    /// Returns the backend with this key, from `old` if it exists there. A new backend starts with the health of
    /// the same member under the same settings until its own first verdict: an unhealthy member must not receive
    /// requests just because its probe was changed.
    ///
    /// # Errors
    /// The member's name is not a valid `Host` value.
    pub(crate) fn adopt(
        &mut self,
        old: &Backends,
        pool: &Pool,
        member_state: &Arc<MemberState>,
        settings: &Settings,
        tls: Option<&TlsClient>,
    ) -> Result<Arc<Backend>, InvalidHeaderValue> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let host = &member_state.member.host;
        let key = BackendKey::new(&pool.name, host, settings, tls);
        let location = self.location(old, host);
        let known = self.by_key.get(&key).or_else(|| old.by_key.get(&key)).cloned();
        let series = self.series(old, &pool.name, &settings.name);
        let member = (pool.name.clone(), settings.name.clone(), host.clone());
        let backend = match known {
            Some(backend) if Arc::ptr_eq(&backend.member_state, member_state) => backend,
            _ => Arc::new(Backend {
                number: NUMBERS.fetch_add(1, Ordering::Relaxed),
                key: key.clone(),
                host_header: HeaderValue::from_str(&Backend::own_host(host))?,
                location,
                tls: tls.cloned(),
                usual_name: tls.and_then(|tls| usual_name(tls, settings, host)),
                health: old
                    .by_member
                    .get(&member)
                    .map_or_else(HealthStatus::new, |before| before.health.inherited()),
                member_state: member_state.clone(),
                series,
                drain: DrainDeadline::default(),
            }),
        };
        self.by_key.insert(key, backend.clone());
        self.by_member.insert(member, backend.clone());
        Ok(backend)
    }

    fn series(&mut self, old: &Backends, pool: &str, settings: &str) -> Arc<PoolSeries> {
        let key = (pool.to_owned(), settings.to_owned());
        let known = self.series.get(&key).or_else(|| old.series.get(&key)).cloned();
        let series = known.unwrap_or_else(|| Arc::new(PoolSeries::new(pool, settings, self.threads)));
        self.series.insert(key, series.clone());
        series
    }

    /// Returns the metrics of every pool with its settings.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = &Arc<PoolSeries>> {
        self.series.values()
    }

    /// Returns the location of a host. A name is shared by the whole gateway, and survives generations.
    fn location(&mut self, old: &Backends, host: &Host) -> Location {
        match host {
            Host::Ip(address) => Location::Address(*address),
            Host::Name(text) => {
                let known = self.names.get(text).or_else(|| old.names.get(text)).cloned();
                let name = known.unwrap_or_else(|| Arc::new(Name::new(text)));
                self.names.insert(text.clone(), name.clone());
                Location::Name(name)
            }
        }
    }

    /// Returns the backend of a member with these settings.
    pub(crate) fn of_member(&self, key: &MemberKey) -> Option<&Arc<Backend>> {
        self.by_member.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.by_key.values()
    }

    /// Returns every name that a backend has.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<Name>> {
        self.names.values()
    }
}
