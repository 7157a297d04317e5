//! The command line: help, options and exit codes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tidegate_harness::run;

use crate::{BINARY, tidegate};

/// The arguments of a control plane at free ports except for the HTTPS address.
fn control_plane<'a>(data_dir: &'a str, management_tls: &'a str) -> Vec<&'a str> {
    let options =
        ["--management", "127.0.0.1:0", "--channel", "127.0.0.1:0", "--management-tls", management_tls];
    [&["control-plane", "--data-dir", data_dir][..], &options].concat()
}

#[tokio::test]
async fn help_is_worth_reading() {
    for (command, parts) in [
        (
            "",
            &["up", "control-plane", "data-plane", "demo", "worker", "--data-dir", "--workers", "TIDEGATE_"]
                [..],
        ),
        ("control-plane", &["--channel 0.0.0.0:9444", "worker token", "admin-token"]),
        ("data-plane", &["--token-file", "worker token", "TIDEGATE_TOKEN"]),
        ("worker token", &["one worker", "one day"]),
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = run(BINARY, &arguments, &[]).await;
        let text = String::from_utf8(help.stdout).unwrap();
        for part in parts {
            assert!(text.contains(part), "{part} is not in the help of {command:?}:\n{text}");
        }
    }
}

/// The flags in the table of the reference, each with every default that its rows state.
fn documented_flags() -> BTreeMap<String, String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md"));
    let page = page.expect("the reference exists");
    let mut flags = BTreeMap::<String, String>::new();
    for row in page.lines().filter_map(|line| line.strip_prefix("| `--")) {
        let row = row.replace("\\|", "/");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[0].trim_end_matches('`').split(' ').next().unwrap_or_default();
        let defaults = flags.entry(name.to_owned()).or_default();
        *defaults = format!("{defaults} {}", cells[2].replace('`', ""));
    }
    flags
}

/// Every command that has flags.
const COMMANDS: [&str; 19] = [
    "up",
    "control-plane",
    "data-plane",
    "client create",
    "worker token",
    "authority rotate",
    "demo",
    "echo",
    "health",
    "apply",
    "import",
    "export",
    "login",
    "context set",
    "listener apply",
    "events",
    "tunnel list",
    "tunnel close",
    "tunnel top",
];

#[tokio::test]
async fn the_reference_lists_every_flag_with_its_default() {
    let listed = documented_flags();
    let mut found = BTreeSet::new();
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let help = String::from_utf8(run(BINARY, &arguments, &[]).await.stdout).unwrap();
        // An option with a short name is at the same column.
        let help = ('a'..='z')
            .filter(|short| *short != 'h')
            .fold(help, |help, short| help.replace(&format!("\n  -{short}, --"), "\n      --"));
        for text in help.split("\n      --").skip(1) {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (name, text) = (words[0], words.join(" "));
            let told = listed
                .get(name)
                .unwrap_or_else(|| panic!("the reference does not know --{name} of {command}"));
            let default = text.split("[default: ").nth(1).and_then(|rest| rest.split(']').next());
            let is_told = default.is_none_or(|default| told.split([' ', ';']).any(|word| word == default));
            assert!(is_told, "--{name} of {command} is {default:?} by default; the reference says '{told}'");
            found.insert(name.to_owned());
        }
    }
    assert_eq!(listed.into_keys().collect::<BTreeSet<_>>(), found, "the reference knows of others");
}

#[tokio::test]
async fn a_switch_may_be_set_in_the_environment_in_any_usual_way() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data").display().to_string();
    // An address of another machine: the start fails in each case, but for different reasons.
    let arguments = control_plane(&data_dir, "192.0.2.1:0");
    for (value, expected) in [
        ("1", Some(true)),
        ("true", Some(true)),
        ("yes", Some(true)),
        ("on", Some(true)),
        ("0", Some(false)),
        ("false", Some(false)),
        ("no", Some(false)),
        ("off", Some(false)),
        ("perhaps", None),
    ] {
        let output = run(BINARY, &arguments, &[("TIDEGATE_NO_AUTH", value)]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{value}");
        assert_eq!(said.contains("without authentication"), expected == Some(true), "{value}: {said}");
        assert_eq!(output.status.code() == Some(2), expected.is_none(), "{value}: {said}");
    }
}

#[tokio::test]
async fn a_variable_is_no_business_of_commands_without_that_option() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent").display().to_string();
    for (arguments, code) in [
        (&["worker", "token", "--data-dir", &absent][..], 1),
        (&["up", "--data-dir", &absent], 2),
        (&["--data-dir", &absent], 2),
    ] {
        let output = run(BINARY, arguments, &[("TIDEGATE_WORKERS", "many")]).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
}

#[tokio::test]
async fn a_token_needs_a_control_plane_to_join() {
    let dir = tempfile::tempdir().unwrap();
    let mistyped = dir.path().join("mistyped").display().to_string();
    let output = run(BINARY, &["worker", "token", "--data-dir", &mistyped], &[]).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{said}");
    assert!(said.contains("no control plane has been started in") && said.contains(&mistyped), "{said}");
    assert!(!Path::new(&mistyped).exists(), "it makes a directory of the mistake");
}

#[tokio::test]
async fn a_control_plane_that_cannot_start_leaves_the_data_directory_to_the_one_that_runs() {
    let tidegate = tidegate().start().await;
    let data_dir = tidegate.data_dir().display().to_string();
    let missing = ["--management-cert", "missing.pem", "--management-key", "missing.pem"];
    let arguments = [&control_plane(&data_dir, "127.0.0.1:0")[..], &missing].concat();
    let output = run(BINARY, &arguments, &[]).await;
    assert!(!output.status.success(), "it started without its certificate");
    tidegate.management().send("GET", "/readyz", &[], "").await.expect(200);
}

#[tokio::test]
async fn the_demo_shows_both_kinds_of_websocket() {
    let output = run(BINARY, &["demo", "--once"], &[]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in ["ws://", "wss://", "curl"] {
        assert!(text.contains(part), "no {part} in:\n{text}");
    }
}
