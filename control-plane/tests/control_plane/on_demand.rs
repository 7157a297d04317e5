//! Probes on demand: asked of a worker that runs the gateway, ended whatever becomes of it.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_shared::id::CallId;
use tidegate_shared::protocol::{
    Call, HealthState, MemberProbe, OnDemandProbe, Reply, ToControlPlane, ToWorker,
};
use tidegate_shared::snapshot::Host;

use crate::client::{Answer, Client};
use crate::worker::FakeWorker;
use crate::{Running, gateway_body, gateway_path};

const SLOW: Duration = Duration::from_secs(60);

fn request() -> Value {
    let id = |rest: &str| json!({"id": format!("{}/{rest}", gateway_path("gw"))});
    json!({
        "host": "a.test",
        "path": "/now",
        "backendAddressPool": id("backendaddressPools/b"),
        "backendHttpSettings": id("backendHttpSettingsCollection/s"),
    })
}

async fn ask(client: &Client, expand: &str) -> Answer {
    let path = format!("{}/getBackendHealthOnDemand?api-version=2024-05-01{expand}", gateway_path("gw"));
    let request = client.request("POST", &path).body(request().to_string().into()).unwrap();
    let answer = client.send(request).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (202, &Value::Null), "{answer:?}");
    answer
}

/// A gateway `gw` that a worker runs.
async fn running_gateway(running: &Running) -> (Client, FakeWorker) {
    let (client, mut worker) = (running.client(), running.worker().await);
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    worker.apply().await;
    assert_eq!(client.outcome(&put).await["status"], "Succeeded");
    (client, worker)
}

async fn asked(worker: &mut FakeWorker) -> (CallId, OnDemandProbe) {
    let message = worker.hear().await;
    let ToWorker::Call { id, call: Call::Probe(probe) } = message else { panic!("{message:?}") };
    (id, *probe)
}

#[tokio::test]
async fn what_the_worker_finds_is_the_result() {
    let running = Running::start(SLOW).await;
    let (client, mut worker) = running_gateway(&running).await;
    for expand in ["", "&$expand=BackendAddressPool%2CBackendHttpSettings"] {
        let answer = ask(&client, expand).await;
        let (id, probe) = asked(&mut worker).await;
        assert_eq!(probe.settings.probe.path, "/now");
        let result = client.follow(answer.header("location")).await;
        assert_eq!((result.status.as_u16(), result.header("retry-after")), (202, "1"));
        // Nobody else's write takes its place.
        let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
        assert_eq!(put.status, 200);
        let host = Host::Ip("192.0.2.1".parse().unwrap());
        let member = MemberProbe { host, state: HealthState::Down, reason: "No route.".into() };
        worker.say(ToControlPlane::Reply { id, reply: Reply::Probe(vec![member]) }).await;
        assert_eq!(client.outcome(&answer).await["status"], "Succeeded");
        let result = client.follow(answer.header("location")).await.body;
        let health = &result["backendHealthHttpSettings"];
        let server = json!({"address": "192.0.2.1", "health": "Down", "healthProbeLog": "No route."});
        assert_eq!(health["servers"], json!([server]));
        let (pool, settings) = (&result["backendAddressPool"], &health["backendHttpSettings"]);
        let id = |rest: &str| format!("{}/{rest}", gateway_path("gw"));
        assert_eq!(pool["id"], id("backendAddressPools/b"));
        assert_eq!(settings["id"], id("backendHttpSettingsCollection/s"));
        assert_eq!(pool["properties"].is_object(), !expand.is_empty());
        assert_eq!(settings["properties"]["port"].is_u64(), !expand.is_empty());
    }
    running.stop().await;
}

#[tokio::test]
async fn without_an_answer_it_fails_and_says_why() {
    let running = Running::start(SLOW).await;
    let (client, mut worker) = running_gateway(&running).await;
    let lost = ask(&client, "").await;
    asked(&mut worker).await;
    drop(worker);
    let outcome = client.outcome(&lost).await;
    assert_eq!(
        (&outcome["status"], &outcome["error"]["code"]),
        (&json!("Failed"), &json!("ApplicationGatewayOnDemandProbeFailed"))
    );
    let result = client.follow(lost.header("location")).await;
    assert_eq!((result.status.as_u16(), result.code()), (409, "ApplicationGatewayOnDemandProbeFailed"));

    let nobody = ask(&client, "").await;
    let outcome = client.outcome(&nobody).await;
    assert_eq!(outcome["error"]["code"], "ApplicationGatewayNotRunningOnAnyWorker", "{outcome}");

    let mut worker = running.worker().await;
    worker.apply().await;
    let unfinished = ask_running(&client, &mut worker).await;
    let running = Running::start_in(running.stop().await, SLOW).await;
    let outcome = running.client().outcome(&unfinished).await;
    assert_eq!(outcome["error"]["code"], "ApplicationGatewayOnDemandProbeFailed", "{outcome}");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("restarted"), "{outcome}");
    running.stop().await;
}

#[tokio::test]
async fn so_many_are_under_way_and_no_more() {
    let running = Running::start(SLOW).await;
    let (client, mut worker) = running_gateway(&running).await;
    let first = ask(&client, "").await;
    let (id, _) = asked(&mut worker).await;
    for _ in 1..64 {
        ask(&client, "").await;
    }
    let beyond = ask(&client, "").await;
    let outcome = client.outcome(&beyond).await;
    assert_eq!(outcome["error"]["code"], "ApplicationGatewayOnDemandProbeFailed", "{outcome}");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("Too many"), "{outcome}");
    worker.say(ToControlPlane::Reply { id, reply: Reply::Probe(vec![]) }).await;
    assert_eq!(client.outcome(&first).await["status"], "Succeeded");
    running.stop().await;
}

/// Asks until the worker that has just applied the gateway is asked.
async fn ask_running(client: &Client, worker: &mut FakeWorker) -> Answer {
    loop {
        let answer = ask(client, "").await;
        let poll = client.follow(answer.header("azure-asyncoperation")).await;
        if poll.body["status"] == "InProgress" {
            asked(worker).await;
            return answer;
        }
    }
}

#[tokio::test]
async fn a_probe_that_makes_no_sense_is_refused() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let path = format!("{}/getBackendHealthOnDemand", gateway_path("gw"));
    let refused = client.call("POST", &path, &json!({"timeout": "soon", "path": "x"})).await;
    assert_eq!(refused.status, 400);
    let details = refused.body["error"]["details"].as_array().unwrap();
    let targets: Vec<_> = details.iter().map(|detail| detail["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["timeout", "backendAddressPool", "backendHttpSettings", "host", "path"]);
    running.stop().await;
}
