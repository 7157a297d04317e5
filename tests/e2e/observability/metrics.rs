//! The metrics pages, and who may read them.

use std::net::SocketAddr;

use tidegate_harness::{
    Authority, Backend, Behaviour, Gateway, GatewayDocument, HttpClient, Metrics, loopback,
};

use crate::{HOST, tidegate, with_https};

#[tokio::test]
async fn the_control_plane_shows_its_numbers_to_whoever_may_read() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    management.apply_gateway(&GatewayDocument::empty("gateway")).await;
    management.get("/nothing/of/the/kind").await.expect(404);
    let address = tidegate.management_address();
    for method in ["MADE", "UP"] {
        let mut stranger = HttpClient::connect(address, &address.to_string()).await;
        stranger.send(method, "/healthz", &[], "").await.expect(405);
    }
    let answer = management.send("GET", "/metrics", &[], "").await.expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text;"));
    let page = answer.text();
    for line in [
        "tidegate_gateways{state=\"Succeeded\"} 1.0",
        "tidegate_operations{state=\"Succeeded\"} 1.0",
        "tidegate_workers{connected=\"true\"} 1.0",
        "tidegate_worker_snapshots_rejected{} 0.0",
        "tidegate_management_requests_total{method=\"none\",route=\"none\",code=\"404\"} 1",
        "tidegate_management_requests_total{method=\"none\",route=\"/healthz\",code=\"405\"} 2",
        "tidegate_rollout_turn_failures_total{} 0",
    ] {
        assert!(page.lines().any(|one| one == line), "{line} is not in:\n{page}");
    }
    for name in ["tidegate_management_request_duration_seconds", "tidegate_store_write_wait_duration_seconds"]
    {
        assert!(page.contains(&format!("{name}_bucket{{le=\"+Inf\"")), "{name} is not in:\n{page}");
    }
    assert!(!page.contains("MADE"), "a client chose a label:\n{page}");
    for path in ["/metrics", "/metrics/targets"] {
        HttpClient::connect(address, &address.to_string()).await.get(path).await.expect(401);
    }
}

#[tokio::test]
async fn requests_tunnels_and_backends_are_counted_apart() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let mut client = gateway.client().await;
    for _ in 0..2 {
        client.get("/counted").await.expect(200);
    }
    client.send("POST", "/counted", &[], "0123456789").await.expect(200);
    backend.behave(Behaviour::CloseOnRequest);
    gateway.get("/broken").await.expect(502);
    backend.behave(Behaviour::Serve);
    let mut tunnel = gateway.websocket("/chat").await;
    tunnel.echo("hello").await;

    let rule = [&*format!("gateway=\"{}\"", gateway.id()), "listener=\"http\"", "rule=\"rule\""];
    let of_rule = |labels: &[&'static str]| [&rule[..], labels].concat();
    let target = ["pool=\"pool\"", "settings=\"settings\""];
    let metrics = gateway
        .tidegate
        .metrics_when("all was counted", |metrics| {
            metrics.sum("tidegate_tunnels", &rule) == 1.0
                && metrics.sum("tidegate_tunnel_received_bytes_total", &rule) > 0.0
                && metrics.sum("tidegate_http_requests_total", &rule) == 5.0
                && metrics.sum("tidegate_connections", &rule[..1]) == 2.0
        })
        .await;
    for (name, labels, expected) in [
        ("tidegate_http_requests_total", of_rule(&["code_class=\"1xx\""]), 1.0),
        ("tidegate_http_requests_total", of_rule(&["code_class=\"2xx\""]), 3.0),
        ("tidegate_http_requests_total", of_rule(&["code_class=\"5xx\""]), 1.0),
        (
            "tidegate_http_request_failures_total",
            of_rule(&["error=\"ERRORINFO_UPSTREAM_CLOSED_CONNECTION\""]),
            1.0,
        ),
        ("tidegate_http_request_duration_seconds_count", of_rule(&[]), 5.0),
        ("tidegate_http_received_bytes_total", of_rule(&[]), 10.0),
        ("tidegate_backend_responses_total", [&target[..], &["code_class=\"2xx\""]].concat(), 3.0),
        ("tidegate_backend_last_byte_duration_seconds_count", target.to_vec(), 3.0),
        ("tidegate_backends", [&target[..], &["state=\"healthy\""]].concat(), 1.0),
        // The head of a 101 counts as well.
        ("tidegate_backend_first_byte_duration_seconds_count", target.to_vec(), 4.0),
        ("tidegate_connections_opened_total", vec![rule[0]], 3.0),
        ("tidegate_tunnels_opened_total", of_rule(&[]), 1.0),
        ("tidegate_tunnel_handshake_duration_seconds_count", of_rule(&[]), 1.0),
        ("tidegate_tunnels_closed_total", of_rule(&[]), 0.0),
        ("tidegate_connections", vec![rule[0]], 2.0),
    ] {
        assert_eq!(metrics.sum(name, &labels), expected, "{name} {labels:?} in:\n{}", metrics.page());
    }
    assert!(metrics.sum("tidegate_backend_connect_duration_seconds_count", &target) >= 1.0);
    assert!(metrics.sum("tidegate_http_sent_bytes_total", &rule) > 0.0);

    tunnel.close().await;
    let closed = |metrics: &Metrics| metrics.sum("tidegate_tunnels_closed_total", &rule) == 1.0;
    let metrics = gateway.tidegate.metrics_when("the tunnel is closed", closed).await;
    assert_eq!(metrics.sum("tidegate_tunnels", &rule), 0.0);
    assert_eq!(metrics.sum("tidegate_tunnel_duration_seconds_count", &rule), 1.0);
    for path in ["/chat", "/counted", "gateway.test"] {
        assert!(!metrics.page().contains(path), "a label holds what a client chose");
    }
}

