//! Routing: what is done with a request, by its listener's rule and, for path-based rules, by its path.

use serde::{Deserialize, Serialize};

use crate::path::PathPattern;

/// A request routing rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The name within the gateway.
    pub name: String,
    /// The selection of an action.
    pub routing: Routing,
}

/// The selection of an action for a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// One action for every request.
    Basic(RouteEntry),
    /// An action by the request's path: an index into [`super::Content::path_maps`].
    ByPath(usize),
}

/// Path rules, and the default for every other path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMap {
    /// The name within the gateway.
    pub name: String,
    /// The rules in the order in which they are tried: the first match decides.
    pub rules: Vec<PathRule>,
    /// The action if no rule matches.
    pub default: RouteEntry,
}

/// The action for some paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    /// The name within the path map.
    pub name: String,
    /// The paths and prefixes that the rule matches. They are compared with the canonical form of the request's
    /// path ([`crate::path::CanonicalPath`]).
    pub patterns: Vec<PathPattern>,
    /// The action for these paths.
    pub entry: RouteEntry,
}

/// An action with its rewrites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteEntry {
    /// The action.
    pub action: Action,
    /// The rewrite set to apply: an index into [`super::Content::rewrites`].
    pub rewrites: Option<usize>,
}

/// The action for a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Forward it to a backend with these settings.
    Forward {
        /// The backends to choose from.
        to: Destination,
        /// Index into [`super::Content::settings`].
        settings: usize,
    },
    /// Reply with a redirect.
    Redirect(Redirect),
}

/// The destination of a rule's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Destination {
    /// The members of one pool, by round robin: an index into [`super::Content::pools`].
    Pool(usize),
    /// The members of several pools: an index into [`super::Content::distributions`].
    Distribution(usize),
}

/// The distribution of requests over several pools (ARM's `loadDistributionPolicies`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// The name within the gateway.
    pub name: String,
    /// The algorithm by which one of all members is chosen.
    pub algorithm: Algorithm,
    /// The pools with their weights.
    pub shares: Vec<Share>,
}

/// A pool's part in a [`Distribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Index into [`super::Content::pools`].
    pub pool: usize,
    /// The weight of each member of the pool, 1 to 100.
    pub weight: u8,
}

/// The algorithm by which one of several backends is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// Each backend in turn, in proportion to its weight.
    #[default]
    RoundRobin,
    /// The backend with the fewest running requests and tunnels in proportion to its weight.
    LeastConnections,
    /// By a hash of the client's address, as long as that backend is healthy.
    IpHash,
}

/// A redirect reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// 301, 302, 303 or 307.
    pub status: u16,
    /// The target of `Location`.
    pub target: RedirectTarget,
    /// True if the request's path is appended.
    pub include_path: bool,
    /// True if the request's query is appended.
    pub include_query: bool,
}

/// The target of a redirect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectTarget {
    /// A listener of the same gateway.
    Listener {
        /// True for an HTTPS listener.
        secure: bool,
        /// The listener's only host; `None` if the listener serves all hosts: the request's host is kept.
        host: Option<String>,
        /// The listener's frontend port, before the worker adds its port offset.
        port: u16,
    },
    /// An absolute URL: ASCII, `http` or `https`.
    Url(String),
}
