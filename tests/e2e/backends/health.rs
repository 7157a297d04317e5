//! Health probes: which members get requests, and what `backendhealth` reports.

use serde_json::{Value, json};
use tidegate_harness::{
    Authority, Backend, Gateway, GatewayDocument, HTTP_PORT, HttpClient, WebSocket, Worker, loopback,
    wait_for,
};

use crate::tidegate;

/// Adds the harness's quick probe.
fn probed(document: GatewayDocument) -> GatewayDocument {
    probed_by(document, &json!({}))
}

fn probed_by(document: GatewayDocument, probe: &Value) -> GatewayDocument {
    document.probed(probe, &json!({}))
}

#[tokio::test]
async fn a_member_not_judged_yet_takes_traffic() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    backend.answer_probes_with(500);
    // The default probe needs three failures, the second of them after half a minute.
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/at-once").await.expect(200);
}

#[tokio::test]
async fn the_first_default_probe_comes_at_once_and_asks_as_documented() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    wait_for("the first probe", async || (backend.probes() > 0).then_some(())).await;
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Up").await;
}

#[tokio::test]
async fn a_failing_member_is_taken_out_and_comes_back_after_one_success() {
    let (steady, shaky) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[steady.ip(), shaky.ip()], probed).await;
    let management = gateway.management();
    let member = shaky.ip().to_string();
    management.member_health(gateway.id(), &member, "Up").await;

    shaky.answer_probes_with(503);
    management.member_health(gateway.id(), &member, "Down").await;
    for _ in 0..4 {
        gateway.get("/x").await.expect(200);
        gateway.websocket("/x").await.echo("x").await;
    }
    assert_eq!(shaky.requests().len(), 0, "it got a request though it is down");

    shaky.answer_probes_with(200);
    management.member_health(gateway.id(), &member, "Up").await;
    for _ in 0..2 {
        gateway.get("/y").await.expect(200);
    }
    assert_eq!(shaky.requests().len(), 1);
}

#[tokio::test]
async fn without_a_healthy_member_it_is_502_for_requests_and_websockets() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], probed).await;
    backend.answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Down").await;
    gateway.get("/x").await.expect(502);
    assert_eq!(gateway.refused_websocket("/x").await, 502);
    assert_eq!(backend.requests().len(), 0);
}

#[tokio::test]
async fn who_says_that_a_probe_is_not_enabled_is_probed_all_the_same() {
    let backend = Backend::start().await;
    let change = |document: GatewayDocument| document.probed(&json!({}), &json!({"probeEnabled": false}));
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], change).await;
    let member = backend.ip().to_string();
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    backend.answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &member, "Down").await;
}

#[tokio::test]
async fn each_settings_judge_a_member_by_themselves() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = probed(document).probe("picky", &json!({"match": {"statusCodes": ["500"]}}));
        let probe = document.reference("probes", "picky");
        let document = document.settings("picky", &json!({"probe": probe}));
        let picky =
            json!({"backendHttpSettings": document.reference("backendHttpSettingsCollection", "picky")});
        let rule = document.path_rule("picky", &["/picky"], "pool", &picky);
        document.by_path(&json!({"pathRules": [rule]}))
    })
    .await;
    wait_for("one of them to find it down", async || {
        (gateway.get("/picky").await.status == 502).then_some(())
    })
    .await;
    gateway.get("/x").await.expect(200);
}

#[tokio::test]
async fn a_member_that_dies_is_taken_out() {
    let (steady, mortal) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[steady.ip(), mortal.ip()], probed).await;
    let (member, address) = (mortal.ip().to_string(), mortal.address());
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    mortal.stop().await;
    gateway.management().member_health(gateway.id(), &member, "Down").await;
    let _again = Backend::start_at(address, None).await;
    gateway.management().member_health(gateway.id(), &member, "Up").await;
}

#[tokio::test]
async fn it_takes_as_many_failures_in_a_row_as_the_threshold_says() {
    let backend = Backend::start().await;
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |d| probed_by(d, &json!({"unhealthyThreshold": 3})))
            .await;
    let member = backend.ip().to_string();
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    let before = backend.probes();
    backend.answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &member, "Down").await;
    assert!(backend.probes() >= before + 3, "{} probes were enough", backend.probes() - before);
}

#[tokio::test]
async fn the_answer_must_match() {
    let backend = Backend::start().await;
    backend.answer_probes_with(418);
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        probed_by(document, &json!({"match": {"statusCodes": ["200", "410-419"]}}))
    })
    .await;
    let member = backend.ip().to_string();
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    let stricter = probed_by(gateway.document.clone(), &json!({"match": {"statusCodes": ["200"]}}));
    gateway.apply(stricter).await;
    gateway.management().member_health(gateway.id(), &member, "Down").await;
    backend.answer_probes_with(200);
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    let wordy = probed_by(gateway.document.clone(), &json!({"match": {"body": "words that never come"}}));
    gateway.apply(wordy).await;
    gateway.management().member_health(gateway.id(), &member, "Down").await;
}

