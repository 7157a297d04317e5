//! The access log: the content of its lines, and their destination.

use serde_json::{Value, json};
use tidegate_harness::{Backend, Gateway, files_below, wait_for};

use crate::tidegate;

fn assert_has(line: &Value, expected: &[(&str, Value)]) {
    for (field, value) in expected {
        assert_eq!(&line[field], value, "{field} in {line}");
    }
}

/// The local port of the gateway's connection to the backend.
fn source_port(properties: &Value) -> u16 {
    properties["upstreamSourcePort"].as_str().and_then(|port| port.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_line_says_what_the_documented_schema_has() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let headers = [("user-agent", "a test")];
    gateway.client().await.send("POST", "/logged?a=b", &headers, "four").await.expect(200);
    let line = gateway.access_log().line_with(&["/logged"]).await;
    assert_has(
        &line,
        &[
            ("resourceId", json!(gateway.id())),
            ("listenerName", json!("http")),
            ("ruleName", json!("rule")),
            ("backendPoolName", json!("pool")),
            ("backendSettingName", json!("settings")),
            ("operationName", json!("ApplicationGatewayAccess")),
            ("category", json!("ApplicationGatewayAccessLog")),
        ],
    );
    let properties = &line["properties"];
    assert_has(
        properties,
        &[
            ("clientIP", json!("127.0.0.1")),
            ("httpMethod", json!("POST")),
            ("originalRequestUriWithArgs", json!("/logged?a=b")),
            ("requestUri", json!("/logged")),
            ("requestQuery", json!("a=b")),
            ("userAgent", json!("a test")),
            ("httpStatus", json!(200)),
            ("httpVersion", json!("HTTP/1.1")),
            ("receivedBytes", json!(4)),
            ("sslEnabled", json!("off")),
            ("serverRouted", json!(backend.address().to_string())),
            ("serverStatus", json!("200")),
            ("originalHost", json!("gateway.test")),
            ("host", json!("gateway.test")),
            ("error_info", json!("ERRORINFO_NO_ERROR")),
            ("contentType", json!("application/json")),
            ("event", json!("request")),
        ],
    );
    let workers = gateway.management().send("GET", "/workers", &[], "").await.json();
    assert_eq!(properties["instanceId"], workers["value"][0]["id"]);
    let received = backend.request("/logged?a=b").await;
    assert_eq!(properties["transactionId"].as_str(), received.head.header("x-appgw-trace-id"));
    assert!(properties["clientPort"].is_u64() && properties["sentBytes"].as_u64() > Some(0), "{line}");
    for time in ["timeTaken", "clientResponseTime"] {
        assert!(properties[time].is_f64(), "{time} in {line}");
    }
    assert!(properties["serverResponseLatency"].as_str().unwrap().parse::<f64>().is_ok(), "{line}");
    assert!(source_port(properties) > 0, "{line}");
}

#[tokio::test]
async fn a_line_says_why_a_request_failed() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(tidegate_harness::Behaviour::CloseOnRequest);
    gateway.get("/broken").await.expect(502);
    let line = gateway.access_log().line_with(&["/broken"]).await;
    assert_has(
        &line["properties"],
        &[
            ("httpStatus", json!(502)),
            ("serverStatus", json!("")),
            ("error_info", json!("ERRORINFO_UPSTREAM_CLOSED_CONNECTION")),
        ],
    );
}

#[tokio::test]
async fn each_fault_of_a_client_has_its_documented_name() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (request, status, name) in [
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405, "INVALID_METHOD_TRACE"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "INVALID_METHOD"),
        ("g / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "INVALID_METHOD"),
        ("GET /\r\n", 400, "INVALID_09_METHOD"),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 400, "INVALID_VERSION"),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, "REQUEST_URI_INVALID"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "HTTP_NO_HOST_HEADER"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "INVALID_HOST"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "INVALID_CONTENT_LENGTH"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400, "INVALID_REQUEST"),
    ] {
        let mut peer = gateway.peer().await;
        let port = peer.local_address().port();
        peer.write(request).await;
        assert_eq!(peer.read_head().await.status(), status, "{request}");
        let line = gateway.access_log().line_with(&[&format!("\"clientPort\":{port},")]).await;
        let name = format!("ERRORINFO_{name}");
        assert_has(&line["properties"], &[("httpStatus", json!(status)), ("error_info", json!(name))]);
    }
}

#[tokio::test]
async fn a_tunnels_line_says_how_it_was_closed() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.websocket("/chat").await;
    client.echo("hello").await;
    client.close_with(4001).await;
    let line = gateway.access_log().line_with(&["/chat", "\"event\":\"tunnel\""]).await;
    assert_has(
        &line["properties"],
        &[("closeCode", json!(4001)), ("httpStatus", json!(101)), ("reason", json!("closed"))],
    );
    assert!(["client", "backend"].contains(&line["properties"]["closedBy"].as_str().unwrap()), "{line}");
    assert!(source_port(&line["properties"]) > 0, "{line}");
}

#[tokio::test]
async fn a_full_file_is_rotated_and_no_line_is_divided() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let tidegate = tidegate()
        .option("--access-log", path.to_str().unwrap())
        .option("--access-log-max-size", "1KiB")
        .option("--access-log-keep", "1000");
    let gateway = Gateway::start(tidegate, &[backend.ip()]).await;
    const REQUESTS: usize = 20;
    for number in 0..REQUESTS {
        gateway.get(&format!("/{number}")).await.expect(200);
    }
    let lines = wait_for("every line in one of several files", async || {
        let files = files_below(directory.path());
        let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        let lines: Vec<String> = texts.iter().flat_map(|text| text.lines().map(str::to_owned)).collect();
        (lines.len() == REQUESTS && files.len() > 1).then_some(lines)
    })
    .await;
    for line in lines {
        serde_json::from_str::<Value>(&line).expect("a line is whole");
    }
}
