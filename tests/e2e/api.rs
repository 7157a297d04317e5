//! The management API: gateways, errors and their shape.

mod addresses;
mod children;
mod conditions;
mod damaged_rows;
mod definitions;
mod deployments;
mod deployments_complete;
mod deployments_damaged;
mod deployments_links;
mod deployments_modules;
mod deployments_nested;
mod deployments_scopes;
mod deployments_secrets;
mod deployments_warnings;
mod documents;
mod events;
mod export;
mod extensions;
mod firewall;
mod heavy_input;
mod lifecycle;
mod mistakes;
mod networking;
mod openapi;
mod operations;
mod revisions;
mod sample;
mod templates;
mod unserved;
mod unserved_deployments;
mod unserved_lists;
mod unserved_members;
mod validation;
mod what_if;

use serde_json::{Value, json};
use tidegate_harness::{
    API_VERSION, Backend, GROUP, Gateway, GatewayDocument, HttpClient, SUBSCRIPTION, loopback, wait_for,
};
use tokio::net::TcpStream;

use crate::tidegate;

#[tokio::test]
async fn a_gateway_comes_back_whole_and_in_canonical_spelling() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;

    let seen = gateway.management().get(gateway.id()).await.expect(200);
    let body = seen.json();
    assert_eq!(seen.header("etag"), body["etag"].as_str(), "the header says what the body says");
    assert_eq!(body["id"], gateway.id());
    assert_eq!(body["name"], "gateway");
    assert_eq!(body["type"], "Microsoft.Network/applicationGateways");
    let properties = &body["properties"];
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["operationalState"], "Running");
    assert!(properties["resourceGuid"].is_string());
    for collection in ["sslCertificates", "probes", "urlPathMaps", "trustedRootCertificates"] {
        assert_eq!(properties[collection], json!([]), "{collection} was never sent");
    }
    let listener = &properties["httpListeners"][0];
    assert_eq!(listener["id"], gateway.document.child_id("httpListeners", "http"));
    assert_eq!(listener["name"], "http");
    assert_eq!(listener["type"], "Microsoft.Network/applicationGateways/httpListeners");
    assert!(listener["etag"].is_string());
    assert_eq!(listener["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn a_put_says_created_once_and_names_its_operation() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::forwarding("gateway", loopback(), &[]);

    let created = management.put(document.id(), document.body()).await.expect(201);
    assert_eq!(created.json()["name"], "gateway");
    let operation = created.header("azure-asyncoperation").unwrap();
    assert!(operation.starts_with(&format!("http://{}/", management.address())), "{operation}");
    assert!(operation.contains("api-version="), "{operation}");
    assert_eq!(management.operation(&created).await.status, "Succeeded");

    let replaced =
        management.put(document.id(), document.clone().port("more", 20081).body()).await.expect(200);
    assert_eq!(management.operation(&replaced).await.status, "Succeeded");
}

#[tokio::test]
async fn what_a_get_says_can_be_put_back() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();

    let before = management.get(gateway.id()).await.json();
    let after = management.apply(gateway.id(), &before).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_deleted_gateway_is_gone_and_so_are_its_listeners() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();

    let deleted = management.delete(gateway.id()).await.expect(202);
    assert!(deleted.header("location").is_some());
    assert_eq!(management.operation(&deleted).await.status, "Succeeded");

    assert_eq!(management.get(gateway.id()).await.expect(404).error_code(), "ResourceNotFound");
    wait_for("the port to be closed", async || TcpStream::connect(gateway.http()).await.err()).await;
    management.delete(gateway.id()).await.expect(204);
    let location = deleted.header("location").unwrap();
    let result = management.send("GET", location, &[], "").await;
    assert!(matches!(result.status, 200 | 204), "{}: {}", result.status, result.text());
}

#[tokio::test]
async fn a_deleted_gateway_can_be_made_again() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    gateway.management().remove(gateway.id()).await;
    let document = gateway.document.clone();
    gateway.apply(document).await;
    gateway.get("/again").await.expect(200);
}

