//! The credentials for one vault, from a file that the operator provides. It is read for each use, so that credentials can
//! be replaced without a restart.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;
use tidegate_shared::private_file;
use zeroize::Zeroizing;

/// The credentials for a vault.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Credentials {
    /// The application that may read secrets of a Key Vault, and its secret.
    pub(super) client_id: Option<String>,
    pub(super) client_secret: Option<Zeroizing<String>>,
    /// The URL of the authority that grants tokens of a Key Vault. By default the vault names it.
    pub(super) authority: Option<String>,
    /// A token of OpenBao or Vault.
    pub(super) token: Option<Zeroizing<String>>,
    /// A role of OpenBao or Vault, and its secret.
    pub(super) role_id: Option<String>,
    pub(super) secret_id: Option<Zeroizing<String>>,
    /// The path at which the auth method AppRole is mounted. `approle` if absent.
    pub(super) role_mount: Option<String>,
    /// The namespace of OpenBao or Vault.
    pub(super) namespace: Option<String>,
    /// A PEM file with the authorities of the vault's certificate, in place of those of the system.
    pub(super) ca_certificate: Option<PathBuf>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

/// The reason why a file holds no credentials. It repeats no content.
#[derive(Debug, Error)]
pub(super) enum CredentialsError {
    #[error("there is no such file")]
    Absent,
    #[error(transparent)]
    File(io::Error),
    #[error("it is not JSON with the known properties, at line {0}, column {1}")]
    Json(usize, usize),
    #[error(
        "it must have either 'clientId' and 'clientSecret' (Key Vault), or 'token', or 'roleId' and 'secretId' (OpenBao)"
    )]
    Kind,
}

/// Returns the name of the file for a vault.
pub(super) fn file_name(host: &str) -> String {
    format!("{host}.json")
}

impl Credentials {
    /// Reads a file, which users other than its owner and its group must not be able to read.
    ///
    /// # Errors
    /// The reason why it holds no credentials.
    pub(super) fn read(path: &Path) -> Result<Credentials, CredentialsError> {
        let bytes = private_file::read_key(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => CredentialsError::Absent,
            _ => CredentialsError::File(error),
        })?;
        let read: Credentials = serde_json::from_slice(bytes.expose())
            .map_err(|error| CredentialsError::Json(error.line(), error.column()))?;
        let client = read.client_id.is_some() && read.client_secret.is_some();
        let role = read.role_id.is_some() && read.secret_id.is_some();
        let kinds = [client, read.token.is_some(), role].into_iter().filter(|is_given| *is_given).count();
        if kinds == 1 { Ok(read) } else { Err(CredentialsError::Kind) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_has_one_kind_of_credentials_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v.test:8200.json");
        assert!(matches!(Credentials::read(&path), Err(CredentialsError::Absent)));
        for (text, is_good) in [
            (r#"{"clientId": "a", "clientSecret": "hidden"}"#, true),
            (r#"{"clientId": "a", "clientSecret": "hidden", "authority": "https://a/t"}"#, true),
            (r#"{"token": "hidden", "namespace": "team"}"#, true),
            (r#"{"roleId": "a", "secretId": "hidden"}"#, true),
            (r#"{"clientId": "a"}"#, false),
            (r#"{"token": "hidden", "roleId": "a", "secretId": "hidden"}"#, false),
            (r#"{"tokn": "hidden"}"#, false),
            (r#"{"token": ["hidden"]}"#, false),
            ("hidden", false),
        ] {
            private_file::write(&path, text.as_bytes()).unwrap();
            let read = Credentials::read(&path);
            assert_eq!(read.is_ok(), is_good, "{text}");
            let shown = match read {
                Ok(read) => format!("{read:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!shown.contains("hidden"), "{shown}");
        }
        private_file::write(&path, br#"{"token": "hidden"}"#).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Credentials::read(&path).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }
}
