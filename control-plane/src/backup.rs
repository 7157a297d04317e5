//! A backup of a data directory in one file, and its restore.
//!
//! The file is a tar archive with a description, the database, its key, the authorities and the administrator's token. The
//! database is copied by its engine, so a control plane may run meanwhile. No worker's directory is copied: two workers
//! with one identity would take each other's place. A restore writes into an empty directory only, and nothing is left
//! there if it fails.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tidegate_shared::private_file;

use crate::clock::Millis;
use crate::data_dir;
use crate::pki::Authorities;
use crate::start_error::StartError;
use crate::store::{SchemaState, Store, StoreError, copy_database, known_schema, schema_of};

/// The name of the description in the archive.
const DESCRIPTION: &str = "backup.json";

/// The name of the database in the archive and in the directory.
const DATABASE: &str = "tidegate.db";

/// The other files: the name, whether it must exist, and whether it is secret.
const FILES: [(&str, bool, bool); 5] = [
    ("store.key", true, true),
    ("ca.pem", true, false),
    ("ca.key", true, true),
    ("ca-next.key", false, true),
    ("admin-token", true, true),
];

/// The format of the archive that this version writes and reads.
const FORMAT: u32 = 1;

/// The largest file of the archive beside the database, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// The description of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    format: u32,
    /// The version of Tidegate that has made it.
    pub version: String,
    /// The number of the newest migration of its database.
    pub schema: i64,
    /// The time at which it was made.
    pub created_at: String,
}

/// The reason why a backup cannot be made or restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The directory cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file of a backup exists already.
    #[error("{} exists already; give another name, or move it away", .0.display())]
    Exists(PathBuf),
    /// The directory of a restore has files.
    #[error("{} is not empty; move it away, or give another --data-dir", .0.display())]
    NotEmpty(PathBuf),
    /// The file is not a backup.
    #[error("{} is not a backup of `tidegate backup`: {why}", .file.display())]
    NotABackup {
        /// The file.
        file: PathBuf,
        /// The reason.
        why: String,
    },
    /// The backup is of a newer version.
    #[error(
        "{} was made by Tidegate {version}, whose database has the schema {schema}; this is Tidegate {}, which knows the \
         schemas up to {known}: restore it with the newer version",
        .file.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// The version that has made it.
        version: String,
        /// The schema of its database.
        schema: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
}

impl From<StoreError> for BackupError {
    fn from(error: StoreError) -> BackupError {
        BackupError::Start(error.into())
    }
}

/// Writes a backup of a data directory to a new file of mode 0600. The control plane may be running.
///
/// # Errors
/// The file exists, the directory belongs to another version, or a file cannot be read or written.
pub async fn backup(data_dir: &Path, file: &Path) -> Result<Backup, BackupError> {
    if fs::exists(file)? {
        return Err(BackupError::Exists(file.to_owned()));
    }
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let work = tempfile::Builder::new().prefix(".tidegate-backup-").tempdir_in(parent);
    let work = work.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", parent.display())))?;
    // The files of the authority must not change between those that are copied.
    let _lock = data_dir::lock(data_dir).await?;
    let copy = work.path().join(DATABASE);
    copy_database(data_dir, &copy).await?;
    let description = Backup {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: known_schema(),
        created_at: Millis::now().to_string(),
    };
    let archive = work.path().join("archive");
    write_archive(data_dir, &copy, &description, &archive)?;
    // Unlike a rename, a link never replaces a file.
    fs::hard_link(&archive, file).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(file.to_owned()),
        _ => io::Error::new(e.kind(), format!("{}: {e}", file.display())).into(),
    })?;
    File::open(parent)?.sync_all()?;
    Ok(description)
}

fn write_archive(data_dir: &Path, database: &Path, description: &Backup, archive: &Path) -> io::Result<()> {
    let mut tar =
        tar::Builder::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(archive)?);
    let description = serde_json::to_vec_pretty(description)?;
    tar.append_data(&mut header(description.len() as u64, true), DESCRIPTION, description.as_slice())?;
    for (name, is_needed, is_secret) in FILES {
        let bytes = match private_file::read(&data_dir.join(name)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && !is_needed => continue,
            bytes => bytes?,
        };
        let bytes = bytes.expose();
        tar.append_data(&mut header(bytes.len() as u64, is_secret), name, bytes)?;
    }
    let database = File::open(database)?;
    tar.append_data(&mut header(database.metadata()?.len(), true), DATABASE, database)?;
    tar.into_inner()?.sync_all()
}

