//! What becomes of a request: by its listener's rule, and by its path where the rule says so.

use serde::{Deserialize, Serialize};

use crate::path::PathPattern;

/// A request routing rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name within the gateway.
    pub name: String,
    /// How it finds what to do.
    pub routing: Routing,
}

/// How a rule finds what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Routing {
    /// It is the same for every request.
    Basic(Way),
    /// By the request's path: an index into [`super::Content::path_maps`].
    ByPath(usize),
}

/// Rules by path, and what becomes of every other path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathMap {
    /// Its name within the gateway.
    pub name: String,
    /// In the order in which they are tried: the first that matches decides.
    pub rules: Vec<PathRule>,
    /// Where no rule matches.
    pub default: Way,
}

/// What becomes of some paths.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    /// Its name within its map.
    pub name: String,
    /// The paths and beginnings of paths that it is for. They are compared with the canonical form of the request's path
    /// ([`crate::path::CanonicalPath`]).
    pub patterns: Vec<PathPattern>,
    /// What becomes of them.
    pub way: Way,
}

/// What is done with a request in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// What to do.
    pub action: Action,
    /// What is changed on the way: an index into [`super::Content::rewrites`].
    pub rewrites: Option<usize>,
}

/// What to do with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Send it to a backend, as `settings` say.
    Forward {
        /// Among which backends it is chosen.
        to: Destination,
        /// Index into [`super::Content::settings`].
        settings: usize,
    },
    /// Send its client elsewhere.
    Redirect(Redirect),
}

/// Among which backends one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Destination {
    /// The members of one pool, in turn: an index into [`super::Content::pools`].
    Pool(usize),
    /// Those of several: an index into [`super::Content::distributions`].
    Distribution(usize),
}

/// How requests are spread over pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Its name within the gateway.
    pub name: String,
    /// How one is chosen among all members.
    pub algorithm: Algorithm,
    /// The pools.
    pub shares: Vec<Share>,
}

/// A pool's part in a [`Distribution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Index into [`super::Content::pools`].
    pub pool: usize,
    /// What each of its members weighs, 1 to 100.
    pub weight: u8,
}

/// How a backend is chosen among several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// One after the other, each as often as it weighs.
    #[default]
    RoundRobin,
    /// The one where the fewest requests and tunnels run, for its weight.
    LeastConnections,
    /// By the client's address, as long as that one is well.
    IpHash,
}

/// Where a client is sent instead of being served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// 301, 302, 303 or 307.
    pub status: u16,
    /// Where to.
    pub target: RedirectTarget,
    /// Whether the request's path goes along.
    pub include_path: bool,
    /// Whether the request's query goes along.
    pub include_query: bool,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectTarget {
    /// To a listener of the same gateway.
    Listener {
        /// Whether it is HTTPS.
        secure: bool,
        /// The one host that it answers for; the request's own when it answers for all.
        host: Option<String>,
        /// The port of its frontend, before the worker adds its port offset.
        port: u16,
    },
    /// To this absolute URL: ASCII, `http` or `https`.
    Url(String),
}
