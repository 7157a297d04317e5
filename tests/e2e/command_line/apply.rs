//! Documents from files: what would change, one write for all, conditions, and what the files no longer have.

use serde_json::{Value, json};
use tidegate_harness::{Backend, CommandLine, Gateway, GatewayDocument, loopback};

use crate::tidegate;

/// The number of writes of a gateway so far: the entries of the audit log.
async fn writes(gateway: &Gateway) -> usize {
    let audit = gateway.management().get("/audit").await.json();
    audit["value"].as_array().expect("the audit log is a list").len()
}

#[tokio::test]
async fn a_gateway_is_created_from_a_file_and_applied_again_without_a_change() {
    let backend = Backend::start().await;
    let tidegate = tidegate().start().await;
    tidegate.all_connected().await;
    let cli = CommandLine::of(&tidegate);
    let document = GatewayDocument::forwarding("edge", loopback(), &[backend.ip()]);
    let mut body = document.body().clone();
    body["id"] = document.id().into();
    let file = cli.file("gateway.json", &body.to_string());

    let looked = cli.run(&["apply", "-f", &file, "--dry-run"]).await;
    for part in ["+ gateway edge", "+ listener http", "+ pool pool", "0 to change"] {
        assert!(looked.expect(0).contains(part), "{part}:\n{}", looked.stdout);
    }
    assert_eq!(cli.run(&["gateway", "list", "-o", "json"]).await.json(), json!([]));
    let unasked = cli.run(&["apply", "-f", &file]).await;
    unasked.expect(2);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);

    assert!(looked.stdout.contains("begins to listen at"), "{}", looked.stdout);

    let applied = cli.run(&["apply", "-f", &file, "--yes"]).await;
    applied.expect(0);
    assert!(applied.stderr.contains("edge is applied by 1 worker"), "{}", applied.stderr);
    assert_eq!(
        tidegate.management().get(document.id()).await.json()["properties"]["provisioningState"],
        "Succeeded"
    );
    let again = cli.run(&["apply", "-f", &file, "--yes"]).await;
    assert!(again.stderr.contains("nothing to change"), "{}", again.stderr);
}

#[tokio::test]
async fn a_folder_of_children_is_one_write_and_prunes_only_its_kinds() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let id = gateway.id();
    let probe = |name: &str, path: &str| {
        format!(
            "type: Microsoft.Network/applicationGateways/probes\nname: {name}\nproperties:\n  protocol: Http\n  \
             host: a.example\n  path: {path}\n  interval: 30\n  timeout: 30\n  unhealthyThreshold: 3\n"
        )
    };
    cli.file("parts/probes.yaml", &format!("{}---\n{}", probe("one", "/1"), probe("two", "/2")));
    cli.file(
        "parts/more/pool.yml",
        &format!("id: {id}/backendAddressPools/spare\nproperties:\n  backendAddresses: []\n"),
    );
    let folder = cli.home().join("parts").display().to_string();

    let before = writes(&gateway).await;
    let applied = cli.run(&["apply", "-f", &folder, "--yes", "-o", "id"]).await;
    assert_eq!(applied.expect(0).trim(), id);
    assert!(applied.stderr.contains("3 to add, 0 to change, 0 to delete"), "{}", applied.stderr);
    assert_eq!(writes(&gateway).await, before + 1);

    cli.file("parts/probes.yaml", &probe("two", "/changed"));
    let kept = cli.run(&["apply", "-f", &folder, "--dry-run"]).await;
    assert!(kept.expect(0).contains("path: /2 → /changed"), "{}", kept.stdout);
    assert!(kept.stdout.contains("0 to add, 1 to change, 0 to delete"), "{}", kept.stdout);
    // The folder has no pools any more, so no pool is deleted.
    std::fs::remove_dir_all(cli.home().join("parts/more")).unwrap();
    let pruned = cli.run(&["apply", "-f", &folder, "--prune", "--yes"]).await;
    pruned.expect(0);
    assert!(pruned.stderr.contains("- probe one") && !pruned.stderr.contains("pool"), "{}", pruned.stderr);
    let probes = cli.run(&["probe", "list", "-o", "json"]).await.json();
    assert_eq!(probes.as_array().unwrap().len(), 1);
    gateway.get("/").await.expect(200);
}

