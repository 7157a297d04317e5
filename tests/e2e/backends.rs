//! Faulty backends, one kind at a time: alone, and beside a good one.

mod affinity;
mod health;
mod http_violations;
mod load_distribution;
mod on_demand;
mod probes;
mod resolver;

use serde_json::json;
use tidegate_harness::{Backend, Behaviour, Gateway, GatewayDocument, Then, loopback};

use crate::tidegate;

/// The faults of backends, with the status that the client gets.
fn faults() -> Vec<(&'static str, Behaviour, u16)> {
    vec![
        ("hangs", Behaviour::Hang, 504),
        ("closes without an answer", Behaviour::CloseOnRequest, 502),
        ("resets", Behaviour::ResetOnAccept, 502),
        ("talks nonsense", Behaviour::garbage(), 502),
        ("answers half a head", Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Le", Then::Close), 502),
        (
            "sends an impossible length",
            Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Then::Close),
            502,
        ),
        (
            "switches protocols unasked",
            Behaviour::literal(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                Then::Hold,
            ),
            502,
        ),
    ]
}

fn impatient(document: GatewayDocument) -> GatewayDocument {
    document.settings("settings", &json!({"requestTimeout": 1}))
}

#[tokio::test]
async fn alone_each_fault_has_its_status() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], impatient).await;
    for (fault, behaviour, status) in faults() {
        backend.behave(behaviour);
        let seen = gateway.get("/bad").await.status;
        assert_eq!(seen, status, "a backend that {fault}");
        backend.behave(Behaviour::Serve);
        gateway.get("/good").await.expect(200);
    }
}

#[tokio::test]
async fn a_handshake_meets_each_fault_with_the_same_status() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], impatient).await;
    for (fault, behaviour, status) in faults() {
        backend.behave(behaviour);
        assert_eq!(gateway.refused_websocket("/bad").await, status, "a backend that {fault}");
        backend.behave(Behaviour::Serve);
        gateway.websocket("/good").await.echo("well again").await;
    }
}

#[tokio::test]
async fn beside_a_good_one_no_fault_spreads() {
    let (good, bad) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start_with(tidegate(), &[good.ip(), bad.ip()], impatient).await;
    for (fault, behaviour, status) in faults() {
        bad.behave(behaviour);
        let mut well = 0;
        for _ in 0..4 {
            let answer = gateway.get("/mixed").await;
            match answer.status {
                200 => well += 1,
                other => assert_eq!(other, status, "beside a backend that {fault}"),
            }
        }
        assert!(well >= 2, "{well} of 4 requests were served beside a backend that {fault}");
        bad.behave(Behaviour::Serve);
    }
}

#[tokio::test]
async fn a_member_that_refuses_connections_costs_no_request() {
    let good = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[loopback().into(), good.ip()]).await;
    for _ in 0..6 {
        gateway.get("/x").await.expect(200);
        gateway.websocket("/x").await.echo("x").await;
    }
    let body = "a body that must arrive once".repeat(1000);
    for _ in 0..2 {
        let answer = gateway.client().await.send("POST", "/body", &[], body.clone()).await.expect(200);
        assert_eq!(answer.json()["body"], body.as_str());
    }
    assert_eq!(good.requests().len(), 14);
}

#[tokio::test]
async fn a_request_that_a_backend_has_seen_is_not_sent_to_another() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start(tidegate(), &[first.ip(), second.ip()]).await;
    first.behave(Behaviour::CloseOnRequest);
    second.behave(Behaviour::CloseOnRequest);
    for number in 0..4 {
        let path = format!("/once/{number}");
        gateway.client().await.send("POST", &path, &[], "payment").await.expect(502);
        let seen = [&first, &second].map(|b| b.requests().iter().filter(|r| r.head.target() == path).count());
        assert_eq!(seen.iter().sum::<usize>(), 1, "{path}");
    }
}

#[tokio::test]
async fn where_nobody_listens_it_is_502() {
    let gateway = Gateway::start(tidegate(), &[loopback().into()]).await;
    gateway.get("/x").await.expect(502);
    assert_eq!(gateway.refused_websocket("/x").await, 502);
}

#[tokio::test]
async fn an_empty_pool_is_502() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    gateway.get("/x").await.expect(502);
    assert_eq!(gateway.refused_websocket("/x").await, 502);
}

#[tokio::test]
async fn a_response_that_breaks_off_breaks_off_for_the_client_too() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::reset_mid_response());
    let broken = gateway.client().await.try_send("GET", "/half", &[], "").await;
    assert!(
        broken.is_err() || broken.is_ok_and(|answer| answer.status == 502),
        "half a body passed for a whole one"
    );
    backend.behave(Behaviour::Serve);
    gateway.get("/whole").await.expect(200);
}

#[tokio::test]
async fn the_clients_connection_outlives_a_bad_backend() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], impatient).await;
    let mut client = gateway.client().await;
    for (fault, behaviour, status) in faults() {
        backend.behave(behaviour);
        assert_eq!(client.get("/bad").await.status, status, "a backend that {fault}");
    }
    backend.behave(Behaviour::Serve);
    client.get("/good").await.expect(200);
}

#[tokio::test]
async fn a_backend_whose_name_does_not_resolve_is_502() {
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        document.child(
            "backendAddressPools",
            "pool",
            &json!({"backendAddresses": [{"fqdn": "no-such-host.invalid"}]}),
        )
    })
    .await;
    gateway.get("/nowhere").await.expect(502);
}
