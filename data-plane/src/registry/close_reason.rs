//! The reasons for which tunnels and connections are closed.

/// The reason why an entry is closed. Drains close entries at the end of their timeout, and many tunnels
/// one by one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// Its pool member was removed from the configuration.
    BackendRemoved,
    /// Its backend is unhealthy.
    BackendDown,
    /// The worker stops.
    Stopping,
    /// The operator has the worker drained.
    Draining,
    /// Its gateway was removed or stopped.
    GatewayRemoved,
    /// A client of the API asked for it.
    Requested,
    /// Its listener was removed, or has another address or port.
    ListenerRemoved,
    /// Its listener would no longer serve a request of this client's connection.
    PolicyTightened,
    /// Its request would now be sent to another pool, with other settings, or nowhere.
    RouteChanged,
    /// It has reached its maximum lifetime.
    Lifetime,
}

impl CloseReason {
    /// Returns the reason as access log lines and messages state it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            CloseReason::BackendRemoved => "drained: its backend was removed",
            CloseReason::BackendDown => "drained: its backend is down",
            CloseReason::Stopping => "drained: the worker stops",
            CloseReason::Draining => "drained: the worker is drained",
            CloseReason::GatewayRemoved => "drained: its gateway was removed or stopped",
            CloseReason::Requested => "closed by request",
            CloseReason::ListenerRemoved => "drained: its listener was removed or has moved",
            CloseReason::PolicyTightened => "drained: its listener now demands more of its clients",
            CloseReason::RouteChanged => "drained: its rule now leads elsewhere",
            CloseReason::Lifetime => "closed: it has reached its maximum lifetime",
        }
    }
}
