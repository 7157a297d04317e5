//! A gateway as a worker executes it: whole, validated, numbered, every reference resolved.
//!
//! These are plain values. They are made by the control plane's compiler alone and turned into a runtime by the
//! worker alone; neither resource documents nor live state (sockets, health, connections) belong here. References
//! between the parts are indices into the lists of the same [`Content`].

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::id::{Digest, GatewayId, Generation};
use crate::secret::Secret;

mod answers;
mod backend;
mod headers;
mod listener;
mod rewrite;
mod route;
mod tls;

pub use answers::{Answers, Buffering, ErrorPages, Page};
pub use backend::{
    Host, HostHeader, HttpVersion, Pool, Probe, Settings, TrustedRoot, UpstreamTls, UpstreamTrust,
};
pub use headers::{HeaderNames, RequestHeaders};
pub use listener::{Frontend, Listener};
pub use rewrite::{
    Condition, HeaderChange, Pattern, Piece, RewriteRule, RewriteSet, ServerVariable, Template, ValueMatch,
    Variable,
};
pub use route::{
    Action, Algorithm, Destination, Distribution, PathMap, PathRule, Redirect, RedirectTarget, Routing, Rule,
    Share, Way,
};
pub use tls::{Certificate, CipherSuite, ClientAuthentication, ClientAuthority, ListenerTls, Staple};

/// One numbered configuration of one gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose configuration.
    pub gateway: GatewayId,
    /// Which one.
    pub generation: Generation,
    /// What it says.
    pub content: Content,
    /// What the cookies of this gateway are made with that bind clients to members. It is the gateway's for as long as
    /// that is there, whatever its configuration says: no part of its meaning.
    pub affinity_key: Secret,
}

/// What a configuration says. Two equal contents mean the same: nothing is to be sent or changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The gateway's resource ID in its creator's spelling. For log lines only.
    pub name: String,
    /// Whether clients of HTTPS listeners may speak HTTP/2.
    pub http2: bool,
    /// In the order in which they are tried for a request.
    pub listeners: Vec<Listener>,
    /// What rules go by whose requests differ by their paths.
    pub path_maps: Vec<PathMap>,
    /// Groups of backends.
    pub pools: Vec<Pool>,
    /// How requests are spread over several pools.
    pub distributions: Vec<Distribution>,
    /// How to speak with backends.
    pub settings: Vec<Settings>,
    /// Server certificates of the HTTPS listeners.
    pub certificates: Vec<Certificate>,
    /// Authorities that backends may be checked against, each list once however many settings refer to it.
    pub roots: Vec<TrustedRoot>,
    /// Authorities that clients may be checked against.
    pub client_authorities: Vec<ClientAuthority>,
    /// How the gateway words its own answers.
    pub answers: Answers,
    /// What is changed in requests and answers.
    pub rewrites: Vec<RewriteSet>,
    /// Which bodies it holds.
    pub buffering: Buffering,
    /// What becomes of the headers of requests.
    pub headers: RequestHeaders,
}

impl Content {
    /// Every way that a rule of a listener may send a request. A path map that several rules use comes several times.
    pub fn ways(&self) -> impl Iterator<Item = &Way> {
        let rules = self.listeners.iter().filter_map(|listener| listener.rule.as_ref());
        rules.flat_map(|rule| {
            let (one, map) = match &rule.routing {
                Routing::Basic(way) => (Some(way), None),
                Routing::ByPath(index) => (None, self.path_maps.get(*index)),
            };
            let of_rules = map.into_iter().flat_map(|map| &map.rules).map(|rule| &rule.way);
            one.into_iter().chain(of_rules).chain(map.map(|map| &map.default))
        })
    }

    /// Where requests are sent, with the settings by index; some come several times.
    pub fn destinations(&self) -> impl Iterator<Item = (Destination, usize)> {
        self.ways().filter_map(|way| match way.action {
            Action::Forward { to, settings } => Some((to, settings)),
            Action::Redirect(_) => None,
        })
    }

    /// The pools that a request may be sent to, by index, and what their members weigh.
    pub fn shares(&self, of: Destination) -> impl Iterator<Item = Share> {
        let (one, distribution) = match of {
            Destination::Pool(pool) => (Some(Share { pool, weight: 1 }), None),
            Destination::Distribution(index) => (None, self.distributions.get(index)),
        };
        one.into_iter().chain(distribution.into_iter().flat_map(|distribution| &distribution.shares).copied())
    }

    /// Every pool with the settings that it is spoken with, as indices; some come several times.
    pub fn forwards(&self) -> impl Iterator<Item = (usize, usize)> {
        self.destinations()
            .flat_map(|(to, settings)| self.shares(to).map(move |share| (share.pool, settings)))
    }

    /// A hash of all that it says, the same in both planes.
    ///
    /// A generation's number alone does not tell what it means: after a backup was restored, the same number may be
    /// given again to something else.
    pub fn digest(&self) -> Digest {
        let json = Zeroizing::new(serde_json::to_vec(self).expect("a content is plain data"));
        Digest::of([json.as_slice()])
    }
}
