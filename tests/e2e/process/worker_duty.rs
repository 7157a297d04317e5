//! Workers as resources: what they carry, draining one, and its return.

use serde_json::{Value, json};
use tidegate_harness::{Backend, Gateway, Management, wait_for};
use tokio::net::TcpStream;

use crate::{serves, tidegate};

const WORKERS: &str = "/providers/Tidegate.Network/workers";

async fn worker(management: &Management) -> Value {
    let list = management.get(WORKERS).await.expect(200).json();
    list["value"][0].clone()
}

async fn is(management: &Management, state: &str) -> Value {
    wait_for(&format!("the worker to be {state}"), async || {
        let worker = worker(management).await;
        (worker["properties"]["state"] == state).then_some(worker)
    })
    .await
}

#[tokio::test]
async fn a_drained_worker_accepts_nothing_until_it_is_resumed_whatever_restarts() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().option("--drain-timeout", "1s"), &[backend.ip()]).await;
    let management = gateway.management();
    let mut socket = gateway.websocket("/chat").await;
    let shown = wait_for("the load of the worker", async || {
        let worker = worker(&management).await;
        (worker["properties"]["load"]["tunnels"] == 1).then_some(worker)
    })
    .await;
    let properties = &shown["properties"];
    assert_eq!((&properties["state"], &properties["desiredState"]), (&json!("serving"), &json!("serving")));
    assert_eq!(properties["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(properties["gateways"][0]["id"], gateway.id());
    assert!(properties["gateways"][0]["digest"].is_string());
    assert_eq!(properties["gateways"][0]["addresses"].as_array().unwrap().len(), 1);
    let id = shown["id"].as_str().unwrap().to_owned();
    assert_eq!(management.get(&id).await.expect(200).json()["name"], shown["name"]);
    management.get(&format!("{WORKERS}/nobody")).await.expect(404);

    let begun = management.post(&format!("{id}/drain")).await.expect(200).json();
    assert_eq!(begun["properties"]["desiredState"], "drained");
    wait_for("the listener to close", async || TcpStream::connect(gateway.http()).await.err()).await;
    // The tunnel has the worker's drain timeout.
    socket.end().await;
    let drained = is(&management, "drained").await;
    assert_eq!(drained["properties"]["load"]["connections"], 0);

    // A change is applied, but opens nothing; so does a restart of the control plane.
    gateway.apply(gateway.document.clone().port("more", 20_081)).await;
    let document = gateway.document.clone().drained_after(3);
    gateway.apply(document).await;
    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    let management = gateway.management();
    gateway.tidegate.all_connected().await;
    is(&management, "drained").await;
    TcpStream::connect(gateway.http()).await.unwrap_err();

    management.post(&format!("{id}/resume")).await.expect(200);
    is(&management, "serving").await;
    serves(&gateway).await;
    let mut socket = gateway.websocket("/chat").await;
    socket.echo("again").await;
    let audit = management.send("GET", "/audit", &[], "").await.expect(200).json();
    let actions: Vec<&Value> =
        audit["value"].as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
    assert!(actions.contains(&&json!("Tidegate/workers/drain/action")), "{actions:?}");
}
