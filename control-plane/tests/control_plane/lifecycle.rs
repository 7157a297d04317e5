//! A gateway between its creation and its end: tags, stop, start.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_shared::id::Generation;
use tidegate_shared::protocol::{ToControlPlane, ToWorker};

use crate::client::{Answer, Client};
use crate::worker::FakeWorker;
use crate::{Running, gateway_body, gateway_path};

const SLOW: Duration = Duration::from_secs(60);

/// A gateway `gw` that a worker runs.
async fn running_gateway(running: &Running) -> (Client, FakeWorker, Answer) {
    let (client, mut worker) = (running.client(), running.worker().await);
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    assert_eq!(put.body["properties"]["operationalState"], "Stopped");
    worker.apply().await;
    assert_eq!(client.outcome(&put).await["status"], "Succeeded");
    (client, worker, put)
}

async fn post(client: &Client, action: &str) -> Answer {
    let answer = client.call("POST", &format!("{}/{action}", gateway_path("gw")), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (202, &Value::Null), "{answer:?}");
    assert!(answer.headers.contains_key("location") && answer.headers.contains_key("retry-after"));
    answer
}

/// What is shown of its two states.
async fn states(client: &Client) -> (String, String) {
    let body = client.get(&gateway_path("gw")).await.body;
    let text = |name: &str| body["properties"][name].as_str().unwrap().to_owned();
    (text("operationalState"), text("provisioningState"))
}

async fn are_states(client: &Client, operational: &str, provisioning: &str) {
    assert_eq!(states(client).await, (operational.to_owned(), provisioning.to_owned()));
}

#[tokio::test]
async fn a_stopped_gateway_is_let_go_of_until_it_is_started() {
    let running = Running::start(SLOW).await;
    let (client, mut worker, put) = running_gateway(&running).await;
    are_states(&client, "Running", "Succeeded").await;

    let stop = post(&client, "Stop").await;
    are_states(&client, "Stopping", "Updating").await;
    let result = client.follow(stop.header("location")).await;
    assert_eq!((result.status.as_u16(), result.header("retry-after")), (202, "1"));
    assert_eq!(worker.withdraw().await.to_string(), put.body["properties"]["resourceGuid"].as_str().unwrap());
    assert_eq!(client.outcome(&stop).await["status"], "Succeeded");
    assert_eq!(client.follow(stop.header("location")).await.status, 200);
    are_states(&client, "Stopped", "Succeeded").await;

    // There is nothing to wait for.
    let again = post(&client, "stop").await;
    let poll = client.follow(again.header("azure-asyncoperation")).await;
    assert_eq!(poll.body["status"], "Succeeded");
    // Its port stays its own, a worker that comes later is not given it, and one that has it must let go.
    let other = client.call("PUT", &gateway_path("other"), &gateway_body("other", "127.0.0.1", 8080)).await;
    assert_eq!(other.code(), "ApplicationGatewayFrontendPortInUse");
    let running = Running::start_in(running.stop().await, SLOW).await;
    let client = running.client();
    are_states(&client, "Stopped", "Succeeded").await;
    let mut late = running.worker().await;
    let other = client.call("PUT", &gateway_path("other"), &gateway_body("other", "127.0.0.1", 8081)).await;
    assert_eq!(late.apply().await.content.name, gateway_path("other"));
    assert_eq!(client.outcome(&other).await["status"], "Succeeded");

    let start = post(&client, "start").await;
    are_states(&client, "Starting", "Updating").await;
    let snapshot = late.apply().await;
    assert_eq!((snapshot.content.name, snapshot.generation), (gateway_path("gw"), Generation(1)));
    assert_eq!(client.outcome(&start).await["status"], "Succeeded");
    assert_eq!(client.follow(start.header("location")).await.status, 200);
    are_states(&client, "Running", "Succeeded").await;
    let again = post(&client, "start").await;
    assert_eq!(client.follow(again.header("azure-asyncoperation")).await.body["status"], "Succeeded");
    running.stop().await;
}