fn header(size: u64, is_secret: bool) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(if is_secret { 0o600 } else { 0o644 });
    header.set_mtime(u64::try_from(Millis::now().0 / 1000).unwrap_or(0));
    header
}

/// Restores a backup into an empty or new directory. A control plane that starts on it migrates an older database.
///
/// # Errors
/// The directory has files, the file is not a backup, or belongs to a newer version; nothing is left then.
pub async fn restore(file: &Path, data_dir: &Path) -> Result<Backup, BackupError> {
    private_file::create_dir(data_dir)?;
    if fs::read_dir(data_dir)?.next().is_some() {
        return Err(BackupError::NotEmpty(data_dir.to_owned()));
    }
    // In the directory itself, so that the last step is a rename within one file system.
    let work = tempfile::Builder::new().prefix(".tidegate-restore-").tempdir_in(data_dir)?;
    let description = unpack(file, work.path())?;
    let newer = |schema| BackupError::Newer {
        file: file.to_owned(),
        version: description.version.clone(),
        schema,
        known: known_schema(),
    };
    if description.schema > known_schema() {
        return Err(newer(description.schema));
    }
    let refused = |why: String| BackupError::NotABackup { file: file.to_owned(), why };
    match schema_of(&work.path().join(DATABASE)).await? {
        SchemaState::Current => Store::open_current(work.path()).await?.close().await,
        // What an older version has sealed is checked at the start, after the migration.
        SchemaState::Older(_) => {}
        SchemaState::Newer(schema) => return Err(newer(schema)),
        SchemaState::Other => return Err(refused("its database has unknown migrations".to_owned())),
    }
    Authorities::load_or_create(work.path(), Millis::now()).map_err(|e| refused(e.to_string()))?;
    for name in FILES.iter().map(|(name, ..)| *name).chain([DATABASE]) {
        let unpacked = work.path().join(name);
        if fs::exists(&unpacked)? {
            fs::rename(unpacked, data_dir.join(name))?;
        }
    }
    File::open(data_dir)?.sync_all()?;
    Ok(description)
}

/// The state of a database, as this version sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseState {
    /// Its schema is that of this version.
    Current(i64),
    /// A start of this version migrates it.
    Older {
        /// The schema that it has.
        schema: i64,
        /// The schema of this version.
        known: i64,
    },
    /// A newer version has made or migrated it.
    Newer {
        /// The schema that it has.
        schema: i64,
        /// The schema of this version.
        known: i64,
    },
    /// Its migrations are neither of this version nor of one before or after it.
    Other,
}

/// Examines the database of a data directory, and changes nothing. A control plane may be running.
///
/// # Errors
/// The database cannot be read, is damaged, or has another key.
pub async fn examine(data_dir: &Path) -> Result<DatabaseState, BackupError> {
    let known = known_schema();
    match schema_of(&data_dir.join(DATABASE)).await? {
        SchemaState::Current => {
            Store::open_current(data_dir).await?.close().await;
            Ok(DatabaseState::Current(known))
        }
        SchemaState::Older(schema) => Ok(DatabaseState::Older { schema, known }),
        SchemaState::Newer(schema) => Ok(DatabaseState::Newer { schema, known }),
        SchemaState::Other => Ok(DatabaseState::Other),
    }
}

/// Unpacks the files of a backup, and returns its description.
fn unpack(file: &Path, to: &Path) -> Result<Backup, BackupError> {
    let refused = |why: String| BackupError::NotABackup { file: file.to_owned(), why };
    let opened =
        File::open(file).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", file.display())))?;
    let mut archive = tar::Archive::new(opened);
    let mut description = None;
    let mut found = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry.map_err(|e| refused(e.to_string()))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if name == DESCRIPTION {
            let bytes = content(&mut entry).map_err(|e| refused(e.to_string()))?;
            let read: Backup = serde_json::from_slice(&bytes).map_err(|e| refused(format!("{name}: {e}")))?;
            if read.format != FORMAT {
                let why = format!("its format is {}, and this version reads {FORMAT}", read.format);
                return Err(refused(why));
            }
            description = Some(read);
            continue;
        }
        let is_known = name == DATABASE || FILES.iter().any(|(known, ..)| *known == name);
        if !is_known || !entry.header().entry_type().is_file() || found.contains(&name) {
            return Err(refused(format!("it contains `{name}`")));
        }
        let is_public = FILES.iter().any(|(known, _, is_secret)| *known == name && !is_secret);
        let mode = if is_public { 0o644 } else { 0o600 };
        let mut out = OpenOptions::new().write(true).create_new(true).mode(mode).open(to.join(&name))?;
        if is_public {
            // The umask takes it from others otherwise.
            out.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        }
        let copied = io::copy(&mut entry, &mut out);
        copied.map_err(|e| refused(format!("{name}: {e}")))?;
        out.flush()?;
        out.sync_all()?;
        found.push(name);
    }
    let needed = FILES.iter().filter(|(_, is_needed, _)| *is_needed).map(|(name, ..)| *name);
    if let Some(missing) = needed.chain([DATABASE]).find(|name| !found.iter().any(|other| other == name)) {
        return Err(refused(format!("it has no {missing}")));
    }
    description.ok_or_else(|| refused(format!("it has no {DESCRIPTION}")))
}

