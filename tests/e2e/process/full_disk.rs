//! A data directory whose disk is full for a while. The disk is a tmpfs, which only root can mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_harness::{Answer, Backend, Gateway, Management, run, wait_for};
use tokio::time::Instant;

use super::mount::Mount;
use crate::{serves, tidegate};

/// A small file system in the place of a directory.
struct SmallDisk(Mount);

impl SmallDisk {
    /// Moves the contents of a directory to a small disk that is mounted in its place. `None` if this user may not
    /// mount.
    async fn under(directory: &Path) -> Option<SmallDisk> {
        let aside = directory.with_extension("aside");
        fs::rename(directory, &aside).expect("the test can be set up");
        fs::create_dir(directory).expect("the test can be set up");
        let mount = Mount::tmpfs(directory, "24m").await?;
        let from = aside.join(".");
        let paths = [from.as_path(), directory].map(|path| path.to_str().expect("the test can be set up"));
        let copied = run("cp", &["-a", paths[0], paths[1]], &[]).await;
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        Some(SmallDisk(mount))
    }

    fn filler(&self) -> PathBuf {
        self.0.path().join("filler")
    }

    /// Writes until no byte is free.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("the test can be set up");
        for size in [64 * 1024, 4096, 1] {
            let block = vec![0; size];
            while filler.write_all(&block).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).expect("the test can be set up");
    }
}

/// Starts a gateway whose control plane and worker keep everything on a small disk. `None` if this user may not
/// mount.
async fn on_small_disk(backend: &Backend) -> Option<(Gateway, SmallDisk)> {
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_successfully().await);
    let disk = SmallDisk::under(&gateway.tidegate.data_dir()).await?;
    gateway.tidegate.start_again().await;
    gateway.tidegate.all_connected().await;
    Some((gateway, disk))
}

/// Puts pools until a write is refused: the database has room for a few. Returns the name of the refused pool, and
/// the response.
async fn refused_write(gateway: &Gateway, backend: &Backend) -> (String, Answer) {
    let mut round = 0;
    wait_for("a write to be refused", async || {
        round += 1;
        let name = format!("pool{round}");
        let document = gateway.document.clone().pool(&name, &[backend.ip()]);
        let answer = gateway.management().put(document.id(), document.body()).await;
        (answer.status != 200).then_some((name, answer))
    })
    .await
}

async fn readiness(management: &Management) -> Answer {
    management.send("GET", "/readyz", &[], "").await
}

/// Returns the value of the metric for failing writes.
async fn metric(management: &Management) -> f64 {
    let page = management.send("GET", "/metrics", &[], "").await.expect(200).text();
    let value = page.lines().find_map(|line| line.strip_prefix("tidegate_store_writes_failing{} "));
    value.unwrap_or_else(|| panic!("no such metric in {page}")).parse().expect("the test can be set up")
}

#[tokio::test]
async fn writes_are_refused_while_the_disk_is_full_and_taken_again_when_there_is_room() {
    let backend = Backend::start().await;
    let Some((mut gateway, disk)) = on_small_disk(&backend).await else { return };
    let management = gateway.management();

    disk.fill();
    let (name, refused) = refused_write(&gateway, &backend).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert_eq!(refused.error_code(), "StorageUnavailable");
    assert!(refused.text().contains("database or disk is full"), "{}", refused.text());
    let not_ready = readiness(&management).await.expect(503);
    assert!(not_ready.text().contains("database or disk is full"), "{}", not_ready.text());
    assert_eq!(metric(&management).await, 1.0);
    gateway.get("/full").await.expect(200);
    let read = management.get(gateway.id()).await.expect(200);
    assert!(!read.text().contains(&format!("/{name}\"")), "nothing of it is there: {}", read.text());

    disk.empty();
    wait_for("it to be ready again", async || (readiness(&management).await.status == 200).then_some(()))
        .await;
    assert_eq!(metric(&management).await, 0.0);
    let changed = gateway.document.clone().pool("after", &[backend.ip()]);
    gateway.apply(changed).await;
    gateway.get("/after").await.expect(200);
    management.provisioning_state(gateway.id(), "Succeeded").await;
    let output = gateway.tidegate.output();
    assert_eq!(output.matches("writes to the database fail").count(), 1, "{output}");
    assert_eq!(output.matches("writes to the database succeed again").count(), 1, "{output}");
}

#[tokio::test]
async fn a_takeover_on_a_full_disk_leaves_a_control_plane() {
    let backend = Backend::start().await;
    let Some((mut gateway, disk)) = on_small_disk(&backend).await else { return };
    let worker = gateway.tidegate.worker_pid(1).await;
    disk.fill();
    assert!(gateway.tidegate.replace().await.success(), "the exit code of the first one");
    let management = gateway.management();
    management.get(gateway.id()).await.expect(200);
    gateway.get("/full").await.expect(200);
    disk.empty();
    wait_for("it to be ready again", async || (readiness(&management).await.status == 200).then_some(()))
        .await;
    gateway.tidegate.all_connected().await;
    let changed = gateway.document.clone().pool("after", &[backend.ip()]);
    gateway.apply(changed).await;
    assert_eq!(gateway.tidegate.live_worker(1), Some(worker));
}

#[tokio::test]
async fn a_worker_that_is_killed_while_the_disk_is_full_is_back_at_once_and_writes_are_when_there_is_room() {
    let backend = Backend::start().await;
    let Some((mut gateway, disk)) = on_small_disk(&backend).await else { return };
    let management = gateway.management();
    let (mut served, mut written) = (Vec::new(), Vec::new());
    for round in 0..3 {
        disk.fill();
        refused_write(&gateway, &backend).await;
        gateway.tidegate.kill_worker(1).await;
        let since = Instant::now();
        serves(&gateway).await;
        served.push(since.elapsed());

        disk.empty();
        let since = Instant::now();
        let document = gateway.document.clone().pool(&format!("after{round}"), &[backend.ip()]);
        wait_for("a write to be taken", async || {
            (management.put(document.id(), document.body()).await.status == 200).then_some(())
        })
        .await;
        written.push(since.elapsed());
        gateway.apply(document).await;
    }
    // One of the rounds may have been slow because of other work on this machine.
    for (what, mut times) in [("served", served), ("written", written)] {
        times.sort_unstable();
        assert!(times[1] < Duration::from_secs(1), "{what} again after {times:?}");
    }
}
