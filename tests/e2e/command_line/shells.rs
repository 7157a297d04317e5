//! Completions that ask the control plane, and man pages.

use std::fs;

use tidegate_harness::{CommandLine, GatewayDocument, Outcome, loopback};

use crate::{BINARY, tidegate};

/// Completes the last word as bash asks for it.
async fn complete(cli: &CommandLine, words: &[&str]) -> Outcome {
    let index = (words.len() - 1).to_string();
    let variables =
        [("TIDEGATE_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index.as_str()), ("_CLAP_IFS", "\n")];
    cli.run_with(&[&["--"], words].concat(), &variables, "").await
}

#[tokio::test]
async fn names_are_completed_from_the_control_plane() {
    let tidegate = tidegate().control_plane_alone().start().await;
    for name in ["edge", "inner"] {
        let document = GatewayDocument::forwarding(name, loopback(), &[]).port(&format!("of-{name}"), 21000);
        tidegate.management().put(document.id(), document.body()).await.expect(201);
    }
    let cli = CommandLine::of(&tidegate);
    for (words, expected) in [
        (&["tidegate", "gateway", "show", ""][..], &["edge", "inner"][..]),
        (&["tidegate", "port", "show", "of"], &["of-edge", "of-inner"]),
        (&["tidegate", "port", "show", "--gateway", "inner", "of"], &["of-inner"]),
        (&["tidegate", "listener", "list", "--gateway", "e"], &["edge"]),
        (&["tidegate", "context", "use", "l"], &["local"]),
        (&["tidegate", "lis"], &["listener"]),
        (&["tidegate", "listener", "s"], &["show"]),
    ] {
        let outcome = complete(&cli, words).await;
        let found: Vec<&str> = outcome.expect(0).lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(found, expected, "{words:?}");
    }
    // Without a control plane there are no names, and no message in the middle of a command line.
    let elsewhere = complete(&CommandLine::new(BINARY), &["tidegate", "gateway", "show", "e"]).await;
    assert_eq!((elsewhere.expect(0), elsewhere.stderr.as_str()), ("", ""));
}

#[tokio::test]
async fn scripts_and_man_pages_are_generated() {
    let cli = CommandLine::new(BINARY);
    for (shell, part) in [("bash", "complete "), ("zsh", "#compdef tidegate"), ("fish", "complete ")] {
        assert!(cli.run(&["completions", shell]).await.expect(0).contains(part), "{shell}");
    }
    cli.run(&["completions", "csh"]).await.expect(2);
    let folder = cli.home().join("man");
    cli.run(&["man", &folder.display().to_string()]).await.expect(0);
    let page = fs::read_to_string(folder.join("tidegate-apply.1")).expect("a page for apply");
    assert!(page.contains(".TH") && page.contains("prune"), "{page}");
    assert!(folder.join("tidegate-listener-list.1").exists());
}
