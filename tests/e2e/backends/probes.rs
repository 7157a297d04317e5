//! Health probes: their requests, the accepted responses, and the descriptions of failures.

use std::net::{IpAddr, SocketAddr};

use serde_json::json;
use tidegate_harness::{
    Backend, CannedBackend, Gateway, Rest, loopback, peak_memory_kib, reset_peak_memory, wait_for,
};

use crate::tidegate;

async fn told(gateway: &Gateway, member: IpAddr, health: &str, words: &[&str]) {
    let member = member.to_string();
    gateway.management().member_health(gateway.id(), &member, health).await;
    gateway.management().member_log(gateway.id(), &member, words).await;
}

#[tokio::test]
async fn each_bad_answer_is_told_and_none_costs_memory() {
    let start = async |first: &str, rest| CannedBackend::start(first, rest).await;
    let ok = "HTTP/1.1 200 OK\r\n";
    let repeat = |text: &str| Rest::Repeat(text.repeat(64).into_bytes());
    let cases: Vec<(CannedBackend, &str, &[&str])> = vec![
        (
            start(&CannedBackend::ok("all is well"), Rest::Hold).await,
            "Up",
            &["Success", "200", "expected body"],
        ),
        (
            start(
                "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 4\r\n\r\nwell",
                Rest::Hold,
            )
            .await,
            "Up",
            &["302"],
        ),
        (start(&CannedBackend::ok("all is ill"), Rest::Hold).await, "Down", &["does not contain \"well\""]),
        (
            start("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwell", Rest::Hold).await,
            "Down",
            &["Received status 503", "expected 200-399"],
        ),
        (start("", Rest::Close).await, "Down", &["closed the connection before it had answered"]),
        (start("", Rest::Hold).await, "Down", &["within 1 s", "did not answer the request"]),
        (start("SSH-2.0-not-a-web-server\r\n\r\n", Rest::Close).await, "Down", &["not HTTP/1.1"]),
        (
            start(&format!("{ok}Content-Length: 100\r\n\r\nshort"), Rest::Close).await,
            "Down",
            &["body ended early"],
        ),
        (
            start(&format!("{ok}Content-Length: 100\r\n\r\nshort"), Rest::Hold).await,
            "Down",
            &["body did not end"],
        ),
        (start(ok, repeat("x-endless: header\r\n")).await, "Down", &["breaks its rules"]),
        (start(&format!("{ok}x-endless: "), repeat("header")).await, "Down", &["breaks its rules"]),
        (start(&format!("{ok}\r\n"), repeat("endless body ")).await, "Down", &["does not contain"]),
        (start("", repeat("HTTP/1.1 102 Processing\r\n\r\n")).await, "Down", &["more than 262144 bytes"]),
    ];
    let members: Vec<IpAddr> = cases.iter().map(|(liar, ..)| liar.ip()).collect();
    let matching = json!({"match": {"body": "well", "statusCodes": ["200-399"]}});
    let gateway = Gateway::start_with(tidegate(), &members, |d| d.probed(&matching, &json!({}))).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    reset_peak_memory(worker);
    let before = peak_memory_kib(worker);
    for (liar, health, words) in &cases {
        told(&gateway, liar.ip(), health, words).await;
    }
    let grown = peak_memory_kib(worker).saturating_sub(before);
    assert!(grown < 16 * 1024, "the worker has grown by {grown} KiB");
}

#[tokio::test]
async fn a_custom_probe_asks_its_own_port_host_and_path() {
    let traffic = Backend::start().await;
    let asked =
        CannedBackend::start_at(SocketAddr::new(traffic.ip(), 0), &CannedBackend::ok(""), Rest::Hold).await;
    let probe = json!({"port": asked.address().port(), "host": "probe.test", "path": "/up?x=1"});
    let gateway = Gateway::start_with(tidegate(), &[traffic.ip()], |d| d.probed(&probe, &json!({}))).await;
    told(&gateway, traffic.ip(), "Up", &["Success"]).await;
    let heard = asked.heard().to_lowercase();
    assert!(
        heard.starts_with("get /up?x=1 http/1.1\r\n") && heard.contains("host: probe.test\r\n"),
        "{heard}"
    );
    gateway.get("/x").await.expect(200);
    assert_eq!(traffic.probes(), 0);
}

#[tokio::test]
async fn a_host_picked_from_the_settings_is_what_requests_are_sent_with() {
    let backend = CannedBackend::start(&CannedBackend::ok(""), Rest::Hold).await;
    let picked = json!({"host": null, "pickHostNameFromBackendHttpSettings": true});
    let named = json!({"hostName": "named.test"});
    let mut gateway = Gateway::start_with(tidegate(), &[backend.ip()], |d| d.probed(&picked, &named)).await;
    let asked_for = async |host: String| {
        wait_for(&format!("a probe of {host}"), async || {
            backend.heard().to_lowercase().contains(&format!("host: {host}\r\n")).then_some(())
        })
        .await;
    };
    asked_for("named.test".to_owned()).await;
    let own = json!({"pickHostNameFromBackendAddress": true});
    gateway.apply(gateway.document.clone().probed(&picked, &own)).await;
    asked_for(backend.ip().to_string()).await;
}

#[tokio::test]
async fn min_servers_stay_in_use_though_their_probes_fail() {
    let (one, two) = (Backend::start().await, Backend::start().await);
    one.answer_probes_with(500);
    two.answer_probes_with(500);
    let members = [one.ip(), two.ip()];
    let keep = |count: u32| json!({"minServers": count});
    let mut gateway = Gateway::start_with(tidegate(), &members, |d| d.probed(&keep(1), &json!({}))).await;
    for member in members {
        told(&gateway, member, "Down", &["Received status 500"]).await;
    }
    gateway.get("/kept").await.expect(200);
    gateway.websocket("/kept").await.echo("kept").await;
    gateway.apply(gateway.document.clone().probed(&keep(0), &json!({}))).await;
    gateway.get("/not-kept").await.expect(502);
}

#[tokio::test]
async fn a_member_may_have_an_ipv6_address() {
    let ip: IpAddr = "::1".parse().unwrap();
    let backend = Backend::start_at(SocketAddr::new(ip, 0), None).await;
    let port = backend.address().port();
    let settings = json!({"port": port, "pickHostNameFromBackendAddress": true});
    let picked = json!({"host": null, "pickHostNameFromBackendHttpSettings": true});
    let mut gateway = Gateway::start_with(tidegate(), &[ip], |d| d.probed(&picked, &settings)).await;
    told(&gateway, ip, "Up", &["Success"]).await;
    let seen = gateway.get("/six").await.expect(200).json();
    assert!(seen["headers"].to_string().contains("[::1]"), "{seen}");
    gateway.websocket("/six").await.echo("six").await;
    let line = gateway.access_log().line_with(&["/six"]).await;
    assert!(line.to_string().contains(&format!("[::1]:{port}")), "{line}");
    backend.stop().await;
    told(&gateway, ip, "Down", &[&format!("[::1]:{port}"), "refused"]).await;
    let elsewhere = loopback();
    gateway.apply(gateway.document.clone().pool("pool", &[elsewhere.into()])).await;
    gateway.get("/gone").await.expect(502);
}
