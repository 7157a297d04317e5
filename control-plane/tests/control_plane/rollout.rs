//! Workers: joining, and operations that end when the generation is in force.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::Connection;
use tidegate_shared::id::{Digest, GatewayId, Generation};
use tidegate_shared::protocol::{BackendHealth, HealthState, ToControlPlane, ToWorker, VERSION};
use tidegate_shared::secret::Secret;
use tidegate_shared::snapshot::Host;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::worker::{FakeWorker, dial, join};
use crate::{DEADLINE, Running, gateway_body, gateway_path, wait_for};

const SLOW: Duration = Duration::from_secs(60);

/// Asks again until the answer is as wished.
async fn until(running: &Running, path: &str, wish: impl Fn(&Value) -> bool) -> Value {
    wait_for(path, async || Some(running.client().get(path).await.body).filter(&wish)).await
}

#[tokio::test]
async fn a_put_succeeds_when_every_connected_worker_runs_it() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let (mut one, mut two) = (running.worker().await, running.worker().await);

    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    assert_eq!(put.status, 201, "{put:?}");
    assert_eq!(put.header("etag"), put.body["etag"]);
    assert!(put.headers.contains_key("retry-after"), "clients that poll at once wait no 10 s");
    assert_eq!(put.body["properties"]["provisioningState"], "Updating");
    let snapshot = one.apply().await;
    assert_eq!(snapshot.generation, Generation(1));
    assert_eq!(snapshot.gateway.to_string(), put.body["properties"]["resourceGuid"].as_str().unwrap());
    let poll = client.follow(put.header("azure-asyncoperation")).await;
    let id = poll.body["id"].as_str().unwrap();
    assert!(put.header("azure-asyncoperation").contains(id), "the spelling stays: {id}");
    assert_eq!(poll.body["status"], "InProgress", "the other worker has not answered");
    two.apply().await;
    assert_eq!(client.outcome(&put).await["status"], "Succeeded");
    let read = client.get(&gateway_path("gw")).await;
    assert_eq!(read.body["properties"]["provisioningState"], "Succeeded");
    assert_eq!(read.body["properties"]["operationalState"], "Running");
    assert_eq!(read.body["properties"]["httpListeners"][0]["properties"]["provisioningState"], "Succeeded");

    let workers = client.get("/workers").await;
    let shown = &workers.body["value"][0]["gateways"][0];
    assert_eq!(shown["generation"], 1);
    assert_eq!(shown["addresses"], json!(["127.0.0.1:8080"]));
    assert_eq!(shown["id"], gateway_path("gw"));

    // Equal content: nothing is pushed, and there is nothing to wait for.
    let again = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    assert_eq!((again.status.as_u16(), &again.body["etag"]), (200, &put.body["etag"]));
    let poll = client.follow(again.header("azure-asyncoperation")).await;
    assert_eq!(poll.body["status"], "Succeeded");
    let changed = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8081)).await;
    assert_eq!(one.apply().await.generation, Generation(2));
    two.apply().await;
    assert_eq!(client.outcome(&changed).await["status"], "Succeeded");

    let delete = client.call("DELETE", &gateway_path("gw"), &Value::Null).await;
    assert_eq!(delete.status, 202);
    let read = client.get(&gateway_path("gw")).await;
    assert_eq!(read.body["properties"]["provisioningState"], "Deleting");
    let result = client.follow(delete.header("location")).await;
    assert_eq!((result.status.as_u16(), result.header("retry-after")), (202, "1"));
    for worker in [&mut one, &mut two] {
        let ToWorker::Withdraw { gateway } = worker.hear().await else { panic!("no withdrawal") };
        worker.say(ToControlPlane::Withdrawn { gateway }).await;
    }
    assert_eq!(client.outcome(&delete).await["status"], "Succeeded");
    assert_eq!(client.follow(delete.header("location")).await.status, 200);
    assert_eq!(client.get(&gateway_path("gw")).await.status, 404);
    running.stop().await;
}

#[tokio::test]
async fn a_refusal_fails_the_operation_and_a_later_success_heals_it() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let mut worker = running.worker().await;
    let body = gateway_body("gw", "127.0.0.1", 8080);
    let put = client.call("PUT", &gateway_path("gw"), &body).await;
    worker.reject("listener l: 127.0.0.1:8080: address in use").await;
    let outcome = client.outcome(&put).await;
    assert_eq!(outcome["status"], "Failed");
    assert_eq!(outcome["error"]["code"], "ApplicationGatewayRolloutFailed");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("address in use"));
    let read = client.get(&gateway_path("gw")).await;
    assert_eq!(read.body["properties"]["provisioningState"], "Failed");

    let failed = &client.get("/workers").await.body["failed"][0];
    assert_eq!(failed["id"], gateway_path("gw"));
    assert!(failed["reason"].as_str().unwrap().contains("address in use"), "{failed}");

    // It is tried again without being asked, a little later; and at once when its author writes it again.
    let again = client.call("PUT", &gateway_path("gw"), &body).await;
    assert_eq!(again.status, 200);
    worker.apply().await;
    assert_eq!(client.outcome(&again).await["status"], "Succeeded");
    running.stop().await;
}

