//! The place of one worker on disk, and how to tell whether it is taken.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::Pid;

/// Locked by the worker that serves the slot, for its life; holds that worker's process id.
const LOCK_FILE: &str = "lock";

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
