//! A data directory whose disk is full for a while. The disk is a tmpfs of its own, which takes root to mount.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use tidegate_harness::{Answer, Backend, Gateway, Management, run, wait_for};

use crate::tidegate;

/// A small file system in place of a directory; unmounted on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Moves what is in the directory to a small disk in its place. `None` where this user may not mount.
    async fn under(directory: &Path) -> Option<SmallDisk> {
        let aside = directory.with_extension("aside");
        let (at, from) = (directory.to_str().expect("the test can be set up"), aside.join("."));
        fs::rename(directory, &aside).expect("the test can be set up");
        fs::create_dir(directory).expect("the test can be set up");
        let mounted = run("mount", &["-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", at], &[]).await;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr);
            eprintln!(
                "SKIPPED: a file system of its own could not be mounted, which takes root: {}",
                why.trim()
            );
            return None;
        }
        let disk = SmallDisk(directory.to_owned());
        let copied = run("cp", &["-a", from.to_str().expect("the test can be set up"), at], &[]).await;
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        Some(disk)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Writes until there is no room left for a single byte.
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

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, since the processes under test may still have files open there.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn readiness(management: &Management) -> Answer {
    management.send("GET", "/readyz", &[], "").await
}

/// Whether the metric says that writes fail.
async fn metric(management: &Management) -> f64 {
    let page = management.send("GET", "/metrics", &[], "").await.expect(200).text();
    let value = page.lines().find_map(|line| line.strip_prefix("tidegate_store_writes_failing{} "));
    value.unwrap_or_else(|| panic!("no such metric in {page}")).parse().expect("the test can be set up")
}

#[tokio::test]
async fn writes_are_refused_while_the_disk_is_full_and_taken_again_when_there_is_room() {
    let backend = Backend::start().await;
    let mut gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    gateway.tidegate.terminate();
    assert!(gateway.tidegate.exited_well().await);
    let Some(disk) = SmallDisk::under(&gateway.tidegate.data_dir()).await else { return };
    gateway.tidegate.start_again().await;
    gateway.tidegate.all_connected().await;
    let management = gateway.management();

    disk.fill();
    let mut round = 0;
    // What the database has in reserve takes a few writes more.
    let refused = wait_for("a write to be refused", async || {
        round += 1;
        let document = gateway.document.clone().pool(&format!("pool{round}"), &[backend.ip()]);
        let answer = management.put(document.id(), document.body()).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert_eq!(refused.error_code(), "StorageUnavailable");
    assert!(refused.text().contains("database or disk is full"), "{}", refused.text());
    let not_ready = readiness(&management).await.expect(503);
    assert!(not_ready.text().contains("database or disk is full"), "{}", not_ready.text());
    assert_eq!(metric(&management).await, 1.0);
    gateway.get("/full").await.expect(200);
    let read = management.get(gateway.id()).await.expect(200);
    assert!(!read.text().contains(&format!("/pool{round}\"")), "nothing of it is there: {}", read.text());

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
