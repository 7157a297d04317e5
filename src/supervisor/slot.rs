//! The place of one worker on disk: whether it is taken, by a worker of which plan, and the token laid there for it.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tidegate_shared::private_file;
use tidegate_shared::protocol::VERSION;
use tidegate_shared::token::JoinToken;
use tracing::warn;

/// Locked by the worker that serves the slot, for its life; holds that worker's process id.
const LOCK_FILE: &str = "lock";

/// The text form of a join token. A worker that has to join reads it, and removes it when it has joined.
const TOKEN_FILE: &str = "token";

/// What the slot's worker was told on its command line, an argument a line.
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

    /// Makes the slot ready for a new worker, which will be told these arguments. Nobody may be serving it.
    ///
    /// A full disk is no obstacle to a worker that was here before: what can be left unwritten is.
    ///
    /// # Errors
    /// The directory or its lock file cannot be made; a token that the worker needs cannot be written.
    pub(super) fn prepare(&self, arguments: &[OsString], token: Option<&JoinToken>) -> io::Result<()> {
        private_file::create_dir(&self.dir)?;
        // From the moment at which the new worker holds the lock, the number in it is taken for its own.
        blank(&self.dir.join(LOCK_FILE))?;
        self.note(arguments);
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
    pub(super) fn note(&self, arguments: &[OsString]) {
        let path = self.dir.join(PLAN_FILE);
        if self.was_told(arguments) {
            return;
        }
        if let Err(error) = private_file::write(&path, &plan_text(arguments)) {
            warn!(worker.slot = self.number, "cannot write down the options of a worker: {error}");
            // It may not be there.
            let _ = fs::remove_file(path);
        }
    }

    /// Whether the worker that serves the slot was told exactly these arguments, and speaks the channel's version: one
    /// that was started before an upgrade may not be able to connect any more.
    pub(super) fn was_told(&self, arguments: &[OsString]) -> bool {
        fs::read(self.dir.join(PLAN_FILE)).is_ok_and(|told| told == plan_text(arguments))
    }

    /// Waits until no worker holds the slot. Must not be asked while an own worker may be starting in it, as
    /// [`Slot::survivor`].
    pub(super) async fn left(&self) {
        while is_held(&self.dir.join(LOCK_FILE)).unwrap_or(false) {
            tokio::time::sleep(LOOK).await;
        }
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

fn plan_text(arguments: &[OsString]) -> Vec<u8> {
    let mut text = format!("channel version {VERSION}\n").into_bytes();
    text.extend(arguments.iter().flat_map(|argument| [argument.as_bytes(), b"\n"].concat()));
    text
}

/// Overwrites a file with spaces, in place: that needs no free disk space. One that is missing is made.
fn blank(path: &Path) -> io::Result<()> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
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
        let arguments = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(!slot.was_told(&[]), "nobody was told anything");
        slot.prepare(&arguments("--threads 2"), Some(&token)).unwrap();
        assert!(slot.was_told(&arguments("--threads 2")));
        assert!(!slot.was_told(&arguments("--threads 3")) && !slot.was_told(&arguments("--threads")));
        fs::write(slot.dir().join(PLAN_FILE), "--threads\n2\n").unwrap();
        assert!(!slot.was_told(&arguments("--threads 2")), "by a version that did not write its own down");
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
