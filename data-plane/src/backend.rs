//! The backends of all gateways as the worker sees them: what outlives a configuration change.
//!
//! A [`Backend`] is one pool member under one set of settings. A new runtime refers to the backend of the old one
//! where nothing that its health or its connections depend on has changed, so that a change elsewhere neither
//! forgets what is down nor throws connections away.

mod drained;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use rustls::pki_types::ServerName;
use tidegate_shared::snapshot::{Host, HostHeader, HttpVersion, Pool, Probe, Settings};

use crate::close_registry::CloseReason;
use crate::dial::Location;
use crate::health::Health;
use crate::member::MemberState;
use crate::metrics::series::TargetSeries;
use crate::resolver::name::Name;
use crate::tls::client::{self, Client, Demands};
pub(crate) use drained::Drained;

/// What a backend is, as far as connections and probes are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BackendKey {
    pub(crate) pool: String,
    pub(crate) settings: String,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// By which requests are sent; tunnels always begin with HTTP/1.1.
    pub(crate) version: HttpVersion,
    tls: Option<Demands>,
    host_header: HostHeader,
    probe: Probe,
}

impl BackendKey {
    fn new(pool: &str, host: &Host, settings: &Settings, tls: Option<&Client>) -> BackendKey {
        BackendKey {
            pool: pool.to_owned(),
            settings: settings.name.clone(),
            host: host.clone(),
            port: settings.port,
            version: settings.version,
            tls: tls.map(|client| client.demands.clone()),
            host_header: settings.host.clone(),
            probe: settings.probe.clone(),
        }
    }
}

/// The `Host` of the default probe. It names no backend, so no certificate is held against it.
const NOBODY: &str = "127.0.0.1";

impl BackendKey {
    /// The name that the backend's certificate must bear for a probe that asks for `host`: that, or what the settings
    /// say where the probe says nothing of use, or the member itself.
    pub(crate) fn server_name<'a>(&'a self, host: &'a str, member: &'a str) -> &'a str {
        match &self.host_header {
            _ if host != NOBODY => host,
            HostHeader::Fixed(name) => name,
            HostHeader::Client | HostHeader::Member => member,
        }
    }
}

/// One pool member under one set of settings, with its health.
#[derive(Debug)]
pub(crate) struct Backend {
    /// Unique in this process for all time: what the threads file their idle connections under.
    pub(crate) number: u64,
    pub(crate) key: BackendKey,
    /// Its own name or address as a `Host`.
    pub(crate) host_header: HeaderValue,
    /// Where it is to be reached.
    pub(crate) location: Location,
    /// For HTTPS to it; keeps its sessions for as long as the backend stays the same.
    pub(crate) tls: Option<Client>,
    /// The name that its certificate must bear where no request's own `Host` decides: what the settings say, for TLS or
    /// as the `Host`.
    pub(crate) usual_name: Option<ServerName<'static>>,
    pub(crate) health: Health,
    /// What is known of the member itself, whatever settings it is spoken with.
    pub(crate) member_state: Arc<MemberState>,
    /// What is counted of the pool's members under these settings.
    pub(crate) series: Arc<TargetSeries>,
}

impl Backend {
    /// For logs and health: `host:port`, an IPv6 address in brackets.
    pub(crate) fn address(&self) -> String {
        self.address_at(self.key.port)
    }

    /// The same with another port.
    pub(crate) fn address_at(&self, port: u16) -> String {
        match &self.key.host {
            Host::Ip(address) => std::net::SocketAddr::new(*address, port).to_string(),
            Host::Name(name) => format!("{name}:{port}"),
        }
    }

    /// Its own name or address as text, an IPv6 address in brackets.
    pub(crate) fn own_host(host: &Host) -> String {
        match host {
            Host::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            host => host.to_string(),
        }
    }

    /// What is known of its health, for a person to read.
    pub(crate) fn account(&self) -> String {
        let reason = self.health.reason();
        match &self.location {
            Location::Name(name) => {
                name.account().map_or(reason.clone(), |account| format!("{reason} {account}"))
            }
            Location::Address(_) => reason,
        }
    }

    /// Why what ran at it has been ended, if it has.
    pub(crate) fn drained(&self) -> Option<CloseReason> {
        if self.member_state.is_gone() {
            Some(CloseReason::BackendRemoved)
        } else {
            self.health.is_drained().then_some(CloseReason::BackendDown)
        }
    }

    /// What probes this backend must answer.
    pub(crate) fn probe(&self) -> &Probe {
        &self.key.probe
    }
}

fn usual_name(tls: &Client, settings: &Settings, host: &Host) -> Option<ServerName<'static>> {
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
    /// How many data threads there are to count.
    threads: usize,
    /// By pool and settings.
    series: HashMap<(String, String), Arc<TargetSeries>>,
    by_key: HashMap<BackendKey, Arc<Backend>>,
    /// What the verdict on a backend goes by when its probe, or whom it is to be vouched for by, has changed.
    by_member: HashMap<MemberKey, Arc<Backend>>,
    names: HashMap<String, Arc<Name>>,
}

/// A pool, settings, and a member, as people tell them apart.
pub(crate) type MemberKey = (String, String, Host);

impl Backends {
    /// None yet, on a worker with so many data threads.
    pub(crate) fn new(threads: usize) -> Backends {
        Backends { threads, ..Backends::default() }
    }

    /// The backend of that key: the one of `old` if it had it. Else a new one, which goes on with the verdict on the
    /// same member under the same settings until it is judged itself: what is known to be down gets nothing only
    /// because its probe was changed.
    ///
    /// # Errors
    /// A member's name that cannot be sent as a `Host`.
    pub(crate) fn adopt(
        &mut self,
        old: &Backends,
        pool: &Pool,
        member_state: &Arc<MemberState>,
        settings: &Settings,
        tls: Option<&Client>,
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
                    .map_or_else(Health::new, |before| before.health.inherited()),
                member_state: member_state.clone(),
                series,
            }),
        };
        self.by_key.insert(key, backend.clone());
        self.by_member.insert(member, backend.clone());
        Ok(backend)
    }

    fn series(&mut self, old: &Backends, pool: &str, settings: &str) -> Arc<TargetSeries> {
        let key = (pool.to_owned(), settings.to_owned());
        let known = self.series.get(&key).or_else(|| old.series.get(&key)).cloned();
        let series = known.unwrap_or_else(|| Arc::new(TargetSeries::new(pool, settings, self.threads)));
        self.series.insert(key, series.clone());
        series
    }

    /// What is counted, by pool and settings.
    pub(crate) fn all_series(&self) -> impl Iterator<Item = &Arc<TargetSeries>> {
        self.series.values()
    }

    /// A name is one thing for the whole gateway, from one generation to the next.
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

    /// The backend of a member under the settings of that name.
    pub(crate) fn of_member(&self, key: &MemberKey) -> Option<&Arc<Backend>> {
        self.by_member.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.by_key.values()
    }

    /// Every name that a backend lives at.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Arc<Name>> {
        self.names.values()
    }
}
