//! Files that only their owner may read, and that are either complete or absent after a crash at any moment.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::secret::Secret;

/// The prefix of the names of temporary files.
const UNFINISHED: &str = ".new-";

/// Writes `path` with mode 0600: into a temporary file beside it, which is synced and then renamed.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o600)
}

/// Like [`write`], but readable by everybody: for files that are handed out, such as a CA certificate.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644)
}

/// Like [`write`], but an existing file stays: for keys, which must not be replaced by accident.
///
/// # Errors
/// `AlreadyExists`, or another error of the file system, with the path in the message.
pub fn create_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let create = || {
        prepare(path, bytes, 0o600)?.persist_noclobber(path)?;
        File::open(directory(path))?.sync_all()
    };
    create().map_err(|e: io::Error| named(path, &e))
}

/// Reads a key, or creates it with mode 0600. If several processes create it at once, one succeeds and all return
/// its key.
///
/// # Errors
/// The error of `make` or of the file system, with the path in the message.
pub fn read_or_create(path: &Path, make: impl FnOnce() -> io::Result<Secret>) -> io::Result<Secret> {
    match read_key(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        there => return there,
    }
    let made = make().map_err(|e| named(path, &e))?;
    match create_new(path, made.expose()) {
        Ok(()) => Ok(made),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => read(path),
        Err(e) => Err(e),
    }
}

/// Opens a lock file for writing, and creates it with mode 0600 if it is absent. A file that an earlier version
/// left readable by others is changed to mode 0600, because everybody who may open a lock can hold it and so keep
/// its owner from starting.
///
/// # Errors
/// The file system's error. A file whose mode cannot be changed, because another user owns it, is opened all the
/// same.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
    }
    Ok(file)
}

/// Writes a file with mode 0600 on which this process holds a lock until the returned file is closed. The lock is
/// taken before the file gets its name: whoever finds the file without a lock knows that its process has ended.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn write_locked(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let write = || {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory(path))?;
        file.as_file().lock()?;
        file.write_all(bytes)?;
        Ok(file.persist(path)?)
    };
    write().map_err(|e: io::Error| named(path, &e))
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let write = || {
        prepare(path, bytes, mode)?.persist(path)?;
        File::open(directory(path))?.sync_all()
    };
    write().map_err(|e: io::Error| named(path, &e))
}

/// Writes the bytes into a temporary file beside `path`, and syncs it.
fn prepare(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    // tempfile creates with mode 0600 and removes the file again if a later step fails.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(directory(path))?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    Ok(file)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

/// Reads a whole file.
///
/// # Errors
/// The file system's error, with the path in the message; `NotFound` keeps its kind.
pub fn read(path: &Path) -> io::Result<Secret> {
    let read = || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        // The buffer has its full size from the start: a growing one would leave copies of the secret in freed
        // memory.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)?;
        Ok(Secret::new(bytes))
    };
    read().map_err(|e: io::Error| named(path, &e))
}

/// Like [`read`], for a key of this program: a file that every user of the machine may read or change holds no
/// secret.
///
/// # Errors
/// The errors of [`read`]; `PermissionDenied` if users other than the owner and the group may access the file. The
/// message names the remedy.
pub fn read_key(path: &Path) -> io::Result<Secret> {
    match mode_if_shared(path)? {
        Some(mode) if mode & 0o007 != 0 => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "{0}: every user of this machine has access to this key (mode {mode:04o}): run `chmod 600 {0}`, and \
                 replace the key if somebody may have read it",
                path.display()
            ),
        )),
        _ => read(path),
    }
}

/// Returns the mode of a file if users other than its owner may access it.
///
/// # Errors
/// The file system's error, with the path in the message; `NotFound` keeps its kind.
pub fn mode_if_shared(path: &Path) -> io::Result<Option<u32>> {
    let metadata = fs::metadata(path).map_err(|e| named(path, &e))?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Changes a file to mode 0600.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn tighten(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|e| named(path, &e))
}

