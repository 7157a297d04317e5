//! The policy of tunnels: what happens to them when a change concerns them, and their limits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The policy of the tunnels (WebSocket connections) of a backend pool. Limits count the tunnels of one pool in one
/// worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(extend("x-response-only" = ["appliesTo"]))]
pub(crate) struct TunnelPolicy {
    /// When the member was removed from the pool, or the pool was deleted. Drains by default.
    pub(crate) on_member_removed: EventPolicy,
    /// When the health probe of the member fails. Drains by default.
    pub(crate) on_member_down: EventPolicy,
    /// When the request that opened the tunnel would now be sent to another pool or with other settings, or to no
    /// backend. Keeps by default.
    pub(crate) on_route_changed: EventPolicy,
    /// When the listener was removed, or has another address or port. Keeps by default.
    pub(crate) on_listener_removed: EventPolicy,
    /// When the gateway was deleted or stopped. Drains by default.
    pub(crate) on_gateway_removed: EventPolicy,
    /// When the listener demands more of its clients than when the tunnel was opened. Keeps by default.
    pub(crate) on_policy_tightened: EventPolicy,
    /// How the ends of drained tunnels are spread, so that their clients do not come back at the same time.
    pub(crate) drain_spread: DrainSpread,
    /// The Close frame (RFC 6455) that a client receives before its tunnel is closed. Without it, nothing is written
    /// into tunnels. `none` in a request means the same as its absence.
    #[schemars(extend("x-off" = "none"))]
    pub(crate) close_frame: Option<CloseFrame>,
    /// The time in seconds without a byte in either direction after which the client receives a Ping frame. No Ping is
    /// sent if absent.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) ping_after_idle_in_sec: Option<i64>,
    /// The time in seconds after which a tunnel is closed, whatever moves in it. No limit if absent.
    #[schemars(range(min = 1, max = 31_536_000))]
    pub(crate) max_lifetime_in_sec: Option<i64>,
    /// The idle timeout in seconds beside `requestTimeout`; the shorter one applies. Only `requestTimeout` if absent.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) idle_timeout_in_sec: Option<i64>,
    /// The maximum number of open tunnels. A handshake beyond it is answered with 503. No limit if absent.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) max_tunnels: Option<i64>,
    /// The maximum number of open tunnels to one member. A handshake beyond it is answered with 503. No limit if
    /// absent.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) max_tunnels_per_member: Option<i64>,
    /// The maximum number of open tunnels of one client address. A handshake beyond it is answered with 429. No limit
    /// if absent.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub(crate) max_tunnels_per_client_address: Option<i64>,
    /// The maximum number of handshakes in a second. One beyond it is answered with 429. No limit if absent.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) max_openings_per_second: Option<i64>,
    /// The time in seconds within which a vanished client or member is noticed, whatever `requestTimeout` is.
    #[schemars(range(min = 2, max = 3600))]
    pub(crate) peer_timeout_in_sec: i64,
}

impl Default for TunnelPolicy {
    fn default() -> TunnelPolicy {
        let (keep, drain) = (EventPolicy::of(TunnelAction::Keep), EventPolicy::of(TunnelAction::Drain));
        TunnelPolicy {
            on_member_removed: drain.clone(),
            on_member_down: drain.clone(),
            on_route_changed: keep.clone(),
            on_listener_removed: keep.clone(),
            on_gateway_removed: drain,
            on_policy_tightened: keep,
            drain_spread: DrainSpread::default(),
            close_frame: None,
            ping_after_idle_in_sec: None,
            max_lifetime_in_sec: None,
            idle_timeout_in_sec: None,
            max_tunnels: None,
            max_tunnels_per_member: None,
            max_tunnels_per_client_address: None,
            max_openings_per_second: None,
            peer_timeout_in_sec: 60,
        }
    }
}

/// What happens to tunnels at an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct EventPolicy {
    /// What happens. Required.
    #[schemars(required)]
    pub(crate) action: Option<TunnelAction>,
    /// For `drain`: the time in seconds until the last tunnel ends. The drain timeout of the backend settings if
    /// absent, which is 30 s if `connectionDraining` is off.
    #[schemars(range(min = 1, max = 86_400))]
    pub(crate) drain_timeout_in_sec: Option<i64>,
}

impl EventPolicy {
    fn of(action: TunnelAction) -> EventPolicy {
        EventPolicy { action: Some(action), drain_timeout_in_sec: None }
    }
}

/// What happens to a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum TunnelAction {
    /// It continues.
    Keep,
    /// It ends within the drain timeout.
    Drain,
    /// It ends at once.
    Close,
}

/// How the ends of drained tunnels are spread over the drain timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum DrainSpread {
    /// Over its last quarter.
    #[default]
    LastQuarter,
    /// Over all of it.
    Even,
    /// All at its end.
    End,
}

/// A Close frame of the WebSocket protocol.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct CloseFrame {
    /// The status code: 1001 (going away) or 1012 (service restart). Required.
    #[schemars(required, range(min = 1001, max = 1012))]
    pub(crate) code: Option<i64>,
    /// The reason, at most 123 bytes of UTF-8.
    #[schemars(length(max = 123))]
    pub(crate) reason: Option<String>,
}