#[tokio::test]
async fn any_put_starts_a_stopped_gateway() {
    let running = Running::start(SLOW).await;
    let (client, mut worker, _) = running_gateway(&running).await;
    let port = format!("{}/frontendPorts/p", gateway_path("gw"));
    let same = gateway_body("gw", "127.0.0.1", 8080);
    let child = json!({"properties": {"port": 8080}});
    for (path, body) in [(gateway_path("gw"), &same), (port, &child)] {
        let stop = post(&client, "stop").await;
        worker.withdraw().await;
        assert_eq!(client.outcome(&stop).await["status"], "Succeeded");
        let put = client.call("PUT", &path, body).await;
        assert_eq!(put.status, 200, "{put:?}");
        are_states(&client, "Starting", "Updating").await;
        assert_eq!(worker.apply().await.generation, Generation(1), "nothing else has changed");
        assert_eq!(client.outcome(&put).await["status"], "Succeeded");
        are_states(&client, "Running", "Succeeded").await;
    }
    running.stop().await;
}

#[tokio::test]
async fn the_last_word_counts_whatever_is_still_under_way() {
    let running = Running::start(SLOW).await;
    let (client, mut worker, _) = running_gateway(&running).await;
    let stop = post(&client, "stop").await;
    let message = worker.hear().await;
    let ToWorker::Withdraw { gateway } = message else { panic!("{message:?}") };
    let start = post(&client, "start").await;
    let outcome = client.outcome(&stop).await;
    assert_eq!(outcome["status"], "Canceled");
    assert_eq!(outcome["error"]["code"], "CanceledAndSupersededDueToAnotherOperation");
    let snapshot = worker.assigned().await;
    let poll = client.follow(start.header("azure-asyncoperation")).await;
    assert_eq!(poll.body["status"], "InProgress", "what it still runs it is about to let go of");
    worker.say(ToControlPlane::Withdrawn { gateway }).await;
    worker
        .say(ToControlPlane::Applied {
            gateway,
            generation: snapshot.generation,
            digest: snapshot.content.digest(),
            addresses: vec![],
        })
        .await;
    assert_eq!(client.outcome(&start).await["status"], "Succeeded");
    are_states(&client, "Running", "Succeeded").await;
    let stop = post(&client, "stop").await;
    let delete = client.call("DELETE", &gateway_path("gw"), &Value::Null).await;
    assert_eq!(client.outcome(&stop).await["status"], "Canceled");
    worker.withdraw().await;
    assert_eq!(client.outcome(&delete).await["status"], "Succeeded");
    running.stop().await;
}

#[tokio::test]
async fn a_gateway_that_nobody_runs_can_be_stopped_at_once() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let stop = post(&client, "stop").await;
    assert_eq!(client.outcome(&put).await["status"], "Canceled");
    assert_eq!(client.outcome(&stop).await["status"], "Succeeded");
    are_states(&client, "Stopped", "Succeeded").await;
    running.stop().await;
}

#[tokio::test]
async fn a_patch_replaces_the_tags_and_nothing_else() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let patch = async |body: &Value, headers: &[(&str, &str)]| {
        client.call_if("PATCH", &gateway_path("gw"), body, headers).await
    };
    let first = patch(&json!({"tags": {"a": "1", "b": "2"}}), &[]).await;
    assert_eq!(first.status, 200);
    for header in ["azure-asyncoperation", "location", "retry-after"] {
        assert!(!first.headers.contains_key(header), "{first:?}");
    }
    assert_eq!(first.header("etag"), first.body["etag"]);
    assert_eq!(first.body, client.get(&gateway_path("gw")).await.body);
    let more =
        patch(&json!({"tags": {"c": "3"}, "location": "elsewhere", "properties": {"sku": {}}}), &[]).await;
    assert_eq!((more.status.as_u16(), more.code()), (400, "PatchChangesTagsOnly"));
    let second = patch(&json!({"tags": {"c": "3"}}), &[]).await;
    assert_eq!(second.body["tags"], json!({"c": "3"}));
    assert_eq!(second.body["location"], put.body["location"]);
    assert_eq!(second.body["properties"], put.body["properties"]);
    assert_eq!(client.follow(put.header("azure-asyncoperation")).await.body["status"], "InProgress");

    let stale = patch(&json!({"tags": {}}), &[("if-match", first.header("etag"))]).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "PreconditionFailed"));
    let wrong = patch(&json!({"tags": {"a": {"b": 1}}}), &[]).await;
    assert_eq!((wrong.status.as_u16(), &wrong.body["error"]["target"]), (400, &json!("tags.a")));
    let current = patch(&json!({"tags": {}}), &[("if-match", second.header("etag"))]).await;
    assert_eq!(current.body["tags"], json!({}));
    running.stop().await;
}
