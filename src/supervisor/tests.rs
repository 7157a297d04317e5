//! Tests of the supervisor with real processes: shell scripts stand in for workers.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use clap::Parser;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::*;
use crate::cli::Cli;

/// A script that writes down its process ID, and lives until a signal.
const WORKER: &str = "#!/bin/sh\necho $$ >> pids && exec sleep 1000\n";

struct Fixture {
    dir: TempDir,
    plan: WorkerPlan,
    stop: Stop,
}

impl Fixture {
    fn new(workers: u16) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let cli = Cli::try_parse_from(["tidegate", "--drain-timeout", "60s"]).unwrap();
        let executable = dir.path().join("worker");
        let script = WORKER.replacen('\n', &format!("\ncd '{}'\n", dir.path().display()), 1);
        fs::write(&executable, script).unwrap();
        fs::set_permissions(&executable, fs::Permissions::from_mode(0o700)).unwrap();
        let plan = WorkerPlan {
            executable,
            control_plane: "127.0.0.1:1".parse().unwrap(),
            workers,
            workers_dir: dir.path().join("workers"),
            options: cli.up.worker,
            log: "info".to_owned(),
            output: None,
        };
        Fixture { dir, plan, stop: Stop::new() }
    }

    async fn supervise(&self) {
        run(&async || Ok(token(7)), &self.plan, &self.stop, CancellationToken::new()).await.unwrap();
    }

    /// Returns the process IDs of the workers started so far, once there are `count`.
    async fn started(&self, count: usize) -> Vec<Pid> {
        wait_for(|| {
            let text = fs::read_to_string(self.dir.path().join("pids")).ok()?;
            let ids: Vec<_> = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect();
            (ids.len() >= count).then_some(ids)
        })
        .await
    }

    /// Starts a process that serves a slot, as if an earlier supervisor with the same plan had left it behind.
    fn survivor(&self, slot: u16) -> (Child, File) {
        let slot = Slot::new(&self.plan.workers_dir, slot);
        slot.prepare(&process::description(&self.plan), Some(&token(1))).unwrap();
        let child = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
        let lock = held(&slot.dir().join("lock"), &child.id().unwrap().to_string());
        (child, lock)
    }

    /// Kills the worker that was started as this one in the order of the starts, counted from 1.
    async fn kill(&self, number: usize) -> Pid {
        let worker = self.started(number).await[number - 1];
        kill_process(worker, Signal::KILL).unwrap();
        worker
    }

    /// Supervises until a worker was killed; its end releases the lock.
    async fn supervise_until_killed(&self, mut worker: Child, lock: File) {
        let story = async {
            worker.wait().await.unwrap();
            drop(lock);
        };
        tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(self.supervise(), story) })
            .await
            .unwrap();
    }

    fn token_in(&self, slot: u16) -> JoinToken {
        read(&self.plan.workers_dir.join(slot.to_string()).join("token")).parse().unwrap()
    }
}

impl Drop for Fixture {
    /// Kills the workers that still run. Their working directory tells them from processes that reuse an ID.
    fn drop(&mut self) {
        let text = fs::read_to_string(self.dir.path().join("pids")).unwrap_or_default();
        for id in text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
            let directory = fs::read_link(format!("/proc/{}/cwd", id.as_raw_nonzero()));
            if directory.is_ok_and(|directory| directory == self.dir.path()) {
                let _ = kill_process(id, Signal::KILL);
            }
        }
    }
}

/// Writes a text to a file, and holds a lock on the file.
fn held(path: &Path, text: &str) -> File {
    fs::write(path, text).unwrap();
    let lock = File::open(path).unwrap();
    lock.lock().unwrap();
    lock
}

fn token(number: u8) -> JoinToken {
    JoinToken { authority: "a".into(), secret: Secret::new(vec![number; 32]) }
}

async fn wait_for<T>(state: impl Fn() -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(value) = state() {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll).await.unwrap()
}

