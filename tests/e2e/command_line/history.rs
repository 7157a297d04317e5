//! The history of a gateway, and the way back.

use tidegate_harness::{Backend, CommandLine, Gateway};

use crate::tidegate;

#[tokio::test]
async fn a_change_is_found_in_the_history_and_taken_back() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let pool = r#"{"properties": {"backendAddresses": []}}"#;
    let empty = ["pool", "apply", "pool", "-f", "-", "--yes", "--reason", "a mistake"];
    cli.run_with(&empty, &[], pool).await.expect(0);
    gateway.get("/").await.expect(502);

    let list = cli.run(&["revision", "list"]).await;
    assert!(list.expect(0).contains("a mistake"), "{}", list.stdout);
    let revisions = cli.run(&["revision", "list", "-o", "json"]).await.json();
    let numbers: Vec<String> =
        revisions.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    let [newest, before, ..] = numbers.as_slice() else { panic!("{numbers:?}") };
    let diff = cli.run(&["revision", "diff", before, newest]).await;
    assert!(diff.expect(0).contains("~ pool pool") && diff.stdout.contains("→ []"), "{}", diff.stdout);
    let patch = cli.run(&["revision", "diff", before, "-o", "json"]).await.json();
    assert!(patch["patch"].is_array(), "{patch}");
    assert_eq!(&cli.run(&["revision", "show", newest, "-o", "json"]).await.json()["name"], newest.as_str());

    let looked = cli.run(&["rollback", "--dry-run"]).await;
    assert!(looked.expect(0).contains("backendAddresses: [] →"), "{}", looked.stdout);
    let back = cli.run(&["rollback", "--yes"]).await;
    back.expect(0);
    assert!(back.stderr.contains(&format!("is returned to revision {before}")), "{}", back.stderr);
    gateway.get("/").await.expect(200);
    cli.run(&["rollback", "4711", "--yes"]).await.expect(3);
}
