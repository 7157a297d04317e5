//! Jumps of the wall clock: data with a retention period stays, and certificates are renewed.

use std::collections::BTreeSet;

use serde_json::json;
use tidegate_harness::{
    Backend, Clock, Gateway, GatewayDocument, HTTP_PORT, Management, Worker, loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::{serves, tidegate};

/// The resources in the audit log.
async fn audited(management: &Management) -> BTreeSet<String> {
    let log = management.send("GET", "/audit?$top=1000", &[], "").await.expect(200).json();
    log["value"]
        .as_array()
        .expect("the log is a list")
        .iter()
        .map(|entry| entry["resourceId"].to_string())
        .collect()
}

#[tokio::test]
async fn clocks_that_jump_cost_no_worker_no_tunnel_and_nothing_that_is_kept() {
    let Some(clock) = Clock::start() else { return };
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().clock(&clock), &[backend.ip()]).await;
    let management = gateway.management();
    let token = gateway.tidegate.worker_token().await;
    let mut tunnel = gateway.websocket("/chat").await;
    let worker = gateway.tidegate.worker_pid(1).await;

    let mut operations = Vec::new();
    for (round, offset) in ["+0", "+1h", "-1h", "+40d", "-2d", "+3y", "+0"].into_iter().enumerate() {
        clock.set(offset);
        for write in 0..3 {
            let number = 21_000 + round * 3 + write;
            let id = gateway.document.child_id("frontendPorts", &format!("port{number}"));
            let begun = management.put(&id, &json!({"properties": {"port": number}})).await.expect(201);
            let operation = management.operation(&begun).await;
            assert_eq!(operation.status, "Succeeded", "at {offset}: {}", operation.error);
            operations.push(begun);
        }
        tunnel.echo(offset).await;
        // The worker must connect again, with the present certificates of both sides.
        gateway.tidegate.kill();
        gateway.tidegate.start_again().await;
        gateway.tidegate.all_connected().await;
        for begun in &operations {
            assert!(
                !management.is_in_progress(begun).await,
                "an operation is not there any more at {offset}"
            );
        }
        let audited = audited(&management).await;
        let ports = audited.iter().filter(|id| id.contains("/frontendPorts/port")).count();
        assert_eq!(ports, operations.len(), "the audit log at {offset}: {audited:?}");
    }
    tunnel.echo("through it all").await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker), "the worker was never replaced");

    // Now a new worker connects to a running control plane.
    clock.set("+3y");
    gateway.tidegate.kill_worker(1).await;
    gateway.tidegate.worker_other_than(1, worker).await;
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    management.put(changed.id(), changed.body()).await.expect(200);
    wait_for("the change to be served", async || {
        TcpStream::connect(gateway.http()).await.ok()?;
        gateway.get("/changed").await.text().contains("changed.test").then_some(())
    })
    .await;

    clock.set("+0");
    let _second = Worker::start(&gateway.tidegate, "second", Some(&token));
    wait_for("a worker to join with a token from before", async || {
        (management.connected_workers().await == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_fleet_that_was_powered_off_for_three_years_comes_back_by_itself() {
    let Some(clock) = Clock::start() else { return };
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate().clock(&clock), &[backend.ip()]).await;
    let before = audited(&gateway.management()).await;
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);

    clock.set("+3y");
    gateway.tidegate.start_again().await;
    serves(&gateway).await;
    gateway.tidegate.all_connected().await;
    let changed = gateway.document.clone().settings("settings", &json!({"hostName": "changed.test"}));
    gateway.apply(changed).await;
    assert!(gateway.get("/changed").await.expect(200).text().contains("changed.test"));
    let workers = gateway.management().get("/workers").await.expect(200).json();
    assert_eq!(workers["value"].as_array().unwrap().len(), 1, "it is the same worker: {workers}");
    assert!(audited(&gateway.management()).await.is_superset(&before));
}

#[tokio::test]
async fn operations_end_in_time_also_where_the_clock_was_ahead_at_the_start() {
    let Some(clock) = Clock::start() else { return };
    clock.set("+3y");
    let builder = tidegate().control_plane_alone().clock(&clock).option("--rollout-timeout", "1s");
    let tidegate = builder.start().await;
    clock.set("+0");
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let begun = tidegate.management().put(document.id(), document.body()).await.expect(201);
    let operation = tidegate.management().operation(&begun).await;
    assert_eq!(operation.error["code"], "ApplicationGatewayNoWorkerConnected", "{operation:?}");
}

#[tokio::test]
async fn a_worker_whose_clock_is_wrong_serves_and_says_so_until_it_is_right() {
    let Some(clock) = Clock::start() else { return };
    let (backend, address) = (Backend::start().await, loopback());
    let tidegate = tidegate().control_plane_alone().start().await;
    let (environment, token) = (clock.environment(), tidegate.worker_token().await);
    let environment: Vec<_> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut worker = Worker::start_with(&tidegate, "worker", Some(&token), &environment);
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;

    for (offset, fault) in [("+3y", "certificate expired"), ("-3y", "certificate not valid yet")] {
        worker.kill();
        clock.set(offset);
        worker.start_again();
        worker.says(fault).await;
        worker.says("compare the clocks of the two machines").await;
        wait_for("the last good snapshot to be served", async || {
            TcpStream::connect((address, HTTP_PORT)).await.ok()
        })
        .await;
        clock.set("+0");
        wait_for("the worker to connect", async || {
            (tidegate.management().connected_workers().await == 1).then_some(())
        })
        .await;
    }
    tidegate.management().apply_gateway(&document.port("more", 20081)).await;
}
