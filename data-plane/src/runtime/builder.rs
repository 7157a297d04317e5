//! Builds a runtime from a snapshot. Building opens no socket and no file; an error in any part fails the whole.

mod backend_set;
mod tls;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::header::InvalidHeaderValue;
use http::{HeaderValue, StatusCode};
use ipnet::IpNet;
use thiserror::Error;
use tidegate_shared::snapshot::{
    self, Content, Destination, Frontend, Listener, PathMap, Routing, Settings, Snapshot, UpstreamTls,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use backend_set::DrainingBackends;
use backend_set::counted;
use tls::Offers;

use super::backend_set::BackendSet;
use super::paths::PathTable;
use super::rewrite::{Compiler, RewriteError, RewriteSet};
use super::route::{Action, Redirect, RedirectTarget, Route, RouteEntry, Rule};
use super::{Binding, Runtime};
use crate::backend::Backends;
use crate::config::Config;
use crate::hosts::HostTable;
use crate::local_reply::CompiledErrorPages;
use crate::member::MemberTable;
use crate::metrics::series::Series;
use crate::tls::TlsError;
use crate::tls::client::{self, TlsClient};
use crate::tls::server::{Offer, TlsServer};
use crate::tls::tickets::TicketKeys;

/// The reason why this worker cannot execute a snapshot.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error("listener {listener}: port {port} plus the port offset {offset} is over 65535")]
    PortTooLarge { listener: String, port: u16, offset: u16 },
    #[error("listener {listener}: {what} number {index} is not in the snapshot")]
    Dangling { listener: String, what: &'static str, index: usize },
    #[error("listeners {one} and {other} share {address}, but only one of them is HTTPS")]
    MixedProtocols { one: String, other: String, address: SocketAddr },
    #[error("listener {listener}: {address}/{length} is not a network")]
    Network { listener: String, address: IpAddr, length: u8 },
    #[error("listener {listener}: the redirect has an invalid status or URL")]
    Redirect { listener: String },
    #[error("error page number {index} is not in the snapshot")]
    NoPage { index: usize },
    #[error("settings {settings}: the name of the affinity cookie is not a valid header value")]
    CookieName { settings: String, source: InvalidHeaderValue },
    #[error("settings {settings}: a host name is not a valid header value")]
    HostName { settings: String, source: InvalidHeaderValue },
    #[error("rewrite set {set}: {source}")]
    Rewrite { set: String, source: RewriteError },
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Runtime {
    /// Builds the runtime of a snapshot. Unchanged backends of `old` are reused, with their health.
    pub(crate) fn build(
        snapshot: &Snapshot,
        old: Option<&Runtime>,
        config: &Config,
        ticket_keys: &TicketKeys,
    ) -> Result<Runtime, BuildError> {
        let content = &snapshot.content;
        let (none, nobody) = (Backends::default(), MemberTable::default());
        let before = old.map_or(&nobody, |old| &old.member_table);
        let error_pages =
            CompiledErrorPages::new(&content.local_replies).map_err(|index| BuildError::NoPage { index })?;
        let threads = config.threads.get();
        let mut builder = Builder {
            snapshot,
            error_pages,
            config,
            ticket_keys,
            member_table: MemberTable::new(snapshot.gateway, content, before, Instant::now()),
            name: Arc::from(content.name.as_str()),
            old: old.map_or(&none, |old| &old.backends),
            old_bindings: old.map(|old| &old.bindings),
            backends: Backends::new(threads),
            old_series: old.map(|old| &old.series),
            series: Series::new(old.map(|old| &old.series), threads),
            gone: old.map(|old| &old.draining_backends),
            draining_backends: DrainingBackends::default(),
            backend_sets: HashMap::new(),
            counted: counted(content),
            clients: HashMap::new(),
            offers: Offers::default(),
            compiler: Compiler::default(),
        };
        let mut by_address: BTreeMap<SocketAddr, Vec<&Listener>> = BTreeMap::new();
        for listener in &content.listeners {
            by_address.entry(bind_address(listener, config)?).or_default().push(listener);
        }
        let mut bindings = BTreeMap::new();
        for (address, listeners) in by_address {
            bindings.insert(address, builder.binding(address, &listeners)?);
        }
        Ok(Runtime {
            gateway: snapshot.gateway,
            name: builder.name,
            is_withdrawn: false,
            local_replies: builder.error_pages.of_gateway().clone(),
            bindings,
            http2_max_requests: content.http2_limits.max_requests,
            backends: builder.backends,
            series: builder.series,
            draining_backends: builder.draining_backends,
            member_table: builder.member_table,
        })
    }
}

/// Returns the address to which this worker binds a listener's socket.
fn bind_address(listener: &Listener, config: &Config) -> Result<SocketAddr, BuildError> {
    let address = match listener.frontend {
        Frontend::Public => config.public_address,
        Frontend::Address(address) => address,
    };
    Ok(SocketAddr::new(address, bound_port(&listener.name, listener.port, config)?))
}

fn bound_port(listener: &str, port: u16, config: &Config) -> Result<u16, BuildError> {
    let offset = config.port_offset;
    let too_large = || BuildError::PortTooLarge { listener: listener.to_owned(), port, offset };
    port.checked_add(offset).ok_or_else(too_large)
}

/// Returns the networks whose connections begin with a PROXY protocol header. An invalid network is an error: if it
/// were dropped from a list of one, every client could connect directly.
fn networks(listener: &Listener) -> Result<Arc<[IpNet]>, BuildError> {
    let network = |(address, length): &(IpAddr, u8)| {
        let (address, length) = (*address, *length);
        IpNet::new(address, length).map_err(|_| BuildError::Network {
            listener: listener.name.clone(),
            address,
            length,
        })
    };
    listener.proxies.iter().map(network).collect()
}

fn path_table(map: &PathMap) -> PathTable {
    let rules = map.rules.iter().enumerate();
    PathTable::new(rules.flat_map(|(i, rule)| rule.patterns.iter().map(move |pattern| (pattern, i + 1))))
}

struct Builder<'a> {
    snapshot: &'a Snapshot,
    error_pages: CompiledErrorPages,
    config: &'a Config,
    ticket_keys: &'a TicketKeys,
    member_table: MemberTable,
    name: Arc<str>,
    old: &'a Backends,
    old_bindings: Option<&'a BTreeMap<SocketAddr, Binding>>,
    /// The backends of members that were draining in the old runtime.
    gone: Option<&'a DrainingBackends>,
    backends: Backends,
    old_series: Option<&'a Series>,
    series: Series,
    draining_backends: DrainingBackends,
    /// The sets built so far. Entries with the same destination and settings share one set and its round robin.
    backend_sets: HashMap<(Destination, usize), Arc<BackendSet>>,
    /// The pools whose requests are counted, for least connections.
    counted: HashSet<usize>,
    /// The TLS client configurations. Settings with equal TLS options share one, with its session cache.
    clients: HashMap<&'a UpstreamTls, TlsClient>,
    offers: Offers,
    compiler: Compiler,
}

impl<'a> Builder<'a> {
    fn content(&self) -> &'a Content {
        &self.snapshot.content
    }

    fn binding(&mut self, address: SocketAddr, listeners: &[&Listener]) -> Result<Binding, BuildError> {
        let hosts = Arc::new(HostTable::new(listeners.iter().map(|listener| listener.hosts.as_slice())));
        let mut offers = Vec::new();
        let mut routes = Vec::new();
        for listener in listeners {
            let offer = self.offers.of(listener, self.content())?;
            let rule = listener.rule.as_ref().map(|rule| self.rule(listener, rule)).transpose()?;
            let local_replies = self.error_pages.replies(&listener.error_pages);
            let named = rule.as_ref().map_or("", |rule| &rule.name);
            let series = self.series.rule(self.old_series, &listener.name, named);
            routes.push(Arc::new(Route {
                gateway: self.name.clone(),
                listener: listener.name.clone(),
                local_replies: local_replies.map_err(|index| BuildError::NoPage { index })?,
                buffering: self.content().buffering,
                headers: self.content().headers,
                client_policy: offer.as_ref().and_then(|offer| offer.client_policy.clone()),
                suites: offer.as_ref().map(Offer::served_suites),
                server_name: listener.hosts.first().map(ToString::to_string).unwrap_or_default(),
                rule,
                series,
            }));
            offers.extend(offer);
        }
        if !offers.is_empty() && offers.len() != listeners.len() {
            let (secure, plain): (Vec<_>, Vec<_>) = listeners.iter().partition(|l| l.tls.is_some());
            let name = |some: &[&Listener]| some[0].name.clone();
            return Err(BuildError::MixedProtocols { one: name(&secure), other: name(&plain), address });
        }
        let tls = (!offers.is_empty()).then(|| {
            Arc::new(TlsServer::new(hosts.clone(), &offers, self.content().http2, self.ticket_keys))
        });
        let proxies = listeners.first().map(|listener| networks(listener)).transpose()?.unwrap_or_default();
        let mut binding = Binding {
            tls,
            proxies,
            closing: CancellationToken::new(),
            hosts,
            routes,
            listeners: listeners.iter().map(|l| l.name.clone()).collect(),
        };
        let old =
            self.old_bindings.and_then(|bindings| bindings.get(&address)).filter(|old| old.is_like(&binding));
        // The connections of a worker that was drained have ended.
        if let Some(old) = old.filter(|old| !old.closing.is_cancelled()) {
            binding.closing = old.closing.clone();
        }
        Ok(binding)
    }

    fn rule(&mut self, listener: &Listener, rule: &snapshot::Rule) -> Result<Rule, BuildError> {
        let name = rule.name.clone();
        match &rule.routing {
            Routing::Basic(entry) => {
                let entries = vec![self.entry(listener, "", entry)?];
                Ok(Rule { name, entries, paths: PathTable::default() })
            }
            Routing::ByPath(index) => {
                let map = self.content().path_maps.get(*index);
                let map = map.ok_or_else(|| dangling(listener, "path map", *index))?;
                let mut entries = vec![self.entry(listener, "", &map.default)?];
                for rule in &map.rules {
                    entries.push(self.entry(listener, &rule.name, &rule.entry)?);
                }
                Ok(Rule { name, entries, paths: path_table(map) })
            }
        }
    }

    fn entry(
        &mut self,
        listener: &Listener,
        path_rule: &str,
        entry: &snapshot::RouteEntry,
    ) -> Result<RouteEntry, BuildError> {
        let action = match &entry.action {
            snapshot::Action::Forward { to, settings } => {
                Action::Forward(self.backend_set(listener, *to, *settings)?)
            }
            snapshot::Action::Redirect(redirect) => Action::Redirect(self.redirect(listener, redirect)?),
        };
        let rewrites = entry.rewrites.map(|index| self.rewrites(listener, index)).transpose()?;
        Ok(RouteEntry { path_rule: path_rule.to_owned(), action, rewrites })
    }

    fn rewrites(&mut self, listener: &Listener, index: usize) -> Result<Arc<RewriteSet>, BuildError> {
        let set = self.content().rewrites.get(index);
        let set = set.ok_or_else(|| dangling(listener, "rewrite set", index))?;
        let unusable = |source| BuildError::Rewrite { set: set.name.clone(), source };
        self.compiler.set(index, set).map_err(unusable)
    }

    fn redirect(&self, listener: &Listener, redirect: &snapshot::Redirect) -> Result<Redirect, BuildError> {
        let unsendable = || BuildError::Redirect { listener: listener.name.clone() };
        let target = match &redirect.target {
            snapshot::RedirectTarget::Listener { secure, host, port } => RedirectTarget::Listener {
                secure: *secure,
                host: host.clone(),
                port: bound_port(&listener.name, *port, self.config)?,
            },
            snapshot::RedirectTarget::Url(url) => {
                let whole = HeaderValue::from_str(url).map_err(|_| unsendable())?;
                RedirectTarget::Url { url: url.clone(), whole }
            }
        };
        Ok(Redirect {
            status: StatusCode::from_u16(redirect.status).map_err(|_| unsendable())?,
            target,
            include_path: redirect.include_path,
            include_query: redirect.include_query,
        })
    }

    fn client(
        &mut self,
        listener: &Listener,
        settings: &'a Settings,
    ) -> Result<Option<TlsClient>, BuildError> {
        let Some(tls) = &settings.tls else { return Ok(None) };
        if let Some(known) = self.clients.get(tls) {
            return Ok(Some(known.clone()));
        }
        let roots = client::authorities(tls, &self.content().roots);
        let roots = roots.map_err(|index| dangling(listener, "trusted root", index))?;
        let client = TlsClient::new(&settings.name, tls, roots)?;
        self.clients.insert(tls, client.clone());
        Ok(Some(client))
    }
}

fn dangling(listener: &Listener, what: &'static str, index: usize) -> BuildError {
    BuildError::Dangling { listener: listener.name.clone(), what, index }
}
