//! Azure's sample gateway for WebSocket, in its own spelling and in the canonical one.

use tidegate_harness::{
    BACKEND_PORT, Backend, GatewayDocument, HTTP_PORT, WebSocket, loopback, seed_document,
    seed_document_canonical,
};

use crate::tidegate;

/// An `api-version` that requires no priorities.
const OLD: &str = "api-version=2020-11-01";

#[tokio::test]
async fn the_sample_as_it_is_spelt_carries_a_websocket() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let (gateway, address) = (GatewayDocument::empty("AppGateway"), loopback());
    let sample = seed_document(&gateway, address.into(), HTTP_PORT, backend.ip(), BACKEND_PORT);

    let seen = tidegate.management().apply(&format!("{}?{OLD}", gateway.id()), &sample).await;

    let mut socket = WebSocket::connect((address, HTTP_PORT).into(), "sample.test", "/chat").await;
    socket.echo("as the page says").await;

    let properties = &seen["properties"];
    assert_eq!(properties["sku"]["name"], "Standard_v2");
    assert_eq!(properties["frontendPorts"][0]["properties"]["port"], HTTP_PORT);
    let settings = &properties["backendHttpSettingsCollection"][0]["properties"];
    assert_eq!((&settings["protocol"], &settings["requestTimeout"]), (&"Http".into(), &40.into()));
    let rule = &properties["requestRoutingRules"][0]["properties"];
    assert_eq!(rule["ruleType"], "Basic");
    assert_eq!(
        rule["httpListener"]["id"].as_str().unwrap(),
        gateway.child_id("httpListeners", "appGatewayHttpListener")
    );
}

#[tokio::test]
async fn both_spellings_mean_the_same() {
    let (tidegate, backend) = (tidegate().start().await, Backend::start().await);
    let management = tidegate.management();
    let (gateway, address) = (GatewayDocument::empty("AppGateway"), loopback());
    let id = format!("{}?{OLD}", gateway.id());

    let canonical = seed_document_canonical(&gateway, address.into(), HTTP_PORT, backend.ip(), BACKEND_PORT);
    let first = management.apply(&id, &canonical).await;
    WebSocket::connect((address, HTTP_PORT).into(), "sample.test", "/chat").await.echo("canonical").await;

    let sample = seed_document(&gateway, address.into(), HTTP_PORT, backend.ip(), BACKEND_PORT);
    let second = management.apply(&id, &sample).await;
    assert_eq!(first["etag"], second["etag"], "nothing has changed");
    assert_eq!(first["properties"], second["properties"]);
}
