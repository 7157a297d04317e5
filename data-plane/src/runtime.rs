//! A snapshot made executable: matchers, TLS configurations, backends. Immutable; swapped whole.
//!
//! A request uses one runtime from its first byte to its last. What changes while it is in force (health, idle
//! connections) is not in here but referred to. Building opens nothing and may fail; then the old one goes on.

pub(crate) mod hosts;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use http::header::InvalidHeaderValue;
use rustls::ServerConfig;
use thiserror::Error;
use tidegate_shared::id::GatewayId;
use tidegate_shared::snapshot::{
    Action, Content, Frontend, Host, HostHeader, Listener, Settings, Snapshot, UpstreamTls,
};

use crate::backend::{Backend, Backends};
use crate::config::Config;
use crate::tls::client::Client;
use crate::tls::{TlsError, server};
use hosts::HostTable;

/// One gateway as it is executed.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) gateway: GatewayId,
    pub(crate) name: Arc<str>,
    /// By the address that the socket is bound to.
    pub(crate) sites: BTreeMap<SocketAddr, Site>,
    /// Every backend that a rule leads to.
    pub(crate) backends: Backends,
    /// Every member of every pool: what a tunnel's backend is compared with when a pool changes.
    pub(crate) members: HashSet<Member>,
}

/// A pool member, whatever settings it is spoken with. A tunnel ends with its member, not with a rule or a setting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) gateway: GatewayId,
    pub(crate) pool: Arc<str>,
    pub(crate) host: Host,
}

/// What one bound address serves.
#[derive(Debug)]
pub(crate) struct Site {
    /// For HTTPS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    hosts: Arc<HostTable>,
    routes: Vec<Arc<Route>>,
    /// The names of its listeners, for a message when it cannot be bound.
    pub(crate) listeners: Vec<String>,
}

impl Site {
    /// The route for a request's host.
    pub(crate) fn route(&self, host: &str) -> Option<&Arc<Route>> {
        self.hosts.find(host).map(|rank| &self.routes[rank])
    }
}

/// What a listener does with a request.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) gateway: Arc<str>,
    pub(crate) listener: String,
    /// None where no rule refers to the listener.
    pub(crate) rule: Option<(String, Target)>,
}

/// Where a rule leads: a pool, and how to speak with it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) gateway: GatewayId,
    pub(crate) pool: Arc<str>,
    pub(crate) settings: Arc<str>,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) host: HostPolicy,
    pub(crate) request_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    min_servers: usize,
    next: AtomicUsize,
}

/// The `Host` that a backend sees.
#[derive(Debug)]
pub(crate) enum HostPolicy {
    Client,
    Member,
    Fixed(HeaderValue),
}

impl Target {
    /// Where the next request starts to look for a backend: round robin. The caller walks on from there.
    pub(crate) fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The `attempt`th choice of a request whose turn is `turn`, passing over what is down. None when all were
    /// tried.
    pub(crate) fn pick(&self, turn: usize, attempt: usize) -> Option<&Arc<Backend>> {
        let count = self.backends.len();
        let kept_up = self.min_servers > 0
            && self.backends.iter().filter(|backend| backend.health.usable()).count() < self.min_servers;
        (0..count)
            .map(|step| &self.backends[turn.wrapping_add(step) % count])
            .filter(|backend| kept_up || backend.health.usable())
            .nth(attempt)
    }
}

/// A snapshot that cannot be executed here.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error("listener {listener}: port {port} plus the port offset {offset} is over 65535")]
    PortTooLarge { listener: String, port: u16, offset: u16 },
    #[error("listener {listener}: {what} number {index} is not in the snapshot")]
    Dangling { listener: String, what: &'static str, index: usize },
    #[error("listeners {one} and {other} share {address}, but only one of them is HTTPS")]
    MixedProtocols { one: String, other: String, address: SocketAddr },
    #[error("settings {settings}: a host name is no header value")]
    HostName { settings: String, source: InvalidHeaderValue },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Runtime {
    /// Makes a snapshot executable. Backends of `old` that did not change are taken over with their health.
    pub(crate) fn build(
        snapshot: &Snapshot,
        old: Option<&Runtime>,
        config: &Config,
    ) -> Result<Runtime, BuildError> {
        let content = &snapshot.content;
        let none = Backends::default();
        let mut builder = Builder {
            snapshot,
            name: Arc::from(content.name.as_str()),
            old: old.map_or(&none, |old| &old.backends),
            backends: Backends::default(),
            clients: HashMap::new(),
        };
        let mut by_address: BTreeMap<SocketAddr, Vec<&Listener>> = BTreeMap::new();
        for listener in &content.listeners {
            by_address.entry(bind_address(listener, config)?).or_default().push(listener);
        }
        let mut sites = BTreeMap::new();
        for (address, listeners) in by_address {
            sites.insert(address, builder.site(address, &listeners)?);
        }
        let members = content.pools.iter().flat_map(|pool| {
            let name: Arc<str> = Arc::from(pool.name.as_str());
            let gateway = snapshot.gateway;
            pool.members.iter().map(move |host| Member { gateway, pool: name.clone(), host: host.clone() })
        });
        Ok(Runtime {
            gateway: snapshot.gateway,
            name: builder.name,
            sites,
            backends: builder.backends,
            members: members.collect(),
        })
    }
}

/// The address that a listener's socket is bound to on this worker.
fn bind_address(listener: &Listener, config: &Config) -> Result<SocketAddr, BuildError> {
    let address = match listener.frontend {
        Frontend::Public => config.public_address,
        Frontend::Address(address) => address,
    };
    let (port, offset) = (listener.port, config.port_offset);
    let too_large = || BuildError::PortTooLarge { listener: listener.name.clone(), port, offset };
    Ok(SocketAddr::new(address, port.checked_add(offset).ok_or_else(too_large)?))
}

struct Builder<'a> {
    snapshot: &'a Snapshot,
    name: Arc<str>,
    old: &'a Backends,
    backends: Backends,
    /// TLS towards backends by whom it trusts: settings that trust the same share it with its sessions.
    clients: HashMap<&'a UpstreamTls, Client>,
}