fn lives(id: Pid) -> bool {
    test_kill_process(id).is_ok()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn a_worker_gets_a_token_is_replaced_when_it_ends_and_is_stopped() {
    let fixture = Fixture::new(1);
    let story = async {
        fixture.started(1).await;
        assert_eq!(fixture.token_in(1), token(7));
        let first = fixture.kill(1).await;
        let second = fixture.started(2).await[1];
        assert!(lives(second) && second != first);
        fixture.stop.asked.cancel();
        second
    };
    let ((), second) = tokio::join!(fixture.supervise(), story);
    assert!(!lives(second));
}

/// The answer of a control plane whose disk is full.
async fn no_token() -> Result<JoinToken, Box<dyn Error>> {
    Err("database or disk is full".into())
}

#[tokio::test]
async fn a_worker_that_has_joined_is_started_without_a_token_and_one_that_has_not_is_not() {
    let fixture = Fixture::new(2);
    let joined = Slot::new(&fixture.plan.workers_dir, 2);
    fs::create_dir_all(joined.dir()).unwrap();
    for name in ["worker.pem", "authority.pem"] {
        fs::write(joined.dir().join(name), "x").unwrap();
    }
    let story = async {
        fixture.kill(1).await;
        let again = fixture.started(2).await[1];
        assert!(lives(again), "it is started again");
        assert!(!fixture.plan.workers_dir.join("1").exists(), "the other has no identity to start with");
        fixture.stop.asked.cancel();
    };
    let supervise =
        async { run(&no_token, &fixture.plan, &fixture.stop, CancellationToken::new()).await.unwrap() };
    tokio::join!(supervise, story);
}

#[tokio::test]
async fn a_survivor_keeps_its_slot_until_it_ends_and_gets_a_fresh_token() {
    let fixture = Fixture::new(1);
    let (survivor, lock) = fixture.survivor(1);
    let story = async {
        wait_for(|| (fixture.token_in(1) == token(7)).then_some(())).await;
        assert!(!fixture.dir.path().join("pids").exists());
        drop((survivor, lock));
        fixture.started(1).await;
        fixture.stop.asked.cancel();
    };
    tokio::join!(fixture.supervise(), story);
}

#[tokio::test]
async fn a_survivor_that_was_told_otherwise_is_replaced() {
    let mut fixture = Fixture::new(1);
    let (mut survivor, lock) = fixture.survivor(1);
    fixture.plan.control_plane = "127.0.0.1:2".parse().unwrap();
    let story = async {
        survivor.wait().await.unwrap();
        drop(lock);
        fixture.started(1).await;
        fixture.stop.asked.cancel();
    };
    tokio::join!(fixture.supervise(), story);
}

#[tokio::test]
async fn a_takeover_that_fails_is_tried_again_until_it_succeeds() {
    let mut fixture = Fixture::new(1);
    let (mut survivor, lock) = fixture.survivor(1);
    let slot = Slot::new(&fixture.plan.workers_dir, 1);
    fs::write(slot.dir().join(tidegate_data_plane::HANDOVER_FILE), "").unwrap();
    // The third worker writes its process ID to the lock file, as one that has taken over.
    let third = "[ $(wc -l < pids) -eq 3 ] || exit 1\necho $$ > workers/1/lock\nexec sleep 1000";
    let worker = read(&fixture.plan.executable).replace("&& exec sleep 1000", &format!("\n{third}"));
    fs::write(&fixture.plan.executable, worker).unwrap();
    fixture.plan.options.drain_timeout = Duration::from_secs(1);
    let story = async {
        survivor.wait().await.unwrap();
        assert_eq!(fixture.started(3).await.len(), 3);
        wait_for(|| slot.was_started_with(&process::description(&fixture.plan)).then_some(())).await;
        drop(lock);
        fixture.stop.asked.cancel();
    };
    tokio::join!(fixture.supervise(), story);
}

#[tokio::test]
async fn a_worker_that_no_other_can_replace_keeps_its_plan_and_is_stopped_with_the_rest() {
    let mut fixture = Fixture::new(1);
    let (mut survivor, lock) = fixture.survivor(1);
    let slot = Slot::new(&fixture.plan.workers_dir, 1);
    fs::write(slot.dir().join(tidegate_data_plane::HANDOVER_FILE), "").unwrap();
    let before = process::description(&fixture.plan);
    fixture.plan.executable = fixture.dir.path().join("absent");
    let story = async {
        // An attempt begins with a token.
        wait_for(|| (fixture.token_in(1) == token(7)).then_some(())).await;
        assert!(survivor.try_wait().unwrap().is_none(), "it serves on");
        fixture.stop.asked.cancel();
        survivor.wait().await.unwrap();
        drop(lock);
    };
    tokio::join!(fixture.supervise(), story);
    assert!(slot.was_started_with(&before));
}

/// Starts a process that ignores SIGTERM, and waits until it does.
async fn deaf() -> Child {
    let mut child = Command::new("sh")
        .args(["-c", "trap '' TERM; echo; exec sleep 1000"])
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    child.stdout.as_mut().unwrap().read_u8().await.unwrap();
    child
}

#[tokio::test]
async fn a_worker_is_killed_after_its_own_drain_timeout() {
    let mut fixture = Fixture::new(0);
    let slot = Slot::new(&fixture.plan.workers_dir, 1);
    fixture.plan.options.drain_timeout = Duration::from_millis(1);
    slot.prepare(&process::description(&fixture.plan), None).unwrap();
    fixture.plan.options.drain_timeout = Duration::from_secs(3600);
    let worker = deaf().await;
    let lock = held(&slot.dir().join("lock"), &worker.id().unwrap().to_string());
    fixture.supervise_until_killed(worker, lock).await;
}

#[tokio::test]
async fn a_worker_that_drains_since_an_earlier_supervisor_is_awaited_and_killed_by_its_own_drain_timeout() {
    let fixture = Fixture::new(0);
    let slot = Slot::new(&fixture.plan.workers_dir, 1);
    private_file::create_dir(slot.dir()).unwrap();
    let worker = deaf().await;
    let lock = held(&slot.dir().join("draining-1"), &format!("{}\n1ms\n", worker.id().unwrap()));
    fixture.supervise_until_killed(worker, lock).await;
}

#[tokio::test]
async fn a_supervisor_that_ends_during_a_takeover_has_the_next_one_replace_the_worker() {
    let mut fixture = Fixture::new(1);
    let (_survivor, _lock) = fixture.survivor(1);
    let slot = Slot::new(&fixture.plan.workers_dir, 1);
    fs::write(slot.dir().join(tidegate_data_plane::HANDOVER_FILE), "").unwrap();
    let before = process::description(&fixture.plan);
    fixture.plan.control_plane = "127.0.0.1:2".parse().unwrap();
    // The successor never takes the lock, and the supervisor is dropped once the successor has started.
    tokio::select! {
        () = fixture.supervise() => panic!("nobody asked it to end"),
        _ = fixture.started(1) => {}
    }
    for plan in [before, process::description(&fixture.plan)] {
        assert!(!slot.was_started_with(&plan));
    }
}

#[tokio::test]
async fn a_stop_before_the_start_ends_the_workers_of_an_earlier_supervisor() {
    let fixture = Fixture::new(1);
    let (mut survivor, lock) = fixture.survivor(1);
    fixture.stop.asked.cancel();
    let story = async {
        survivor.wait().await.unwrap();
        drop(lock);
    };
    tokio::join!(fixture.supervise(), story);
    assert!(!fixture.dir.path().join("pids").exists(), "nothing was to be started");
}

#[tokio::test]
async fn a_survivor_that_has_not_said_its_number_yet_is_asked_to_end_when_it_has() {
    let fixture = Fixture::new(0);
    let (mut surplus, lock) = fixture.survivor(1);
    let path = fixture.plan.workers_dir.join("1/lock");
    fs::write(&path, "").unwrap();
    let story = async {
        // The supervisor has already sent the signal: it does so when it is first polled.
        fs::write(&path, surplus.id().unwrap().to_string()).unwrap();
        surplus.wait().await.unwrap();
        drop(lock);
    };
    tokio::join!(fixture.supervise(), story);
}

#[tokio::test]
async fn survivors_are_stopped_with_the_rest_and_surplus_ones_at_once() {
    let fixture = Fixture::new(1);
    let (mut wanted, wanted_lock) = fixture.survivor(1);
    let (mut surplus, surplus_lock) = fixture.survivor(2);
    let story = async {
        surplus.wait().await.unwrap();
        drop(surplus_lock);
        assert!(wanted.try_wait().unwrap().is_none(), "it was not to be stopped yet");
        fixture.stop.asked.cancel();
        wanted.wait().await.unwrap();
        drop(wanted_lock);
    };
    tokio::join!(fixture.supervise(), story);
    assert!(!fixture.dir.path().join("pids").exists(), "nothing was to be started");
}

#[tokio::test]
async fn a_hurried_stop_kills() {
    let mut fixture = Fixture::new(1);
    let deaf = read(&fixture.plan.executable).replace("echo", "trap '' TERM; echo");
    fs::write(&fixture.plan.executable, deaf).unwrap();
    fixture.plan.options.drain_timeout = Duration::from_secs(3600);
    let story = async {
        let id = fixture.started(1).await[0];
        fixture.stop.asked.cancel();
        fixture.stop.hurried.cancel();
        id
    };
    let ((), id) = tokio::join!(fixture.supervise(), story);
    assert!(!lives(id));
}
