//! What becomes of a request: by its listener's rule, and by its path where the rule says so.

use serde::{Deserialize, Serialize};

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
    /// Each begins with `/`; one that ends with `*` matches every path that begins with the rest of it. They are
    /// compared with the path after percent-decoding of both, and without regard to the case of ASCII letters.
    pub patterns: Vec<String>,
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
    /// Send it to a backend of `pool`, as `settings` say. Both are indices.
    Forward {
        /// Index into [`super::Content::pools`].
        pool: usize,
        /// Index into [`super::Content::settings`].
        settings: usize,
    },
    /// Send its client elsewhere.
    Redirect(Redirect),
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
