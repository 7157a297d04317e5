//! Resource groups that wait for their gateways to go.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_control_plane::Config;
use tidegate_shared::protocol::ToWorker;

use crate::worker::FakeWorker;
use crate::{Running, gateway_body, gateway_path};

const SLOW: Duration = Duration::from_secs(60);
const GROUP: &str = "/subscriptions/AAAAAAAA-0000-0000-0000-00000000000A/resourcegroups/Group";

fn network() -> Value {
    json!({"location": "here", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}})
}

#[tokio::test]
async fn a_group_goes_with_its_last_gateway_and_not_before_restarted_or_not() {
    let running = Running::start(SLOW).await;
    let client = running.client();
    let identity = running.join().await;
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, vec![]).await;
    let path = gateway_path("gw");
    client.call("PUT", &path, &gateway_body("gw", "127.0.0.1", 8080)).await;
    let snapshot = worker.apply().await;
    let (gateway, generation, digest) = (snapshot.gateway, snapshot.generation, snapshot.content.digest());
    let group = client.get(GROUP).await;
    assert_eq!(group.body["name"], "group", "it was made by the way");
    assert_eq!(group.body["location"], "West Europe");
    let other = path.replace("applicationGateways/gw", "virtualNetworks/net");
    assert_eq!(client.call("PUT", &other, &network()).await.status, 201);

    let deleted = client.call("DELETE", GROUP, &Value::Null).await;
    assert_eq!(deleted.status, 202, "{deleted:?}");
    assert_eq!(worker.hear().await, ToWorker::Withdraw { gateway });
    let poll = client.follow(deleted.header("location")).await;
    assert_eq!((poll.status.as_u16(), poll.header("retry-after")), (202, "1"));
    assert_eq!(client.get(GROUP).await.body["properties"]["provisioningState"], "Deleting");
    assert_eq!(client.get(&path).await.body["properties"]["provisioningState"], "Deleting");
    assert_eq!(client.get(&other).await.status, 404, "what nobody runs is gone at once");
    for (method, path, body) in [("PUT", GROUP, json!({"location": "x"})), ("PUT", &other, network())] {
        let answer = client.call(method, path, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "ResourceGroupBeingDeleted"), "{path}");
    }

    assert_eq!(client.call("DELETE", GROUP, &Value::Null).await.status, 202, "it joins the first one");

    let location = deleted.header("location").to_owned();
    drop(worker);
    let running = Running::start_in(running.stop().await, SLOW).await;
    let client = running.client();
    // Of a worker that is not connected nobody waits to hear; it is told when it comes.
    while client.follow(&location).await.status == 202 {}
    assert_eq!(client.follow(&location).await.status, 200);
    let held = vec![(gateway, generation, digest)];
    let mut worker = FakeWorker::connect(running.plane.addresses().channel, &identity, held).await;
    assert_eq!(worker.hear().await, ToWorker::Withdraw { gateway });
    assert_eq!(client.get(GROUP).await.code(), "ResourceGroupNotFound");
    assert_eq!(client.call("DELETE", GROUP, &Value::Null).await.code(), "ResourceGroupNotFound");
    assert_eq!(
        client.call("PUT", GROUP, &json!({"location": "x"})).await.status,
        201,
        "it can be made again"
    );
}

#[tokio::test]
async fn a_strict_control_plane_makes_no_group_by_the_way() {
    let change = |config| Config { strict_resource_groups: true, ..config };
    let running = Running::start_configured(tempfile::tempdir().unwrap(), change).await;
    let client = running.client();
    let path = gateway_path("gw");
    let other = path.replace("applicationGateways/gw", "virtualNetworks/net");
    let puts = [(&path, gateway_body("gw", "127.0.0.1", 8080)), (&other, network())];
    for (path, body) in &puts {
        let answer = client.call("PUT", path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "ResourceGroupNotFound"), "{path}");
    }
    assert_eq!(client.call("PUT", GROUP, &json!({"location": "here"})).await.status, 201);
    for (path, body) in &puts {
        assert_eq!(client.call("PUT", path, body).await.status, 201, "{path}");
    }
}
