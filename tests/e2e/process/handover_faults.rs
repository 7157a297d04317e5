//! Takeovers that are late, cut short or incomplete.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};
use tidegate_harness::{
    Backend, DEADLINE, Gateway, GatewayDocument, HTTP_PORT, HttpClient, Tidegate, loopback, resume, run,
    suspend, wait_for, within_deadline,
};
use tidegate_shared::handover::{HandoverConnection, HandoverListener};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::handover::ask;
use crate::{BINARY, serves, tidegate};

/// The pause of a process whose successor has not taken over (`handover/predecessor.rs`).
const PAUSE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_successor_that_is_no_longer_awaited_starts_no_control_plane() {
    let directory = tempfile::tempdir().unwrap();
    let (data_dir, log) = (directory.path().join("data"), directory.path().join("log"));
    fs::DirBuilder::new().mode(0o700).create(&data_dir).unwrap();
    let lock = File::create(data_dir.join("lock")).unwrap();
    lock.lock().unwrap();
    let listener = HandoverListener::bind(&data_dir.join("handover")).unwrap();
    let mut command = Command::new(BINARY);
    command.arg("control-plane").arg("--data-dir").arg(&data_dir);
    for option in ["--management", "--management-tls", "--channel"] {
        command.args([option, "127.0.0.1:0"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
    let mut successor = command.kill_on_drop(true).spawn().unwrap();

    let accepted = spawn_blocking(move || {
        let connection = listener.accept().unwrap();
        let (message, _) = connection.receive::<Value>(DEADLINE).unwrap();
        assert_eq!(message, json!("TakeOver"));
        connection
    });
    let connection = within_deadline("a successor", accepted).await.unwrap();
    let pid = successor.id().unwrap();
    suspend(pid).await;
    let sockets = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [management, management_tls, channel] = sockets.each_ref().map(AsFd::as_fd);
    let part = json!({"Part": "LockAndListeners"});
    connection.send(&part, &[lock.as_fd(), management, management_tls, channel]).unwrap();
    connection.send(&json!("Whole"), &[]).unwrap();
    drop(connection);
    resume(pid);

    let status = within_deadline("the end of the successor", successor.wait()).await.unwrap();
    let said = fs::read_to_string(&log).unwrap();
    assert!(!status.success() && said.contains("the takeover has failed"), "{status}: {said}");
    for name in ["tidegate.db", "ca.pem", "endpoints.json"] {
        assert!(!data_dir.join(name).exists(), "it has made {name}");
    }
}

#[tokio::test]
async fn a_predecessor_that_is_killed_before_its_last_message_is_succeeded() {
    let tidegate = &mut tidegate().start().await;
    let handover = tidegate.data_dir().join("handover");
    let take_over = ask(handover).await.unwrap();
    // It cannot answer any more.
    suspend(tidegate.pid()).await;
    let completed = spawn_blocking(move || take_over.complete().map(drop));
    tidegate.kill();
    completed.await.unwrap().expect("nobody else has the place");
}

/// Sets the soft limit of open files of a process, and returns the limits before.
fn limit_open_files(pid: u32, soft: Option<u64>) -> Rlimit {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let hard = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: soft, maximum: hard }).expect("the worker runs")
}

fn failed_successors(tidegate: &Tidegate) -> usize {
    tidegate.output().matches("a successor has not taken over").count()
}

#[tokio::test]
async fn a_worker_without_descriptors_for_a_successor_pauses_between_attempts() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let worker = gateway.tidegate.worker_pid(1).await;
    let before = limit_open_files(worker, Some(3));
    let since = Instant::now();
    // Until one comes, the thread waits with the descriptor that it has reserved.
    drop(HandoverConnection::connect(&gateway.tidegate.data_dir().join("workers/1/handover")).unwrap());
    wait_for("several failures", async || (failed_successors(&gateway.tidegate) > 3).then_some(())).await;
    let failures = u32::try_from(failed_successors(&gateway.tidegate)).unwrap();
    assert!(since.elapsed() >= PAUSE * (failures - 2), "{failures} failures in {:?}", since.elapsed());

    limit_open_files(worker, before.current);
    gateway.tidegate.set_threads(2);
    assert!(gateway.tidegate.take_over().await.success());
    gateway.tidegate.worker_other_than(1, worker).await;
    gateway.get("/served").await.expect(200);
}

#[tokio::test]
async fn a_change_during_a_takeover_succeeds_when_only_the_successor_accepts() {
    const OFFSET: u16 = 100;
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let address = loopback();
    let other = GatewayDocument::forwarding("other", address, &[backend.ip()]);
    gateway.management().apply_gateway(&other).await;
    let (before, after) = ((address, HTTP_PORT).into(), (address, HTTP_PORT + OFFSET).into());
    // The successor cannot serve the first gateway, and its predecessor accepts until then.
    let taken = TcpListener::bind((gateway.ip(), HTTP_PORT + OFFSET)).unwrap();
    gateway.tidegate.add_option("--port-offset", &OFFSET.to_string());
    assert!(gateway.tidegate.take_over().await.success());
    wait_for("the successor to listen", async || TcpStream::connect(after).await.ok()).await;

    let management = gateway.management();
    let served_host = async |at| {
        let answer = HttpClient::connect(at, "a.test").await.get("/").await.expect(200);
        answer.text().lines().find(|line| line.contains(".test")).unwrap_or_default().to_owned()
    };
    let changed = other.clone().settings("settings", &json!({"hostName": "changed.test"}));
    let change = management.put(changed.id(), changed.body()).await.expect(200);
    let is_applied = async || served_host(after).await.contains("changed.test").then_some(());
    wait_for("the successor to apply it", is_applied).await;
    for _ in 0..20 {
        assert!(management.is_in_progress(&change).await, "the predecessor has the old configuration");
    }
    assert!(served_host(before).await.contains("a.test"));

    drop(taken);
    assert_eq!(management.operation(&change).await.status, "Succeeded");
    wait_for("the predecessor to drain", async || TcpStream::connect(before).await.err()).await;
    assert!(served_host(after).await.contains("changed.test"));
}

#[tokio::test]
async fn a_process_whose_executable_was_replaced_starts_workers_after_a_takeover_that_failed() {
    let backend = Backend::start().await;
    let directory = tempfile::tempdir().unwrap();
    let [binary, next] = ["tidegate", "next"].map(|name| directory.path().join(name));
    for path in [&binary, &next] {
        // Not copied by this process: others that are being started would inherit the file that is open for writing.
        assert!(run("cp", &[BINARY, path.to_str().unwrap()], &[]).await.status.success());
    }
    let mut gateway = Gateway::start(Tidegate::builder(&binary), &[backend.ip()]).await;
    fs::rename(&next, &binary).unwrap();
    drop(ask(gateway.tidegate.data_dir().join("handover")).await.unwrap());
    let document = gateway.document.clone();
    gateway.apply(document).await;
    let old = gateway.tidegate.kill_worker(1).await;
    gateway.tidegate.worker_other_than(1, old).await;
    serves(&gateway).await;
}
