//! The public part of a tunnel while it lives. Its thread can list it without asking the tunnel's task.

mod details;
mod handshake_head;

use std::borrow::Cow;
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use jiff::Timestamp;
use tidegate_shared::snapshot::{Host, TunnelPolicy};
use tidegate_shared::tunnel::{self, Millis};
use tokio::time::Instant;

use crate::address_text;
use crate::backend::TunnelGuard;
use crate::pump::Counts;
use crate::registry::CloseReason;
use crate::runtime::{Action, Route};
use crate::short_time::ShortInstant;

pub(crate) use details::Details;
pub(crate) use handshake_head::HandshakeHead;

/// One tunnel of a data thread. There are tens of thousands, so its parts are short.
#[derive(Debug)]
pub(crate) struct LiveTunnel {
    address: IpAddr,
    port: u16,
    /// The seconds from the begin to the last byte.
    last_moved: Cell<u32>,
    /// The nanoseconds from 1970 to its begin by the clock of the system.
    since: i64,
    pub(crate) started: ShortInstant,
    pub(crate) backend: TunnelGuard,
    pub(crate) route: Arc<Route>,
    pub(crate) head: HandshakeHead,
    /// `None` if nothing needs them.
    pub(crate) details: Option<Box<Details>>,
    pub(crate) counts: Counts,
}

impl LiveTunnel {
    /// Creates the entry of a tunnel that opens now.
    pub(crate) fn new(
        client: SocketAddr,
        backend: TunnelGuard,
        route: Arc<Route>,
        (head, details): (HandshakeHead, Option<Box<Details>>),
    ) -> LiveTunnel {
        LiveTunnel {
            address: client.ip(),
            port: client.port(),
            last_moved: Cell::default(),
            since: i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX),
            started: Instant::now().into(),
            backend,
            route,
            head,
            details,
            counts: Counts::default(),
        }
    }

    pub(crate) fn client(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }

    /// Returns the policy of its pool that is in force.
    pub(crate) fn policy(&self) -> Guard<Arc<TunnelPolicy>> {
        self.backend.member_state.pool.policy()
    }

    /// Returns the time of its begin.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_nanosecond(self.since.into()).unwrap_or(Timestamp::MAX)
    }

    /// Records the time when a byte last moved.
    pub(crate) fn moved_at(&self, at: ShortInstant) {
        let seconds = at.since(self.started).as_secs();
        self.last_moved.set(u32::try_from(seconds).unwrap_or(u32::MAX));
    }

    /// Returns the time from the last byte until `at`, in whole seconds.
    pub(crate) fn idle_at(&self, at: Instant) -> Duration {
        let open_for = ShortInstant::from(at).since(self.started).as_secs();
        Duration::from_secs(open_for.saturating_sub(self.last_moved.get().into()))
    }

    /// Returns the time of its begin in milliseconds.
    pub(crate) fn opened_at(&self) -> Millis {
        self.since / 1_000_000
    }

    /// Returns what was read from the client.
    pub(crate) fn received(&self) -> tunnel::Traffic {
        tunnel::Traffic { bytes: self.counts.received(), messages: self.counts.messages_received() }
    }

    /// Returns what was read from the backend.
    pub(crate) fn sent(&self) -> tunnel::Traffic {
        tunnel::Traffic { bytes: self.counts.sent(), messages: self.counts.messages_sent() }
    }

    /// Returns the host as lists show it.
    pub(crate) fn host(&self) -> &str {
        tunnel::cut(self.head.host())
    }

    /// Returns the path as lists show it.
    pub(crate) fn path(&self) -> &str {
        tunnel::cut(self.head.path())
    }

    /// Returns the time by which a drain ends it and the reason, if one is in progress.
    pub(crate) fn drain(&self) -> Option<(Instant, CloseReason)> {
        let drains = [self.backend.member_state.drain.get(), self.backend.drain.get()];
        drains.into_iter().flatten().min_by_key(|(until, _)| *until)
    }

    /// Returns the name of its rule.
    pub(crate) fn rule(&self) -> &str {
        self.route.rule.as_ref().map_or("", |rule| &rule.name)
    }

    /// Returns the address or name of its pool member.
    pub(crate) fn member(&self) -> Cow<'_, str> {
        match &self.backend.key.host {
            Host::Ip(address) => Cow::Owned(address_text::ip(*address)),
            Host::Name(name) => Cow::Borrowed(name),
        }
    }

    /// Returns the idle timeout of its settings. All entries of a rule with the same settings have the same one.
    pub(crate) fn request_timeout(&self) -> Duration {
        let entries = self.route.rule.iter().flat_map(|rule| &rule.entries);
        let sets = entries.filter_map(|entry| match &entry.action {
            Action::Forward(backend_set) => Some(backend_set),
            Action::Redirect(_) => None,
        });
        let mut sets = sets.filter(|set| *set.settings == *self.backend.key.settings);
        sets.next().map_or(Duration::ZERO, |set| set.request_timeout)
    }
}
