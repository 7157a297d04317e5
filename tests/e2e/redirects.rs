//! Clients that are sent elsewhere.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Gateway, GatewayDocument, HTTPS_PORT};

use crate::{HOST, tidegate};

fn redirecting(document: GatewayDocument, configuration: &Value) -> GatewayDocument {
    let rule = json!({
        "priority": 10,
        "httpListener": document.reference("httpListeners", "http"),
        "redirectConfiguration": document.reference("redirectConfigurations", "away"),
    });
    document.child("redirectConfigurations", "away", configuration).child(
        "requestRoutingRules",
        "rule",
        &rule,
    )
}

#[tokio::test]
async fn each_redirect_type_has_its_status_and_path_and_query_go_along_if_asked_for() {
    let mut gateway = Gateway::start(tidegate(), &[]).await;
    for (kind, status, path, query, expected) in [
        ("Permanent", 301, true, true, "https://away.test/base/a%20b?c=d&e"),
        ("Found", 302, true, false, "https://away.test/base/a%20b"),
        ("SeeOther", 303, false, true, "https://away.test/base?c=d&e"),
        ("Temporary", 307, false, false, "https://away.test/base"),
    ] {
        let configuration = json!({"redirectType": kind, "targetUrl": "https://away.test/base",
            "includePath": path, "includeQueryString": query});
        let document = redirecting(gateway.document.clone(), &configuration);
        gateway.apply(document).await;
        let answer = gateway.get("/a%20b?c=d&e").await.expect(status);
        assert_eq!(answer.header("location"), Some(expected));
        assert!(answer.text().contains(&status.to_string()), "{}", answer.text());
        let line = gateway.access_log().line_with(&["/a%20b?c=d&e", &status.to_string()]).await;
        assert_eq!(line["ruleName"], "rule", "{line}");
    }
}

#[tokio::test]
async fn a_listener_as_target_is_named_by_its_scheme_host_and_port() {
    let backend = Backend::start().await;
    let pfx = Authority::new().issue(&[HOST]).pfx("password");
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document
            .port("https", HTTPS_PORT)
            .certificate("certificate", &pfx, Some("password"))
            .https_listener("secure", "https", "certificate")
            .rule("secure", "secure", "pool", "settings");
        let target = document.reference("httpListeners", "secure");
        let configuration = json!({"redirectType": "Permanent", "targetListener": target,
            "includePath": true, "includeQueryString": true});
        redirecting(document, &configuration)
    })
    .await;
    let answer = gateway.get("/chat?room=1").await.expect(301);
    assert_eq!(answer.header("location"), Some(format!("https://{HOST}:{HTTPS_PORT}/chat?room=1").as_str()));
    assert_eq!(gateway.refused_websocket("/chat").await, 301, "a handshake is a request like any other");
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn a_path_rule_may_redirect_and_the_rest_be_served() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let away = document.reference("redirectConfigurations", "away");
        let map = json!({
            "defaultBackendAddressPool": document.reference("backendAddressPools", "pool"),
            "defaultBackendHttpSettings": document.reference("backendHttpSettingsCollection", "settings"),
            "pathRules": [{"name": "old", "properties": {"paths": ["/old/*"], "redirectConfiguration": away}}],
        });
        let rule = json!({
            "ruleType": "PathBasedRouting", "priority": 10,
            "httpListener": document.reference("httpListeners", "http"),
            "urlPathMap": document.reference("urlPathMaps", "map"),
        });
        let configuration = json!({"redirectType": "Found", "targetUrl": "https://away.test/"});
        document
            .child("redirectConfigurations", "away", &configuration)
            .child("urlPathMaps", "map", &map)
            .child("requestRoutingRules", "rule", &rule)
    })
    .await;
    let answer = gateway.get("/old/1").await.expect(302);
    assert_eq!(answer.header("location"), Some("https://away.test/"));
    gateway.get("/new").await.expect(200);
    assert_eq!(backend.requests().len(), 1);
}