#[tokio::test]
async fn without_a_worker_the_operation_fails_and_the_state_still_converges() {
    let running = Running::start(Duration::from_millis(100)).await;
    let client = running.client();
    let put = client.call("PUT", &gateway_path("gw"), &json!({"location": "here"})).await;
    let outcome = client.outcome(&put).await;
    assert_eq!(outcome["status"], "Failed");
    assert!(outcome["error"]["message"].as_str().unwrap().starts_with("No worker was connected"));
    let read = client.get(&gateway_path("gw")).await;
    assert_eq!(read.body["properties"]["provisioningState"], "Updating");

    let mut worker = running.worker().await;
    worker.apply().await;
    until(&running, &gateway_path("gw"), |body| body["properties"]["provisioningState"] == "Succeeded").await;
    let delete = client.call("DELETE", &gateway_path("gw"), &Value::Null).await;
    drop(worker);
    assert_eq!(client.outcome(&delete).await["status"], "Succeeded", "nobody is left to withdraw it from");
    running.stop().await;
}

#[tokio::test]
async fn a_newer_write_supersedes_a_running_one() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let mut worker = running.worker().await;
    let one = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let first = worker.assigned().await;
    let two = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8081)).await;
    let (gateway, generation) = (first.gateway, first.generation);
    let digest = first.content.digest();
    worker.say(ToControlPlane::Applied { gateway, generation, digest, addresses: vec![] }).await;
    assert_eq!(worker.apply().await.generation, Generation(2));
    let outcome = client.outcome(&one).await;
    assert_eq!(outcome["status"], "Canceled");
    assert_eq!(outcome["error"]["code"], "CanceledAndSupersededDueToAnotherOperation");
    assert_eq!(client.outcome(&two).await["status"], "Succeeded");
    running.stop().await;
}

#[tokio::test]
async fn after_a_restart_workers_are_brought_to_what_is_stored() {
    let running = Running::start(SLOW).await;
    let identity = running.join().await;
    let put = running.client().call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let id: GatewayId =
        serde_json::from_value(put.body["properties"]["resourceGuid"].clone()).expect("an identity");
    let running = Running::start_in(running.stop().await, SLOW).await;

    let gone = GatewayId(identity.id.0);
    let known = vec![
        (gone, Generation(1), Digest("gone".into())),
        // A backup was restored: the number is the stored one, what runs is something else.
        (id, Generation(1), Digest("something else".into())),
    ];
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, known).await;
    assert_eq!(worker.hear().await, ToWorker::Withdraw { gateway: gone });
    assert_eq!(worker.apply().await.generation, Generation(1));
    let outcome = running.client().outcome(&put).await;
    assert_eq!(outcome["status"], "Succeeded", "the operation has outlived the restart");
    running.stop().await;
}

#[tokio::test]
async fn a_damaged_gateway_fails_alone_and_can_be_deleted() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let bad = client.call("PUT", &gateway_path("bad"), &gateway_body("bad", "127.0.0.1", 8080)).await;
    let good = client.call("PUT", &gateway_path("good"), &gateway_body("good", "127.0.0.1", 8081)).await;
    let dir = running.stop().await;
    let database = format!("sqlite://{}", dir.path().join("tidegate.db").display());
    let mut database = sqlx::SqliteConnection::connect(&database).await.unwrap();
    let damage = "UPDATE children SET secret = x'00' WHERE resource_id LIKE '%/bad/%'";
    sqlx::query(damage).execute(&mut database).await.unwrap();
    database.close().await.unwrap();

    let running = Running::start_in(dir, SLOW).await;
    let client = running.client();
    let mut worker = running.worker().await;
    assert_eq!(worker.apply().await.content.name, gateway_path("good"));
    assert_eq!(client.outcome(&good).await["status"], "Succeeded");
    let outcome = client.outcome(&bad).await;
    assert_eq!(outcome["status"], "Failed");
    assert!(outcome["error"]["message"].as_str().unwrap().contains("cannot be read"), "{outcome}");

    let group = gateway_path("bad").replace("/bad", "");
    let listed = client.get(&group).await;
    assert_eq!(listed.body["value"].as_array().unwrap().len(), 1, "{listed:?}");
    let delete = client.call("DELETE", &gateway_path("bad"), &Value::Null).await;
    assert_eq!(delete.status, 202, "{delete:?}");
    assert_eq!(client.outcome(&delete).await["status"], "Succeeded");
    running.stop().await;
}

