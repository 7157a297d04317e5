//! The data directory of a worker: how little the worker needs of it, and that no other user may read it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tidegate_harness::{
    Backend, Gateway, GatewayDocument, HTTP_PORT, HttpClient, Tidegate, Worker, files_below, loopback,
    wait_for,
};
use tokio::process::{Child, Command};

use super::mount::Mount;
use crate::tidegate;

/// Returns the status of a request, or `None` while nobody listens.
async fn get(address: Ipv4Addr) -> Option<u16> {
    let address = SocketAddr::from((address, HTTP_PORT));
    tokio::net::TcpStream::connect(address).await.ok()?;
    Some(HttpClient::connect(address, "a.test").await.get("/").await.status)
}

async fn serves(address: Ipv4Addr) {
    wait_for("the gateway to serve", async || (get(address).await == Some(200)).then_some(())).await;
}

/// Starts a control plane, and a separate worker that serves a gateway.
async fn apart(backend: &Backend) -> (Tidegate, Worker, GatewayDocument, Ipv4Addr) {
    let (tidegate, address) = (tidegate().control_plane_alone().start().await, loopback());
    let worker = Worker::start(&tidegate, "worker", Some(&tidegate.worker_token().await));
    let document = GatewayDocument::forwarding("gateway", address, &[backend.ip()]);
    tidegate.management().apply_gateway(&document).await;
    serves(address).await;
    (tidegate, worker, document, address)
}

/// Starts a worker whose data directory is mounted read-only, in its own mount namespace; `None` if the system
/// allows no namespaces. A directory without write permission is not enough, because root may write anywhere.
fn read_only_worker(tidegate: &Tidegate, state: &Path, log: &Path) -> Option<Child> {
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && shift && exec \"$@\"";
    let unshare = |command: &mut Command| {
        command.args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"]).arg(state);
    };
    let mut trial = std::process::Command::new("unshare");
    trial.args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"]).arg(state).arg("true");
    if !trial.output().is_ok_and(|output| output.status.success()) {
        println!("skipped: this system allows no mount namespace (unshare and mount are needed)");
        return None;
    }
    let mut command = Command::new("unshare");
    unshare(&mut command);
    command.arg(tidegate.binary()).args(["data-plane", "--threads", "1", "--metrics", "127.0.0.1:0"]);
    command.arg("--control-plane").arg(tidegate.channel().to_string()).arg("--data-dir").arg(state);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(log).expect("the test can be set up"));
    Some(command.kill_on_drop(true).spawn().expect("the test can be set up"))
}

#[tokio::test]
async fn a_worker_serves_from_a_directory_that_it_cannot_write_to() {
    let (backend, other) = (Backend::start().await, Backend::start().await);
    let (tidegate, mut worker, document, address) = apart(&backend).await;
    let saved = wait_for("a saved snapshot", async || {
        let files = files_below(&worker.data_dir().join("snapshots"));
        (files.len() == 1).then(|| fs::read(&files[0]).unwrap())
    })
    .await;
    worker.kill();
    let log = tidegate.directory().join("read-only.log");
    let Some(_worker) = read_only_worker(&tidegate, &worker.data_dir(), &log) else { return };
    serves(address).await;

    // A change is applied as well, though it cannot be saved; a log line and a metric report that.
    tidegate.management().apply_gateway(&document.pool("pool", &[other.ip()])).await;
    serves(address).await;
    assert_eq!(other.requests().len(), 1);
    let said = fs::read_to_string(&log).unwrap();
    let warnings: Vec<_> =
        said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
    let [warning] = warnings[..] else { panic!("more than one word: {warnings:#?}") };
    assert!(warning.contains(&worker.data_dir().display().to_string()), "{warning}");
    let shown = said.lines().find(|line| line.contains("serving metrics")).unwrap();
    let metrics: SocketAddr = shown.rsplit_once("address=").unwrap().1.trim().parse().unwrap();
    let page = HttpClient::connect(metrics, &metrics.to_string()).await.get("/metrics").await;
    assert!(page.text().contains("\ntidegate_snapshots_unsaved{} 1.0\n"), "{}", page.text());
    assert_eq!(fs::read(&files_below(&worker.data_dir().join("snapshots"))[0]).unwrap(), saved);
}

