//! The place of one worker on disk: whether it is taken, by a worker of which plan, and the token laid there for it.

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

/// Locked by the worker that serves the slot, for its life; holds that worker's process id.
const LOCK_FILE: &str = "lock";

/// The text form of a join token. A worker that has to join reads it, and removes it when it has joined.
const TOKEN_FILE: &str = "token";

/// How the slot's worker was started.
const PLAN_FILE: &str = "plan";

/// How often the lock of a worker that was asked to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// One worker's place.
#[derive(Debug)]
pub(super) struct Slot {
    number: u16,
    dir: PathBuf,
}

/// A worker that some other process started.
#[derive(Debug)]
pub(super) struct Survivor {
    lock: PathBuf,
}

impl Slot {
    /// The slot of that number, from 1.
    pub(super) fn new(workers_dir: &Path, number: u16) -> Slot {
        Slot { number, dir: workers_dir.join(number.to_string()) }
    }

    /// Its number, from 1.
    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// The data directory of its worker.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Lays down a token. A worker that lives may be joining at this moment, so this is safe at any time.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn hand_over(&self, token: &JoinToken) -> io::Result<()> {
        private_file::write(&self.dir.join(TOKEN_FILE), token.encode().as_bytes())
    }

    /// Whether a worker of this slot starts without a token: it has joined before, or has something to serve.
    pub(super) fn can_do_without_token(&self) -> bool {
        tidegate_data_plane::can_start_without_token(&self.dir)
    }

    /// Makes the slot ready for a new worker, which will be started as `plan` says. Nobody may be serving it.
    ///
    /// A full disk is no obstacle to a worker that was here before: what can be left unwritten is.
    ///
    /// # Errors
    /// The directory or its lock file cannot be made; a token that the worker needs cannot be written.
    pub(super) fn prepare(&self, plan: &[u8], token: Option<&JoinToken>) -> io::Result<()> {
        let path = self.dir.join(LOCK_FILE);
        // From the moment at which the new worker holds the lock, the number in it is taken for its own.
        match private_file::create_dir(&self.dir).and_then(|()| blank(&path)) {
            Err(error) if is_read_only(&error) && self.can_do_without_token() => {
                warn!(
                    worker.slot = self.number,
                    "a worker starts in a directory that cannot be written: {error}"
                );
            }
            made => made.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?,
        }
        self.note(plan);
        self.lay_token(token)
    }

    /// Lays down a token for a worker that is about to start. One that can do without may go without.
    ///
    /// # Errors
    /// A token that the worker needs cannot be written.
    pub(super) fn lay_token(&self, token: Option<&JoinToken>) -> io::Result<()> {
        match token.map(|token| self.hand_over(token)) {
            Some(Err(error)) if self.can_do_without_token() => {
                warn!(worker.slot = self.number, "cannot give a worker a token: {error}");
                Ok(())
            }
            written => written.unwrap_or(Ok(())),
        }
    }

    /// Writes down what the slot's worker was told. Where that fails nothing is left, so that the worker will be taken
    /// for one that was told otherwise.
    pub(super) fn note(&self, plan: &[u8]) {
        let path = self.dir.join(PLAN_FILE);
        if self.was_told(plan) {
            return;
        }
        if let Err(error) = private_file::write(&path, plan) {
            warn!(worker.slot = self.number, "cannot write down the options of a worker: {error}");
            self.forget_plan();
        }
    }

    /// The drain timeout that the slot's worker was told.
    pub(super) fn drain_timeout(&self) -> Option<Duration> {
        let plan = fs::read_to_string(self.dir.join(PLAN_FILE)).ok()?;
        let value = plan.lines().skip_while(|line| *line != "--drain-timeout").nth(1)?;
        parse_duration(value).ok()
    }

    /// Lets whoever looks next take the slot's worker for one that was told otherwise.
    pub(super) fn forget_plan(&self) {
        // It may not be there.
        let _ = fs::remove_file(self.dir.join(PLAN_FILE));
    }

    /// True if the worker that serves the slot was started as `plan` says: with the same executable and arguments.
    pub(super) fn was_told(&self, plan: &[u8]) -> bool {
        fs::read(self.dir.join(PLAN_FILE)).is_ok_and(|told| told == plan)
    }

    /// Waits until no worker holds the slot. Must not be asked while an own worker may be starting in it, as
    /// [`Slot::survivor`].
    pub(super) async fn left(&self) {
        while is_held(&self.dir.join(LOCK_FILE)).unwrap_or(false) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the worker with that process ID has the slot.
    pub(super) async fn is_held_by(&self, id: Option<u32>) {
        let lock = self.dir.join(LOCK_FILE);
        let holder = || fs::read_to_string(&lock).ok()?.trim().parse::<u32>().ok();
        while id.is_none() || holder() != id {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// True if the worker that serves the slot can pass it on to a successor.
    pub(super) fn can_hand_over(&self) -> bool {
        self.dir.join(tidegate_data_plane::HANDOVER_FILE).exists()
    }

    /// The worker that serves the slot now. Must not be asked while an own worker may be starting in it: the test
    /// takes the lock for a moment.
    ///
    /// # Errors
    /// The lock file is there but cannot be tested.
    pub(super) fn survivor(&self) -> io::Result<Option<Survivor>> {
        let lock = self.dir.join(LOCK_FILE);
        let held =
            is_held(&lock).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", lock.display())))?;
        Ok(held.then_some(Survivor { lock }))
    }
}

impl Survivor {
    /// A handle of its process, as long as it holds its lock and has written down its process ID. The handle stays good
    /// when it has given up the lock.
    pub(super) fn process(&self) -> Option<OwnedFd> {
        let process = pidfd_open(self.id()?, PidfdFlags::empty()).ok()?;
        // It was still there, so the number had not come to mean another process when the handle was made.
        self.lives().then_some(process)
    }

    /// Whether it still lives. A lock that cannot be tested counts as held: better no worker than two in one place.
    pub(super) fn lives(&self) -> bool {
        is_held(&self.lock).unwrap_or(true)
    }

    /// Its process id, as long as it lives and has written it down. The number is that of a living worker because
    /// the lock is held: no other process can have it yet.
    pub(super) fn id(&self) -> Option<Pid> {
        let text = fs::read_to_string(&self.lock).ok()?;
        let id = Pid::from_raw(text.trim().parse().ok()?)?;
        self.lives().then_some(id)
    }
}

/// True for an error that says that the file system or its rights allow no write. A worker serves all the same.
fn is_read_only(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Overwrites a file with spaces, in place: that needs no free disk space. One that is missing is made.
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
    match file.try_lock() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(e),
    }
}

/// The slots numbered above `wanted` that exist on disk.
pub(super) fn beyond(workers_dir: &Path, wanted: u16) -> Vec<Slot> {
    // Not there before the first start.
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
        assert!(!slot.was_told(b""), "nobody was told anything");
        slot.prepare(b"--threads 2", Some(&token)).unwrap();
        assert!(slot.was_told(b"--threads 2"));
        assert_eq!(slot.drain_timeout(), None);
        slot.note(b"--threads\n2\n--drain-timeout\n1500ms\n");
        assert_eq!(slot.drain_timeout(), Some(Duration::from_millis(1500)));
        slot.note(b"--threads 2");
        assert!(!slot.was_told(b"--threads 3") && !slot.was_told(b"--threads"));
        let path = slot.dir().join(TOKEN_FILE);
        assert_eq!(fs::read_to_string(&path).unwrap().parse::<JoinToken>().unwrap(), token);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(slot.survivor().unwrap().is_none());
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
