//! Lists, documents, health and the state of everything, in each form, with exit codes for scripts.

use serde_json::json;
use tidegate_harness::{Authority, Backend, CommandLine, Gateway, loopback, wait_for};

use crate::{tidegate, with_https};

#[tokio::test]
async fn what_a_gateway_has_is_listed_and_shown_by_short_names() {
    let backend = Backend::start().await;
    let authority = Authority::new();
    let gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| with_https(document, &authority)).await;
    let cli = CommandLine::of(&gateway.tidegate);

    let list = cli.run(&["listener", "list"]).await;
    let lines: Vec<&str> = list.expect(0).lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].contains("PROTOCOL"), "{lines:?}");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(!list.stdout.contains('\x1b'), "colours without a terminal");
    assert!(cli.run(&["rules", "list", "--color", "always"]).await.expect(0).contains('\x1b'));

    let document = &gateway.document;
    let ids = cli.run(&["pool", "list", "-o", "id"]).await;
    assert_eq!(ids.expect(0).trim(), document.child_id("backendAddressPools", "pool"));
    let json = cli.run(&["settings", "show", "settings", "-o", "json"]).await.json();
    assert_eq!(
        json,
        gateway
            .management()
            .get(&document.child_id("backendHttpSettingsCollection", "settings"))
            .await
            .json()
    );
    let by_id = cli
        .run(&["rule", "show", &document.child_id("requestRoutingRules", "rule"), "-o", "json"])
        .await
        .json();
    assert_eq!(by_id["name"], "rule");
    let yaml = cli.run(&["gateway", "show"]).await;
    assert!(yaml.expect(0).contains("\nlocation: local\n"), "{}", yaml.stdout);
    let certificates = cli.run(&["certificate", "list"]).await;
    assert!(certificates.expect(0).contains("EXPIRES"), "{}", certificates.stdout);

    for (arguments, code, part) in [
        (&["listener", "show", "absent"][..], 3, "there is no listener `absent`"),
        (&["listener", "show", "absent", "-g", "gateway"], 3, "ResourceNotFound"),
        (&["listener", "show", document.id()], 2, "is not the ID of one of the listeners"),
        (&["gateway", "show", "absent"], 3, "there are: gateway"),
        (&["listener", "paint"], 2, "unrecognized subcommand"),
        (&["gateway", "delete", "gateway"], 2, "--yes"),
    ] {
        let outcome = cli.run(arguments).await;
        outcome.expect(code);
        assert!(outcome.stderr.contains(part), "{arguments:?}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{arguments:?}");
    }
    let elsewhere = cli.run(&["gateway", "list", "--data-dir", "/nonexistent"]).await;
    elsewhere.expect(1);
    assert!(elsewhere.stderr.contains("tidegate login"), "{}", elsewhere.stderr);
}

#[tokio::test]
async fn a_gateway_is_stopped_started_and_deleted() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let runs = async || {
        cli.run(&["gateway", "show", "-o", "json"]).await.json()["properties"]["operationalState"].clone()
    };

    assert!(cli.run(&["gateway", "stop", "gateway", "--yes"]).await.stderr.contains("gateway is stopped"));
    assert_eq!(runs().await, "Stopped");
    cli.run(&["gateway", "start", "gateway"]).await.expect(0);
    assert_eq!(runs().await, "Running");
    gateway.get("/").await.expect(200);

    let conflict = cli.run(&["gateway", "delete", "gateway", "--yes", "--if-match", "\"other\""]).await;
    conflict.expect(4);
    let deleted = cli.run(&["gateway", "delete", "gateway", "--yes"]).await;
    deleted.expect(0);
    assert!(deleted.stderr.contains("gateway is deleted"), "{}", deleted.stderr);
    assert_eq!(cli.run(&["gateway", "list", "-o", "json"]).await.json(), json!([]));
}

#[tokio::test]
async fn the_whole_picture_names_what_is_wrong() {
    let backend = Backend::start().await;
    let absent = loopback();
    let authority = Authority::new();
    let gateway = Gateway::start_with(tidegate(), &[backend.ip(), absent.into()], |document| {
        with_https(document, &authority)
    })
    .await;
    let cli = CommandLine::of(&gateway.tidegate);
    let absent = absent.to_string();
    wait_for("the verdict about a member", async || {
        let health = cli.run(&["health", "-o", "json"]).await.json();
        health.to_string().contains("Cannot connect").then_some(())
    })
    .await;

    let status = cli.run(&["status"]).await;
    for part in
        ["Gateways", "1/2", "1/1", "Listeners", "Members that are not up", &absent, "Workers", "serving"]
    {
        assert!(status.expect(0).contains(part), "{part}:\n{}", status.stdout);
    }
    let picture = cli.run(&["status", "-o", "json"]).await.json();
    assert_eq!(picture["membersNotUp"][0]["address"], absent.as_str());
    let failing = cli.run(&["health", "gateway", "--failing"]).await;
    failing.expect(1);
    assert!(failing.stdout.contains(&absent) && failing.stderr.contains("1 member is not up"), "{failing:?}");

    let workers = cli.run(&["worker", "list", "-o", "json"]).await.json();
    let id = workers[0]["name"].as_str().unwrap();
    let shown = cli.run(&["worker", "show", &id[..6], "-o", "json"]).await.json();
    assert_eq!((&shown["name"], &shown["properties"]["state"]), (&json!(id), &json!("serving")));
    cli.run(&["worker", "show", "zzzz"]).await.expect(3);
    let drained = cli.run(&["worker", "drain", id]).await;
    drained.expect(0);
    assert!(drained.stderr.contains("is drained"), "{}", drained.stderr);
    cli.run(&["worker", "resume", id]).await.expect(0);
}
