//! The URLs of a gateway's children.

use serde_json::{Value, json};
use tidegate_harness::{BACKEND_PORT, Backend, Gateway, GatewayDocument, HTTP_PORT, WebSocket, loopback};

use crate::tidegate;

#[tokio::test]
async fn an_empty_gateway_grows_child_by_child_until_a_websocket_moves() {
    let (tidegate, backend, address) = (tidegate().start().await, Backend::start().await, loopback());
    let management = tidegate.management();
    let gateway = GatewayDocument::empty("grown");
    management.apply_gateway(&gateway).await;
    let children: &[(&str, &str, Value)] = &[
        (
            "frontendIPConfigurations",
            "frontend",
            json!({"privateIPAddress": address, "privateIPAllocationMethod": "Static"}),
        ),
        ("frontendPorts", "web", json!({"port": HTTP_PORT})),
        (
            "probes",
            "probe",
            json!({"protocol": "Http", "host": "probe.test", "path": "/health",
            "interval": 1, "timeout": 1, "unhealthyThreshold": 1}),
        ),
        ("backendAddressPools", "pool", json!({"backendAddresses": [{"ipAddress": backend.ip()}]})),
        (
            "backendHttpSettingsCollection",
            "settings",
            json!({"port": BACKEND_PORT, "protocol": "Http",
            "probe": gateway.reference("probes", "probe")}),
        ),
        (
            "httpListeners",
            "listener",
            json!({"protocol": "Http",
            "frontendIPConfiguration": gateway.reference("frontendIPConfigurations", "frontend"),
            "frontendPort": gateway.reference("frontendPorts", "web")}),
        ),
        (
            "requestRoutingRules",
            "rule",
            json!({"ruleType": "Basic", "priority": 10,
            "httpListener": gateway.reference("httpListeners", "listener"),
            "backendAddressPool": gateway.reference("backendAddressPools", "pool"),
            "backendHttpSettings": gateway.reference("backendHttpSettingsCollection", "settings")}),
        ),
    ];
    for (collection, name, properties) in children {
        let id = gateway.child_id(collection, name);
        let created = management.put(&id, &json!({"properties": properties})).await.expect(201);
        let body = created.json();
        assert_eq!(body["id"], id);
        assert_eq!(body["name"], *name);
        assert_eq!(body["type"], format!("Microsoft.Network/applicationGateways/{collection}"));
        assert_eq!(management.operation(&created).await.status, "Succeeded", "{collection}");
        assert_eq!(
            management.get(&id).await.expect(200).json()["properties"]["provisioningState"],
            "Succeeded"
        );
    }
    WebSocket::connect((address, HTTP_PORT).into(), "grown.test", "/chat").await.echo("grown").await;
}

#[tokio::test]
async fn a_child_is_the_same_seen_alone_listed_and_in_its_gateway() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let whole = management.get(gateway.id()).await.json();
    for collection in ["frontendIPConfigurations", "frontendPorts", "httpListeners", "requestRoutingRules"] {
        let inside = &whole["properties"][collection];
        let list = management.get(&format!("{}/{collection}", gateway.id())).await.expect(200).json();
        assert_eq!(&list["value"], inside, "{collection}");
        let alone = management.get(inside[0]["id"].as_str().unwrap()).await.expect(200);
        assert_eq!(alone.json(), inside[0], "{collection}");
        assert_eq!(alone.header("etag"), inside[0]["etag"].as_str(), "{collection}");
    }
    let probes = management.get(&format!("{}/probes", gateway.id())).await.expect(200).json();
    assert_eq!(probes["value"], json!([]));
}

#[tokio::test]
async fn a_member_added_by_the_pools_url_gets_traffic() {
    let (first, second) = (Backend::start().await, Backend::start().await);
    let gateway = Gateway::start(tidegate(), &[first.ip()]).await;
    let pool = gateway.document.child_id("backendAddressPools", "pool");
    let members = json!([{"ipAddress": first.ip()}, {"ipAddress": second.ip()}]);
    gateway.management().apply(&pool, &json!({"properties": {"backendAddresses": members}})).await;
    for _ in 0..2 {
        gateway.get("/x").await.expect(200);
    }
    assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_child_in_use_is_not_deleted_and_the_answer_says_by_whom() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let before = management.get(gateway.id()).await.json();
    for (collection, name, user) in [
        ("backendAddressPools", "pool", "requestRoutingRules/rule"),
        ("httpListeners", "http", "requestRoutingRules/rule"),
        ("frontendPorts", "http", "httpListeners/http"),
    ] {
        let refused = management.delete(&gateway.document.child_id(collection, name)).await.expect(400);
        refused.error_code();
        assert!(refused.text().contains(user), "{collection}: {}", refused.text());
    }
    assert_eq!(management.get(gateway.id()).await.json(), before);
    gateway.get("/still").await.expect(200);
}

#[tokio::test]
async fn a_child_that_nobody_uses_is_deleted() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let rule = gateway.document.child_id("requestRoutingRules", "rule");
    management.remove(&rule).await;
    assert_eq!(management.get(&rule).await.expect(404).error_code(), "ResourceNotFound");
    management.delete(&rule).await.expect(204);
    gateway.get("/").await.expect(404);
    management.remove(&gateway.document.child_id("backendAddressPools", "pool")).await;
}

#[tokio::test]
async fn every_reference_must_be_whole() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let management = gateway.management();
    let listener = gateway.document.child_id("httpListeners", "more");
    let body = json!({"properties": {
        "frontendIPConfiguration": gateway.document.reference("frontendIPConfigurations", "frontend"),
        "frontendPort": gateway.document.reference("frontendPorts", "nowhere")}});
    let refused = management.put(&listener, &body).await.expect(400);
    assert!(refused.text().contains("InvalidResourceReference"), "{}", refused.text());
    assert!(refused.text().contains("nowhere"), "{}", refused.text());
    management.get(&listener).await.expect(404);
}

#[tokio::test]
async fn a_body_that_is_about_another_child_is_refused() {
    let gateway = Gateway::start(tidegate(), &[]).await;
    let body = json!({"name": "other", "properties": {"port": 20090}});
    let answer = gateway.management().put(&gateway.document.child_id("frontendPorts", "more"), &body).await;
    answer.expect(400).error_code();
}

#[tokio::test]
async fn a_child_of_nothing_is_not_found() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let nothing = GatewayDocument::empty("nothing");
    let port = nothing.child_id("frontendPorts", "web");
    management.get(&port).await.expect(404).error_code();
    management.put(&port, &json!({"properties": {"port": 20080}})).await.expect(404).error_code();
    management.delete(&port).await.expect(204);
    management.get(&format!("{}/frontendPorts", nothing.id())).await.expect(404).error_code();
}
