//! A snapshot made executable: matchers, TLS configurations, backends. Immutable; swapped whole.
//!
//! A request uses one runtime from its first byte to its last. What changes while it is in force (health, idle
//! connections) is not in here but referred to. Building opens nothing and may fail; then the old one goes on.

mod affinity;
mod balance;
mod build;
pub(crate) mod hosts;
pub(crate) mod paths;
mod prefixes;
pub(crate) mod rewrite;
mod route;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use tidegate_shared::id::GatewayId;

use crate::backend::{Backend, Backends};
use crate::member::Roster;
use crate::metrics::series::Series;
use crate::proxy::page::Answers;
use crate::tls::server::Server;
pub(crate) use balance::Draw;
pub(crate) use build::BuildError;
use build::Departing;
use hosts::HostTable;
pub(crate) use route::{Action, Redirect, RedirectTarget, Route, Rule, Selection, Way};
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
    pub(crate) departing: Departing,
    /// Every member of every pool, and those on the way out.
    pub(crate) roster: Roster,
    /// How own answers read where no listener answers for a request.
    pub(crate) answers: Arc<Answers>,
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
}

/// What one bound address serves.
#[derive(Debug)]
pub(crate) struct Site {
    /// For HTTPS.
    pub(crate) tls: Option<Arc<Server>>,
    /// Whose connections begin with a header of the PROXY protocol; none if nobody's do.
    pub(crate) proxies: Arc<[IpNet]>,
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
