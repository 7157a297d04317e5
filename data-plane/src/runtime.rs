//! A snapshot made executable: matchers, TLS configurations, backends. Immutable; swapped whole.
//!
//! A request uses one runtime from its first byte to its last. What changes while it is in force (health, idle
//! connections) is not in here but referred to. Building opens nothing and may fail; then the old one goes on.

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
pub(crate) use route::{Action, Redirect, RedirectTarget, Route, Rule, Selection, Unroutable, Way};
pub(crate) use target::{HostPolicy, Target};

/// One gateway as it is executed.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) gateway: GatewayId,
    pub(crate) name: Arc<str>,
    /// By the address that the socket is bound to.
    pub(crate) sites: BTreeMap<SocketAddr, Site>,
    /// Every backend that a rule leads to.
    pub(crate) backends: Backends,
    /// What is counted of its connections, and of requests that no listener takes.
    pub(crate) series: Series,
    /// Backends of members that were removed and are on the way out, for clients that are bound to them.
    pub(crate) departing: DrainingBackends,
    /// Every member of every pool, and those on the way out.
    pub(crate) member_table: MemberTable,
    /// How own answers read where no listener answers for a request.
    pub(crate) answers: Arc<LocalReplies>,
}

impl Runtime {
    /// Whether a backend that is down gets requests all the same, because fewer of its pool are well than are to be
    /// kept.
    pub(crate) fn keeps(&self, backend: &Backend) -> bool {
        let alike = self
            .backends
            .iter()
            .filter(|other| other.key.pool == backend.key.pool && other.key.settings == backend.key.settings);
        target::keeps(backend.probe().min_servers as usize, alike)
    }

    /// Has the connections of each address end in order, unless `next` serves the address in the same way.
    pub(crate) fn end_connections(&self, next: Option<&Runtime>) {
        for (address, site) in &self.sites {
            let kept = next.and_then(|next| next.sites.get(address)).is_some_and(|next| next.is_like(site));
            if !kept {
                site.closing.cancel();
            }
        }
    }
}

/// What one bound address serves.
#[derive(Debug)]
pub(crate) struct Site {
    /// For HTTPS.
    pub(crate) tls: Option<Arc<Server>>,
    /// Whose connections begin with a header of the PROXY protocol; none if nobody's do.
    pub(crate) proxies: Arc<[IpNet]>,
    /// Cancelled when connections that were accepted as this site wants them are not wanted any more. What runs on them
    /// may finish. The next runtime takes it over with a site that is like this one.
    pub(crate) closing: CancellationToken,
    hosts: Arc<HostTable>,
    routes: Vec<Arc<Route>>,
    /// The names of its listeners, for a message when it cannot be bound.
    pub(crate) listeners: Vec<String>,
}

impl Site {
    /// The route for a request's host.
    pub(crate) fn route(&self, host: &CanonicalHost<'_>) -> Option<&Arc<Route>> {
        self.hosts.find(host).map(|rank| &self.routes[rank])
    }

    /// Whether a connection begins in the same way here and there: with TLS or without, and with or without a header of
    /// the PROXY protocol from the same networks.
    fn is_like(&self, other: &Site) -> bool {
        self.tls.is_some() == other.tls.is_some() && self.proxies == other.proxies
    }
}
