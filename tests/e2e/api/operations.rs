//! Long-running operations: they end when the workers have applied the change, not before.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tidegate_harness::{
    Answer, Backend, GROUP, Gateway, GatewayDocument, HTTP_PORT, HttpClient, SUBSCRIPTION, Worker, loopback,
    wait_for,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::tidegate;

#[tokio::test]
async fn once_the_operation_has_succeeded_traffic_flows() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let management = tidegate.management();
    for round in 0..5 {
        let address = loopback();
        let document = GatewayDocument::forwarding(&format!("gateway{round}"), address, &[backend.ip()]);
        management.apply_gateway(&document).await;
        // No wait: after "Succeeded" the change is applied.
        HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/now").await.expect(200);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_fails_the_operation_and_the_old_configuration_goes_on() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let squatter = TcpListener::bind((gateway.ip(), 20081)).await.unwrap();

    let wanted = gateway
        .document
        .clone()
        .port("taken", 20081)
        .http_listener("squatted", "taken")
        .rule("squatted", "squatted", "pool", "settings");
    let error = management.apply_in_vain(wanted.id(), wanted.body()).await;
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("squatted"), "it names the listener: {message}");
    assert!(message.contains(&format!("{}:20081", gateway.ip())), "it names the address: {message}");
    assert!(message.to_lowercase().contains("in use"), "it names the cause: {message}");
    management.provisioning_state(gateway.id(), "Failed").await;
    gateway.get("/old").await.expect(200);

    // The rollout is retried, and converges within 2 s once the port is free, however long it was taken.
    let since = Instant::now();
    wait_for("several tries", async || (since.elapsed() > Duration::from_millis(3300)).then_some(())).await;
    drop(squatter);
    let since = Instant::now();
    let address = SocketAddr::from((gateway.ip(), 20081));
    wait_for("the port to be served", async || TcpStream::connect(address).await.ok()).await;
    // The retries come at most 1.5 s apart; the rest is for other work on this machine.
    assert!(since.elapsed() < Duration::from_secs(2), "it took {:?}", since.elapsed());
    HttpClient::connect(address, "a.test").await.get("/new").await.expect(200);
    management.provisioning_state(gateway.id(), "Succeeded").await;
    let output = gateway.tidegate.output();
    for said in ["rejected", "not applied"] {
        assert_eq!(output.matches(said).count(), 1, "{said:?} is said once, not at each try: {output}");
    }
}

#[tokio::test]
async fn without_a_worker_it_fails_in_time_and_converges_when_one_comes() {
    let tidegate = tidegate().control_plane_alone().option("--rollout-timeout", "1s").start().await;
    let (management, backend, address) = (tidegate.management(), Backend::start().await, loopback());
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);

    let created = management.put(document.id(), document.body()).await.expect(201);
    assert_eq!(created.json()["properties"]["provisioningState"], "Updating");
    assert!(management.is_in_progress(&created).await);
    let operation = management.operation(&created).await;
    assert_eq!(operation.status, "Failed");
    assert!(operation.error["message"].as_str().unwrap().contains("worker"), "{}", operation.error);
    management.provisioning_state(document.id(), "Updating").await;

    let _worker = Worker::start(&tidegate, "late", Some(&tidegate.worker_token().await));
    management.provisioning_state(document.id(), "Succeeded").await;
    HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/late").await.expect(200);
}

/// The header tells `go-azure-sdk` not to wait before the next poll.
fn assert_paced(answer: &Answer) {
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-go-azure-sdk-skip-polling-delay"), Some("true"));
}

