//! `getBackendHealthOnDemand`: one probe by a worker that runs the gateway.

use serde_json::{Value, json};
use tidegate_harness::{
    Answer, Authority, Backend, DnsServer, Gateway, GatewayDocument, Management, Worker, loopback, wait_for,
};

use crate::tidegate;

/// The request of a probe of the pool `pool` with the settings `settings`, merged with `more`.
fn request(document: &GatewayDocument, more: &Value) -> Value {
    let mut request = json!({
        "backendAddressPool": document.reference("backendAddressPools", "pool"),
        "backendHttpSettings": document.reference("backendHttpSettingsCollection", "settings"),
        "host": "probe.test",
        "path": "/health/now",
        "timeout": 2,
    });
    for (key, value) in more.as_object().expect("an object") {
        request[key] = value.clone();
    }
    request
}

async fn begin(management: &Management, gateway: &str, expand: &str, request: &Value) -> Answer {
    let path = format!("{gateway}/getBackendHealthOnDemand?api-version=2024-05-01{expand}");
    let headers = [("content-type", "application/json")];
    management.send("POST", &path, &headers, request.to_string()).await
}

/// Requests a probe, and returns its result.
async fn probe(gateway: &Gateway, more: &Value) -> Value {
    let management = gateway.management();
    let begun = begin(&management, gateway.id(), "", &request(&gateway.document, more)).await.expect(202);
    let operation = management.operation(&begun).await;
    assert_eq!(operation.status, "Succeeded", "{}", operation.error);
    management
        .send("GET", begun.header("location").expect("the result has a place"), &[], "")
        .await
        .expect(200)
        .json()
}

fn servers(result: &Value) -> &Vec<Value> {
    result["backendHealthHttpSettings"]["servers"].as_array().expect("servers are a list")
}

#[tokio::test]
async fn every_member_is_asked_now_and_the_answer_says_what_came_of_it() {
    let (up, down) = (Backend::start().await, loopback());
    let gateway = Gateway::start(tidegate(), &[up.ip(), down.into()]).await;
    let result = probe(&gateway, &json!({})).await;
    assert_eq!(result["backendAddressPool"], gateway.document.reference("backendAddressPools", "pool"));
    let settings = &result["backendHealthHttpSettings"]["backendHttpSettings"];
    assert_eq!(*settings, gateway.document.reference("backendHttpSettingsCollection", "settings"));
    let servers = servers(&result);
    assert_eq!(servers[0]["address"], up.ip().to_string());
    assert_eq!((&servers[0]["health"], &servers[1]["health"]), (&json!("Up"), &json!("Down")));
    assert!(servers[0]["healthProbeLog"].as_str().unwrap().contains("200"), "{result}");
    assert!(servers[1]["healthProbeLog"].as_str().unwrap().to_lowercase().contains("refused"), "{result}");
}

#[tokio::test]
async fn it_judges_by_its_own_match_and_leaves_the_verdict_on_traffic_alone() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let member = backend.ip().to_string();
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    let result = probe(&gateway, &json!({"match": {"statusCodes": ["500-599"]}})).await;
    assert_eq!(servers(&result)[0]["health"], "Down", "{result}");
    gateway.management().member_health(gateway.id(), &member, "Up").await;
    gateway.get("/traffic").await.expect(200);
    backend.answer_probes_with(503);
    let result = probe(&gateway, &json!({"match": {"statusCodes": ["500-599"]}})).await;
    assert_eq!(servers(&result)[0]["health"], "Up", "{result}");
}

#[tokio::test]
async fn it_trusts_whom_the_settings_trust_and_shows_whole_what_is_expanded() {
    let (authority, address) = (Authority::new(), loopback());
    let backend = Backend::start_tls(address, authority.issue(&["inner.test"]).server()).await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document
            .trusted_root("stranger", &Authority::new().base64())
            .trusted_root("root", &authority.base64());
        let root = document.reference("trustedRootCertificates", "root");
        let settings =
            json!({"protocol": "Https", "hostName": "inner.test", "trustedRootCertificates": [root]});
        document.settings("settings", &settings)
    })
    .await;
    let management = gateway.management();
    let picked = json!({"host": null, "pickHostNameFromBackendHttpSettings": true, "protocol": "Https"});
    let result = probe(&gateway, &picked).await;
    assert_eq!(servers(&result)[0]["health"], "Up", "{result}");
    let result = probe(&gateway, &json!({"host": "other.test"})).await;
    assert_eq!(servers(&result)[0]["health"], "Down", "the certificate bears another name: {result}");

    let expand = "&$expand=BackendAddressPool/BackendHttpSettings";
    let begun =
        begin(&management, gateway.id(), expand, &request(&gateway.document, &picked)).await.expect(202);
    assert_eq!(management.operation(&begun).await.status, "Succeeded");
    let result = management.send("GET", begun.header("location").unwrap(), &[], "").await.expect(200).json();
    let shown = |collection: &str, name: &str| gateway.document.child_id(collection, name);
    let pool = management.get(&shown("backendAddressPools", "pool")).await.expect(200).json();
    assert_eq!(result["backendAddressPool"], pool);
    let settings =
        management.get(&shown("backendHttpSettingsCollection", "settings")).await.expect(200).json();
    assert_eq!(result["backendHealthHttpSettings"]["backendHttpSettings"], settings);
}

#[tokio::test]
async fn it_asks_dns_itself() {
    let (dns, backend) = (DnsServer::start().await, Backend::start().await);
    dns.set("backend.test", &[backend.ip()], 86_400);
    let server = dns.address().to_string();
    let gateway = Gateway::start_with(tidegate().option("--dns-server", &server), &[], |document| {
        document.named_pool("pool", &["backend.test"])
    })
    .await;
    let result = probe(&gateway, &json!({})).await;
    assert_eq!(servers(&result)[0]["health"], "Up", "{result}");
    dns.remove("backend.test");
    let result = probe(&gateway, &json!({})).await;
    assert_eq!(servers(&result)[0]["health"], "Down", "{result}");
    assert!(servers(&result)[0]["healthProbeLog"].as_str().unwrap().contains("NXDOMAIN"), "{result}");
}

#[tokio::test]
async fn without_a_worker_that_runs_the_gateway_it_fails() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let (management, backend) = (tidegate.management(), Backend::start().await);
    let document = GatewayDocument::forwarding("gateway", loopback(), &[backend.ip()]);
    management.put(document.id(), document.body()).await.expect(201);
    let ask =
        async || begin(&management, document.id(), "", &request(&document, &json!({}))).await.expect(202);
    let operation = management.operation(&ask().await).await;
    assert_eq!(operation.status, "Failed");
    assert_eq!(operation.error["code"], "ApplicationGatewayNotRunningOnAnyWorker");

    let mut worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    management.provisioning_state(document.id(), "Succeeded").await;
    assert_eq!(management.operation(&ask().await).await.status, "Succeeded");
    worker.kill();
    wait_for("the worker to be gone", async || (management.connected_workers().await == 0).then_some(()))
        .await;
    assert_eq!(management.operation(&ask().await).await.status, "Failed");
}
