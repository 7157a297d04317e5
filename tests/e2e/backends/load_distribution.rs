//! Load distribution policies: weighted pools, and the distribution over their members.

use serde_json::{Value, json};
use tidegate_harness::{Backend, Gateway, GatewayDocument};

use crate::tidegate;

/// Adds the pools `a` and `b` with one backend each, and a policy with these weights and this algorithm for the
/// only rule.
fn distributed(
    document: GatewayDocument,
    algorithm: &str,
    [a, b]: [&Backend; 2],
    weights: [u32; 2],
) -> GatewayDocument {
    let document = document.pool("a", &[a.ip()]).pool("b", &[b.ip()]);
    let target = |pool_name: &str, weight: u32| {
        let pool = document.reference("backendAddressPools", pool_name);
        json!({"name": format!("of-{pool_name}"), "properties": {"backendAddressPool": pool, "weightPerServer": weight}})
    };
    let targets = [target("a", weights[0]), target("b", weights[1])];
    let policy = json!({"loadDistributionAlgorithm": algorithm, "loadDistributionTargets": targets});
    let mut document = document.child("loadDistributionPolicies", "policy", &policy);
    let policy = document.reference("loadDistributionPolicies", "policy");
    rule(&mut document)["loadDistributionPolicy"] = policy;
    document
}

fn rule(document: &mut GatewayDocument) -> &mut Value {
    &mut document.body_mut()["properties"]["requestRoutingRules"][0]["properties"]
}

#[tokio::test]
async fn requests_are_spread_over_pools_by_weight() {
    let backends = Backend::pair().await;
    let [a, b] = backends.each_ref();
    let gateway =
        Gateway::start_with(tidegate(), &[], |d| distributed(d, "RoundRobin", [a, b], [75, 25])).await;
    for _ in 0..12 {
        gateway.get("/x").await.expect(200);
    }
    assert_eq!(Backend::counts(&backends), [9, 3]);
    let line = gateway.access_log().line_with(&[&b.ip().to_string()]).await;
    assert_eq!(line["backendPoolName"], "b", "{line}");
}

#[tokio::test]
async fn a_policy_stands_in_for_the_pool_of_a_path_rule_and_of_a_default() {
    let backends = Backend::pair().await;
    let [a, b] = backends.each_ref();
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        let document = distributed(document, "RoundRobin", [a, b], [1, 1]);
        let policy = document.reference("loadDistributionPolicies", "policy");
        // An empty pool has nobody to serve a request.
        let more = json!({"loadDistributionPolicy": policy});
        let beside = document.path_rule("beside", &["/beside/*"], "pool", &more);
        document.by_path(&json!({"defaultLoadDistributionPolicy": policy, "pathRules": [beside]}))
    })
    .await;
    for path in ["/beside/x", "/other", "/beside/x", "/other"] {
        gateway.get(path).await.expect(200);
    }
    assert_eq!(Backend::counts(&backends), [2, 2]);
}

#[tokio::test]
async fn the_least_busy_gets_the_next_and_tunnels_count_even_after_a_change() {
    let backends = Backend::pair().await;
    let [a, b] = backends.each_ref();
    let mut gateway =
        Gateway::start_with(tidegate(), &[], |d| distributed(d, "LeastConnections", [a, b], [1, 1])).await;
    let (mut at_a, mut at_b) = (Vec::new(), Vec::new());
    for number in 0..4 {
        let path = format!("/{number}");
        let socket = gateway.websocket(&path).await;
        let is_at_b = b.requests().iter().any(|request| request.head.target() == path);
        if is_at_b { &mut at_b } else { &mut at_a }.push((path, socket));
    }
    assert_eq!((at_a.len(), at_b.len()), (2, 2));
    for (path, socket) in at_b {
        socket.close().await;
        // The tunnel is no longer counted once its access line is written.
        gateway.access_log().line_with(&[&path, "tunnel"]).await;
    }
    // With other settings the same members become other backends.
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "other.test"}));
    gateway.apply(changed).await;
    let before = Backend::counts(&backends);
    let mut more = Vec::new();
    for _ in 0..2 {
        more.push(gateway.websocket("/more").await);
    }
    let after = Backend::counts(&backends);
    assert_eq!([after[0] - before[0], after[1] - before[1]], [0, 2], "those at the first still count");
    drop(at_a);
}

#[tokio::test]
async fn a_client_address_keeps_its_member_while_that_is_well() {
    let backends = Backend::pair().await;
    let [a, b] = backends.each_ref();
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        distributed(document, "IpHash", [a, b], [1, 1]).probed(&json!({}), &json!({}))
    })
    .await;
    for _ in 0..6 {
        gateway.get("/x").await.expect(200);
    }
    let mine = usize::from(Backend::counts(&backends)[1] > 0);
    assert_eq!(Backend::counts(&backends)[mine], 6, "all from one address");
    let member = backends[mine].ip().to_string();
    backends[mine].answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &member, "Down").await;
    for _ in 0..3 {
        gateway.get("/y").await.expect(200);
    }
    assert_eq!(Backend::counts(&backends)[1 - mine], 3);
    backends[mine].answer_probes_with(200);
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    gateway.get("/z").await.expect(200);
    assert_eq!(Backend::counts(&backends)[mine], 7, "it is back where it was");
}

#[tokio::test]
async fn a_member_that_cannot_be_reached_is_passed_over() {
    for algorithm in ["RoundRobin", "LeastConnections", "IpHash"] {
        let [a, b] = Backend::pair().await;
        let gateway =
            Gateway::start_with(tidegate(), &[], |d| distributed(d, algorithm, [&a, &b], [3, 1])).await;
        a.stop().await;
        for _ in 0..4 {
            gateway.get("/x").await.expect(200);
        }
        assert_eq!(b.requests().len(), 4, "{algorithm}");
    }
}

#[tokio::test]
async fn without_any_member_it_is_502() {
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        let pool = document.reference("backendAddressPools", "pool");
        let policy = json!({"loadDistributionAlgorithm": "IpHash",
            "loadDistributionTargets": [{"name": "one", "properties": {"backendAddressPool": pool}}]});
        let mut document = document.child("loadDistributionPolicies", "policy", &policy);
        let policy = document.reference("loadDistributionPolicies", "policy");
        rule(&mut document)["loadDistributionPolicy"] = policy;
        rule(&mut document)["backendAddressPool"].take();
        document
    })
    .await;
    gateway.get("/x").await.expect(502);
}