#[tokio::test]
async fn numbers_outlive_a_change_of_configuration() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    gateway.get("/before").await.expect(200);
    let changed = gateway.document.clone().port("idle", 20_081).http_listener("idle", "idle");
    gateway.apply(changed).await;
    gateway.get("/after").await.expect(200);
    let both = |metrics: &Metrics| metrics.sum("tidegate_http_requests_total", &["rule=\"rule\""]) == 2.0;
    gateway.tidegate.metrics_when("both requests were counted", both).await;
}

#[tokio::test]
async fn the_next_worker_takes_the_next_port() {
    let at = SocketAddr::from((loopback(), 9190));
    let tidegate = tidegate().workers(2).option("--metrics", &at.to_string()).start().await;
    let mut targets = tidegate.metrics_targets(2).await;
    targets.sort();
    assert_eq!(targets, [at, SocketAddr::new(at.ip(), 9191)]);
    for target in targets {
        let mut client = HttpClient::connect(target, &target.to_string()).await;
        client.get("/metrics").await.expect(200);
        client.get("/").await.expect(404);
        client.send("POST", "/metrics", &[], "").await.expect(405);
    }
}

#[tokio::test]
async fn no_page_of_another_site_reads_the_metrics_of_a_worker_on_loopback() {
    let tidegate =
        tidegate().option("--metrics", &SocketAddr::from((loopback(), 9190)).to_string()).start().await;
    let target = tidegate.metrics_targets(1).await[0];
    for (host, headers, status) in [
        (format!("localhost:{}", target.port()), &[][..], 200),
        (target.ip().to_string(), &[], 200),
        (format!("evil.example:{}", target.port()), &[], 403),
        (target.to_string(), &[("origin", "https://evil.example")], 403),
        (target.to_string(), &[("sec-fetch-site", "cross-site")], 403),
    ] {
        let mut client = HttpClient::connect(target, &host).await;
        let answer = client.send("GET", "/metrics", headers, "").await.expect(status);
        assert_eq!(answer.text().contains("tidegate_"), status == 200, "{host} {headers:?}");
    }
}

#[tokio::test]
async fn handshakes_are_counted_by_version() {
    let (authority, backend) = (Authority::new(), Backend::start().await);
    let change = |document| with_https(document, &authority);
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], change).await;
    let client = authority.client();
    HttpClient::connect_tls(gateway.https(), HOST, &client).await.get("/secure").await.expect(200);
    gateway
        .tidegate
        .metrics_when("a handshake was counted", |metrics| {
            metrics.sum("tidegate_tls_handshakes_total", &["protocol=\"TLSv1.3\""]) == 1.0
                && metrics.sum("tidegate_tls_handshake_duration_seconds_count", &[]) == 1.0
        })
        .await;
}
