//! Where a request is sent: a pool's backends, whose turn it is, and how they are spoken with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;

use crate::backend::Backend;

/// Where a rule leads: a pool, and how to speak with it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) pool: Arc<str>,
    pub(crate) settings: Arc<str>,
    pub(crate) backends: Vec<Arc<Backend>>,
    pub(crate) host: HostPolicy,
    pub(crate) request_timeout: Duration,
    pub(crate) drain_timeout: Duration,
    /// What stands in the place of what the path rule matched, or before the whole path.
    pub(crate) path: Option<String>,
    pub(super) min_servers: usize,
    pub(super) next: AtomicUsize,
}

/// The `Host` that a backend sees.
#[derive(Debug)]
pub(crate) enum HostPolicy {
    Client,
    Member,
    Fixed(HeaderValue),
}

impl Target {
    /// Where the next request starts to look for a backend: round robin. The caller walks on from there.
    pub(crate) fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The `attempt`th choice of a request whose turn is `turn`, passing over what is down. None when all were
    /// tried.
    pub(crate) fn pick(&self, turn: usize, attempt: usize) -> Option<&Arc<Backend>> {
        let count = self.backends.len();
        let kept_up = self.min_servers > 0
            && self.backends.iter().filter(|backend| backend.health.usable()).count() < self.min_servers;
        (0..count)
            .map(|step| &self.backends[turn.wrapping_add(step) % count])
            .filter(|backend| kept_up || backend.health.usable())
            .nth(attempt)
    }
}
