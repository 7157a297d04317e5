//! Files that only their owner may read, and that are whole or absent, whatever moment the machine stops at.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::secret::Secret;

/// How the name begins of a file that is being written.
const UNFINISHED: &str = ".new-";

/// Writes `path` with mode 0600: into a temporary file beside it, synced, then moved into place.
///
/// # Errors
/// What the file system says, with the path in the message.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o600)
}

/// As [`write`], but readable by all: for what is handed out, such as a CA certificate.
///
/// # Errors
/// What the file system says, with the path in the message.
pub fn write_public(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, 0o644)
}

/// As [`write`], but a file that is there already stays: for keys, which nobody may replace by accident.
///
/// # Errors
/// `AlreadyExists`; what else the file system says, with the path in the message.
pub fn create_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let create = || {
        prepare(path, bytes, 0o600)?.persist_noclobber(path)?;
        File::open(directory(path))?.sync_all()
    };
    create().map_err(|e: io::Error| named(path, &e))
}

/// Reads a key, or makes it with mode 0600. Of several processes that make it at once, one does and all read what
/// that one wrote.
///
/// # Errors
/// What `make` and the file system say, with the path in the message.
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

/// Opens a lock file to write, made with mode 0600 if it is not there. One that an earlier version left readable for
/// others is given that mode: whoever may open a lock may hold it, and so keep its owner from starting.
///
/// # Errors
/// What the file system says. A file whose mode cannot be changed, because another user owns it, is opened all the same.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        let _ = file.set_permissions(fs::Permissions::from_mode(0o600));
    }
    Ok(file)
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let write = || {
        prepare(path, bytes, mode)?.persist(path)?;
        File::open(directory(path))?.sync_all()
    };
    write().map_err(|e: io::Error| named(path, &e))
}

/// The bytes in a temporary file beside `path`, synced.
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
/// What the file system says, with the path in the message; `NotFound` keeps its kind.
pub fn read(path: &Path) -> io::Result<Secret> {
    let read = || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        // Sized at once: a growing buffer would leave copies of the secret in freed memory.
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
        file.read_to_end(&mut bytes)?;
        Ok(Secret::new(bytes))
    };
    read().map_err(|e: io::Error| named(path, &e))
}

/// As [`read`], for a key of our own: one that every user of the machine may read or change is no secret.
///
/// # Errors
/// As [`read`]; `PermissionDenied` where others than the owner and the group have a right to the file, with what to do.
pub fn read_key(path: &Path) -> io::Result<Secret> {
    match loose_mode(path)? {
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

/// The mode of a file to which others than its owner have a right.
///
/// # Errors
/// What the file system says, with the path in the message; `NotFound` keeps its kind.
pub fn loose_mode(path: &Path) -> io::Result<Option<u32>> {
    let metadata = fs::metadata(path).map_err(|e| named(path, &e))?;
    let mode = metadata.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Takes every right to a file from others than its owner.
///
/// # Errors
/// What the file system says, with the path in the message.
pub fn tighten(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|e| named(path, &e))
}

/// Removes from a directory what writers that were killed left unfinished there. Files younger than `age` stay: another
/// process may be writing them.
///
/// # Errors
/// What the file system says of the directory, with its path in the message.
pub fn remove_unfinished(dir: &Path, age: Duration) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(dir).map_err(|e| named(dir, &e))? {
        let entry = entry?;
        let is_ours = entry.file_name().to_string_lossy().starts_with(UNFINISHED);
        // Times in the future, after the clock was set back, count as young.
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

/// Whether files can be made in a directory.
///
/// # Errors
/// Why not, with the path in the message.
pub fn check_writable(dir: &Path) -> io::Result<()> {
    tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir).map(drop).map_err(|e| named(dir, &e))
}

/// Makes a directory (and those above it) that only its owner may enter; one that exists is left as it is.
///
/// # Errors
/// What the file system says, with the path in the message.
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
            assert_eq!(loose_mode(&path).unwrap(), is_loose.then_some(mode), "{mode:o}");
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