impl<'a> Builder<'a> {
    fn content(&self) -> &'a Content {
        &self.snapshot.content
    }

    fn site(&mut self, address: SocketAddr, listeners: &[&Listener]) -> Result<Site, BuildError> {
        let mut hosts = HostTable::default();
        let mut certificates = Vec::new();
        let mut routes = Vec::new();
        for (rank, listener) in listeners.iter().enumerate() {
            hosts.add(rank, &listener.hosts);
            if let Some(index) = listener.certificate {
                let certificate = self.content().certificates.get(index);
                let certificate = certificate.ok_or_else(|| dangling(listener, "certificate", index))?;
                certificates.push(server::certified_key(certificate)?);
            }
            let rule = match &listener.rule {
                Some(rule) => Some((rule.name.clone(), self.target(listener, &rule.action)?)),
                None => None,
            };
            routes.push(Arc::new(Route {
                gateway: self.name.clone(),
                listener: listener.name.clone(),
                rule,
            }));
        }
        if !certificates.is_empty() && certificates.len() != listeners.len() {
            let (secure, plain): (Vec<_>, Vec<_>) = listeners.iter().partition(|l| l.certificate.is_some());
            let name = |some: &[&Listener]| some[0].name.clone();
            return Err(BuildError::MixedProtocols { one: name(&secure), other: name(&plain), address });
        }
        let hosts = Arc::new(hosts);
        let tls = (!certificates.is_empty()).then(|| server::server_config(hosts.clone(), certificates));
        Ok(Site { tls, hosts, routes, listeners: listeners.iter().map(|l| l.name.clone()).collect() })
    }

    fn target(&mut self, listener: &Listener, action: &Action) -> Result<Target, BuildError> {
        let Action::Forward { pool, settings: index } = action;
        let pool = self.content().pools.get(*pool).ok_or_else(|| dangling(listener, "pool", *pool))?;
        let settings = self.content().settings.get(*index);
        let settings = settings.ok_or_else(|| dangling(listener, "settings", *index))?;
        let members = pool.members.iter();
        let tls = self.client(listener, settings)?;
        let adopt = |host| self.backends.adopt(self.old, pool, host, settings, tls.as_ref());
        let backends = members.map(adopt).collect::<Result<_, _>>();
        let unsendable = |source| BuildError::HostName { settings: settings.name.clone(), source };
        let backends = backends.map_err(unsendable)?;
        Ok(Target {
            gateway: self.snapshot.gateway,
            pool: Arc::from(pool.name.as_str()),
            settings: Arc::from(settings.name.as_str()),
            backends,
            host: match &settings.host {
                HostHeader::Client => HostPolicy::Client,
                HostHeader::Member => HostPolicy::Member,
                HostHeader::Fixed(name) => HostPolicy::Fixed(
                    HeaderValue::from_str(name)
                        .map_err(|source| BuildError::HostName { settings: settings.name.clone(), source })?,
                ),
            },
            request_timeout: settings.request_timeout,
            drain_timeout: settings.drain_timeout,
            min_servers: settings.probe.min_servers as usize,
            next: AtomicUsize::new(0),
        })
    }

    fn client(&mut self, listener: &Listener, settings: &'a Settings) -> Result<Option<Client>, BuildError> {
        let Some(tls) = &settings.tls else { return Ok(None) };
        if let Some(known) = self.clients.get(tls) {
            return Ok(Some(known.clone()));
        }
        let client = match tls {
            UpstreamTls::SystemRoots => Client::of_system(),
            UpstreamTls::Roots(indices) => {
                let mut authorities = Vec::new();
                for index in indices {
                    let root = self.content().roots.get(*index);
                    let root = root.ok_or_else(|| dangling(listener, "trusted root", *index))?;
                    authorities.extend(root.certificates.iter().map(Vec::as_slice));
                }
                Client::of_roots(&settings.name, authorities)?
            }
        };
        self.clients.insert(tls, client.clone());
        Ok(Some(client))
    }
}

fn dangling(listener: &Listener, what: &'static str, index: usize) -> BuildError {
    BuildError::Dangling { listener: listener.name.clone(), what, index }
}

#[cfg(test)]
mod tests;
