//! The data directory of a worker: one worker at a time holds its lock, or passes it on to a successor.

use std::fs::{self, DirEntry, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_shared::handover::{TakeOverError, lock_or_take_over};
use tidegate_shared::private_file;

use crate::handover::Inherited;
use crate::run_error::RunError;

/// The file that the worker which owns the directory locks; it holds the worker's process ID.
const LOCK_FILE: &str = "lock";

/// The start of the name of a mark (see [`draining_marks`]); the rest is the worker's process ID.
const DRAINING_PREFIX: &str = "draining-";

/// The age from which a temporary file in the data directory is certainly abandoned.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);

/// The mark of this worker, which has released its data directory and drains (see [`draining_marks`]). Removed on
/// drop.
#[derive(Debug)]
pub(crate) struct DrainingMark {
    path: PathBuf,
    _lock: File,
}

/// A data directory that this worker owns, or will own once its takeover is complete.
#[derive(Debug)]
pub(crate) struct DataDir {
    pub(crate) path: PathBuf,
    /// `None` in a directory that is not writable and has no lock file.
    pub(crate) lock: Option<File>,
    /// False if the lock file cannot be written.
    pub(crate) is_writable: bool,
}

impl DataDir {
    /// Locks the directory for this process, or takes it over from the worker that owns it. In a directory that is
    /// not writable, an existing lock file is locked all the same.
    ///
    /// # Errors
    /// [`RunError::Occupied`] if another worker owns it and does not pass it on; or the operating system's error.
    pub(crate) fn occupy(data_dir: &Path) -> Result<(DataDir, Inherited), RunError> {
        let path = data_dir.join(LOCK_FILE);
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let opened = private_file::open_lock(&path);
        let (lock, is_writable) = match opened {
            Ok(lock) => (lock, true),
            Err(error) if is_unwritable(&error) => match File::open(&path) {
                Ok(lock) => (lock, false),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let data_dir = DataDir { path: data_dir.to_owned(), lock: None, is_writable: false };
                    return Ok((data_dir, Inherited::default()));
                }
                Err(error) => return Err(named(error).into()),
            },
            Err(error) => return Err(named(error).into()),
        };
        let with = |lock| DataDir { path: data_dir.to_owned(), lock: Some(lock), is_writable };
        let inherited =
            lock_or_take_over(&lock, || Inherited::ask_for(data_dir)).map_err(|error| match error {
                TakeOverError::Lock(error) => named(error).into(),
                error => RunError::Occupied(data_dir.to_owned(), error.to_string()),
            })?;
        let Some(mut inherited) = inherited else {
            let data_dir = with(lock);
            data_dir.write_process_id()?;
            return Ok((data_dir, Inherited::default()));
        };
        // This is the same lock as the predecessor's, so the predecessor's end does not release it.
        Ok((with(inherited.lock.take().unwrap_or(lock)), inherited))
    }

    /// Writes this process's ID to the lock file, for the supervisor. A lock file that cannot be written stays as
    /// it is.
    ///
    /// # Errors
    /// The operating system's error.
    pub(crate) fn write_process_id(&self) -> io::Result<()> {
        let Some(lock) = self.lock.as_ref().filter(|_| self.is_writable) else { return Ok(()) };
        // The text has a fixed length, so that it replaces the old one in place, which needs no free disk space.
        match lock.write_all_at(format!("{:<10}\n", std::process::id()).as_bytes(), 0) {
            Err(error) if !is_unwritable(&error) => {
                Err(io::Error::new(error.kind(), format!("{}: {error}", self.path.join(LOCK_FILE).display())))
            }
            _ => Ok(()),
        }
    }

    /// Marks this worker as draining, so that a supervisor that did not start it can wait for it. Returns `None` if the
    /// directory cannot be written.
    pub(crate) fn mark_draining(&self, drain_timeout: Duration) -> Option<DrainingMark> {
        if !self.is_writable {
            return None;
        }
        let path = self.path.join(format!("{}{}", DRAINING_PREFIX, std::process::id()));
        let text = format!("{}\n{}ms\n", std::process::id(), drain_timeout.as_millis());
        match private_file::write_locked(&path, text.as_bytes()) {
            Ok(lock) => Some(DrainingMark { path, _lock: lock }),
            Err(error) => {
                tracing::warn!(%error, "no later supervisor knows that this worker drains");
                None
            }
        }
    }

    /// Removes the temporary files and the marks of killed workers, and returns true if the directory is writable.
    /// The supervisor may be writing to the directory now, but not to the snapshots.
    pub(crate) fn tidy_up(&self) -> bool {
        if let Err(error) = private_file::check_writable(&self.path) {
            tracing::warn!(
                %error,
                "the data directory is not writable: saved snapshots are served, changes are applied but lost at a \
                 restart, and bodies cannot be buffered on disk"
            );
            return false;
        }
        let places = [(self.path.clone(), UNFINISHED_AGE), (self.path.join("snapshots"), Duration::ZERO)];
        for (dir, age) in places {
            match private_file::remove_unfinished(&dir, age) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, "temporary files of an earlier worker cannot be removed");
                }
                _ => {}
            }
        }
        draining_marks(&self.path);
        true
    }
}

/// Returns the marks of the workers that drain in a data directory: files that a worker locks until it ends, with its
/// process ID and its drain timeout (`1500ms`) as lines. Removes the marks of workers that were killed.
pub fn draining_marks(data_dir: &Path) -> Vec<PathBuf> {
    let is_mark = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with(DRAINING_PREFIX);
    let is_held = |path: &PathBuf| match File::open(path) {
        // The shared lock disturbs no other process that tests this file. A lock that cannot be tested counts as held.
        Ok(file) if file.try_lock_shared().is_ok() => {
            // The next test removes it if this fails.
            let _ = fs::remove_file(path);
            false
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        _ => true,
    };
    // The directory is absent before the first start.
    let entries = fs::read_dir(data_dir).into_iter().flatten().flatten();
    entries.filter(is_mark).map(|entry| entry.path()).filter(is_held).collect()
}

impl Drop for DrainingMark {
    fn drop(&mut self) {
        // The directory may be gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Returns true for an error that means that nothing can be written. The worker then serves what is saved.
fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_a_worker_that_drains_stays_and_that_of_a_killed_one_goes() {
        let dir = tempfile::tempdir().unwrap();
        assert!(draining_marks(&dir.path().join("absent")).is_empty());
        let data_dir = DataDir { path: dir.path().to_owned(), lock: None, is_writable: true };
        let own = dir.path().join(format!("{DRAINING_PREFIX}{}", std::process::id()));
        let mark = data_dir.mark_draining(Duration::from_millis(1500)).unwrap();
        let text = fs::read_to_string(&own).unwrap();
        assert_eq!(text, format!("{}\n1500ms\n", std::process::id()));
        let killed = dir.path().join("draining-1");
        fs::write(&killed, "1\n1500ms\n").unwrap();
        assert!(data_dir.tidy_up());
        assert!(!killed.exists());
        assert_eq!(draining_marks(dir.path()), std::slice::from_ref(&own));
        drop(mark);
        assert!(!own.exists());
    }
}
