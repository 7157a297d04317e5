//! Redirects.

use serde_json::{Value, json};
use tidegate_harness::{Authority, Backend, Gateway, GatewayDocument, HTTPS_PORT};

use crate::{HOST, tidegate, with_https};

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
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = with_https(document, &Authority::new());
        let target = document.reference("httpListeners", "https");
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
        let rule = json!({"name": "old", "properties": {"paths": ["/old/*"], "redirectConfiguration": away}});
        let configuration = json!({"redirectType": "Found", "targetUrl": "https://away.test/"});
        document
            .child("redirectConfigurations", "away", &configuration)
            .by_path(&json!({"pathRules": [rule]}))
    })
    .await;
    let answer = gateway.get("/old/1").await.expect(302);
    assert_eq!(answer.header("location"), Some("https://away.test/"));
    gateway.get("/new").await.expect(200);
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn a_target_must_be_one_place() {
    let gateway = Gateway::start_with(tidegate(), &[], |document| {
        let on = |hosts: &[&str]| json!({"protocol": "Http", "hostNames": hosts});
        document
            .listener("wild", "http", &on(&["*.shop.test"]))
            .listener("several", "http", &on(&["a.test", "b.test"]))
            .listener("one", "http", &on(&["one.test"]))
    })
    .await;
    let listener = |name: &str| gateway.document.reference("httpListeners", name);
    let (invalid, exclusive) = (
        "ApplicationGatewayRedirectConfigurationTargetInvalid",
        "ApplicationGatewayPropertiesMutuallyExclusive",
    );
    for (target, code) in [
        (json!({"targetListener": listener("wild")}), invalid),
        (json!({"targetListener": listener("several")}), invalid),
        (json!({"targetUrl": "/elsewhere"}), invalid),
        (json!({"targetUrl": "ftp://away.test/"}), invalid),
        (json!({}), invalid),
        (json!({"targetUrl": "https://away.test/", "targetListener": listener("one")}), exclusive),
    ] {
        let mut configuration = target;
        configuration["redirectType"] = json!("Found");
        let child = gateway.document.child_id("redirectConfigurations", "away");
        let refused = gateway.management().put(&child, &json!({"properties": configuration})).await;
        assert_eq!(refused.expect(400).error_code(), code, "{configuration}");
    }
}