#[tokio::test]
async fn a_removed_worker_is_shut_out_at_once_and_for_good() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let identity = running.join().await;
    let address = running.plane.addresses().channel;
    let mut worker = FakeWorker::connect(address, &identity, vec![]).await;
    let path = format!("/workers/{}", identity.id);
    assert_eq!(client.call("DELETE", &path, &Value::Null).await.status, 204);
    worker.closed().await;
    assert_eq!(client.get("/workers").await.body["value"], json!([]));
    let (mut send, mut receive) = dial(address, &identity.authority, Some(&identity)).await.unwrap();
    // It may be refused before it has said anything.
    let _ = send.send(&ToControlPlane::Hello { version: VERSION, running: vec![], metrics: None }).await;
    let answer = timeout(DEADLINE, receive.receive()).await.unwrap();
    assert!(matches!(answer, Ok(Some(ToWorker::Refused { .. }))), "{answer:?}");
    for unknown in [path.as_str(), "/workers/nobody"] {
        let answer = client.call("DELETE", unknown, &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "WorkerNotFound"));
    }
    running.stop().await;
}

#[tokio::test]
async fn strangers_who_say_nothing_do_not_keep_a_worker_out() {
    let running = Running::start(SLOW).await;
    let mut strangers = Vec::new();
    for _ in 0..200 {
        strangers.push(TcpStream::connect(running.plane.addresses().channel).await.unwrap());
    }
    running.worker().await;
    // The oldest had to go.
    let read = timeout(DEADLINE, strangers[0].read(&mut [0])).await.expect("it is closed in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    running.stop().await;
}

#[tokio::test]
async fn backend_health_is_what_the_workers_see() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let mut worker = running.worker().await;
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8080)).await;
    let snapshot = worker.apply().await;
    client.outcome(&put).await;
    let path = format!("{}/backendHealth", gateway_path("gw"));
    let server = async || {
        let post = client.call("POST", &path, &Value::Null).await;
        assert_eq!((post.status.as_u16(), &post.body), (202, &Value::Null));
        let poll = client.follow(post.header("azure-asyncoperation")).await;
        assert_eq!(poll.body["status"], "Succeeded");
        let result = client.follow(post.header("location")).await;
        assert_eq!(result.status, 200);
        let pool = &result.body["backendAddressPools"][0];
        let id = format!("{}/backendAddressPools/b", gateway_path("gw"));
        assert_eq!(pool["backendAddressPool"]["id"], id);
        pool["backendHttpSettingsCollection"][0]["servers"][0].clone()
    };
    let before = server().await;
    assert_eq!((&before["address"], &before["health"]), (&json!("192.0.2.1"), &json!("Unknown")));
    let seen = BackendHealth {
        pool: "b".into(),
        settings: "s".into(),
        host: Host::Ip("192.0.2.1".parse().unwrap()),
        state: HealthState::Down,
        reason: "connection refused".into(),
    };
    worker.say(ToControlPlane::Health { gateway: snapshot.gateway, backends: vec![seen] }).await;
    // What a worker says is heard in its order: a change that it has applied afterwards shows that this was.
    let put = client.call("PUT", &gateway_path("gw"), &gateway_body("gw", "127.0.0.1", 8081)).await;
    worker.apply().await;
    assert_eq!(client.outcome(&put).await["status"], "Succeeded");
    let after = server().await;
    assert_eq!((&after["health"], &after["healthProbeLog"]), (&json!("Down"), &json!("connection refused")));
    running.stop().await;
}

#[tokio::test]
async fn a_stranger_gets_nothing() {
    let running = Running::start(SLOW).await;
    let address = running.plane.addresses().channel;
    let token = running.plane.tokens().issue().await.unwrap();

    let mut forged = token.clone();
    forged.secret = Secret::new(vec![7; 32]);
    assert!(join(address, &forged).await.err().unwrap().contains("not valid"));
    let identity = join(address, &token).await.unwrap();
    assert!(join(address, &token).await.err().unwrap().contains("not valid"), "one use only");

    // A worker's message without a worker's certificate.
    let hello = |version| ToControlPlane::Hello { version, running: vec![], metrics: None };
    let cases = [(None, VERSION), (Some(&identity), VERSION + 1)];
    for (identity, version) in cases {
        let (mut send, mut receive) = dial(address, &token.authority, identity).await.unwrap();
        send.send(&hello(version)).await.unwrap();
        assert!(matches!(receive.receive().await.unwrap(), Some(ToWorker::Refused { .. })));
        assert!(!matches!(receive.receive().await, Ok(Some(_))), "and the connection is closed");
    }
    // A frame over the strangers' limit.
    let (mut send, mut receive) = dial(address, &token.authority, None).await.unwrap();
    let long = ToControlPlane::Join {
        version: VERSION,
        secret: token.secret.clone(),
        request: "x".repeat(20 * 1024),
    };
    // Either side of the connection may be gone before the other notices.
    if send.send(&long).await.is_ok() {
        assert!(!matches!(receive.receive().await, Ok(Some(ToWorker::Joined { .. }))));
    }
    running.stop().await;
}
