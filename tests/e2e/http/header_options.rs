//! The options for request headers: the allowed names, and the form of the client's address.

use serde_json::{Value, json};
use tidegate_harness::{Backend, Gateway, HttpClient, Metrics};

use crate::http2::with_http2;
use crate::{HOST, tidegate, with_https};

async fn switch(gateway: &mut Gateway, switches: Value) {
    let mut document = gateway.document.clone();
    document.body_mut()["properties"]["globalConfiguration"] = switches;
    gateway.apply(document).await;
}

const SENT: [(&str, &str); 5] =
    [("x.period", "1"), ("x_underscore", "2"), ("x-hyphen", "3"), ("x.period", "4"), ("x!mark", "5")];

#[tokio::test]
async fn the_names_that_pass_can_be_chosen_and_what_is_dropped_is_counted_and_logged() {
    let (backend, authority) = (Backend::start().await, tidegate_harness::Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], document).await;
    let mut counted = 0;
    for (number, (switches, passing, lines, told)) in [
        (json!({}), &["x_underscore"][..], 3, json!("x.period, x!mark")),
        (json!({"headerNames": "LettersDigitsHyphens"}), &[], 4, json!("x.period, x_underscore, x!mark")),
        (json!({"headerNames": "All"}), &["x_underscore", "x.period", "x!mark"], 0, Value::Null),
        (json!({"headerNames": "Standard"}), &["x_underscore"], 3, json!("x.period, x!mark")),
    ]
    .into_iter()
    .enumerate()
    {
        switch(&mut gateway, switches.clone()).await;
        let (path, secure) = (format!("/names/{number}"), format!("/names/{number}/by-http-2"));
        gateway.client().await.send("GET", &path, &SENT, "").await.expect(200);
        let trust = authority.client();
        let mut client = tidegate_harness::Http2Client::connect_tls(gateway.https(), HOST, &trust).await;
        client.send("GET", &secure, &SENT, "").await.expect(200);
        for path in [path, secure] {
            let request = backend.request(&path).await;
            assert_eq!(request.expect_header("x-hyphen"), "3");
            for name in ["x.period", "x_underscore", "x!mark"] {
                assert_eq!(request.header(name).is_some(), passing.contains(&name), "{name} {switches}");
            }
            let line = gateway.access_log().line_with(&[&format!("\"requestUri\":\"{path}\"")]).await;
            assert_eq!(line["properties"]["droppedHeaders"], told, "{switches}");
            counted += lines;
        }
        let all =
            |metrics: &Metrics| metrics.sum("tidegate_headers_dropped_total", &[]) == f64::from(counted);
        gateway.tidegate.metrics_when("what was dropped is counted", all).await;
    }
}

/// Headers that a backend that maps `_` to `-` would mistake for the gateway's own.
const MIMICS: [(&str, &str); 5] = [
    ("content_length", "5"),
    ("transfer_encoding", "chunked"),
    ("x_forwarded_for", "203.0.113.9"),
    ("x-original_host", "admin.test"),
    ("x_appgw_trace_id", "1"),
];

#[tokio::test]
async fn names_that_a_backend_may_take_for_the_gateways_own_are_dropped_and_counted() {
    let (backend, authority) = (Backend::start().await, tidegate_harness::Authority::new());
    let document = |document| with_http2(with_https(document, &authority));
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], document).await;
    gateway.client().await.send("GET", "/mimics/1", &MIMICS, "").await.expect(200);
    let trust = authority.client();
    let mut client = tidegate_harness::Http2Client::connect_tls(gateway.https(), HOST, &trust).await;
    client.send("GET", "/mimics/2", &MIMICS, "").await.expect(200);
    for path in ["/mimics/1", "/mimics/2"] {
        let request = backend.request(path).await;
        for (name, _) in MIMICS {
            assert_eq!(request.header(name), None, "{name} of {path}");
        }
        let line = gateway.access_log().line_with(&[&format!("\"requestUri\":\"{path}\"")]).await;
        let told = line["properties"]["droppedHeaders"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains("x_forwarded_for") && told.contains("content_length"), "{told}");
    }
    let all = |metrics: &Metrics| metrics.sum("tidegate_headers_dropped_total", &[]) == 10.0;
    gateway.tidegate.metrics_when("what was dropped is counted", all).await;
}

#[tokio::test]
async fn the_clients_port_can_be_left_out_of_x_forwarded_for() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut kept: HttpClient = gateway.client().await;
    let before = [("x-forwarded-for", "203.0.113.9:1234")];
    for (number, (switches, with_port)) in [
        (json!({"forwardedForPort": false}), false),
        (json!({"forwardedForPort": true}), true),
        (json!({}), true),
    ]
    .into_iter()
    .enumerate()
    {
        switch(&mut gateway, switches.clone()).await;
        let path = format!("/for/{number}");
        // The change also applies to open connections.
        kept.send("GET", &path, &before, "").await.expect(200);
        let request = backend.request(&path).await;
        let told = request.expect_header("x-forwarded-for");
        let client = told.strip_prefix("203.0.113.9:1234, ").unwrap_or_else(|| panic!("{told}"));
        let (address, port) = client.split_once(':').unwrap_or((client, ""));
        assert_eq!((address, !port.is_empty()), ("127.0.0.1", with_port), "{switches}: {told}");
    }
}
