//! Checks of the data directory: who may use it, its files, its database, and the room for more.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::fs::statvfs;
use rustix::process::geteuid;
use tidegate_control_plane::backup::{DatabaseState, examine};
use tidegate_shared::private_file;
use x509_parser::prelude::{FromDer, Pem, X509Certificate};

use crate::control_plane::{AUTHORITY_FILE, TOKEN_FILE, has_been_started};

use super::finding::Findings;

/// The free space below which writes may fail soon, and the one below which they are in danger.
const LITTLE_SPACE: u64 = 1 << 30;
const NO_SPACE: u64 = 100 << 20;

/// The time before its end from which the authority is worth a warning, as in the log of the control plane: 180 days.
const AUTHORITY_SOON: i64 = 180 * 86_400;

/// The time in the future from which the clock must have been set back.
const TOLERANCE: Duration = Duration::from_secs(60);

/// Checks the directory.
pub(super) async fn check(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "data directory";
    let shown = directory.display();
    if has_been_started(directory).is_err() {
        let action = format!(
            "start one with `tidegate up --data-dir {shown}`, restore a backup into it, or give another --data-dir"
        );
        let found = format!("no control plane has been started in {shown}");
        return findings.warn(CHECK, found, action);
    }
    access(directory, findings);
    space(directory, findings);
    key_files(directory, findings);
    database(directory, findings).await;
    authority(directory, findings);
    clock(directory, findings);
}

fn access(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "data directory";
    let shown = directory.display();
    let metadata = match fs::metadata(directory) {
        Ok(metadata) => metadata,
        Err(e) => {
            return findings.problem(CHECK, format!("{shown}: {e}"), "run this as the user of Tidegate");
        }
    };
    let (owner, own) = (metadata.uid(), geteuid().as_raw());
    if owner != own && own != 0 {
        let found = format!("{shown} belongs to the user {owner}, and this is the user {own}");
        let action = format!("run Tidegate and this command as its owner, or `chown -R {own} {shown}`");
        findings.problem(CHECK, found, action);
    } else if let Err(e) = private_file::check_writable(directory) {
        findings.problem(
            CHECK,
            format!("it cannot be written: {e}"),
            "mount it writable, or correct its mode",
        );
    } else {
        let mode = metadata.permissions().mode() & 0o777;
        match mode & 0o077 {
            0 => findings.good(CHECK, format!("{shown} belongs to the user {owner} alone")),
            _ => findings.warn(
                CHECK,
                format!("other users may enter {shown} (mode {mode:04o})"),
                format!("chmod 700 {shown}"),
            ),
        }
    }
}

fn space(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "disk space";
    let Ok(file_system) = statvfs(directory) else { return };
    let free = file_system.f_bavail.saturating_mul(file_system.f_frsize);
    let found = format!("{} MiB are free", free >> 20);
    let action =
        "free space, or move the directory to a larger file system; writes are refused when it is full";
    if file_system.f_files > 0 && file_system.f_favail == 0 {
        findings.problem(CHECK, "the file system has no free inodes", action);
    } else if free < NO_SPACE {
        findings.problem(CHECK, found, action);
    } else if free < LITTLE_SPACE {
        findings.warn(CHECK, found, action);
    } else {
        findings.good(CHECK, found);
    }
}

fn key_files(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "key files";
    let mut all_good = true;
    for name in ["store.key", "ca.key", TOKEN_FILE] {
        let path = directory.join(name);
        let shown = path.display();
        match private_file::mode_if_shared(&path) {
            Ok(None) => continue,
            Ok(Some(mode)) if mode & 0o007 != 0 => findings.problem(
                CHECK,
                format!("every user has access to {shown} (mode {mode:04o})"),
                format!("chmod 600 {shown}, and replace it if somebody may have read it"),
            ),
            Ok(Some(mode)) => {
                let found = format!("the group has access to {shown} (mode {mode:04o})");
                findings.warn(CHECK, found, format!("chmod 600 {shown}"));
            }
            // A first start writes it; a database without its key is told below.
            Err(e) => findings.problem(CHECK, e.to_string(), "restore a backup of the directory"),
        }
        all_good = false;
    }
    if all_good {
        findings.good(CHECK, "only their owner has access");
    }
}

async fn database(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "database";
    match examine(directory).await {
        Ok(DatabaseState::Current(schema)) => findings.good(CHECK, format!("sound, schema {schema}")),
        Ok(DatabaseState::Older { schema, known }) => findings.warn(
            CHECK,
            format!("its schema is {schema}, and this version knows {known}"),
            "the next start migrates it; make a backup with the old version before",
        ),
        Ok(DatabaseState::Newer { schema, known }) => findings.problem(
            CHECK,
            format!("its schema is {schema}, and this version knows only {known}"),
            "use the newer version, or restore a backup that this version has made",
        ),
        Ok(DatabaseState::Other) => findings.problem(
            CHECK,
            "it has migrations that are not those of this version",
            "use the version that has made it, or restore a backup",
        ),
        Err(e) => findings.problem(CHECK, e.to_string(), "restore a backup"),
    }
}

fn authority(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "authority";
    let path = directory.join(AUTHORITY_FILE);
    let read = fs::read(&path);
    let certificates = read.as_deref().unwrap_or_default();
    let certificates: Vec<Pem> = Pem::iter_from_buffer(certificates).filter_map(Result::ok).collect();
    let parsed = certificates.first().and_then(|pem| X509Certificate::from_der(&pem.contents).ok());
    let Some((_, certificate)) = parsed else {
        let found = format!("{} holds no certificate", path.display());
        return findings.problem(CHECK, found, "remove it: the next start writes it again from ca.key");
    };
    let [begin, end] = [certificate.validity().not_before, certificate.validity().not_after]
        .map(|time| Timestamp::from_second(time.timestamp()).unwrap_or_default());
    let now = Timestamp::now();
    let date = end.strftime("%Y-%m-%d");
    let rotate =
        "run `tidegate authority rotate`, and finish when all workers have certificates of the next one";
    if begin > now {
        findings.problem(
            "clock",
            format!("it shows {now}, before the authority was made ({begin})"),
            "set the clock, for example with NTP: certificates are refused until then",
        );
    }
    match end.duration_since(now).as_secs() {
        ..0 => findings.problem(CHECK, format!("its certificate has ended on {date}"), rotate),
        0..AUTHORITY_SOON => findings.warn(CHECK, format!("its certificate ends on {date}"), rotate),
        _ if certificates.len() > 1 => findings.warn(
            CHECK,
            "a rotation has begun",
            "give the new ca.pem to the clients of the REST API, then run `tidegate authority rotate --finish`",
        ),
        _ => findings.good(CHECK, format!("valid until {date}")),
    }
}

/// Compares the clock with the times of files: one that was written in the future shows that the clock was set back.
fn clock(directory: &Path, findings: &mut Findings) {
    const CHECK: &str = "clock";
    let written =
        |name: &str| fs::metadata(directory.join(name)).and_then(|metadata| metadata.modified()).ok();
    let latest = ["tidegate.db", "tidegate.db-wal", AUTHORITY_FILE].into_iter().filter_map(written).max();
    let now = SystemTime::now();
    match latest.filter(|latest| *latest > now + TOLERANCE) {
        Some(latest) => {
            let ahead = latest.duration_since(now).unwrap_or_default().as_secs();
            let found = format!("files of the directory were written {ahead} s in the future");
            findings.warn(CHECK, found, "set the clock, for example with NTP; it was set back since");
        }
        None => findings.good(CHECK, format!("it shows {}", Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"))),
    }
}
