//! The executable form of a snapshot: matchers, TLS configurations, backends. A runtime is immutable, and a change
//! replaces it as a whole.
//!
//! A request uses one runtime from its first byte to its last. State that changes between configurations (health,
//! idle connections) is only referred to. Building a runtime opens no socket and no file. If it fails, the old
//! runtime stays in use.

mod affinity;
mod backend_set;
mod builder;
mod load_balancer;
pub(crate) mod paths;
pub(crate) mod pattern;
pub(crate) mod rewrite;
mod route;
mod scrape;
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
use crate::tls::server::TlsServer;
pub(crate) use backend_set::{BackendSet, HostPolicy, reviews_tunnels};
pub(crate) use builder::BuildError;
use builder::DrainingBackends;
pub(crate) use load_balancer::MemberChoice;
pub(crate) use route::{Action, Redirect, RedirectTarget, Route, RouteEntry, Rule, Selection, Unroutable};

/// The runtime of one gateway.
#[derive(Debug)]
pub(crate) struct Runtime {
    pub(crate) gateway: GatewayId,
    pub(crate) name: Arc<str>,
    /// True if the gateway was removed or stopped: what is in flight still has this runtime, which is empty.
    pub(crate) is_withdrawn: bool,
    /// The bindings by the address that their sockets are bound to.
    pub(crate) bindings: BTreeMap<SocketAddr, Binding>,
    /// The number of requests after which a client's HTTP/2 connection is asked to end. A connection keeps the number
    /// with which it began.
    pub(crate) http2_max_requests: u32,
    /// Every backend that a rule forwards to.
    pub(crate) backends: Backends,
    /// The metrics of its connections, and of requests that no listener takes.
    pub(crate) series: Series,
    /// The backends of removed members that still drain, for clients with an affinity cookie.
    pub(crate) draining_backends: DrainingBackends,
    /// The members of all pools, and the removed members that still drain.
    pub(crate) member_table: MemberTable,
    /// The local replies to requests that no listener takes.
    pub(crate) local_replies: Arc<LocalReplies>,
}

impl Runtime {
    /// Returns true if a backend gets requests whatever its health, because its pool has fewer healthy members than
    /// the probe's `min_servers`.
    pub(crate) fn keeps(&self, backend: &Backend) -> bool {
        let alike = self
            .backends
            .iter()
            .filter(|other| other.key.pool == backend.key.pool && other.key.settings == backend.key.settings);
        backend_set::keeps(backend.probe().min_servers as usize, alike)
    }

    /// Asks the connections of each address to close gracefully, except for the addresses that `next` serves in the
    /// same way.
    pub(crate) fn end_connections(&self, next: Option<&Runtime>) {
        for (address, binding) in &self.bindings {
            let kept =
                next.and_then(|next| next.bindings.get(address)).is_some_and(|next| next.is_like(binding));
            if !kept {
                binding.closing.cancel();
            }
        }
    }
}

/// The configuration of one bound address.
#[derive(Debug)]
pub(crate) struct Binding {
    /// The TLS configuration; `None` for plain HTTP.
    pub(crate) tls: Option<Arc<TlsServer>>,
    /// The networks whose connections begin with a PROXY protocol header; empty if no connections do.
    pub(crate) proxies: Arc<[IpNet]>,
    /// Cancelled when the connections of this binding must close gracefully; running requests may finish. The next
    /// runtime keeps the token if its binding is like this one.
    pub(crate) closing: CancellationToken,
    hosts: Arc<HostTable>,
    routes: Vec<Arc<Route>>,
    /// The names of its listeners, for the message about a failed bind.
    pub(crate) listeners: Vec<String>,
}

impl Binding {
    /// Returns the route for a request's host.
    pub(crate) fn route(&self, host: &CanonicalHost<'_>) -> Option<&Arc<Route>> {
        self.hosts.find(host).map(|rank| &self.routes[rank])
    }

    /// Returns the route of the listener with this name.
    pub(crate) fn route_of(&self, listener: &str) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| route.listener == listener)
    }

    /// Returns true if connections start in the same way on both bindings: with or without TLS, and with a PROXY
    /// protocol header from the same networks.
    fn is_like(&self, other: &Binding) -> bool {
        self.tls.is_some() == other.tls.is_some() && self.proxies == other.proxies
    }
}
