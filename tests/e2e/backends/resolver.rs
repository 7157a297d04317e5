//! Members that are host names: resolved in the background, kept when DNS fails, resolved again after the TTL.

use serde_json::json;
use tidegate_harness::{
    BACKEND_PORT, Backend, DnsServer, Gateway, GatewayDocument, TidegateBuilder, loopback, wait_for,
};

use crate::tidegate;

/// The host name of the members in each test.
const NAME: &str = "backend.test";

fn asking(dns: &DnsServer) -> TidegateBuilder {
    tidegate().option("--dns-server", &dns.address().to_string())
}

/// Starts a gateway whose only member is the name, with the harness's quick probe.
async fn gateway(dns: &DnsServer) -> Gateway {
    Gateway::start_with(asking(dns), &[], named).await
}

fn named(document: GatewayDocument) -> GatewayDocument {
    document.named_pool("pool", &[NAME]).probed(&json!({}), &json!({}))
}

/// Waits until `backendhealth` reports all of these words for the member.
async fn told(gateway: &Gateway, words: &[&str]) {
    gateway.management().member_log(gateway.id(), NAME, words).await;
}

#[tokio::test]
async fn a_name_is_resolved_and_every_address_takes_requests() {
    let (dns, one, two) = (DnsServer::start().await, Backend::start().await, Backend::start().await);
    dns.set(NAME, &[one.ip(), two.ip()], 60);
    let gateway = gateway(&dns).await;
    for _ in 0..4 {
        // A WebSocket each, because it needs a new connection.
        gateway.websocket("/x").await.echo("x").await;
    }
    gateway.get("/y").await.expect(200);
    assert_eq!((one.requests().len().min(two.requests().len())), 2);
    told(&gateway, &["Success", &one.ip().to_string(), &two.ip().to_string()]).await;
    assert!(dns.questions(NAME) <= 2, "an answer counts for a minute");
}

#[tokio::test]
async fn an_answer_is_asked_for_again_when_its_time_is_over() {
    let (dns, one, two) = (DnsServer::start().await, Backend::start().await, Backend::start().await);
    dns.set(NAME, &[one.ip()], 1);
    let gateway = gateway(&dns).await;
    gateway.get("/before").await.expect(200);
    assert_eq!(one.requests().len(), 1);
    dns.set(NAME, &[two.ip()], 1);
    told(&gateway, &[&format!("{NAME} resolves to {}.", two.ip())]).await;
    // Idle connections to the old address are not used either.
    gateway.get("/after").await.expect(200);
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

#[tokio::test]
async fn the_last_good_answer_is_kept_while_dns_fails() {
    let (dns, backend) = (DnsServer::start().await, Backend::start().await);
    dns.set(NAME, &[backend.ip()], 1);
    let gateway = gateway(&dns).await;
    gateway.get("/before").await.expect(200);
    dns.break_down(true);
    told(&gateway, &["Success", "cannot be resolved any more", "Server Failure", &backend.ip().to_string()])
        .await;
    gateway.websocket("/during").await.echo("still there").await;
    dns.break_down(false);
    dns.remove(NAME);
    told(&gateway, &["NXDOMAIN", &backend.ip().to_string()]).await;
    gateway.websocket("/without").await.echo("still there").await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_named_as_the_cause_until_it_does() {
    let (dns, backend) = (DnsServer::start().await, Backend::start().await);
    let gateway = gateway(&dns).await;
    gateway.get("/nowhere").await.expect(502);
    assert_eq!(gateway.refused_websocket("/nowhere").await, 502);
    told(&gateway, &[NAME, "no such name (NXDOMAIN)"]).await;
    gateway.management().member_health(gateway.id(), NAME, "Down").await;
    dns.set(NAME, &[backend.ip()], 60);
    gateway.management().member_health(gateway.id(), NAME, "Up").await;
    gateway.get("/somewhere").await.expect(200);
}

#[tokio::test]
async fn a_change_of_the_gateway_asks_anew() {
    let (dns, one, two) = (DnsServer::start().await, Backend::start().await, Backend::start().await);
    dns.set(NAME, &[one.ip()], 86_400);
    let mut gateway = gateway(&dns).await;
    gateway.get("/before").await.expect(200);
    dns.set(NAME, &[two.ip()], 86_400);
    let changed = gateway.document.clone().port("more", 20081).http_listener("more", "more");
    gateway.apply(changed).await;
    told(&gateway, &[&two.ip().to_string()]).await;
    gateway.get("/after").await.expect(200);
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
}

#[tokio::test]
async fn an_address_that_cannot_be_reached_costs_no_request() {
    let (dns, backend) = (DnsServer::start().await, Backend::start().await);
    // Nobody listens at the first address, and no packet reaches the second.
    dns.set(NAME, &[loopback().into(), "192.0.2.1".parse().unwrap(), backend.ip()], 60);
    let gateway = gateway(&dns).await;
    for _ in 0..4 {
        gateway.websocket("/x").await.echo("x").await;
    }
    gateway.management().member_health(gateway.id(), NAME, "Up").await;
}

#[tokio::test]
async fn both_families_are_used() {
    let dns = DnsServer::start().await;
    let six = Backend::start_at(("::1".parse::<std::net::IpAddr>().unwrap(), 0).into(), None).await;
    let port = six.address().port();
    let four = Backend::start_at((loopback(), port).into(), None).await;
    dns.set(NAME, &[four.ip(), six.ip()], 60);
    let gateway = Gateway::start_with(asking(&dns), &[], |document| {
        named(document).settings("settings", &json!({"port": port}))
    })
    .await;
    for _ in 0..4 {
        gateway.websocket("/x").await.echo("x").await;
    }
    assert_eq!((four.requests().len(), six.requests().len()), (2, 2));
}

#[tokio::test]
async fn the_file_of_hosts_is_asked_before_dns() {
    let dns = DnsServer::start().await;
    dns.set("localhost", &[loopback().into()], 60);
    let here = Backend::start_at(([127, 0, 0, 1], 0).into(), None).await;
    let port = here.address().port();
    assert_ne!(port, BACKEND_PORT);
    let gateway = Gateway::start_with(asking(&dns), &[], |document| {
        let document = document.named_pool("pool", &["localhost"]);
        document.settings("settings", &json!({"port": port}))
    })
    .await;
    gateway.get("/x").await.expect(200);
    assert_eq!(dns.questions("localhost"), 0);
    wait_for("the probe", async || (here.probes() > 0).then_some(())).await;
}
