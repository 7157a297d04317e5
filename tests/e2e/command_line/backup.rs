//! A backup of a running control plane, and the way back on an empty directory.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tidegate_harness::{Authority, Backend, CommandLine, Gateway, HOST, HttpClient};

use crate::{serves, tidegate, with_https};

#[tokio::test]
async fn a_running_control_plane_is_backed_up_and_restored_with_its_secrets() {
    let backend = Backend::start().await;
    let authority = Authority::new();
    let mut gateway =
        Gateway::start_with(tidegate(), &[backend.ip()], |document| with_https(document, &authority)).await;
    let cli = CommandLine::of(&gateway.tidegate);
    let file = cli.home().join("tidegate.tar").display().to_string();
    let certificate = async || {
        cli.run(&["certificate", "list", "-o", "json"]).await.json()[0]["properties"]["publicCertData"]
            .clone()
    };
    let before = certificate().await;
    let worker = cli.run(&["worker", "list", "-o", "id"]).await.expect(0).trim().to_owned();

    let made = cli.run(&["backup", &file]).await;
    assert!(made.expect(0).contains("is a backup of"), "{}", made.stdout);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    cli.run(&["backup", &file]).await.expect(1);
    let running = cli.run(&["restore", &file]).await;
    running.expect(1);
    assert!(running.stderr.contains("is not empty"), "{}", running.stderr);

    // What is written after the backup is gone after the restore.
    cli.run(&["rule", "delete", "rule", "--yes"]).await.expect(0);
    gateway.get("/").await.expect(404);
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    let data_dir = gateway.tidegate.data_dir();
    fs::rename(&data_dir, cli.home().join("moved away")).unwrap();
    cli.run(&["restore", &file]).await.expect(0);
    assert!(!data_dir.join("workers").exists(), "an identity would be used twice");
    assert_eq!(fs::metadata(data_dir.join("store.key")).unwrap().permissions().mode() & 0o777, 0o600);

    gateway.tidegate.start_again().await;
    serves(&gateway).await;
    assert_eq!(certificate().await, before);
    assert!(before.is_string(), "{before}");
    let workers = cli.run(&["worker", "list", "-o", "id"]).await;
    let workers: Vec<&str> = workers.expect(0).lines().collect();
    assert!(
        workers.len() == 2 && workers.contains(&worker.as_str()),
        "a new worker beside {worker}: {workers:?}"
    );
    HttpClient::connect_tls(gateway.https(), HOST, &authority.client()).await.get("/").await.expect(200);
}

#[tokio::test]
async fn backups_of_other_versions_and_other_files_are_refused() {
    let cli = CommandLine::new(crate::BINARY);
    let file = cli.file("no-backup.tar", "not a backup");
    let directory = cli.home().join("data").display().to_string();
    let refused = cli.run(&["restore", &file, "--data-dir", &directory]).await;
    refused.expect(1);
    assert!(refused.stderr.contains("is not a backup"), "{}", refused.stderr);
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    let nothing = cli.run(&["backup", &file, "--data-dir", &directory]).await;
    nothing.expect(1);
    assert!(nothing.stderr.contains("no control plane has been started"), "{}", nothing.stderr);
}
