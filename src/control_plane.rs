//! A control plane in this process: its claim on the data directory, and the file that says where it listens.

use std::error::Error;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tidegate_control_plane::{Addresses, Config, ControlPlane, Tokens};
use tidegate_shared::private_file;
use tracing::{info, warn};

use crate::Outcome;
use crate::cli::{ControlPlaneOptions, TokenOptions};
use crate::stop::Stop;

/// How old an unfinished file in the data directory must be before nobody can be writing it any more.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);

/// Says where the running control plane listens. It is there exactly as long as one does, unless that was killed.
const ENDPOINTS_FILE: &str = "endpoints.json";

/// Locked by the one control plane that owns the data directory.
const LOCK_FILE: &str = "lock";

/// Made by the control plane at its first start.
pub(crate) const TOKEN_FILE: &str = "admin-token";

/// Made by the control plane at its first start.
pub(crate) const AUTHORITY_FILE: &str = "ca.pem";

/// What is there once a control plane was started in a data directory.
const STARTED: [&str; 2] = [AUTHORITY_FILE, "tidegate.db"];

/// A running control plane and its data directory.
#[derive(Debug)]
pub(crate) struct LocalControlPlane {
    inner: ControlPlane,
    endpoints: PathBuf,
    // Held for as long as the store is open.
    _lock: File,
}

impl LocalControlPlane {
    /// Claims the data directory, starts, and says where.
    ///
    /// # Errors
    /// The directory belongs to another control plane or cannot be written, or the control plane cannot start.
    pub(crate) async fn start(options: &ControlPlaneOptions) -> Result<LocalControlPlane, Box<dyn Error>> {
        let data_dir = &options.data_dir;
        private_file::create_dir(data_dir)?;
        let lock = claim(data_dir)?;
        if let Err(error) = private_file::remove_unfinished(data_dir, UNFINISHED_AGE) {
            warn!("what an earlier process left unfinished cannot be removed: {error}");
        }
        let endpoints = data_dir.join(ENDPOINTS_FILE);
        remove(&endpoints)?;
        let inner = ControlPlane::start(Config {
            data_dir: data_dir.clone(),
            management: options.management,
            management_tls: options.management_tls,
            management_certificate: options.management_cert.clone().zip(options.management_key.clone()),
            certificate_lifetime: options.certificate_lifetime,
            channel: options.channel,
            strict_resource_groups: options.strict_resource_groups,
            limits: options.limit.iter().copied().collect(),
            max_body: usize::try_from(options.max_body).unwrap_or(usize::MAX),
            rollout_timeout: options.rollout_timeout,
            trusted_proxies: options.trusted_proxies.iter().copied().collect(),
            fetch_deny: options.fetch_deny.clone(),
            no_auth: options.no_auth,
        })
        .await?;
        announce(&endpoints, inner.addresses(), data_dir)?;
        Ok(LocalControlPlane { inner, endpoints, _lock: lock })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> Addresses {
        self.inner.addresses()
    }

    /// What makes join tokens for new workers.
    pub(crate) fn tokens(&self) -> Tokens {
        self.inner.tokens()
    }

    /// Ends it and gives up the data directory: running requests are finished, unless the stop is hurried.
    ///
    /// # Errors
    /// The file with the addresses cannot be removed.
    pub(crate) async fn stop(self, stop: &Stop) -> Outcome {
        tokio::select! {
            () = self.inner.stop() => {}
            () = stop.hurried.cancelled() => {}
        }
        Ok(remove(&self.endpoints)?)
    }
}

/// `tidegate control-plane`.
pub(crate) async fn run(options: &ControlPlaneOptions, stop: &Stop) -> Outcome {
    let control_plane = LocalControlPlane::start(options).await?;
    stop.asked.cancelled().await;
    info!("stopping");
    control_plane.stop(stop).await
}

/// `tidegate worker token`.
///
/// # Errors
/// No control plane was ever started in the directory, or the token cannot be stored.
pub(crate) async fn print_join_token(options: &TokenOptions) -> Outcome {
    has_been_started(&options.data_dir)?;
    let token = tidegate_control_plane::issue_join_token(&options.data_dir).await?;
    Ok(writeln!(io::stdout(), "{}", token.encode())?)
}

/// Whether a control plane was ever started in a data directory. One that was mistyped must not become one with an
/// authority of its own, which no worker's control plane would know.
///
/// # Errors
/// None was.
pub(crate) fn has_been_started(data_dir: &Path) -> Outcome {
    if STARTED.iter().all(|name| data_dir.join(name).exists()) {
        return Ok(());
    }
    Err(format!("no control plane has been started in {}", data_dir.display()).into())
}

/// Takes the lock on a data directory. The operating system gives it back when the process ends, however it ends.
fn claim(data_dir: &Path) -> Result<File, Box<dyn Error>> {
    let path = data_dir.join(LOCK_FILE);
    let file = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.map_err(|e| format!("{}: {e}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "another control plane is running in {}; stop it, or give this one another --data-dir",
            data_dir.display()
        )
        .into()),
        Err(TryLockError::Error(e)) => Err(format!("{}: {e}", path.display()).into()),
    }
}

/// Writes the addresses for programs and logs them for people.
fn announce(endpoints: &Path, addresses: Addresses, data_dir: &Path) -> io::Result<()> {
    let management = format!("http://{}", addresses.management);
    let management_tls = format!("https://{}", addresses.management_tls);
    let channel = addresses.channel.to_string();
    let document = json!({"management": management, "managementTls": management_tls, "channel": channel});
    private_file::write_public(endpoints, format!("{document:#}\n").as_bytes())?;
    info!(
        management,
        management_tls,
        channel,
        admin_token = %data_dir.join(TOKEN_FILE).display(),
        authority = %data_dir.join(AUTHORITY_FILE).display(),
        "control plane ready"
    );
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(io::Error::new(e.kind(), format!("{}: {e}", path.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_data_directory_belongs_to_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim(dir.path()).unwrap();
        let refused = claim(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("another control plane"), "{refused}");
        drop(first);
        claim(dir.path()).unwrap();
    }
}
