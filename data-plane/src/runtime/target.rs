//! Where a request is sent: the backends of one pool or of several, how one of them is chosen, and how they are spoken
//! with.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::affinity::Affinity;
use super::balance::{Balance, Draw};
use crate::backend::Backend;
use crate::member::InFlightGuard;

/// Where a rule leads: backends, and how to speak with them. Its backends are numbered as [`Target::member`] has them.
#[derive(Debug)]
pub(crate) struct Target {
    /// The pool's name; that of what spreads requests over pools where there may be several.
    pub(crate) pool: Arc<str>,
    pub(crate) settings: Arc<str>,
    /// Among these is chosen.
    pub(super) backends: Vec<Arc<Backend>>,
    /// Which of them are of one pool.
    pub(super) pools: Vec<Range<usize>>,
    /// Members that were removed and are on the way out: only for clients that are bound to them.
    pub(super) draining: Vec<Arc<Backend>>,
    pub(super) balance: Balance,
    /// Whether requests count for a choice by how busy backends are, be it this target's or another's.
    pub(super) counts: bool,
    /// How clients are bound to the member that they got first, if they are.
    pub(crate) affinity: Option<Affinity>,
    /// Whether each client connection has connections to backends of its own.
    pub(crate) dedicated: bool,
    pub(crate) host: HostPolicy,
    pub(crate) request_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// What stands in the place of what the path rule matched, or before the whole path.
    pub(crate) path: Option<String>,
    pub(super) min_servers: usize,
}

/// The `Host` that a backend sees.
#[derive(Debug)]
pub(crate) enum HostPolicy {
    Client,
    Member,
    Fixed(HeaderValue),
}

impl Target {
    /// Whether it leads nowhere at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.backends.is_empty()
    }

    /// The backend of that number, be it among those to choose from or on the way out.
    pub(crate) fn member(&self, number: usize) -> Option<&Arc<Backend>> {
        let draining = || self.draining.get(number - self.backends.len());
        self.backends.get(number).or_else(draining)
    }

    /// The number of the backend that has this one in the process.
    pub(crate) fn number_of(&self, backend: u64) -> Option<usize> {
        self.backends.iter().position(|known| known.number == backend)
    }

    /// Whether a bound request may still go to a member: it is well, or used although it is not, and was not removed
    /// longer ago than its drain timeout.
    pub(crate) fn is_reachable(&self, number: usize) -> bool {
        self.member(number).is_some_and(|backend| {
            !backend.member_state.is_gone()
                && (backend.health.usable() || self.kept().iter().any(|kept| kept.contains(&number)))
        })
    }

    /// Those that are used whatever their health. Allocates nothing where none ever are.
    fn kept(&self) -> Vec<Range<usize>> {
        let is_kept = |pool: &&Range<usize>| keeps(self.min_servers, self.backends[(*pool).clone()].iter());
        if self.min_servers == 0 { Vec::new() } else { self.pools.iter().filter(is_kept).cloned().collect() }
    }

    /// What chooses for a request.
    pub(crate) fn draw(&self, client: std::net::IpAddr) -> Draw {
        self.balance.draw(client)
    }

    /// The next choice, passing over what is down and what was excluded. None when all were tried.
    pub(crate) fn choose(&self, draw: &Draw) -> Option<usize> {
        let kept = self.kept();
        let fit = |number: usize| {
            self.backends[number].health.usable() || kept.iter().any(|kept| kept.contains(&number))
        };
        self.balance.choose(draw, fit, |number| self.backends[number].member_state.live())
    }

    /// Counts a request at a backend, where somebody asks.
    pub(crate) fn count(&self, backend: &Backend) -> Option<InFlightGuard> {
        self.counts.then(|| InFlightGuard::at(&backend.member_state))
    }
}

/// Whether all backends of a pool under the same settings are used whatever their health, because fewer are well than
/// are to be kept.
pub(super) fn keeps<'a>(min_servers: usize, alike: impl Iterator<Item = &'a Arc<Backend>>) -> bool {
    min_servers > 0 && alike.filter(|backend| backend.health.usable()).count() < min_servers
}
