//! The directory of one worker: the lock of its worker, the plan that it was started with, and its join token.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tidegate_shared::private_file;
use tidegate_shared::token::JoinToken;
use tracing::warn;

use crate::cli::parse_duration;

/// The file that the slot's worker locks for its whole life; it holds the worker's process ID.
const LOCK_FILE: &str = "lock";

/// The file with a join token in text form. A worker that must join reads it, and removes it when it has joined.
const TOKEN_FILE: &str = "token";

/// The file with the description of the worker's start.
const PLAN_FILE: &str = "plan";

/// The interval at which the lock of a worker that was asked to stop is checked.
const CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// The directory of one worker.
#[derive(Debug)]
pub(super) struct Slot {
    number: u16,
    dir: PathBuf,
}

/// A worker that another process started.
#[derive(Debug)]
pub(super) struct Survivor {
    /// The file that it locks: that of its slot or, while it drains, its mark. The first line is its process ID.
    lock: PathBuf,
}

impl Slot {
    /// The slot with this number, from 1.
    pub(super) fn new(workers_dir: &Path, number: u16) -> Slot {
        Slot { number, dir: workers_dir.join(number.to_string()) }
    }

    /// The number of the slot, from 1.
    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// The data directory of its worker.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a token. This is safe at any time, even while the worker joins.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write_token(&self, token: &JoinToken) -> io::Result<()> {
        private_file::write(&self.dir.join(TOKEN_FILE), token.encode().as_bytes())
    }

    /// Returns true if a worker of this slot can start without a token: it has joined before, or has a
    /// configuration to serve.
    pub(super) fn can_do_without_token(&self) -> bool {
        tidegate_data_plane::can_start_without_token(&self.dir)
    }

    /// Prepares the slot for a new worker that is started as in `plan`. No worker may be serving it.
    ///
    /// A full disk does not keep out a worker that has run here before: files that it can do without are then not
    /// written.
    ///
    /// # Errors
    /// The directory or its lock file cannot be created, or a token that the worker needs cannot be written.
    pub(super) fn prepare(&self, plan: &[u8], token: Option<&JoinToken>) -> io::Result<()> {
        let path = self.dir.join(LOCK_FILE);
        // The number in the file counts as that of the new worker as soon as that worker holds the lock.
        match private_file::create_dir(&self.dir).and_then(|()| blank(&path)) {
            Err(error) if is_read_only(&error) && self.can_do_without_token() => {
                warn!(
                    worker.slot = self.number,
                    "a worker starts in a directory that is not writable: {error}"
                );
            }
            made => made.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?,
        }
        self.note(plan);
        self.provide_token(token)
    }

    /// Writes a token for a worker that is about to start. A failure is only logged if the worker can do without
    /// the token.
    ///
    /// # Errors
    /// A token that the worker needs cannot be written.
    pub(super) fn provide_token(&self, token: Option<&JoinToken>) -> io::Result<()> {
        match token.map(|token| self.write_token(token)) {
            Some(Err(error)) if self.can_do_without_token() => {
                warn!(worker.slot = self.number, "cannot give a worker a token: {error}");
                Ok(())
            }
            written => written.unwrap_or(Ok(())),
        }
    }

    /// Writes down the plan of the slot's worker. If that fails the file is removed, so that the worker counts as
    /// outdated.
    pub(super) fn note(&self, plan: &[u8]) {
        let path = self.dir.join(PLAN_FILE);
        if self.was_started_with(plan) {
            return;
        }
        if let Err(error) = private_file::write(&path, plan) {
            warn!(worker.slot = self.number, "cannot store the options of a worker: {error}");
            self.forget_plan();
        }
    }

    /// Returns the plan of the slot's worker.
    pub(super) fn plan(&self) -> Option<Vec<u8>> {
        fs::read(self.dir.join(PLAN_FILE)).ok()
    }

    /// Returns the drain timeout that the slot's worker was started with.
    pub(super) fn drain_timeout(&self) -> Option<Duration> {
        let plan = String::from_utf8(self.plan()?).ok()?;
        let value = plan.lines().skip_while(|line| *line != "--drain-timeout").nth(1)?;
        parse_duration(value).ok()
    }

    /// Removes the plan, so that the slot's worker counts as outdated.
    pub(super) fn forget_plan(&self) {
        // The file may be absent.
        let _ = fs::remove_file(self.dir.join(PLAN_FILE));
    }

    /// Returns true if the worker that serves the slot was started as in `plan`: with the same executable and
    /// arguments.
    pub(super) fn was_started_with(&self, plan: &[u8]) -> bool {
        self.plan().is_some_and(|old| old == plan)
    }

    /// Waits until no worker holds the slot. Must not be called while a worker of this supervisor may be starting
    /// in it, like [`Slot::survivor`].
    pub(super) async fn left(&self) {
        while is_held(&self.dir.join(LOCK_FILE)).unwrap_or(false) {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Waits until the worker with this process ID holds the slot.
    pub(super) async fn is_held_by(&self, id: Option<u32>) {
        let lock = self.dir.join(LOCK_FILE);
        let holder = || fs::read_to_string(&lock).ok()?.trim().parse::<u32>().ok();
        while id.is_none() || holder() != id {
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }

    /// Returns the workers that have released the slot and drain, with their drain timeouts. Removes the marks of those
    /// that have ended without removing them.
    pub(super) fn draining(&self) -> Vec<(Survivor, Option<Duration>)> {
        let worker = |lock: PathBuf| {
            let mark = fs::read_to_string(&lock).ok()?;
            let drain_timeout = mark.lines().nth(1).and_then(|value| parse_duration(value).ok());
            Some((Survivor { lock }, drain_timeout))
        };
        tidegate_data_plane::draining_marks(&self.dir).into_iter().filter_map(worker).collect()
    }

    /// Returns true if the worker that serves the slot can hand over to a successor.
    pub(super) fn can_hand_over(&self) -> bool {
        self.dir.join(tidegate_data_plane::HANDOVER_FILE).exists()
    }

    /// Returns the worker that serves the slot. Must not be called while a worker of this supervisor may be
    /// starting in it: the test takes the lock for a moment.
    ///
    /// # Errors
    /// The lock file exists but cannot be tested.
    pub(super) fn survivor(&self) -> io::Result<Option<Survivor>> {
        let lock = self.dir.join(LOCK_FILE);
        let held =
            is_held(&lock).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", lock.display())))?;
        Ok(held.then_some(Survivor { lock }))
    }
}

impl Survivor {
    /// Returns a pidfd of its process, if it holds its lock and has written its process ID. The pidfd stays valid
    /// after the worker has released the lock.
    pub(super) fn process(&self) -> Option<OwnedFd> {
        let process = pidfd_open(self.id()?, PidfdFlags::empty()).ok()?;
        // The worker still held the lock after the pidfd was opened, so its process ID had not been reused.
        self.lives().then_some(process)
    }

    /// Returns true while it lives. A lock that cannot be tested counts as held: no worker is better than two in
    /// one slot.
    pub(super) fn lives(&self) -> bool {
        is_held(&self.lock).unwrap_or(true)
    }

    /// Returns its process ID, if it lives and has written the ID. Because the lock is held, the ID cannot have
    /// been reused.
    pub(super) fn id(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.lock).ok()?;
        let id = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        self.lives().then_some(id)
    }
}

/// Returns true for an error of a file system without write access, with which a worker still serves.
fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Overwrites a file with spaces in place, which needs no free disk space, or creates it if it is absent.
fn blank(path: &Path) -> io::Result<()> {
    let file = private_file::open_lock(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(0);
    file.write_all_at(&vec![b' '; length], 0)
}

fn is_held(lock: &Path) -> io::Result<bool> {
    let file = match File::open(lock) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    // The shared lock disturbs no other process that tests this file.
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// Returns the slots on disk with a number above `wanted`.
pub(super) fn beyond(workers_dir: &Path, wanted: u16) -> Vec<Slot> {
    // The directory is absent before the first start.
    let Ok(entries) = fs::read_dir(workers_dir) else { return Vec::new() };
    let number = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    entries
        .filter_map(number)
        .filter(|number| *number > wanted)
        .map(|number| Slot::new(workers_dir, number))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use tidegate_shared::secret::Secret;

    #[test]
    fn a_slot_is_taken_while_its_lock_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let slot = Slot::new(dir.path(), 1);
        assert!(slot.survivor().unwrap().is_none(), "no directory");
        fs::create_dir(slot.dir()).unwrap();
        let mut lock = File::create(slot.dir().join(LOCK_FILE)).unwrap();
        assert!(slot.survivor().unwrap().is_none(), "nobody holds the lock");
        lock.try_lock().unwrap();
        let survivor = slot.survivor().unwrap().unwrap();
        assert!(survivor.lives());
        assert_eq!(survivor.id(), None, "not written yet");
        writeln!(lock, "{}", std::process::id()).unwrap();
        assert_eq!(survivor.id(), Some(rustix::process::getpid()));
        drop(lock);
        assert!(!survivor.lives());
        assert_eq!(survivor.id(), None, "whose id this is nobody knows");
    }

    #[test]
    fn a_slot_remembers_what_its_worker_was_told_and_nobody_else_reads_the_token() {
        let dir = tempfile::tempdir().unwrap();
        let slot = Slot::new(&dir.path().join("workers"), 1);
        let token = JoinToken { authority: "a".into(), secret: Secret::new(vec![7; 32]) };
        assert!(!slot.was_started_with(b""), "nobody was told anything");
        slot.prepare(b"--threads 2", Some(&token)).unwrap();
        assert!(slot.was_started_with(b"--threads 2"));
        assert_eq!(slot.drain_timeout(), None);
        slot.note(b"--threads\n2\n--drain-timeout\n1500ms\n");
        assert_eq!(slot.drain_timeout(), Some(Duration::from_millis(1500)));
        slot.note(b"--threads 2");
        assert!(!slot.was_started_with(b"--threads 3") && !slot.was_started_with(b"--threads"));
        let path = slot.dir().join(TOKEN_FILE);
        assert_eq!(fs::read_to_string(&path).unwrap().parse::<JoinToken>().unwrap(), token);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(slot.survivor().unwrap().is_none());
    }

    #[test]
    fn workers_that_drain_are_found_with_their_drain_timeouts() {
        let dir = tempfile::tempdir().unwrap();
        let slot = Slot::new(dir.path(), 1);
        assert!(slot.draining().is_empty(), "no directory");
        fs::create_dir(slot.dir()).unwrap();
        let mark = |name: &str| {
            let path = slot.dir().join(name);
            fs::write(&path, format!("{}\n1500ms\n", std::process::id())).unwrap();
            (File::open(&path).unwrap(), path)
        };
        let (held, _) = mark("draining-1");
        held.lock().unwrap();
        let (_, left_behind) = mark("draining-2");
        let found = slot.draining();
        let [(worker, drain_timeout)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(worker.id(), Some(rustix::process::getpid()));
        assert_eq!(*drain_timeout, Some(Duration::from_millis(1500)));
        assert!(!left_behind.exists());
        drop(held);
        assert!(slot.draining().is_empty());
    }

    #[test]
    fn slots_beyond_the_wanted_number_are_found() {
        let dir = tempfile::tempdir().unwrap();
        assert!(beyond(&dir.path().join("absent"), 0).is_empty());
        for name in ["1", "2", "10", "notes", "70000"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let mut found: Vec<_> = beyond(dir.path(), 1).iter().map(Slot::number).collect();
        found.sort_unstable();
        assert_eq!(found, [2, 10]);
    }
}