#[tokio::test]
async fn a_write_and_a_poll_in_progress_say_when_to_poll() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);
    let created = management.put(document.id(), document.body()).await.expect(201);
    assert_paced(&created);
    let url = created.header("azure-asyncoperation").unwrap();
    let poll = management.send("GET", url, &[], "").await.expect(200);
    assert_eq!(poll.json()["status"], "InProgress");
    assert_paced(&poll);
    let deleted = management.delete(document.id()).await.expect(202);
    assert_paced(&deleted);
    let _worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    assert_eq!(management.operation(&deleted).await.status, "Succeeded");
    for header in ["azure-asyncoperation", "location"] {
        let ended = management.send("GET", deleted.header(header).unwrap(), &[], "").await.expect(200);
        assert_eq!(ended.header("retry-after"), None, "{header}");
    }
    let group = format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}");
    let address = format!("{group}/providers/Microsoft.Network/publicIPAddresses/address");
    let body = json!({"location": "West Europe", "properties": {"publicIPAllocationMethod": "Static"}});
    assert_paced(&management.put(&address, &body).await.expect(201));
    assert_paced(&management.delete(&group).await.expect(202));
}

#[tokio::test]
async fn a_newer_put_takes_the_place_of_one_under_way() {
    let tidegate = tidegate().control_plane_alone().start().await;
    let (management, address) = (tidegate.management(), loopback());
    let document = GatewayDocument::forwarding("gateway", address, &[]);
    let first = management.put(document.id(), document.body()).await.expect(201);
    let newer = document.clone().port("more", 20081).http_listener("more", "more");
    let second = management.put(document.id(), newer.body()).await.expect(200);

    let superseded = management.operation(&first).await;
    assert_eq!(superseded.status, "Canceled");
    assert_eq!(superseded.error["code"], "CanceledAndSupersededDueToAnotherOperation");

    let _worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    assert_eq!(management.operation(&second).await.status, "Succeeded");
    HttpClient::connect((address, 20081).into(), "a.test").await.get("/newer").await.expect(404);
}

#[tokio::test]
async fn writes_of_different_children_all_succeed_however_fast_they_follow() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let child = |i: usize| format!("{}/frontendPorts/more{i}", gateway.id());
    let listener = |i: usize| format!("{}/httpListeners/more{i}", gateway.id());
    let mut writes = Vec::new();
    for i in 0..20 {
        let port = json!({"properties": {"port": 20100 + i}});
        writes.push(management.put(&child(i), &port).await.expect(201));
        let document = gateway.document.clone().http_listener(&format!("more{i}"), &format!("more{i}"));
        let sent = &document.body()["properties"]["httpListeners"];
        let sent = sent.as_array().unwrap().iter().find(|one| one["name"] == format!("more{i}"));
        writes.push(management.put(&listener(i), sent.unwrap()).await.expect(201));
    }
    for write in &writes {
        let operation = management.operation(write).await;
        assert_eq!(operation.status, "Succeeded", "{}", operation.error);
    }
}

#[tokio::test]
async fn operations_outlive_the_control_plane() {
    let mut gateway = Gateway::start(tidegate(), &[]).await;
    let changed = gateway.document.clone().port("more", 20081);
    let answer = gateway.management().put(gateway.id(), changed.body()).await.expect(200);
    gateway.tidegate.kill();
    gateway.tidegate.start_again().await;
    assert_eq!(gateway.management().operation(&answer).await.status, "Succeeded");
}

#[tokio::test]
async fn an_operation_that_never_was_is_not_found() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("gateway");
    let answer = management.put(document.id(), document.body()).await.expect(201);
    let url = answer.header("azure-asyncoperation").unwrap();
    let (path, version) = url.split_once('?').unwrap();
    let parent = &path[..path.rfind('/').unwrap()];
    let other = format!("{parent}/00000000-0000-4000-8000-000000000000?{version}");
    management.send("GET", &other, &[], "").await.expect(404).error_code();
}

#[tokio::test]
async fn every_worker_must_have_applied() {
    let (tidegate, backend) = (tidegate().workers(2).start().await, Backend::start().await);
    let (first, second) = (tidegate.worker_pid(1).await, tidegate.worker_pid(2).await);
    assert_ne!(first, second);
    let address = loopback();
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;

    let changed = document.settings("settings", &json!({"hostName": "changed.test"}));
    tidegate.management().apply_gateway(&changed).await;
    // The change is applied by every worker that may get the connection.
    for _ in 0..20 {
        let answer =
            HttpClient::connect((address, HTTP_PORT).into(), "a.test").await.get("/x").await.expect(200);
        assert!(answer.text().contains("changed.test"), "{}", answer.text());
    }
}