#[tokio::test]
async fn one_child_is_applied_by_its_noun_and_only_as_it_was_shown() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let pool = json!({"properties": {"backendAddresses": [{"ipAddress": backend.ip().to_string()}, {"ipAddress": "127.0.0.9"}]}});

    let applied = cli
        .run_with(&["pool", "apply", "pool", "-f", "-", "--yes", "-o", "json"], &[], &pool.to_string())
        .await;
    let applied = applied.json();
    assert_eq!(applied["properties"]["backendAddresses"].as_array().unwrap().len(), 2);
    let stale = cli
        .run_with(
            &["pool", "apply", "pool", "-f", "-", "--yes", "--if-match", "\"other\""],
            &[],
            &json!({"properties": {}}).to_string(),
        )
        .await;
    stale.expect(4);
    let invalid = json!({"properties": {"backendAddreses": []}});
    let refused =
        cli.run_with(&["pool", "apply", "pool", "-f", "-", "--yes"], &[], &invalid.to_string()).await;
    refused.expect(1);
    assert!(refused.stderr.contains("properties.backendAddreses"), "{}", refused.stderr);
    for (content, part) in [
        ("", "has 0 documents"),
        ("{", "standard input: "),
        ("- a\n- b\n", "expected a document"),
        ("{\"id\": \"/subscriptions/s\"}", "is not the ID of one of the pools"),
    ] {
        let outcome = cli.run_with(&["pool", "apply", "-f", "-", "--yes"], &[], content).await;
        outcome.expect(2);
        assert!(outcome.stderr.contains(part), "{content}: {}", outcome.stderr);
    }

    let deleted = cli.run(&["rule", "delete", "rule", "--yes"]).await;
    deleted.expect(0);
    let rules = gateway.management().get(&format!("{}/requestRoutingRules", gateway.id())).await.json();
    assert_eq!(rules["value"], Value::Array(Vec::new()));
}

#[tokio::test]
async fn a_policy_is_applied_beside_the_gateway_and_pruned_by_its_kind() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let policy = |name: &str| {
        format!("type: Tidegate.Network/tunnelPolicies\nname: {name}\nproperties:\n  maxTunnels: 5\n")
    };
    let both = cli.file("policies.yaml", &format!("{}---\n{}", policy("default"), policy("pool")));
    let applied = cli.run(&["apply", "-f", &both, "--yes"]).await;
    applied.expect(0);
    assert!(applied.stderr.contains("+ policy pool"), "{}", applied.stderr);
    let list = cli.run(&["policy", "list"]).await;
    assert!(list.expect(0).contains("MAX TUNNELS") && list.stdout.contains("pool"), "{}", list.stdout);

    let one = cli.file("policies.yaml", &policy("default"));
    cli.run(&["apply", "-f", &one, "--prune", "--yes"]).await.expect(0);
    let ids = cli.run(&["policy", "list", "-o", "id"]).await;
    assert_eq!(
        ids.expect(0).trim(),
        format!("{}/providers/Tidegate.Network/tunnelPolicies/default", gateway.id())
    );
    cli.run(&["policy", "delete", "default", "--yes"]).await.expect(0);
    cli.run(&["policy", "show", "default"]).await.expect(3);
    let limit = r#"{"properties": {"maxRequestsPerConnection": 0}}"#;
    let refused = cli.run_with(&["http2-policy", "apply", "default", "-f", "-", "--yes"], &[], limit).await;
    refused.expect(1);
    assert!(refused.stderr.contains("maxRequestsPerConnection"), "{}", refused.stderr);
}

#[tokio::test]
async fn the_fate_of_tunnels_is_told_before() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let mut socket = gateway.websocket("/chat").await;
    socket.echo("hello").await;
    let empty = r#"{"properties": {"backendAddresses": []}}"#;
    let looked = cli.run_with(&["pool", "apply", "pool", "-f", "-", "--dry-run"], &[], empty).await;
    assert!(looked.expect(0).contains("tunnels: 1 end within 30s"), "{}", looked.stdout);
    let probe = r#"{"properties": {"protocol": "Http", "host": "a.example", "path": "/", "interval": 30, "timeout": 30, "unhealthyThreshold": 3}}"#;
    let kept = cli.run_with(&["probe", "apply", "other", "-f", "-", "--dry-run"], &[], probe).await;
    assert!(kept.expect(0).contains("tunnels: 1 stay"), "{}", kept.stdout);
    let refused = cli.run(&["listener", "delete", "http", "--dry-run"]).await;
    refused.expect(1);
    assert!(refused.stderr.contains("ResourceInUse"), "{}", refused.stderr);
    socket.echo("still here").await;
}
