//! Tags, stop and start: their effects on traffic and tunnels.

use serde_json::{Value, json};
use tidegate_harness::{
    Answer, Backend, Gateway, GatewayDocument, HTTP_PORT, HttpClient, Management, Worker, loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::{serves, tidegate};

/// Starts an action and waits for its end.
async fn act(management: &Management, gateway: &str, action: &str) -> Answer {
    let begun = management.post(&format!("{gateway}/{action}")).await.expect(202);
    let operation = management.operation(&begun).await;
    assert_eq!(operation.status, "Succeeded", "{action}: {}", operation.error);
    begun
}

async fn operational_state(management: &Management, gateway: &str) -> String {
    let shown = management.get(gateway).await.expect(200).json();
    shown["properties"]["operationalState"].as_str().expect("it is a text").to_owned()
}

/// Waits until the gateway's listener is closed.
async fn is_closed(gateway: &Gateway) {
    wait_for("the listener to close", async || TcpStream::connect(gateway.http()).await.err()).await;
}

#[tokio::test]
async fn other_tags_are_no_change_to_anything_that_runs() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let (mut client, mut socket) = (gateway.client().await, gateway.websocket("/chat").await);
    let before = management.workers_of(gateway.id()).await;
    let path = format!("{}?api-version=2024-05-01", gateway.id());
    let patch = json!({"tags": {"owner": "me"}}).to_string();
    let headers = [("content-type", "application/json")];
    let patched = management.send("PATCH", &path, &headers, patch).await.expect(200).json();
    assert_eq!(patched["tags"], json!({"owner": "me"}));
    assert_eq!(patched["properties"]["provisioningState"], "Succeeded");
    client.get("/on-the-same-connection").await.expect(200);
    socket.echo("as before").await;
    assert_eq!(management.workers_of(gateway.id()).await, before);
}

#[tokio::test]
async fn a_stop_closes_the_listeners_and_ends_tunnels_and_a_start_opens_them_again() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate().workers(2), &[backend.ip()], |d| d.drained_after(1)).await;
    let management = gateway.management();
    let mut socket = gateway.websocket("/chat").await;

    let begun = act(&management, gateway.id(), "stop").await;
    let result = management.send("GET", begun.header("location").unwrap(), &[], "").await;
    assert_eq!(result.expect(200).json(), Value::Null);
    assert_eq!(operational_state(&management, gateway.id()).await, "Stopped");
    assert_eq!(management.workers_of(gateway.id()).await, Vec::<Value>::new());
    is_closed(&gateway).await;
    // The tunnel ends after the drain timeout of its settings.
    socket.end().await;
    act(&management, gateway.id(), "stop").await;

    act(&management, gateway.id(), "start").await;
    assert_eq!(operational_state(&management, gateway.id()).await, "Running");
    gateway.get("/again").await.expect(200);
    gateway.websocket("/chat").await.echo("again").await;
    act(&management, gateway.id(), "start").await;
}

#[tokio::test]
async fn a_start_in_time_spares_the_tunnels() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.drained_after(4)).await;
    let management = gateway.management();
    let mut old = gateway.websocket("/old").await;
    act(&management, gateway.id(), "stop").await;
    act(&management, gateway.id(), "start").await;
    let mut new = gateway.websocket("/new").await;
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(500));
    for _ in 0..11 {
        ticks.tick().await;
        old.echo("still here").await;
        new.echo("here too").await;
    }
}

#[tokio::test]
async fn any_put_starts_a_stopped_gateway() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    act(&management, gateway.id(), "stop").await;
    is_closed(&gateway).await;
    let same = gateway.document.clone();
    gateway.apply(same).await;
    gateway.get("/same").await.expect(200);

    act(&management, gateway.id(), "stop").await;
    is_closed(&gateway).await;
    let pool = gateway.document.child_id("backendAddressPools", "more");
    management.apply(&pool, &json!({"properties": {}})).await;
    gateway.get("/child").await.expect(200);
}

#[tokio::test]
async fn a_stopped_gateway_stays_so_whoever_is_started_again() {
    let backend = Backend::start().await;
    let mut tidegate = tidegate().control_plane_alone().start().await;
    let mut worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    let (stopped, going_on) = (loopback(), loopback());
    let document = GatewayDocument::forwarding("stopped", stopped, &[backend.ip()]);
    let other = GatewayDocument::forwarding("other", going_on, &[backend.ip()]);
    let management = tidegate.management();
    management.apply_gateway(&document).await;
    management.apply_gateway(&other).await;
    act(&management, document.id(), "stop").await;

    // First the worker alone, from its last good snapshots; then with the control plane, which was stopped as well.
    tidegate.kill();
    worker.kill();
    worker.start_again();
    let other_serves = async || {
        wait_for("the other gateway to serve", async || TcpStream::connect((going_on, HTTP_PORT)).await.ok())
            .await;
        HttpClient::connect((going_on, HTTP_PORT).into(), "a.test").await.get("/x").await.expect(200);
        TcpStream::connect((stopped, HTTP_PORT)).await.unwrap_err();
    };
    other_serves().await;
    tidegate.start_again().await;
    wait_for("the worker to connect", async || (management.connected_workers().await == 1).then_some(()))
        .await;
    other_serves().await;
    assert_eq!(operational_state(&management, document.id()).await, "Stopped");

    act(&management, document.id(), "start").await;
    HttpClient::connect((stopped, HTTP_PORT).into(), "a.test").await.get("/x").await.expect(200);
}

#[tokio::test]
async fn a_gateway_of_local_workers_stays_stopped_too() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    act(&gateway.management(), gateway.id(), "stop").await;
    gateway.tidegate.kill_worker(1).await;
    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    let management = gateway.management();
    wait_for("the worker to connect", async || (management.connected_workers().await == 1).then_some(()))
        .await;
    TcpStream::connect(gateway.http()).await.unwrap_err();
    act(&management, gateway.id(), "start").await;
    serves(&gateway).await;
}
