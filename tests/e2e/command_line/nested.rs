//! Members of children, such as the path rules of a path map, with nouns of their own.

use serde_json::json;
use tidegate_harness::{Backend, CommandLine, Gateway, loopback};

use crate::tidegate;

#[tokio::test]
async fn a_path_rule_is_listed_applied_and_deleted_by_its_name() {
    let backend = Backend::start().await;
    let gateway = Gateway::start_with(tidegate(), &[backend.ip()], |document| {
        let document = document.pool("absent", &[loopback().into()]);
        let rule = document.path_rule("images", &["/images/*"], "absent", &json!({}));
        document.by_path(&json!({"pathRules": [rule]}))
    })
    .await;
    let cli = CommandLine::of(&gateway.tidegate);

    let list = cli.run(&["path-rule", "list"]).await;
    let lines: Vec<&str> = list.expect(0).lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].contains("PATH MAP"), "{lines:?}");
    assert!(lines[1].starts_with("images") && lines[1].contains("/images/*"), "{lines:?}");
    let id = format!("{}/pathRules/images", gateway.document.child_id("urlPathMaps", "map"));
    for name in ["images", "map/images", "MAP/IMAGES", &id] {
        assert_eq!(cli.run(&["path-rules", "show", name, "-o", "id"]).await.expect(0).trim(), id, "{name}");
    }
    cli.run(&["path-rule", "show", "other/images"]).await.expect(3);
    cli.run(&["path-rule", "show", "map/images/more"]).await.expect(2);

    let rule = gateway.document.path_rule("videos", &["/videos/*"], "absent", &json!({}));
    let unplaced = cli.run_with(&["path-rule", "apply", "-f", "-", "--yes"], &[], &rule.to_string()).await;
    unplaced.expect(2);
    assert!(unplaced.stderr.contains("MAP/videos"), "{}", unplaced.stderr);
    let apply = ["path-rule", "apply", "map/videos", "-f", "-", "--yes"];
    let applied = cli.run_with(&apply, &[], &rule.to_string()).await;
    applied.expect(0);
    assert!(applied.stderr.contains("pathRules[videos]: added"), "{}", applied.stderr);
    gateway.get("/videos/1").await.expect(502);

    // A file with rules of the map and another child is one write.
    let file = cli.file(
        "edge/all.json",
        &json!([
            {"id": id, "properties": gateway.document.path_rule("images", &["/pictures/*"], "pool", &json!({}))["properties"]},
            {"type": "Microsoft.Network/applicationGateways/probes", "name": "idle", "properties":
                {"protocol": "Http", "host": "a.example", "path": "/", "interval": 30, "timeout": 30, "unhealthyThreshold": 3}},
        ])
        .to_string(),
    );
    let applied = cli.run(&["apply", "-f", &file, "--yes"]).await;
    applied.expect(0);
    assert!(applied.stderr.contains("+ probe idle"), "{}", applied.stderr);
    let shown = cli.run(&["path-rule", "show", "images", "-o", "json"]).await.json();
    assert_eq!(shown["properties"]["paths"], json!(["/pictures/*"]));

    cli.run(&["path-rule", "delete", "videos", "--yes"]).await.expect(0);
    gateway.get("/videos/1").await.expect(200);
    let left = cli.run(&["path-rule", "list", "-g", "gateway", "-o", "id"]).await;
    assert_eq!(left.expect(0).trim(), id);
}
