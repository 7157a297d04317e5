//! Files that only their owner may read, and that are whole or absent, whatever moment the machine stops at.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::secret::Secret;

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

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    let write = || {
        // tempfile creates with mode 0600 and removes the file again if a later step fails.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        File::open(dir)?.sync_all()
    };
    write().map_err(|e| named(path, &e))
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
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(&dir.path().join("absent")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("absent"), "{error}");
    }
}
