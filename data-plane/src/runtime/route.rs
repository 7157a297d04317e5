//! What a listener does with a request: by its rule, and by the request's path where the rule says so.

use std::sync::Arc;

use http::HeaderValue;
use http::StatusCode;
use thiserror::Error;
use tidegate_shared::path::CanonicalPath;
use tidegate_shared::snapshot::{Buffering, RequestHeaders};

use super::paths::PathTable;
use super::rewrite::RewriteSet;
use super::target::Target;
use crate::local_reply::LocalReplies;
use crate::metrics::series::RuleSeries;
use crate::tls::client_certificate::ClientDemand;
use crate::tls::suites::SuiteSet;

/// What a listener does with its requests.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) gateway: Arc<str>,
    pub(crate) listener: String,
    pub(crate) answers: Arc<LocalReplies>,
    pub(crate) buffering: Buffering,
    pub(crate) headers: RequestHeaders,
    /// What it asks of clients' certificates.
    pub(crate) demand: Option<Arc<ClientDemand>>,
    /// The cipher suites of its TLS policy, each of which implies a version of TLS; none for a listener of plain HTTP.
    pub(crate) suites: Option<SuiteSet>,
    /// The first host name of the listener; empty where it answers for all.
    pub(crate) server_name: String,
    /// None where no rule refers to the listener.
    pub(crate) rule: Option<Rule>,
    /// What is counted of its requests.
    pub(crate) series: Arc<RuleSeries>,
}

/// A rule, with every way that a request may go by it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The first is the only one of a basic rule and the default of a path map.
    pub(crate) ways: Vec<Way>,
    /// From a path to the number of its way, where there is a choice.
    pub(super) paths: PathTable,
}

/// What becomes of a request in the end.
#[derive(Debug)]
pub(crate) struct Way {
    /// The path rule's name; empty where no path rule decides.
    pub(crate) path_rule: String,
    pub(crate) action: Action,
    /// What is changed on the way.
    pub(crate) rewrites: Option<Arc<RewriteSet>>,
}

/// What is done with a request.
#[derive(Debug)]
pub(crate) enum Action {
    Forward(Arc<Target>),
    Redirect(Redirect),
}

/// Where a client is sent instead of being served.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) status: StatusCode,
    pub(crate) target: RedirectTarget,
    pub(crate) include_path: bool,
    pub(crate) include_query: bool,
}

/// Where a redirect leads.
#[derive(Debug)]
pub(crate) enum RedirectTarget {
    /// To a listener of the same worker.
    Listener {
        secure: bool,
        /// The request's own host when none.
        host: Option<String>,
        /// As bound.
        port: u16,
    },
    /// To this URL; whole, it is ready to be sent.
    Url { url: String, whole: HeaderValue },
}

/// The way that a request goes. It keeps its route alive, whatever happens to the configuration meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) route: Arc<Route>,
    way: usize,
    /// The pattern that its path matched, by number.
    pattern: Option<usize>,
}

/// Why a request goes no way.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unroutable {
    #[error("no rule refers to the listener")]
    NoRule,
    /// A path rule would decide on another path than the one that the backend is asked for.
    #[error("the path has a segment '.' or '..', and rules by path decide on it")]
    DotSegments,
}

impl Selection {
    /// The way of a request of that path. A basic rule does not look at the path.
    ///
    /// # Errors
    /// No rule refers to the listener, or a path map would have to decide on a path with dot segments.
    pub(crate) fn of(route: Arc<Route>, path: &str) -> Result<Selection, Unroutable> {
        let paths = &route.rule.as_ref().ok_or(Unroutable::NoRule)?.paths;
        if paths.is_empty() {
            return Ok(Selection { route, way: 0, pattern: None });
        }
        let path = CanonicalPath::of(path);
        if path.has_dot_segments() {
            return Err(Unroutable::DotSegments);
        }
        let (way, pattern) = match paths.find(&path) {
            Some((pattern, way)) => (way, Some(pattern)),
            None => (0, None),
        };
        Ok(Selection { route, way, pattern })
    }

    /// The way of the same request under another path.
    ///
    /// # Errors
    /// As [`Selection::of`].
    pub(crate) fn again(self, path: &str) -> Result<Selection, Unroutable> {
        Selection::of(self.route, path)
    }

    fn rule(&self) -> &Rule {
        self.route.rule.as_ref().expect("a selection is made of a route with a rule")
    }

    /// The number of the way among those of its rule.
    pub(crate) fn number(&self) -> usize {
        self.way
    }

    pub(crate) fn way(&self) -> &Way {
        &self.rule().ways[self.way]
    }

    /// What is done with the request.
    pub(crate) fn action(&self) -> &Action {
        &self.way().action
    }

    /// What the pattern that decided matches literally: in canonical form, without its `*`.
    pub(crate) fn matched(&self) -> Option<&[u8]> {
        self.pattern.map(|pattern| self.rule().paths.literal(pattern))
    }
}
