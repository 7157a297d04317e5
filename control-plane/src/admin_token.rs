//! The admin token: created once, and kept in a file that only its owner can read.

use std::io;
use std::path::{Path, PathBuf};

use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;

use crate::digest::{hex, random_secret, sha256_hex};

/// The token, kept as its hash, so that neither a log line nor the time of a comparison reveals it.
pub(crate) struct AdminToken(String);

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AdminToken(…)")
    }
}

impl AdminToken {
    /// Reads `admin-token` from the data directory, or creates it at the first start.
    ///
    /// # Errors
    /// If the file cannot be read or written, or is empty: an empty token would admit everyone.
    pub(crate) fn load_or_create(data_dir: &Path) -> io::Result<AdminToken> {
        let path = AdminToken::file(data_dir);
        let text =
            private_file::read_or_create(&path, || Ok(Secret::new(hex(&random_secret()).into_bytes())))?;
        let text = text.expose().trim_ascii();
        if text.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is empty", path.display())));
        }
        Ok(AdminToken(sha256_hex(text)))
    }

    /// The file in the data directory.
    pub(crate) fn file(data_dir: &Path) -> PathBuf {
        data_dir.join("admin-token")
    }

    /// Returns whether this is the token.
    pub(crate) fn is(&self, token: &[u8]) -> bool {
        sha256_hex(token) == self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn it_is_made_once_kept_private_and_needed_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin-token");
        let token = AdminToken::load_or_create(dir.path()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 64);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(AdminToken::load_or_create(dir.path()).unwrap().0, token.0);
        assert!(token.is(text.as_bytes()));
        for bad in ["", &text[1..], &format!("{text} ")] {
            assert!(!token.is(bad.as_bytes()), "{bad}");
        }
        std::fs::write(&path, "\n").unwrap();
        AdminToken::load_or_create(dir.path()).unwrap_err();
    }
}
