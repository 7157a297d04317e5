//! A gateway's configuration as a worker executes it: complete, validated, numbered, with every reference resolved.
//!
//! Snapshots are plain values. Only the compiler of the control plane makes them, and only workers turn them into a
//! runtime. Neither resource documents nor live state (sockets, health, connections) belong here. References
//! between the parts are indices into the lists of the same [`Content`].

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::{Digest, GatewayId, Generation};
use crate::secret::Secret;

mod backend;
mod headers;
mod listener;
mod local_replies;
mod rewrite;
mod route;
mod tls;
mod tunnel_policy;

pub use backend::{
    Host, HostHeader, HttpVersion, Pool, Probe, Settings, TrustedRoot, UpstreamTls, UpstreamTrust,
};
pub use headers::{HeaderNames, RequestHeaders};
pub use listener::{Frontend, Http2Limits, Listener};
pub use local_replies::{Buffering, ErrorPage, ErrorPages, LocalReplies};
pub use rewrite::{
    Condition, HeaderChange, Pattern, RewriteRule, RewriteSet, ServerVariable, Template, TextPart,
    ValueMatch, Variable,
};
pub use route::{
    Action, Algorithm, Destination, Distribution, PathMap, PathRule, Redirect, RedirectTarget, RouteEntry,
    Routing, Rule, Share,
};
pub use tls::{Certificate, CipherSuite, ClientAuthentication, ClientAuthority, ListenerTls, Staple};
pub use tunnel_policy::{CloseFrame, DrainSpread, TunnelAction, TunnelPolicy};

/// One numbered configuration of one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The gateway's identity.
    pub gateway: GatewayId,
    /// The number of this configuration.
    pub generation: Generation,
    /// The configuration itself.
    pub content: Content,
    /// The key of the cookies that bind clients to backends. The gateway keeps it for life, whatever its
    /// configuration is; it is therefore not part of [`Content`] and its digest.
    pub affinity_key: Secret,
}

/// The content of a configuration. If two contents are equal, there is nothing to send or change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The gateway's resource ID in its creator's spelling, for log lines only.
    pub name: String,
    /// True if clients of HTTPS listeners may use HTTP/2.
    pub http2: bool,
    /// The limits of connections that use HTTP/2.
    #[serde(default, skip_serializing_if = "Http2Limits::is_default")]
    pub http2_limits: Http2Limits,
    /// The listeners, in the order in which they are tried for a request.
    pub listeners: Vec<Listener>,
    /// The path maps of path-based rules.
    pub path_maps: Vec<PathMap>,
    /// The backend pools.
    pub pools: Vec<Pool>,
    /// The distributions of requests over several pools (load distribution policies).
    pub distributions: Vec<Distribution>,
    /// The backend HTTP settings.
    pub settings: Vec<Settings>,
    /// The server certificates of the HTTPS listeners.
    pub certificates: Vec<Certificate>,
    /// The authorities that backend certificates are verified with; each is here once, however many settings refer
    /// to it.
    pub roots: Vec<TrustedRoot>,
    /// The authorities that client certificates are verified with.
    pub client_authorities: Vec<ClientAuthority>,
    /// The texts of local replies.
    pub local_replies: LocalReplies,
    /// The rewrites of requests and responses.
    pub rewrites: Vec<RewriteSet>,
    /// The bodies that are buffered.
    pub buffering: Buffering,
    /// The treatment of request headers.
    pub headers: RequestHeaders,
}

impl Content {
    /// Returns every action that a rule of a listener may lead to. The actions of a path map that several rules use
    /// are repeated.
    pub fn entries(&self) -> impl Iterator<Item = &RouteEntry> {
        let rules = self.listeners.iter().filter_map(|listener| listener.rule.as_ref());
        rules.flat_map(|rule| {
            let (one, map) = match &rule.routing {
                Routing::Basic(entry) => (Some(entry), None),
                Routing::ByPath(index) => (None, self.path_maps.get(*index)),
            };
            let of_rules = map.into_iter().flat_map(|map| &map.rules).map(|rule| &rule.entry);
            one.into_iter().chain(of_rules).chain(map.map(|map| &map.default))
        })
    }

    /// Returns all destinations of requests, with the index of their settings, with repetitions.
    pub fn destinations(&self) -> impl Iterator<Item = (Destination, usize)> {
        self.entries().filter_map(|entry| match entry.action {
            Action::Forward { to, settings } => Some((to, settings)),
            Action::Redirect(_) => None,
        })
    }

    /// Returns the pools of a destination, with the weight of their members.
    pub fn shares(&self, of: Destination) -> impl Iterator<Item = Share> {
        let (one, distribution) = match of {
            Destination::Pool(pool) => (Some(Share { pool, weight: 1 }), None),
            Destination::Distribution(index) => (None, self.distributions.get(index)),
        };
        one.into_iter().chain(distribution.into_iter().flat_map(|distribution| &distribution.shares).copied())
    }

    /// Returns every pair of pool and settings that requests use, as indices, with repetitions.
    pub fn forwards(&self) -> impl Iterator<Item = (usize, usize)> {
        self.destinations()
            .flat_map(|(to, settings)| self.shares(to).map(move |share| (share.pool, settings)))
    }

    /// Computes a hash of the whole content, the same in both planes.
    ///
    /// A generation's number does not identify its content: after a backup was restored, the control plane may give
    /// the same number to another content.
    pub fn digest(&self) -> Digest {
        let json = Zeroizing::new(serde_json::to_vec(self).expect("a content is plain data"));
        Digest::of([json.as_slice()])
    }
}
