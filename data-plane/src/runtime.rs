//! The executable form of a snapshot: matchers, TLS configurations, backends. A runtime is immutable, and a change
//! replaces it as a whole.
//!
//! A request uses one runtime from its first byte to its last. State that changes between configurations (health,
//! idle connections) is only referred to. Building a runtime opens no socket and no file. If it fails, the old
//! runtime stays in use.

mod affinity;
mod balance;
mod builder;
pub(crate) mod paths;
pub(crate) mod pattern;
pub(crate) mod rewrite;
mod route;
mod scrape;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::id::GatewayId;
use tokio_util::sync::CancellationToken;

use crate::backend::{Backend, Backends};
use crate::hosts::HostTable;
use crate::local_reply::LocalReplies;
use crate::member::MemberTable;
use crate::metrics::series::Series;
use crate::tls::server::Server;
pub(crate) use balance::Draw;
pub(crate) use builder::BuildError;
use builder::DrainingBackends;
pub(crate) use route::{Action, Redirect, RedirectTarget, Route, RouteEntry, Rule, Selection, Unroutable};
pub(crate) use target::{HostPolicy, Target};

/// The runtime of one gateway.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) gateway: GatewayId,
    pub(crate) name: Arc<str>,
    /// The sites by the address that their sockets are bound to.
    pub(crate) sites: BTreeMap<SocketAddr, Site>,
    /// Every backend that a rule forwards to.
    pub(crate) backends: Backends,
    /// The metrics of its connections, and of requests that no listener takes.
    pub(crate) series: Series,
    /// The backends of removed members that still drain, for clients with an affinity cookie.
    pub(crate) departing: DrainingBackends,
    /// The members of all pools, and the removed members that still drain.
    pub(crate) member_table: MemberTable,
    /// The local replies to requests that no listener takes.
    pub(crate) answers: Arc<LocalReplies>,
}

impl Runtime {
    /// Returns true if a backend gets requests whatever its health, because its pool has fewer healthy members than
    /// the probe's `min_servers`.
    pub(crate) fn keeps(&self, backend: &Backend) -> bool {
        let alike = self
            .backends
            .iter()
            .filter(|other| other.key.pool == backend.key.pool && other.key.settings == backend.key.settings);
        target::keeps(backend.probe().min_servers as usize, alike)
    }

    /// Asks the connections of each address to close gracefully, except for the addresses that `next` serves in the
    /// same way.
    pub(crate) fn end_connections(&self, next: Option<&Runtime>) {
        for (address, site) in &self.sites {
            let kept = next.and_then(|next| next.sites.get(address)).is_some_and(|next| next.is_like(site));
            if !kept {
                site.closing.cancel();
            }
        }
    }
}

/// The configuration of one bound address.
#[derive(Debug)]
pub(crate) struct Site {
    /// The TLS configuration; `None` for plain HTTP.
    pub(crate) tls: Option<Arc<Server>>,
    /// The networks whose connections begin with a PROXY protocol header; empty if no connections do.
    pub(crate) proxies: Arc<[IpNet]>,
    /// Cancelled when the connections of this site must close gracefully; running requests may finish. The next
    /// runtime keeps the token if its site is like this one.
    pub(crate) closing: CancellationToken,
    hosts: Arc<HostTable>,
    routes: Vec<Arc<Route>>,
    /// The names of its listeners, for the message about a failed bind.
    pub(crate) listeners: Vec<String>,
}

impl Site {
    /// Returns the route for a request's host.
    pub(crate) fn route(&self, host: &CanonicalHost<'_>) -> Option<&Arc<Route>> {
        self.hosts.find(host).map(|rank| &self.routes[rank])
    }

    /// Returns true if connections start in the same way on both sites: with or without TLS, and with a PROXY
    /// protocol header from the same networks.
    fn is_like(&self, other: &Site) -> bool {
        self.tls.is_some() == other.tls.is_some() && self.proxies == other.proxies
    }
}