#[tokio::test]
async fn a_worker_of_up_is_started_again_in_a_directory_that_cannot_be_written() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let slot = gateway.tidegate.data_dir().join("workers/1");
    wait_for("a saved snapshot", async || (files_below(&slot.join("snapshots")).len() == 1).then_some(()))
        .await;
    let Some(_mount) = Mount::read_only(&slot).await else { return };
    gateway.tidegate.kill_worker(1).await;
    serves(gateway.ip()).await;
}

#[tokio::test]
async fn a_damaged_cache_and_a_missing_identity_keep_no_worker_from_starting() {
    let backend = Backend::start().await;
    let (mut tidegate, mut worker, _, address) = apart(&backend).await;
    let state = worker.data_dir();
    worker.kill();
    let key = fs::read(state.join("seal.key")).unwrap();
    fs::write(state.join("seal.key"), &key[..10]).unwrap();
    fs::write(state.join("snapshots/.new-a1b2c3"), "cut off by kill -9").unwrap();
    fs::write(state.join("buffers/7"), "cut off by kill -9").unwrap();
    worker.start_again();
    worker.says("seal.key is not a 32-byte key").await;
    serves(address).await;
    // While a snapshot is saved, the new file exists beside the old one for a moment.
    wait_for("the snapshot alone to be there, and nothing that a kill left", async || {
        let files = files_below(&state.join("snapshots"));
        let is_sealed = |path: &PathBuf| path.extension().is_some_and(|e| e == "sealed");
        (files.len() == 1 && files.iter().all(is_sealed)).then_some(())
    })
    .await;
    assert_eq!(files_below(&state.join("buffers")), Vec::<PathBuf>::new());

    // Without a control plane, an identity and a token, there is still a configuration to serve.
    tidegate.kill();
    worker.kill();
    fs::remove_file(state.join("worker.pem")).unwrap();
    worker.start_again();
    serves(address).await;
    assert!(worker.is_running());
}

/// Returns everything below a directory, including the directory.
fn everything_below(path: &Path) -> Vec<PathBuf> {
    let below = fs::read_dir(path).into_iter().flatten().flatten();
    let mut all: Vec<_> = below.flat_map(|entry| everything_below(&entry.path())).collect();
    all.push(path.to_owned());
    all
}

#[tokio::test]
async fn nobody_else_may_see_what_is_in_the_data_directory_and_no_process_leaves_a_core() {
    // Files for clients, which must trust and find the control plane.
    const PUBLIC: [&str; 2] = ["ca.pem", "endpoints.json"];
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("access.log");
    let builder = tidegate().option("--access-log", &log.display().to_string());
    let gateway = Gateway::start(builder, &[backend.ip()]).await;
    gateway.get("/").await.expect(200);
    gateway.websocket("/chat").await.echo("used").await;
    let line = async || fs::read_to_string(&log).ok()?.contains("/chat").then_some(());
    drop(gateway.websocket("/chat").await);
    wait_for("an access line", line).await;

    let all = everything_below(&gateway.tidegate.data_dir());
    assert!(all.len() > 10, "{all:?}");
    for path in all.iter().chain([&log]) {
        // Some files are created and removed at run time.
        let Ok(metadata) = fs::symlink_metadata(path) else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        let is_public = PUBLIC.iter().any(|name| path.ends_with(name));
        let expected = match (metadata.is_dir(), is_public) {
            (true, _) => 0o700,
            (false, true) => 0o644,
            (false, false) => 0o600,
        };
        assert_eq!(mode, expected, "{} has mode {mode:o}", path.display());
    }
    let processes = gateway.tidegate.processes();
    assert!(processes.len() >= 2, "{processes:?}");
    for process in processes {
        let read = |name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
        let limits = read("limits");
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
        assert!(read("status").contains("Umask:\t0077"));
    }
}