#[tokio::test]
async fn gateways_are_listed_in_their_group_and_in_the_subscription() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    for name in ["one", "two"] {
        management.apply_gateway(&GatewayDocument::empty(name)).await;
    }
    let names = async |scope: &str| {
        let path = format!("{scope}/providers/Microsoft.Network/applicationGateways");
        let list = management.get(&path).await.expect(200).json();
        let mut names: Vec<String> = list["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&format!("/subscriptions/{SUBSCRIPTION}")).await, ["one", "two"]);
    assert_eq!(names(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}")).await, ["one", "two"]);
    assert!(names(&format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/other")).await.is_empty());
}

#[tokio::test]
async fn paths_are_matched_without_regard_to_case_and_the_creators_casing_is_kept() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let document = GatewayDocument::empty("MyGateway").port("Web", 20080);
    management.apply_gateway(&document).await;

    for path in [document.id().to_lowercase(), document.id().to_uppercase()] {
        assert_eq!(management.get(&path).await.expect(200).json()["id"], document.id());
        let port = management.get(&format!("{path}/FRONTENDPORTS/web")).await.expect(200).json();
        assert_eq!(port["id"], document.child_id("frontendPorts", "Web"));
    }
    let answer = management.put(&document.id().to_lowercase(), document.body()).await.expect(200);
    assert_eq!(answer.json()["id"], document.id(), "the same gateway, spelt as at first");
}

#[tokio::test]
async fn every_violation_is_named_in_one_answer() {
    let tidegate = tidegate().start().await;
    let mut document = GatewayDocument::forwarding("gateway", loopback(), &[])
        .port("bad", 0)
        .settings("settings", &json!({"requestTimeout": 0}))
        .rule("again", "http", "missing", "settings");
    document.body_mut()["properties"]["httpListeners"][0]["properties"]["protocol"] = json!("Gopher");

    let refused = tidegate.management().put(document.id(), document.body()).await.expect(400);
    refused.error_code();
    let details = refused.json()["error"]["details"].as_array().unwrap().clone();
    for detail in &details {
        for field in ["code", "message", "target"] {
            assert!(detail[field].as_str().is_some_and(|text| !text.is_empty()), "{detail}");
        }
    }
    let targets: Vec<&str> = details.iter().map(|detail| detail["target"].as_str().unwrap()).collect();
    for expected in [
        "properties.frontendPorts[1].properties.port",
        "properties.backendHttpSettingsCollection[0].properties.requestTimeout",
        "properties.httpListeners[0].properties.protocol",
        "properties.requestRoutingRules[1].properties.backendAddressPool",
    ] {
        assert!(
            targets.iter().any(|target| target.starts_with(expected)),
            "{expected} is not in {targets:?}"
        );
    }
}

#[tokio::test]
async fn a_refused_put_leaves_all_as_it_was() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let management = gateway.management();
    let before = management.get(gateway.id()).await.json();

    let broken = gateway.document.clone().pool("pool", &[]).rule("more", "missing", "pool", "settings");
    management.put(broken.id(), broken.body()).await.expect(400);

    assert_eq!(management.get(gateway.id()).await.json(), before);
    gateway.get("/still").await.expect(200);
}

#[tokio::test]
async fn two_gateways_cannot_have_the_same_port() {
    let (tidegate, address) = (tidegate().start().await, loopback());
    let management = tidegate.management();
    management.apply_gateway(&GatewayDocument::forwarding("first", address, &[])).await;

    let second = GatewayDocument::forwarding("second", address, &[]);
    let refused = management.put(second.id(), second.body()).await.expect(409);
    refused.error_code();
    assert!(refused.text().contains("first"), "it says whose port it is: {}", refused.text());
    management.get(second.id()).await.expect(404);
}

#[tokio::test]
async fn every_mistake_of_a_client_has_arms_error_shape() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let id = GatewayDocument::empty("gateway").id().to_owned();
    let version = format!("?api-version={API_VERSION}");
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    // Only a gateway's document may be larger: see `--max-body`.
    let address = id.replace("applicationGateways/gateway", "publicIPAddresses/address");
    let large = format!("{{\"tags\": {{\"a\": \"{}\"}}}}", "a".repeat(4 * 1024 * 1024));
    let cases: &[(&str, String, &str, u16, &str)] = &[
        ("GET", format!("/nothing/here{version}"), "", 404, ""),
        ("GET", format!("{id}{version}"), "", 404, "ResourceNotFound"),
        ("GET", format!("{id}/probes{version}"), "", 404, ""),
        ("GET", format!("{id}/nonsense/x{version}"), "", 404, ""),
        ("GET", id.clone(), "", 400, "MissingApiVersionParameter"),
        ("GET", format!("{id}?api-version=yesterday"), "", 400, "InvalidApiVersionParameter"),
        ("GET", format!("{id}?api-version=2014-12-31"), "", 400, "InvalidApiVersionParameter"),
        ("TRACE", format!("{id}{version}"), "", 405, ""),
        ("POST", format!("{id}{version}"), "", 405, ""),
        ("PUT", format!("{id}{version}"), "{\"location\": ", 400, ""),
        ("PUT", format!("{id}{version}"), "[]", 400, ""),
        ("PUT", format!("{id}{version}"), &deep, 400, ""),
        ("PUT", format!("{address}{version}"), &large, 413, ""),
    ];
    for (method, path, body, status, code) in cases {
        let answer = management.send(method, path, &[], (*body).to_owned()).await;
        assert_eq!(answer.status, *status, "{method} {path}: {}", answer.text());
        let seen = answer.error_code();
        assert!(code.is_empty() || seen == *code, "{method} {path}: {seen}");
        if *status == 405 {
            assert!(answer.header("allow").is_some(), "{method} {path} does not say what is allowed");
        }
    }
}

#[tokio::test]
async fn a_request_can_be_found_again_by_its_ids() {
    let tidegate = tidegate().start().await;
    let headers = [("x-ms-client-request-id", "tide-1"), ("x-ms-return-client-request-id", "true")];
    let path = format!(
        "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/applicationGateways?api-version={API_VERSION}"
    );
    let answer = tidegate.management().send("GET", &path, &headers, "").await.expect(200);
    assert_eq!(answer.header("x-ms-client-request-id"), Some("tide-1"));
    assert!(answer.header("x-ms-request-id").is_some());
}

#[tokio::test]
async fn without_regard_to_what_is_sent_nothing_panics() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    let id = GatewayDocument::empty("gateway").id().to_owned();
    let odd: &[Value] = &[
        json!(null),
        json!(1),
        json!({}),
        json!({"properties": []}),
        json!({"properties": {"httpListeners": {}}}),
        json!({"properties": {"httpListeners": [1, null, "x"]}}),
        json!({"properties": {"httpListeners": [{"name": "\u{0}"}]}}),
        json!({"properties": {"frontendPorts": [{"name": "p", "properties": {"port": 1e300}}]}}),
        json!({"properties": {"sslCertificates": [{"name": "c", "properties": {"data": "AAAA"}}]}}),
    ];
    for body in odd {
        let answer = management.put(&id, body).await;
        assert!(answer.status < 500, "{body}: {}", answer.text());
    }
    let mut client = HttpClient::connect(management.address(), "management.test").await;
    assert_eq!(client.get("/healthz").await.status, 200);
}
