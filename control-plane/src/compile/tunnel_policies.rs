//! Tunnel policies: each pool gets the one of its name, else the default one of the gateway, else the built-in one.

use std::ops::RangeInclusive;
use std::time::Duration;

use tidegate_shared::snapshot::{self, CloseFrame, Pool};

use super::extensions;
use super::resources::{Resource, in_range};
use crate::arm::document::Document;
use crate::arm::extension::{
    self, DEFAULT_NAME, DrainSpread, EventPolicy, TUNNEL_POLICIES, TunnelAction, TunnelPolicy,
};
use crate::violation::{Violations, code};

/// The maximum length of the reason in a Close frame, in bytes (RFC 6455, section 5.5: 125 with the code).
const MAX_REASON: usize = 123;

const DAY: i64 = 86_400;
const YEAR: i64 = 31_536_000;
const MAX_TUNNELS: i64 = 10_000_000;
const MAX_OPENINGS: i64 = 1_000_000;

/// Gives each pool its policy. The policy of a pool that does not exist is checked, and has no effect.
pub(super) fn apply(document: &Document, pools: &mut [Pool], violations: &mut Violations) {
    let read = extensions::read::<TunnelPolicy>(document, TUNNEL_POLICIES, violations);
    let compiled: Vec<_> =
        read.iter().map(|resource| (resource.name.as_str(), compile(resource, violations))).collect();
    let named = |name: &str| compiled.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    for pool in pools {
        if let Some((_, policy)) = named(&pool.name).or_else(|| named(DEFAULT_NAME)) {
            pool.tunnels = policy.clone().unwrap_or_default();
        }
    }
}

/// Compiles a policy; `None` for an invalid one.
fn compile(resource: &Resource<TunnelPolicy>, violations: &mut Violations) -> Option<snapshot::TunnelPolicy> {
    let policy = &resource.properties;
    let mut action = |event: &EventPolicy, property: &str| action(event, &resource.at(property), violations);
    let on_member_removed = action(&policy.on_member_removed, "onMemberRemoved");
    let on_member_down = action(&policy.on_member_down, "onMemberDown");
    let on_route_changed = action(&policy.on_route_changed, "onRouteChanged");
    let on_listener_removed = action(&policy.on_listener_removed, "onListenerRemoved");
    let on_gateway_removed = action(&policy.on_gateway_removed, "onGatewayRemoved");
    let on_policy_tightened = action(&policy.on_policy_tightened, "onPolicyTightened");
    let close_frame = policy.close_frame.as_ref();
    let close_frame =
        close_frame.map(|frame| compile_close_frame(frame, &resource.at("closeFrame"), violations));
    let mut time = |value, range, property: &str| {
        optional::<u64>(value, range, resource.at(property), violations)
            .map(|time| time.map(Duration::from_secs))
    };
    let ping_after_idle = time(policy.ping_after_idle_in_sec, 1..=DAY, "pingAfterIdleInSec");
    let max_lifetime = time(policy.max_lifetime_in_sec, 1..=YEAR, "maxLifetimeInSec");
    let idle_timeout = time(policy.idle_timeout_in_sec, 1..=DAY, "idleTimeoutInSec");
    let peer_timeout = time(Some(policy.peer_timeout_in_sec), 2..=3600, "peerTimeoutInSec");
    let mut count =
        |value, most, property: &str| optional::<u32>(value, 1..=most, resource.at(property), violations);
    let max_tunnels = count(policy.max_tunnels, MAX_TUNNELS, "maxTunnels");
    let per_member = count(policy.max_tunnels_per_member, MAX_TUNNELS, "maxTunnelsPerMember");
    let per_address = count(policy.max_tunnels_per_client_address, MAX_TUNNELS, "maxTunnelsPerClientAddress");
    let openings = count(policy.max_openings_per_second, MAX_OPENINGS, "maxOpeningsPerSecond");
    Some(snapshot::TunnelPolicy {
        on_member_removed: on_member_removed?,
        on_member_down: on_member_down?,
        on_route_changed: on_route_changed?,
        on_listener_removed: on_listener_removed?,
        on_gateway_removed: on_gateway_removed?,
        on_policy_tightened: on_policy_tightened?,
        drain_spread: match policy.drain_spread {
            DrainSpread::LastQuarter => snapshot::DrainSpread::LastQuarter,
            DrainSpread::Even => snapshot::DrainSpread::Even,
            DrainSpread::End => snapshot::DrainSpread::End,
        },
        close_frame: close_frame.map_or(Some(None), |frame| frame.map(Some))?,
        ping_after_idle: ping_after_idle?,
        max_lifetime: max_lifetime?,
        idle_timeout: idle_timeout?,
        max_tunnels: max_tunnels?,
        max_tunnels_per_member: per_member?,
        max_tunnels_per_client_address: per_address?,
        max_openings_per_second: openings?,
        peer_timeout: peer_timeout??,
    })
}

/// Converts an optional number; `None` if it is out of range.
fn optional<N: TryFrom<i64>>(
    value: Option<i64>,
    range: RangeInclusive<i64>,
    target: String,
    violations: &mut Violations,
) -> Option<Option<N>> {
    match value {
        Some(value) => in_range(value, range, code::OUT_OF_RANGE, target, violations).map(Some),
        None => Some(None),
    }
}

fn action(event: &EventPolicy, target: &str, violations: &mut Violations) -> Option<snapshot::TunnelAction> {
    let at = format!("{target}.drainTimeoutInSec");
    let timeout = optional::<u64>(event.drain_timeout_in_sec, 1..=DAY, at.clone(), violations)?;
    let Some(action) = event.action else {
        let message = "An 'action' is required: 'keep', 'drain' or 'close'.";
        violations.push(code::TUNNEL_POLICY_INCOMPLETE, format!("{target}.action"), message);
        return None;
    };
    if timeout.is_some() && action != TunnelAction::Drain {
        let message = "A drainTimeoutInSec requires the action 'drain'.";
        violations.push(code::EXCLUSIVE, at, message);
    }
    Some(match action {
        TunnelAction::Keep => snapshot::TunnelAction::Keep,
        TunnelAction::Drain => snapshot::TunnelAction::Drain(timeout.map(Duration::from_secs)),
        TunnelAction::Close => snapshot::TunnelAction::Close,
    })
}

/// Compiles a Close frame at `target`; `None` for an invalid one.
pub(crate) fn compile_close_frame(
    frame: &extension::CloseFrame,
    target: &str,
    violations: &mut Violations,
) -> Option<CloseFrame> {
    let reason = frame.reason.clone().unwrap_or_default();
    if reason.len() > MAX_REASON {
        let message =
            format!("The reason has {} bytes. A Close frame has room for {MAX_REASON}.", reason.len());
        violations.push(code::OUT_OF_RANGE, format!("{target}.reason"), message);
        return None;
    }
    let target = format!("{target}.code");
    match frame.code {
        Some(code @ (1001 | 1012)) => {
            Some(CloseFrame { code: u16::try_from(code).unwrap_or_default(), reason })
        }
        Some(other) => {
            let message =
                format!("The code is {other}. It must be 1001 (going away) or 1012 (service restart).");
            violations.push(code::OUT_OF_RANGE, target, message);
            None
        }
        None => {
            let message = "A 'code' is required: 1001 (going away) or 1012 (service restart).";
            violations.push(code::TUNNEL_POLICY_INCOMPLETE, target, message);
            None
        }
    }
}
