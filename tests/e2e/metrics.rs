//! What Prometheus is shown, and by whom it may be read.

use tidegate_harness::{GatewayDocument, HttpClient};

use crate::tidegate;

#[tokio::test]
async fn the_control_plane_shows_its_numbers_to_whoever_may_read() {
    let tidegate = tidegate().start().await;
    let management = tidegate.management();
    management.apply_gateway(&GatewayDocument::empty("gateway")).await;
    management.get("/nothing/of/the/kind").await.expect(404);
    let answer = management.send("GET", "/metrics", &[], "").await.expect(200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text;"));
    let page = answer.text();
    for line in [
        "tidegate_gateways{state=\"Succeeded\"} 1.0",
        "tidegate_operations{state=\"Succeeded\"} 1.0",
        "tidegate_workers{connected=\"true\"} 1.0",
        "tidegate_worker_refusals{} 0.0",
        "tidegate_management_requests_total{method=\"none\",route=\"none\",code=\"404\"} 1",
        "tidegate_rollout_turn_failures_total{} 0",
    ] {
        assert!(page.lines().any(|one| one == line), "{line} is not in:\n{page}");
    }
    for name in ["tidegate_management_request_duration_seconds", "tidegate_store_write_wait_duration_seconds"]
    {
        assert!(page.contains(&format!("{name}_bucket{{le=\"+Inf\"")), "{name} is not in:\n{page}");
    }
    let address = tidegate.management_address();
    for path in ["/metrics", "/metrics/targets"] {
        HttpClient::connect(address, &address.to_string()).await.get(path).await.expect(401);
    }
}
