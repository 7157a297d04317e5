//! The answers to [`super::Call::WhatIf`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::snapshot::{Host, TunnelAction};

/// The effects of a snapshot on the running requests and tunnels of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhatIf {
    /// The reason why the worker could not apply the snapshot, if it could not. Sockets are not tried.
    pub rejection: Option<String>,
    /// The open tunnels of the gateway, those below included.
    pub tunnels: u64,
    /// The connections to backends of the gateway that carry requests, those below included.
    pub requests: u64,
    /// The members that would be removed, with what ends there.
    pub removed: Vec<RemovedMember>,
    /// The tunnels that the change concerns in another way, those of removed members included if this ends them earlier.
    pub concerned: Vec<ConcernedTunnels>,
}

/// A pool member that a snapshot would remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedMember {
    /// The pool's name.
    pub pool: String,
    /// The member.
    pub host: Host,
    /// The open tunnels to it.
    pub tunnels: u64,
    /// Their fate.
    pub action: TunnelAction,
    /// The time within which they end; `None` if they are kept.
    pub tunnels_end_within: Option<Duration>,
    /// The connections to it that carry requests.
    pub requests: u64,
    /// The time within which the requests end.
    pub requests_end_within: Duration,
}

/// Tunnels to which the same would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcernedTunnels {
    /// The event.
    pub event: TunnelEvent,
    /// The name of their pool.
    pub pool: String,
    /// Their fate.
    pub action: TunnelAction,
    /// The time within which they end; `None` if they are kept.
    pub end_within: Option<Duration>,
    /// Their number.
    pub tunnels: u64,
}

/// An event of a tunnel whose member stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TunnelEvent {
    /// Its request would select another pool or other settings, or no backend at all.
    RouteChanged,
    /// Its listener would be removed, or have another address or port.
    ListenerRemoved,
    /// Its listener would demand more of its clients.
    PolicyTightened,
    /// It would be older than its new maximum lifetime.
    LifetimeReached,
}
