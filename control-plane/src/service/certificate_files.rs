//! Certificates in files of the control plane's machine, below a directory that the operator has named.
//!
//! Authors of gateways choose the paths, so nothing outside of that directory is opened, whatever symbolic links say, and only
//! regular files of bounded size are. No message contains any part of a file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;

use crate::arm::certificate::FetchFault;
use crate::arm::document::FileReference;

/// The maximum size of a file, in bytes.
const MAX_SIZE: u64 = 64 * 1024;

/// The versions of the files of a certificate: inode, time of change and size, if they exist.
pub(super) type Stamp = [Option<(u64, i64, i64, u64)>; 2];

/// Reads certificates from files.
#[derive(Clone, Debug)]
pub(super) struct CertificateFiles(Option<Arc<Path>>);

impl CertificateFiles {
    /// Reads below that directory; nothing without one.
    pub(super) fn new(directory: Option<PathBuf>) -> CertificateFiles {
        CertificateFiles(directory.map(Into::into))
    }

    /// Reads a chain and its key, as one PEM text.
    ///
    /// # Errors
    /// [`FetchFault::Unreachable`], because what was read before stays good.
    pub(super) fn read(&self, reference: &FileReference) -> Result<Secret, FetchFault> {
        let FileReference { certificate, key } = reference;
        let text = self.read_one(certificate, false);
        let text = text.and_then(|mut text| {
            if key != certificate {
                text.push(b'\n');
                text.extend_from_slice(self.read_one(key, true)?.as_slice());
            }
            Ok(Secret::new(text))
        });
        text.map_err(FetchFault::Unreachable)
    }

    /// Returns the versions of the files, by which a change is noticed.
    pub(super) fn stamp(&self, reference: &FileReference) -> Stamp {
        [&reference.certificate, &reference.key].map(|path| {
            let metadata = fs::metadata(self.0.as_ref()?.join(path)).ok()?;
            Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.size()))
        })
    }

    fn read_one(&self, path: &str, is_key: bool) -> Result<Vec<u8>, String> {
        let Some(directory) = &self.0 else {
            return Err(format!(
                "the file '{path}' is not read: start the control plane with --certificate-files DIR, and name files below \
                 that directory"
            ));
        };
        let outside =
            || format!("'{path}' is not the path of a file below the directory of --certificate-files");
        let failed = |error: io::Error| format!("the file '{path}' cannot be read ({})", error.kind());
        let is_inside =
            |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.contains('\0') || !is_inside(path) {
            return Err(outside());
        }
        let root = directory.canonicalize().map_err(|error| {
            tracing::error!(directory = %directory.display(), %error, "the directory of --certificate-files cannot be used");
            format!("the directory of --certificate-files cannot be read ({})", error.kind())
        })?;
        let file = root.join(path).canonicalize().map_err(failed)?;
        if !file.starts_with(&root) {
            return Err(outside());
        }
        let metadata = fs::metadata(&file).map_err(failed)?;
        if !metadata.is_file() || metadata.size() > MAX_SIZE {
            return Err(format!("'{path}' is no regular file of at most {MAX_SIZE} bytes"));
        }
        let mode = private_file::mode_if_shared(&file).map_err(failed)?;
        if let Some(mode) = mode.filter(|mode| is_key && mode & 0o007 != 0) {
            return Err(format!(
                "every user of the machine has access to the key '{path}' (mode {mode:04o})"
            ));
        }
        fs::read(&file).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn nothing_outside_of_the_directory_is_read() {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("files");
        fs::create_dir_all(root.join("live")).unwrap();
        fs::write(outer.path().join("secret"), "outside").unwrap();
        fs::write(root.join("chain.pem"), "chain").unwrap();
        fs::write(root.join("key.pem"), "key").unwrap();
        fs::write(root.join("large"), vec![b'x'; 70_000]).unwrap();
        fs::set_permissions(root.join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
        symlink("../chain.pem", root.join("live/chain.pem")).unwrap();
        symlink("../secret", root.join("escape")).unwrap();
        let files = CertificateFiles::new(Some(root.clone()));
        let read = |certificate: &str, key: &str| {
            let reference = FileReference { certificate: certificate.to_owned(), key: key.to_owned() };
            files.read(&reference).map(|text| String::from_utf8(text.expose().to_vec()).unwrap())
        };
        assert_eq!(read("chain.pem", "key.pem").unwrap(), "chain\nkey");
        assert_eq!(read("live/chain.pem", "live/chain.pem").unwrap(), "chain");
        for (path, part) in [
            ("escape", "is not the path of a file below"),
            ("../secret", "is not the path of a file below"),
            ("/etc/passwd", "is not the path of a file below"),
            ("", "is not the path of a file below"),
            ("absent", "cannot be read"),
            ("live", "no regular file"),
            ("large", "no regular file"),
        ] {
            let fault = read("chain.pem", path).unwrap_err();
            assert!(fault.reason().contains(part), "{path}: {}", fault.reason());
            assert!(read(path, "key.pem").is_err(), "{path}");
        }
        fs::set_permissions(root.join("key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read("chain.pem", "key.pem").unwrap_err().reason().contains("mode 0644"));
        let none = CertificateFiles::new(None);
        let reference = FileReference { certificate: "chain.pem".to_owned(), key: "key.pem".to_owned() };
        assert!(none.read(&reference).unwrap_err().reason().contains("--certificate-files"));
    }
}
