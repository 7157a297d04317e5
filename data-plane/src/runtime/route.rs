//! The routing of a listener: its rule and, in a path-based rule, the entry for each path.

use std::sync::Arc;

use http::HeaderValue;
use http::StatusCode;
use thiserror::Error;
use tidegate_shared::path::CanonicalPath;
use tidegate_shared::snapshot::{Buffering, RequestHeaders};

use super::backend_set::BackendSet;
use super::paths::PathTable;
use super::rewrite::RewriteSet;
use crate::local_reply::LocalReplies;
use crate::metrics::series::RuleSeries;
use crate::tls::client_certificate::ClientCertificatePolicy;
use crate::tls::suites::SuiteSet;

/// The routing and options of one listener.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) gateway: Arc<str>,
    pub(crate) listener: String,
    pub(crate) local_replies: Arc<LocalReplies>,
    pub(crate) buffering: Buffering,
    pub(crate) headers: RequestHeaders,
    /// The client authentication; `None` if clients need no certificate.
    pub(crate) client_policy: Option<Arc<ClientCertificatePolicy>>,
    /// The cipher suites of its TLS policy, each of which implies a TLS version; `None` for plain HTTP.
    pub(crate) suites: Option<SuiteSet>,
    /// The first host name of the listener; empty if it serves all hosts.
    pub(crate) server_name: String,
    /// `None` if no rule refers to the listener.
    pub(crate) rule: Option<Rule>,
    /// The metrics of its requests.
    pub(crate) series: Arc<RuleSeries>,
}

/// A routing rule with all its entries.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The first is the only entry of a basic rule, or the default of a path map.
    pub(crate) entries: Vec<RouteEntry>,
    /// Maps a path to the number of its entry; empty in a basic rule.
    pub(super) paths: PathTable,
}

/// One outcome of a rule: an action with its rewrites.
#[derive(Debug)]
pub(crate) struct RouteEntry {
    /// The path rule's name; empty for a basic rule and for a path map's default.
    pub(crate) path_rule: String,
    pub(crate) action: Action,
    /// The rewrites of requests and responses.
    pub(crate) rewrites: Option<Arc<RewriteSet>>,
}

/// What a rule does with a request.
#[derive(Debug)]
pub(crate) enum Action {
    Forward(Arc<BackendSet>),
    Redirect(Redirect),
}

/// The redirect of a rule.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) status: StatusCode,
    pub(crate) target: RedirectTarget,
    pub(crate) include_path: bool,
    pub(crate) include_query: bool,
}

/// The target of a redirect.
#[derive(Debug)]
pub(crate) enum RedirectTarget {
    /// A listener of this gateway on the same worker.
    Listener {
        secure: bool,
        /// `None` for the host of the request.
        host: Option<String>,
        /// The bound port, with the port offset.
        port: u16,
    },
    /// This URL; `whole` is the same as a header value.
    Url { url: String, whole: HeaderValue },
}

/// The entry chosen for a request. It keeps its route alive across changes of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) route: Arc<Route>,
    entry: usize,
    /// The number of the pattern that its path matched.
    pattern: Option<usize>,
}

/// The reason why a request has no entry.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unroutable {
    #[error("no rule refers to the listener")]
    NoRule,
    /// The path rules would match a different path than the backend resolves.
    #[error("the path has a segment '.' or '..', and rules by path decide on it")]
    DotSegments,
}

impl Selection {
    /// Chooses the entry for a path. A basic rule ignores the path.
    ///
    /// # Errors
    /// No rule refers to the listener, or the path has dot segments and the rule has path rules.
    pub(crate) fn of(route: Arc<Route>, path: &str) -> Result<Selection, Unroutable> {
        let paths = &route.rule.as_ref().ok_or(Unroutable::NoRule)?.paths;
        if paths.is_empty() {
            return Ok(Selection { route, entry: 0, pattern: None });
        }
        let path = CanonicalPath::of(path);
        if path.has_dot_segments() {
            return Err(Unroutable::DotSegments);
        }
        let (entry, pattern) = match paths.find(&path) {
            Some((pattern, entry)) => (entry, Some(pattern)),
            None => (0, None),
        };
        Ok(Selection { route, entry, pattern })
    }

    /// Chooses again for another path, after a rewrite.
    ///
    /// # Errors
    /// The same as [`Selection::of`].
    pub(crate) fn again(self, path: &str) -> Result<Selection, Unroutable> {
        Selection::of(self.route, path)
    }

    fn rule(&self) -> &Rule {
        self.route.rule.as_ref().expect("a selection is made of a route with a rule")
    }

    /// Returns the number of the entry in its rule.
    pub(crate) fn number(&self) -> usize {
        self.entry
    }

    pub(crate) fn entry(&self) -> &RouteEntry {
        &self.rule().entries[self.entry]
    }

    /// Returns the action of the entry.
    pub(crate) fn action(&self) -> &Action {
        &self.entry().action
    }

    /// Returns the literal text of the matched pattern: in canonical form, without its `*`.
    pub(crate) fn matched(&self) -> Option<&[u8]> {
        self.pattern.map(|pattern| self.rule().paths.literal(pattern))
    }
}
