//! Distributed tracing.

use tidegate_harness::{Backend, Behaviour, Gateway, HttpClient, Received, loopback, wait_for};

use crate::tidegate;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn traceparent(received: &Received) -> String {
    received.head.header("traceparent").expect("every request has a trace").to_owned()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits"))
        .collect()
}

fn contains(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

async fn collector() -> Backend {
    let collector = Backend::start_at((loopback(), 0).into(), None).await;
    collector.behave(Behaviour::status(200, ""));
    collector
}

#[tokio::test]
async fn a_trace_is_handed_on_or_begun() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let context = format!("00-{TRACE}-{PARENT}-01");
    let headers = [("traceparent", context.as_str()), ("tracestate", "vendor=1")];
    gateway.client().await.send("GET", "/handed-on", &headers, "").await.expect(200);
    let received = backend.request("/handed-on").await;
    assert_eq!(traceparent(&received), context);
    assert_eq!(received.head.header("tracestate"), Some("vendor=1"));

    let headers = [("traceparent", "00-nonsense"), ("tracestate", "vendor=1")];
    gateway.client().await.send("GET", "/begun", &headers, "").await.expect(200);
    let received = backend.request("/begun").await;
    // The ID of a trace that starts here is in the access log.
    let line = gateway.access_log().line_with(&["/begun"]).await;
    let id = line["properties"]["transactionId"].as_str().unwrap();
    assert!(traceparent(&received).starts_with(&format!("00-{id}-")), "{}", traceparent(&received));
    assert_eq!(received.head.header("tracestate"), None);
}

#[tokio::test]
async fn a_span_of_each_request_and_each_tunnel_reaches_the_collector() {
    let (collector, backend) = (collector().await, Backend::start().await);
    let endpoint = format!("http://{}", collector.address());
    let tidegate = tidegate().option("--otlp-endpoint", &endpoint);
    let gateway = Gateway::start(tidegate, &[backend.ip()]).await;
    let context = format!("00-{TRACE}-{PARENT}-01");
    gateway.client().await.send("GET", "/traced", &[("traceparent", &context)], "").await.expect(200);
    let passed = traceparent(&backend.request("/traced").await);
    let (trace, span) = (&passed[3..35], &passed[36..52]);
    assert_eq!(trace, TRACE);
    assert_ne!(span, PARENT, "the gateway is the backend's parent");
    let unsampled = format!("00-{}-{PARENT}-00", "11".repeat(16));
    gateway.client().await.send("GET", "/unsampled", &[("traceparent", &unsampled)], "").await.expect(200);
    gateway.websocket("/chat").await.close().await;

    let exported = async |parts: &[Vec<u8>]| {
        wait_for("a span at the collector", async || {
            let requests = collector.requests();
            let mut bodies = requests.iter().map(|request| &request.body);
            bodies.any(|body| parts.iter().all(|part| contains(body, part))).then_some(())
        })
        .await;
    };
    exported(&[bytes(TRACE), bytes(span), bytes(PARENT), b"/traced".to_vec(), b"tidegate.listener".to_vec()])
        .await;
    exported(&[b"tidegate.tunnel.closed_by".to_vec()]).await;
    // Local replies have spans as well.
    HttpClient::connect(gateway.http(), "").await.get("/refused").await.expect(400);
    exported(&[b"/refused".to_vec(), b"the Host header".to_vec()]).await;
    for request in collector.requests() {
        assert_eq!(request.head.target(), "/v1/traces");
        assert!(!contains(&request.body, b"/unsampled"), "a trace that is not recorded was exported");
    }
}

#[tokio::test]
async fn a_collector_that_is_gone_costs_nothing_but_spans() {
    let (collector, backend) = (collector().await, Backend::start().await);
    let endpoint = format!("http://{}", collector.address());
    collector.stop().await;
    let tidegate = tidegate().option("--otlp-endpoint", &endpoint);
    let gateway = Gateway::start(tidegate, &[backend.ip()]).await;
    gateway.get("/served").await.expect(200);
    let dropped =
        |metrics: &tidegate_harness::Metrics| metrics.sum("tidegate_spans_dropped_total", &[]) > 0.0;
    gateway.tidegate.metrics_when("spans were dropped", dropped).await;
    gateway.get("/served").await.expect(200);
}