/// Removes the temporary files that killed writers have left in a directory. Files younger than `age` stay, because
/// another process may still write them.
///
/// # Errors
/// The error of reading the directory, with its path in the message.
pub fn remove_unfinished(dir: &Path, age: Duration) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(dir).map_err(|e| named(dir, &e))? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        // Times in the future count as young: the clock may have been set back.
        let is_old = |metadata: fs::Metadata| {
            metadata.is_file()
                && metadata.modified().is_ok_and(|at| now.duration_since(at).is_ok_and(|d| d >= age))
        };
        if is_ours && entry.metadata().is_ok_and(is_old) {
            fs::remove_file(entry.path()).map_err(|e| named(&entry.path(), &e))?;
        }
    }
    Ok(())
}

/// Checks that files can be created in a directory.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn check_writable(dir: &Path) -> io::Result<()> {
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir).map(drop).map_err(|e| named(dir, &e))
}

/// Creates a directory and its parents with mode 0700; an existing one stays as it is.
///
/// # Errors
/// The file system's error, with the path in the message.
pub fn create_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| named(path, &e))
}

fn named(path: &Path, e: &io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_may_read_what_was_written_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/token");
        create_dir(path.parent().unwrap()).unwrap();
        write(&path, b"first").unwrap();
        write(&path, b"second").unwrap();
        assert_eq!(read(&path).unwrap().expose(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_lock_is_its_owners_alone_also_where_an_earlier_version_made_it() {
        let dir = tempfile::tempdir().unwrap();
        for (name, before) in [("new", None), ("old", Some(0o644)), ("good", Some(0o600))] {
            let path = dir.path().join(name);
            if let Some(mode) = before {
                fs::write(&path, "12345").unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            open_lock(&path).unwrap().try_lock().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
            assert_eq!(fs::read(&path).unwrap().is_empty(), before.is_none(), "{name} keeps what it holds");
        }
    }

    #[test]
    fn a_file_is_locked_while_its_writer_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        fs::write(&path, "of another process").unwrap();
        let written = write_locked(&path, b"1").unwrap();
        assert_eq!(read(&path).unwrap().expose(), b"1");
        assert!(File::open(&path).unwrap().try_lock_shared().is_err());
        drop(written);
        File::open(&path).unwrap().try_lock_shared().unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn of_many_that_make_a_file_one_does_and_all_read_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let make = |i: u8| read_or_create(&path, || Ok(Secret::new(vec![i; 32]))).unwrap();
        let read: Vec<Secret> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|i| {
                    scope.spawn({
                        let make = &make;
                        move || make(i)
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let kept = super::read(&path).unwrap();
        assert!(read.iter().all(|secret| secret.expose() == kept.expose()));
        assert_eq!(create_new(&path, b"other").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(super::read(&path).unwrap().expose(), kept.expose());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_once_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".new-a1b2", ".new-", "kept", ".other"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        fs::create_dir(dir.path().join(".new-directory")).unwrap();
        let count = || fs::read_dir(dir.path()).unwrap().count();
        remove_unfinished(dir.path(), Duration::from_secs(3600)).unwrap();
        assert_eq!(count(), 5, "somebody may be writing them");
        remove_unfinished(dir.path(), Duration::ZERO).unwrap();
        assert_eq!(count(), 3);
        assert!(remove_unfinished(&dir.path().join("absent"), Duration::ZERO).is_err());
    }

    #[test]
    fn a_key_that_every_user_may_read_is_refused_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        write(&path, b"secret").unwrap();
        for (mode, is_loose, is_refused) in [
            (0o600, false, false),
            (0o400, false, false),
            (0o640, true, false),
            (0o644, true, true),
            (0o602, true, true),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(mode_if_shared(&path).unwrap(), is_loose.then_some(mode), "{mode:o}");
            match read_key(&path) {
                Ok(key) => assert!(!is_refused && key.expose() == b"secret", "{mode:o}"),
                Err(e) => {
                    assert!(is_refused, "{mode:o}: {e}");
                    assert_eq!(e.kind(), io::ErrorKind::PermissionDenied);
                    assert!(e.to_string().contains(&format!("chmod 600 {}", path.display())), "{e}");
                }
            }
        }
        tighten(&path).unwrap();
        assert_eq!(read_key(&path).unwrap().expose(), b"secret");
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(&dir.path().join("absent")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
