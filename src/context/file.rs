//! The file of contexts. It has secrets: it is written for its user only, and refused if others can read it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;

use crate::outcome::{Exit, Failure};

use super::LOCAL;

/// The content of the file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ContextFile {
    /// The context that is used without `--context`; `local` or absent for that of the data directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// The contexts by their names.
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, StoredContext>,
}

/// A context as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct StoredContext {
    /// The URL of the control plane.
    pub(crate) url: String,
    /// The authority of its certificate, PEM; that of the system if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) authority: Option<String>,
    /// The credentials.
    pub(crate) credential: StoredCredential,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subscription: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resource_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<String>,
}

/// Credentials as they are stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum StoredCredential {
    /// For a control plane without authentication.
    None,
    /// A bearer token.
    Token(Secret),
    /// An API client.
    Client { id: String, secret: Secret, tenant: String },
}

impl ContextFile {
    /// Returns the path: `tidegate/contexts.json` in `$XDG_CONFIG_HOME`, or in `~/.config`.
    ///
    /// # Errors
    /// There is no home directory.
    pub(crate) fn path() -> Result<PathBuf, Failure> {
        let directory = xdg("XDG_CONFIG_HOME", ".config");
        let directory = directory.ok_or_else(|| {
            Failure::new(Exit::Failed, "contexts have no place: set the variable HOME or XDG_CONFIG_HOME")
        })?;
        Ok(directory.join("contexts.json"))
    }

    /// Reads the file; without one there are no contexts.
    ///
    /// # Errors
    /// Others can read the file, or its content is not that of a file of contexts.
    pub(crate) fn load() -> Result<ContextFile, Failure> {
        ContextFile::load_from(&ContextFile::path()?)
    }

    fn load_from(path: &Path) -> Result<ContextFile, Failure> {
        match private_file::mode_if_shared(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(ContextFile::default()),
            Err(e) => return Err(Failure::new(Exit::Failed, e.to_string())),
            Ok(Some(mode)) => {
                let path = path.display();
                let message = format!(
                    "{path} has secrets, and other users can access it (mode {mode:04o}): run `chmod 600 {path}`, and \
                     replace the secrets if somebody may have read them"
                );
                return Err(Failure::new(Exit::Refused, message));
            }
            Ok(None) => {}
        }
        let content = private_file::read(path).map_err(|e| Failure::new(Exit::Failed, e.to_string()))?;
        serde_json::from_slice(content.expose())
            .map_err(|e| Failure::new(Exit::Failed, format!("{} cannot be read: {e}", path.display())))
    }

    /// Writes the file.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.save_to(&ContextFile::path()?)
    }

    fn save_to(&self, path: &Path) -> Result<(), Failure> {
        let write = || {
            private_file::create_dir(path.parent().unwrap_or(Path::new(".")))?;
            private_file::write(path, &serde_json::to_vec_pretty(self)?)
        };
        write().map_err(|e: std::io::Error| Failure::new(Exit::Failed, e.to_string()))
    }

    /// Returns a context.
    ///
    /// # Errors
    /// There is none of this name.
    pub(crate) fn get(&self, name: &str) -> Result<&StoredContext, Failure> {
        self.contexts.get(name).ok_or_else(|| self.unknown(name))
    }

    /// The error for a name that no context has.
    pub(crate) fn unknown(&self, name: &str) -> Failure {
        let names: Vec<&str> = self.contexts.keys().map(String::as_str).chain([LOCAL]).collect();
        let message = format!("there is no context `{name}`; there are: {}", names.join(", "));
        Failure::new(Exit::NotFound, message)
    }
}

/// Returns the file that keeps the token of a context between commands; none without a home directory.
pub(super) fn token_cache(context: &str) -> Option<PathBuf> {
    // A name is any text, and a file name is not.
    let name: String = context.bytes().map(|byte| format!("{byte:02x}")).collect();
    Some(xdg("XDG_CACHE_HOME", ".cache")?.join(format!("token-{name}.json")))
}

/// Forgets the token of a context.
pub(crate) fn forget_token(context: &str) {
    if let Some(file) = token_cache(context) {
        // A file that cannot be removed holds a token that ends within half an hour.
        let _ = std::fs::remove_file(file);
    }
}

/// Returns the directory of this program below a base directory of the XDG specification, which ignores relative
/// paths.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("tidegate"))
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn stored() -> ContextFile {
        let credential = StoredCredential::Client {
            id: "a".into(),
            secret: Secret::new(b"hunter2".to_vec()),
            tenant: "t".into(),
        };
        let context = StoredContext {
            url: "https://a:1".into(),
            authority: None,
            credential,
            subscription: None,
            resource_group: Some("g".into()),
            gateway: None,
        };
        ContextFile { current: Some("a".into()), contexts: BTreeMap::from([("a".into(), context)]) }
    }

    #[test]
    fn a_file_survives_a_round_trip_for_its_user_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/contexts.json");
        assert!(ContextFile::load_from(&path).unwrap().contexts.is_empty());
        stored().save_to(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let loaded = ContextFile::load_from(&path).unwrap();
        assert_eq!(loaded.current.as_deref(), Some("a"));
        let context = loaded.get("a").unwrap();
        assert_eq!(context.resource_group.as_deref(), Some("g"));
        assert!(
            matches!(&context.credential, StoredCredential::Client { secret, .. } if secret.expose() == b"hunter2")
        );
        assert!(!format!("{loaded:?}").contains("hunter2"));
        assert_eq!(loaded.get("b").unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("contexts.json");
        stored().save_to(&path).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = ContextFile::load_from(&path).unwrap_err();
            assert!(refused.message.contains("chmod 600"), "{refused}");
            assert_eq!(refused.exit, Exit::Refused);
        }
    }
}