#[tokio::test]
async fn a_backend_in_tls_is_probed_in_tls() {
    let (authority, stranger, address) = (Authority::new(), Authority::new(), loopback());
    let backend = Backend::start_tls(address, authority.issue(&["inner.test"]).server()).await;
    let with_root = |document: GatewayDocument, root: &Authority| {
        let document = document.trusted_root("root", &root.base64());
        let settings = json!({
            "protocol": "Https", "hostName": "inner.test",
            "trustedRootCertificates": [document.reference("trustedRootCertificates", "root")]});
        document.probed(&json!({"protocol": "Https", "host": "inner.test"}), &settings)
    };
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| with_root(d, &authority)).await;
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Up").await;
    let wrong = with_root(gateway.document.clone(), &stranger);
    gateway.apply(wrong).await;
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Down").await;
}

#[tokio::test]
async fn backendhealth_has_the_official_shape() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip(), loopback().into()], probed).await;
    let management = gateway.management();
    management.member_health(gateway.id(), &backend.ip().to_string(), "Up").await;

    let begun = management.post(&format!("{}/BackendHealth", gateway.id())).await.expect(202);
    assert!(begun.header("azure-asyncoperation").is_some() && begun.header("location").is_some());
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let health = management.backend_health(gateway.id()).await;
    let pool = &health["backendAddressPools"][0];
    assert_eq!(pool["backendAddressPool"]["id"], gateway.document.child_id("backendAddressPools", "pool"));
    let settings = &pool["backendHttpSettingsCollection"][0];
    assert_eq!(
        settings["backendHttpSettings"]["id"],
        gateway.document.child_id("backendHttpSettingsCollection", "settings")
    );
    let servers = settings["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 2);
    assert_eq!(servers[0]["address"], backend.ip().to_string());
    assert!(servers.iter().all(|server| server["health"].is_string()));
}

#[tokio::test]
async fn without_a_report_health_is_unknown() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let (management, member) = (tidegate.management(), loopback());
    let document = GatewayDocument::forwarding("gateway", loopback(), &[member.into()]);
    management.put(document.id(), document.body()).await.expect(201);
    management.member_health(document.id(), &member.to_string(), "Unknown").await;
    management.post("/subscriptions/a/resourceGroups/b/providers/Microsoft.Network/applicationGateways/c/backendhealth")
        .await
        .expect(404);
}

#[tokio::test]
async fn two_workers_that_agree_report_as_one() {
    let (up, down) = (Backend::start().await, loopback());
    let gateway = Gateway::start_with(tidegate().workers(2), &[up.ip(), down.into()], probed).await;
    gateway.management().member_health(gateway.id(), &up.ip().to_string(), "Up").await;
    gateway.management().member_health(gateway.id(), &down.to_string(), "Down").await;
}

#[tokio::test]
async fn two_workers_that_differ_report_partial() {
    let (authority, address) = (Authority::new(), loopback());
    let backend = Backend::start_tls(address, authority.issue(&["inner.test"]).server()).await;
    let tidegate = tidegate().control_plane_alone().start().await;
    // Without trusted roots in the settings, each machine uses its own: only one of the two trusts the backend.
    let roots = tidegate.directory().join("roots.pem");
    std::fs::write(&roots, authority.pem()).unwrap();
    let trusting = [("SSL_CERT_FILE", roots.to_str().unwrap())];
    let first = tidegate.worker_token().await;
    let _trusting = Worker::start_with(&tidegate, "trusting", Some(&first), &trusting);
    let second = tidegate.worker_token().await;
    let _wary = Worker::start(&tidegate, "wary", Some(&second));
    let management = tidegate.management();
    wait_for("both workers", async || (management.connected_workers().await == 2).then_some(())).await;

    let document = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]).probed(
        &json!({"protocol": "Https", "host": "inner.test"}),
        &json!({"protocol": "Https", "hostName": "inner.test"}),
    );
    management.apply_gateway(&document).await;
    management.member_health(document.id(), &backend.ip().to_string(), "Partial").await;
}

#[tokio::test]
async fn an_unchanged_probe_keeps_its_verdict_through_a_change() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], probed).await;
    backend.answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &backend.ip().to_string(), "Down").await;
    let changed = gateway.document.clone().port("more", 20081).http_listener("more", "more");
    gateway.apply(changed).await;
    gateway.get("/x").await.expect(502);
    let refused = WebSocket::try_connect(gateway.http(), "a.test", "/x", &[]).await;
    assert_eq!(refused.err(), Some(502));
}

#[tokio::test]
async fn a_member_known_to_be_down_stays_so_when_its_probe_changes() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], probed).await;
    let member = backend.ip().to_string();
    backend.answer_probes_with(500);
    gateway.management().member_health(gateway.id(), &member, "Down").await;
    let patient =
        probed_by(gateway.document.clone(), &json!({"host": "other.test", "unhealthyThreshold": 20}));
    gateway.apply(patient).await;
    gateway.get("/x").await.expect(502);
    assert_eq!(backend.requests().len(), 0);
    backend.answer_probes_with(200);
    gateway.management().member_health(gateway.id(), &member, "Up").await;
}
