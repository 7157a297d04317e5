//! The backend set of a rule: the backends of one or several pools, their load balancing, and the settings to
//! reach them with.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tidegate_shared::snapshot::{TunnelAction, TunnelPolicy};

use super::affinity::Affinity;
use super::load_balancer::{LoadBalancer, MemberChoice};
use crate::backend::Backend;
use crate::member::InFlightGuard;

/// A set of backends with their settings. Backends have the numbers that [`BackendSet::member`] takes.
#[derive(Debug)]
pub(crate) struct BackendSet {
    /// The name of the pool or, for several pools, of the distribution.
    pub(crate) pool: Arc<str>,
    pub(crate) settings: Arc<str>,
    /// The backends to choose from.
    pub(super) backends: Vec<Arc<Backend>>,
    /// The range of backends of each pool.
    pub(super) pools: Vec<Range<usize>>,
    /// The backends of removed members that still drain, only for clients with an affinity cookie.
    pub(super) draining: Vec<Arc<Backend>>,
    pub(super) load_balancer: LoadBalancer,
    /// True if requests are counted, because this or another set balances these pools by least connections.
    pub(super) counts: bool,
    /// The affinity cookies, if cookie affinity is on.
    pub(crate) affinity: Option<Affinity>,
    /// True if each client connection has backend connections of its own.
    pub(crate) dedicated: bool,
    pub(crate) host: HostPolicy,
    pub(crate) request_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// The override path: it replaces the part that the path rule matched or, without one, precedes the whole path.
    pub(crate) path: Option<String>,
    pub(super) min_servers: usize,
}

/// The `Host` header for backends.
#[derive(Debug)]
pub(crate) enum HostPolicy {
    Client,
    Member,
    Fixed(HeaderValue),
}

impl BackendSet {
    /// Returns true if it has no backends, apart from draining ones.
    pub(crate) fn is_empty(&self) -> bool {
        self.backends.is_empty()
    }

    /// Returns true if requests of this set may reach this pool with these settings.
    pub(crate) fn leads_to(&self, pool: &str, settings: &str) -> bool {
        let has_pool = || self.backends.iter().any(|backend| backend.key.pool == pool);
        *self.settings == *settings && (*self.pool == *pool || has_pool())
    }

    /// Returns true if a change of the configuration may end tunnels of this set although their member stays.
    pub(crate) fn reviews_tunnels(&self) -> bool {
        let mut first_members = self.pools.iter().filter_map(|pool| self.backends.get(pool.start));
        first_members.any(|backend| reviews_tunnels(&backend.member_state.pool.policy()))
    }

    /// Returns the backend with this number, which may be draining.
    pub(crate) fn member(&self, number: usize) -> Option<&Arc<Backend>> {
        let draining = || self.draining.get(number - self.backends.len());
        self.backends.get(number).or_else(draining)
    }

    /// Returns the number in this set of a backend with this process-wide number ([`Backend::number`]).
    pub(crate) fn number_of(&self, backend: u64) -> Option<usize> {
        self.backends.iter().position(|known| known.number == backend)
    }

    /// Returns true if a request with an affinity cookie may still go to a member: the member is healthy or used
    /// whatever its health, and its drain timeout after removal has not passed.
    pub(crate) fn is_reachable(&self, number: usize) -> bool {
        self.member(number).is_some_and(|backend| {
            !backend.member_state.is_gone()
                && (backend.health.usable() || self.kept().iter().any(|kept| kept.contains(&number)))
        })
    }

    /// Returns the ranges of backends that are used whatever their health. It allocates nothing if `min_servers` is
    /// 0.
    fn kept(&self) -> Vec<Range<usize>> {
        let is_kept = |pool: &&Range<usize>| keeps(self.min_servers, self.backends[(*pool).clone()].iter());
        if self.min_servers == 0 { Vec::new() } else { self.pools.iter().filter(is_kept).cloned().collect() }
    }

    /// Starts the choice of a backend for a request.
    pub(crate) fn start_choice(&self, client: std::net::IpAddr) -> MemberChoice {
        self.load_balancer.start(client)
    }

    /// Returns the next choice, without unhealthy and excluded backends and those for which `is_open` does not hold.
    /// `None` means that all were tried.
    pub(crate) fn choose(&self, choice: &MemberChoice, is_open: impl Fn(&Backend) -> bool) -> Option<usize> {
        let kept = self.kept();
        let fit = |number: usize| {
            let backend = &self.backends[number];
            is_open(backend) && (backend.health.usable() || kept.iter().any(|kept| kept.contains(&number)))
        };
        self.load_balancer.choose(choice, fit, |number| self.backends[number].member_state.live())
    }

    /// Counts a request at a backend if the balancing needs the number.
    pub(crate) fn count(&self, backend: &Backend) -> Option<InFlightGuard> {
        self.counts.then(|| InFlightGuard::at(&backend.member_state))
    }
}

/// Returns true if under this policy a change of listeners or routes may end tunnels.
pub(crate) fn reviews_tunnels(policy: &TunnelPolicy) -> bool {
    [policy.on_listener_removed, policy.on_policy_tightened, policy.on_route_changed]
        .iter()
        .any(|action| *action != TunnelAction::Keep)
}

/// Returns true if all backends of a pool with the same settings are used whatever their health, because fewer than
/// `min_servers` are healthy.
pub(super) fn keeps<'a>(min_servers: usize, alike: impl Iterator<Item = &'a Arc<Backend>>) -> bool {
    min_servers > 0 && alike.filter(|backend| backend.health.usable()).count() < min_servers
}
