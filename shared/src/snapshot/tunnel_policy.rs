//! Tunnel policies: what happens to the tunnels of a pool when a change concerns them, and the limits of tunnels.
//!
//! A policy is complete: the compiler has filled in every default. A worker only executes it, and does not know whether
//! it was written for this pool or for all pools of the gateway.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The policy of the tunnels to the members of one pool. The limits count the tunnels of one pool in one worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct TunnelPolicy {
    /// The member of the tunnel was removed from the pool, or the pool was deleted.
    pub on_member_removed: TunnelAction,
    /// The probe of the member's backend fails.
    pub on_member_down: TunnelAction,
    /// The request of the tunnel would now select another pool or other settings, or no backend at all.
    pub on_route_changed: TunnelAction,
    /// The listener of the tunnel was removed, or has another address or port.
    pub on_listener_removed: TunnelAction,
    /// The gateway was deleted or stopped.
    pub on_gateway_removed: TunnelAction,
    /// The listener of the tunnel now demands more of its clients than when the tunnel was opened.
    pub on_policy_tightened: TunnelAction,
    /// How the ends of drained tunnels are spread.
    pub drain_spread: DrainSpread,
    /// The WebSocket Close frame that a client receives before the gateway closes its tunnel; `None` for none.
    pub close_frame: Option<CloseFrame>,
    /// The time without a byte in either direction after which the client receives a WebSocket Ping; `None` for no
    /// Ping. 1 s to 86,400 s.
    pub ping_after_idle: Option<Duration>,
    /// The time after which a tunnel is closed, whatever moves in it; `None` for no limit. 1 s to 31,536,000 s.
    pub max_lifetime: Option<Duration>,
    /// The idle timeout beside that of the settings, of which the shorter one applies; `None` for that of the settings
    /// alone. 1 s to 86,400 s.
    pub idle_timeout: Option<Duration>,
    /// The maximum number of open tunnels; `None` for no limit. 1 to 10,000,000. A handshake beyond it gets 503.
    pub max_tunnels: Option<u32>,
    /// The maximum number of open tunnels to one member. 1 to 10,000,000. A handshake beyond it gets 503.
    pub max_tunnels_per_member: Option<u32>,
    /// The maximum number of open tunnels of one client address. 1 to 10,000,000. A handshake beyond it gets 429.
    pub max_tunnels_per_client_address: Option<u32>,
    /// The maximum number of handshakes in a second. 1 to 1,000,000. A handshake beyond it gets 429.
    pub max_openings_per_second: Option<u32>,
    /// The time within which a vanished peer is noticed, with unacknowledged data and without. 2 s to 3,600 s, 60 s by
    /// default.
    pub peer_timeout: Duration,
}

/// The action on a tunnel at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TunnelAction {
    /// It continues as if nothing had happened.
    Keep,
    /// It ends within this time, 1 s to 86,400 s; `None` for the drain timeout of its settings.
    Drain(Option<Duration>),
    /// It ends at once.
    Close,
}

/// The distribution of the ends of drained tunnels over the drain timeout, so that clients do not come back at the
/// same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DrainSpread {
    /// Over the last quarter of the drain timeout.
    #[default]
    LastQuarter,
    /// Over the whole drain timeout.
    Even,
    /// All at its end.
    End,
}

/// A Close frame of the WebSocket protocol (RFC 6455, section 5.5.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CloseFrame {
    /// The status code: 1001 (going away) or 1012 (service restart).
    pub code: u16,
    /// The reason in UTF-8, at most 123 bytes; may be empty.
    pub reason: String,
}

impl TunnelPolicy {
    /// The default of [`TunnelPolicy::peer_timeout`].
    pub const PEER_TIMEOUT: Duration = Duration::from_secs(60);

    /// Returns true if this is the policy of pools for which none was written.
    pub fn is_default(&self) -> bool {
        *self == TunnelPolicy::default()
    }
}

impl Default for TunnelPolicy {
    fn default() -> TunnelPolicy {
        TunnelPolicy {
            on_member_removed: TunnelAction::Drain(None),
            on_member_down: TunnelAction::Drain(None),
            on_route_changed: TunnelAction::Keep,
            on_listener_removed: TunnelAction::Keep,
            on_gateway_removed: TunnelAction::Drain(None),
            on_policy_tightened: TunnelAction::Keep,
            drain_spread: DrainSpread::default(),
            close_frame: None,
            ping_after_idle: None,
            max_lifetime: None,
            idle_timeout: None,
            max_tunnels: None,
            max_tunnels_per_member: None,
            max_tunnels_per_client_address: None,
            max_openings_per_second: None,
            peer_timeout: TunnelPolicy::PEER_TIMEOUT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Http2Limits, Pool};
    use super::*;

    #[test]
    fn a_saved_content_without_policies_and_limits_means_the_defaults() {
        let pool = Pool { name: "p".into(), ..Pool::default() };
        let content = Content { pools: vec![pool], ..Content::default() };
        let text = serde_json::to_string(&content).unwrap();
        assert!(
            !text.contains("tunnels") && !text.contains("limits"),
            "the digest of today's contents stays: {text}"
        );
        assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), content);

        let mut changed = content.clone();
        changed.http2_limits = Http2Limits { max_requests: 5 };
        let close_frame = CloseFrame { code: 1012, reason: "restart".into() };
        changed.pools[0].tunnels = TunnelPolicy {
            on_route_changed: TunnelAction::Drain(Some(Duration::from_secs(7))),
            close_frame: Some(close_frame),
            ..TunnelPolicy::default()
        };
        let text = serde_json::to_string(&changed).unwrap();
        assert_eq!(serde_json::from_str::<Content>(&text).unwrap(), changed);
        assert_ne!(changed.digest(), content.digest());
    }
}
