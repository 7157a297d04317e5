//! `tidegate doctor`: what it finds, and what it says to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use tidegate_harness::{Authority, Backend, CommandLine, Gateway, wait_for};

use crate::{tidegate, with_https};

/// Returns the results of a check, each as `result: found: action`.
fn of(findings: &Value, check: &str) -> Vec<String> {
    let all =
        findings.as_array().expect("findings are a list").iter().filter(|finding| finding["name"] == check);
    let text = |finding: &Value, name: &str| finding[name].as_str().expect("a finding has texts").to_owned();
    all.map(|one| ["result", "found", "action"].map(|name| text(one, name)).join(": ")).collect()
}

#[tokio::test]
async fn a_healthy_installation_has_no_problem_and_an_ill_one_is_told_what_to_do() {
    let backend = Backend::start().await;
    let authority = Authority::new();
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| with_https(document, &authority)).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let data_dir = gateway.tidegate.data_dir();

    let table = cli.run(&["doctor"]).await;
    assert!(table.expect(0).starts_with("CHECK"), "{}", table.stdout);
    let good = cli.run(&["doctor", "-o", "json"]).await.json();
    for check in [
        "data directory",
        "key files",
        "database",
        "authority",
        "clock",
        "control plane",
        "workers",
        "gateways",
        "certificates",
    ] {
        let found = of(&good, check);
        assert!(!found.is_empty() && found.iter().all(|one| one.starts_with("ok")), "{check}: {found:?}");
    }
    assert!(!of(&good, "open files").is_empty() && !of(&good, "low ports").is_empty(), "{good}");

    let key = data_dir.join("store.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&data_dir, fs::Permissions::from_mode(0o755)).unwrap();
    gateway
        .apply(gateway.document.clone().certificate(
            "old",
            &authority.issue_expired(&["old"]).pfx("x"),
            Some("x"),
        ))
        .await;
    let ill = cli.run(&["doctor", "-o", "json"]).await;
    assert!(ill.stderr.contains("problems"), "{}", ill.stderr);
    let ill: Value = serde_json::from_str(ill.expect(1)).unwrap();
    for (check, part) in [
        ("key files", "chmod 600"),
        ("data directory", "chmod 700"),
        ("certificates", "old of gateway has ended on 2002-02-03"),
    ] {
        assert!(of(&ill, check).iter().any(|one| one.contains(part)), "{check}: {ill}");
    }
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();

    let status = cli.run(&["status"]).await;
    assert!(status.expect(0).contains("2002-02-03 (ended)"), "{}", status.stdout);
    let id = gateway.document.child_id("sslCertificates", "old");
    let metric =
        format!("tidegate_gateway_certificate_expiry_timestamp_seconds{{certificate=\"{id}\"}} 1012694400");
    wait_for("the metric of the certificate", async || {
        let page = gateway.management().get("/metrics").await.text();
        page.contains(&metric).then_some(())
    })
    .await;
    let events = cli.run(&["events", "-o", "json"]).await;
    let is_it = |line: &str| line.contains("certificateExpired") && line.contains("\"validFrom\"");
    assert!(events.expect(0).lines().any(is_it), "{}", events.stdout);

    gateway.tidegate.kill();
    let killed = cli.run(&["doctor", "-o", "json"]).await;
    let killed: Value = serde_json::from_str(killed.expect(1)).unwrap();
    assert!(of(&killed, "control plane")[0].contains("start it again"), "{killed}");
    fs::remove_file(key).unwrap();
    let keyless = cli.run(&["doctor", "-o", "json"]).await;
    let keyless: Value = serde_json::from_str(keyless.expect(1)).unwrap();
    assert!(of(&keyless, "database")[0].contains("store.key"), "{keyless}");
    let empty = cli.home().join("empty").display().to_string();
    let empty = cli.run(&["doctor", "-o", "json", "--data-dir", &empty]).await.json();
    assert!(of(&empty, "data directory")[0].contains("tidegate up --data-dir"), "{empty}");
}
