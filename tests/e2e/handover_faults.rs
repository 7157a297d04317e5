//! Takeovers that are late, cut short or incomplete.

use std::net::TcpListener;

use serde_json::json;
use tidegate_harness::{Backend, Gateway, GatewayDocument, HTTP_PORT, HttpClient, loopback, wait_for};
use tokio::net::TcpStream;

use crate::tidegate;

#[tokio::test]
async fn a_change_during_a_takeover_succeeds_when_only_the_successor_accepts() {
    const OFFSET: u16 = 100;
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let address = loopback();
    let other = GatewayDocument::forwarding("other", address, &[backend.ip()]);
    gateway.management().apply_gateway(&other).await;
    let (before, after) = ((address, HTTP_PORT).into(), (address, HTTP_PORT + OFFSET).into());
    // The successor cannot serve the first gateway, and its predecessor accepts until then.
    let taken = TcpListener::bind((gateway.ip(), HTTP_PORT + OFFSET)).unwrap();
    gateway.tidegate.add_option("--port-offset", &OFFSET.to_string());
    assert!(gateway.tidegate.take_over().await.success());
    wait_for("the successor to listen", async || TcpStream::connect(after).await.ok()).await;

    let management = gateway.management();
    let served_host = async |at| {
        let answer = HttpClient::connect(at, "a.test").await.get("/").await.expect(200);
        answer.text().lines().find(|line| line.contains(".test")).unwrap_or_default().to_owned()
    };
    let changed = other.clone().settings("settings", &json!({"hostName": "changed.test"}));
    let change = management.put(changed.id(), changed.body()).await.expect(200);
    let is_applied = async || served_host(after).await.contains("changed.test").then_some(());
    wait_for("the successor to apply it", is_applied).await;
    for _ in 0..20 {
        assert!(management.is_in_progress(&change).await, "the predecessor has the old configuration");
    }
    assert!(served_host(before).await.contains("a.test"));

    drop(taken);
    assert_eq!(management.operation(&change).await.status, "Succeeded");
    wait_for("the predecessor to drain", async || TcpStream::connect(before).await.err()).await;
    assert!(served_host(after).await.contains("changed.test"));
}