fn content(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(MAX_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::data_dir::DataDir;
    use crate::store::Schema;

    async fn started() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        DataDir::open(&data_dir, Schema::Migrate).await.unwrap().store.close().await;
        (dir, data_dir)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn what_was_backed_up_is_restored_into_an_empty_directory_only() {
        let (dir, data_dir) = started().await;
        fs::create_dir_all(data_dir.join("workers/1")).unwrap();
        let file = dir.path().join("backup.tar");
        let made = backup(&data_dir, &file).await.unwrap();
        assert_eq!((made.schema, mode(&file)), (known_schema(), 0o600));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside the file");
        assert!(matches!(backup(&data_dir, &file).await, Err(BackupError::Exists(_))));

        let to = dir.path().join("restored");
        assert_eq!(restore(&file, &to).await.unwrap(), made);
        for (name, is_needed, is_secret) in FILES.into_iter().filter(|(_, is_needed, _)| *is_needed) {
            assert_eq!(
                fs::read(to.join(name)).unwrap(),
                fs::read(data_dir.join(name)).unwrap(),
                "{is_needed}"
            );
            assert_eq!(mode(&to.join(name)), if is_secret { 0o600 } else { 0o644 }, "{name}");
        }
        assert!(!to.join("workers").exists());
        DataDir::open(&to, Schema::Current).await.unwrap().store.close().await;
        assert!(matches!(restore(&file, &to).await, Err(BackupError::NotEmpty(_))));
    }

    #[tokio::test]
    async fn what_is_no_backup_leaves_nothing() {
        let (dir, data_dir) = started().await;
        let file = dir.path().join("backup.tar");
        let made = backup(&data_dir, &file).await.unwrap();
        let described = |name: &str, description: &Backup| {
            let path = dir.path().join(name);
            write_archive(&data_dir, &data_dir.join(DATABASE), description, &path).unwrap();
            path
        };
        let with_only = |name: &str, entry: &str| {
            let path = dir.path().join(name);
            let mut tar = tar::Builder::new(File::create(&path).unwrap());
            tar.append_data(&mut header(1, true), entry, &b"x"[..]).unwrap();
            tar.finish().unwrap();
            path
        };
        let cases = [
            (described("newer", &Backup { schema: made.schema + 1, ..made.clone() }), "the newer version"),
            (described("format", &Backup { format: 2, ..made.clone() }), "its format is 2"),
            (with_only("further", "workers/1/worker.key"), "it contains `workers/1/worker.key`"),
            (with_only("missing", "ca.pem"), "it has no store.key"),
            (data_dir.join("ca.pem"), "is not a backup"),
            (dir.path().join("absent"), "absent"),
        ];
        for (number, (file, expected)) in cases.into_iter().enumerate() {
            let to = dir.path().join(format!("restored-{number}"));
            let message = restore(&file, &to).await.unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!(fs::read_dir(&to).unwrap().count(), 0, "{message}");
        }
    }

    #[tokio::test]
    async fn a_key_of_another_database_is_refused() {
        let (dir, data_dir) = started().await;
        let (_other, other_dir) = started().await;
        let store = DataDir::open(&data_dir, Schema::Current).await.unwrap().store;
        crate::clients::issuer(&store).await.unwrap();
        store.close().await;
        fs::copy(other_dir.join("store.key"), data_dir.join("store.key")).unwrap();
        let description =
            Backup { format: FORMAT, version: "0".into(), schema: known_schema(), created_at: String::new() };
        let file = dir.path().join("wrong.tar");
        write_archive(&data_dir, &data_dir.join(DATABASE), &description, &file).unwrap();
        let to = dir.path().join("restored");
        let message = restore(&file, &to).await.unwrap_err().to_string();
        assert!(message.contains("store.key is not the key"), "{message}");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
    }
}
