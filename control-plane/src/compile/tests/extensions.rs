//! Extension documents: what the snapshot gets of them, and every violation.

use tidegate_shared::snapshot::{CloseFrame, DrainSpread, Http2Limits, TunnelAction, TunnelPolicy};

use super::*;
use crate::arm::extension::{ExtensionType, HTTP2_POLICIES, TUNNEL_POLICIES};

/// Compiles the sample gateway with extension documents: their type, name and properties.
fn compile_with(extensions: &[(&'static ExtensionType, &str, Value)]) -> Result<Content, Violations> {
    let mut document = read(whole());
    for (kind, name, properties) in extensions {
        let body = json!({ "properties": properties });
        let (with, _, violations) = document.with_extension(kind, name, &body);
        assert!(violations.is_empty(), "{violations}");
        document = with;
    }
    compile(&document, &ExternalRefs::default(), &PatternCache::default())
}

fn policies(content: &Content) -> Vec<(&str, &TunnelPolicy)> {
    content.pools.iter().map(|pool| (pool.name.as_str(), &pool.tunnels)).collect()
}

#[test]
fn a_pool_has_its_own_policy_else_that_of_the_gateway_else_the_built_in_one() {
    let built_in = TunnelPolicy::default();
    assert_eq!(policies(&compile_with(&[]).unwrap()), [("empty", &built_in), ("pool", &built_in)]);
    let one = |name: &'static str| (TUNNEL_POLICIES, name, json!({ "maxTunnels": name.len() }));
    let limited = |max: u32| TunnelPolicy { max_tunnels: Some(max), ..TunnelPolicy::default() };
    let own = compile_with(&[one("POOL")]).unwrap();
    assert_eq!(policies(&own), [("empty", &built_in), ("pool", &limited(4))]);
    let both = compile_with(&[one("POOL"), one("default")]).unwrap();
    assert_eq!(policies(&both), [("empty", &limited(7)), ("pool", &limited(4))]);
    assert_ne!(both.digest(), own.digest());
    assert_eq!(compile_with(&[(TUNNEL_POLICIES, "pool", json!({}))]).unwrap().digest(), {
        compile_with(&[]).unwrap().digest()
    });
}

#[test]
fn every_property_of_a_policy_arrives() {
    let policy = json!({
        "onMemberRemoved": { "action": "close" },
        "onMemberDown": { "action": "keep" },
        "onRouteChanged": { "action": "drain", "drainTimeoutInSec": 5 },
        "onListenerRemoved": { "action": "drain" },
        "onGatewayRemoved": { "action": "close" },
        "onPolicyTightened": { "action": "close" },
        "drainSpread": "even",
        "closeFrame": { "code": 1012, "reason": "maintenance" },
        "pingAfterIdleInSec": 20,
        "maxLifetimeInSec": 31_536_000,
        "idleTimeoutInSec": 60,
        "maxTunnels": 1000,
        "maxTunnelsPerMember": 100,
        "maxTunnelsPerClientAddress": 10,
        "maxOpeningsPerSecond": 1,
        "peerTimeoutInSec": 2,
    });
    let content = compile_with(&[(TUNNEL_POLICIES, "pool", policy)]).unwrap();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let expected = TunnelPolicy {
        on_member_removed: TunnelAction::Close,
        on_member_down: TunnelAction::Keep,
        on_route_changed: TunnelAction::Drain(seconds(5)),
        on_listener_removed: TunnelAction::Drain(None),
        on_gateway_removed: TunnelAction::Close,
        on_policy_tightened: TunnelAction::Close,
        drain_spread: DrainSpread::Even,
        close_frame: Some(CloseFrame { code: 1012, reason: "maintenance".into() }),
        ping_after_idle: seconds(20),
        max_lifetime: seconds(31_536_000),
        idle_timeout: seconds(60),
        max_tunnels: Some(1000),
        max_tunnels_per_member: Some(100),
        max_tunnels_per_client_address: Some(10),
        max_openings_per_second: Some(1),
        peer_timeout: Duration::from_secs(2),
    };
    assert_eq!(content.pools[1].tunnels, expected);
    let limit = (HTTP2_POLICIES, "default", json!({ "maxRequestsPerConnection": 1_000_000 }));
    assert_eq!(compile_with(&[limit]).unwrap().http2_limits, Http2Limits { max_requests: 1_000_000 });
}

#[test]
fn values_outside_their_range_are_named() {
    let (range, exclusive, incomplete) =
        (code::OUT_OF_RANGE, code::EXCLUSIVE, code::TUNNEL_POLICY_INCOMPLETE);
    for (properties, code, target) in [
        (json!({ "onMemberDown": {} }), incomplete, "onMemberDown.action"),
        (json!({ "onMemberDown": { "drainTimeoutInSec": 5 } }), incomplete, "onMemberDown.action"),
        (
            json!({ "onRouteChanged": { "action": "drain", "drainTimeoutInSec": 0 } }),
            range,
            "onRouteChanged.drainTimeoutInSec",
        ),
        (
            json!({ "onRouteChanged": { "action": "drain", "drainTimeoutInSec": 86_401 } }),
            range,
            "onRouteChanged.drainTimeoutInSec",
        ),
        (
            json!({ "onRouteChanged": { "action": "keep", "drainTimeoutInSec": 5 } }),
            exclusive,
            "onRouteChanged.drainTimeoutInSec",
        ),
        (json!({ "closeFrame": {} }), incomplete, "closeFrame.code"),
        (json!({ "closeFrame": { "code": 1002 } }), range, "closeFrame.code"),
        (json!({ "closeFrame": { "code": 1001, "reason": "ä".repeat(62) } }), range, "closeFrame.reason"),
        (json!({ "pingAfterIdleInSec": 0 }), range, "pingAfterIdleInSec"),
        (json!({ "maxLifetimeInSec": 31_536_001 }), range, "maxLifetimeInSec"),
        (json!({ "idleTimeoutInSec": 86_401 }), range, "idleTimeoutInSec"),
        (json!({ "maxTunnels": 0 }), range, "maxTunnels"),
        (json!({ "maxTunnels": 10_000_001 }), range, "maxTunnels"),
        (json!({ "maxTunnelsPerMember": -1 }), range, "maxTunnelsPerMember"),
        (json!({ "maxTunnelsPerClientAddress": 0 }), range, "maxTunnelsPerClientAddress"),
        (json!({ "maxOpeningsPerSecond": 1_000_001 }), range, "maxOpeningsPerSecond"),
        (json!({ "peerTimeoutInSec": 1 }), range, "peerTimeoutInSec"),
        (json!({ "peerTimeoutInSec": 3601 }), range, "peerTimeoutInSec"),
    ] {
        let violations = compile_with(&[(TUNNEL_POLICIES, "default", properties.clone())]).unwrap_err();
        let found: Vec<_> = violations.0.iter().map(|v| (v.code, v.target.as_str())).collect();
        let target = format!("(Tidegate.Network/tunnelPolicies/default).properties.{target}");
        assert_eq!(found, [(code, target.as_str())], "{properties}: {violations}");
    }
    for max in [0, 1_000_001] {
        let policy = (HTTP2_POLICIES, "default", json!({ "maxRequestsPerConnection": max }));
        let violations = compile_with(&[policy]).unwrap_err();
        assert_eq!(violations.0[0].code, code::OUT_OF_RANGE, "{violations}");
    }
}
