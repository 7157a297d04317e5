//! A control plane in this process, and the file with its addresses.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tidegate_control_plane::{Addresses, Config, ControlPlane, Listeners, LocalWorkers, Tokens};
use tidegate_shared::handover::TakeOverRequest;
use tidegate_shared::private_file;
use tidegate_shared::service_manager;
use tracing::{info, warn};

use crate::cli::{ControlPlaneOptions, TokenOptions};
use crate::data_dir_lock::{ControlPlaneHandover, DataDirLock};
use crate::outcome::CommandResult;
use crate::stop::Stop;

/// The age from which a temporary file in the data directory is certainly abandoned.
const UNFINISHED_AGE: Duration = Duration::from_secs(60);

/// The file with the addresses of the running control plane. It is removed when the control plane stops, unless the
/// process is killed.
const ENDPOINTS_FILE: &str = "endpoints.json";

/// The time limit for the control plane to stop once another process takes over. Its running requests get 10 s of
/// that.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// The file with the bearer token, created by the control plane at its first start.
pub(crate) const TOKEN_FILE: &str = "admin-token";

/// The file with the certificate authority, created by the control plane at its first start.
pub(crate) const AUTHORITY_FILE: &str = "ca.pem";

/// The files that exist once a control plane was started in a data directory.
const STARTED: [&str; 2] = [AUTHORITY_FILE, "tidegate.db"];

/// A running control plane and its data directory.
#[derive(Debug)]
pub(crate) struct LocalControlPlane {
    inner: ControlPlane,
    endpoints: PathBuf,
    lock: DataDirLock,
}

impl LocalControlPlane {
    /// Starts in the locked data directory, and writes its addresses. A predecessor drains from then on.
    ///
    /// # Errors
    /// The control plane cannot start, or the predecessor has stopped waiting.
    pub(crate) async fn start(
        options: &ControlPlaneOptions,
        local_workers: LocalWorkers,
        mut lock: DataDirLock,
    ) -> Result<LocalControlPlane, Box<dyn Error>> {
        let data_dir = &options.data_dir;
        if let Err(error) = private_file::remove_unfinished(data_dir, UNFINISHED_AGE) {
            warn!("temporary files of an earlier process cannot be removed: {error}");
        }
        let endpoints = data_dir.join(ENDPOINTS_FILE);
        let was_inherited = lock.listeners.is_some();
        if !was_inherited {
            remove(&endpoints)?;
        }
        let config = config(options, local_workers);
        let listeners = Listeners::bind(&config, lock.listeners.take()).await?;
        lock.listeners = Some(listeners.try_clone()?);
        lock.check()?;
        let inner = ControlPlane::start(config, listeners).await?;
        lock.complete()?;
        match announce(&endpoints, inner.addresses(), data_dir) {
            // The file exists, most likely with the same addresses, and the API already serves.
            Err(error) if was_inherited => warn!("the addresses cannot be written: {error}"),
            announced => announced?,
        }
        Ok(LocalControlPlane { inner, endpoints, lock })
    }

    /// The addresses it listens at.
    pub(crate) fn addresses(&self) -> Addresses {
        self.inner.addresses()
    }

    /// Returns the issuer of join tokens for new workers.
    pub(crate) fn tokens(&self) -> Tokens {
        self.inner.tokens()
    }

    /// Waits for the next process that asks to take over.
    pub(crate) async fn successor(&mut self) -> TakeOverRequest<ControlPlaneHandover> {
        self.lock.successor().await
    }

    /// Stops it, and passes the data directory and the sockets on. New connections wait in the accept queues until
    /// the successor accepts them. Returns the lock if the successor has failed: this process must then continue.
    ///
    /// # Errors
    /// The sockets cannot be copied; the control plane has stopped nevertheless.
    pub(crate) async fn hand_over(
        self,
        request: TakeOverRequest<ControlPlaneHandover>,
    ) -> Result<Option<DataDirLock>, Box<dyn Error>> {
        info!("another process takes over");
        let LocalControlPlane { inner, lock, .. } = self;
        if tokio::time::timeout(STOP_TIMEOUT, inner.stop()).await.is_err() {
            warn!("requests that took too long were aborted");
        }
        lock.hand_over(request).await
    }

    /// Stops it and releases the data directory. Running requests are finished, unless the stop is hurried.
    ///
    /// # Errors
    /// The file with the addresses cannot be removed.
    pub(crate) async fn stop(mut self, stop: &Stop) -> CommandResult {
        // Open copies of the sockets would let connections wait in accept queues that nobody serves.
        self.lock.listeners = None;
        tokio::select! {
            () = self.inner.stop() => {}
            () = stop.hurried.cancelled() => {}
        }
        remove(&self.endpoints)?;
        self.lock.release();
        Ok(())
    }
}

fn config(options: &ControlPlaneOptions, local_workers: LocalWorkers) -> Config {
    Config {
        data_dir: options.data_dir.clone(),
        management: options.management,
        management_tls: options.management_tls,
        management_certificate: options.management_cert.clone().zip(options.management_key.clone()),
        certificate_lifetime: options.certificate_lifetime,
        channel: options.channel,
        unknown_properties: options.unknown_properties,
        unserved_protection: options.unserved_protection,
        strict_resource_groups: options.strict_resource_groups,
        revisions: options.revisions,
        limits: options.limit.iter().copied().collect(),
        max_body: usize::try_from(options.max_body).unwrap_or(usize::MAX),
        rollout_timeout: options.rollout_timeout,
        trusted_proxies: options.trusted_proxies.iter().copied().collect(),
        fetch_deny: options.fetch_deny.clone(),
        key_vault_credentials: options.key_vault_credentials.clone(),
        certificate_files: options.certificate_files.clone(),
        key_vault_interval: options.key_vault_interval,
        unserved_types: options.unserved_types,
        public_pool: options.public_pool.clone(),
        private_pool: options.private_pool.clone(),
        mapped_addresses: options.map_address.clone(),
        local_workers,
        no_auth: options.no_auth,
    }
}

/// `tidegate control-plane`: runs until asked to stop, or until another process has taken over.
pub(crate) async fn run(options: &ControlPlaneOptions, stop: &Stop) -> CommandResult {
    tokio::select! {
        outcome = serve(options, stop) => outcome,
        never = service_manager::keep_alive() => match never {},
    }
}

async fn serve(options: &ControlPlaneOptions, stop: &Stop) -> CommandResult {
    let mut lock = DataDirLock::new(&options.data_dir).await?;
    loop {
        let mut control_plane = LocalControlPlane::start(options, LocalWorkers::None, lock).await?;
        service_manager::ready();
        let request = tokio::select! {
            request = control_plane.successor() => request,
            () = stop.asked.cancelled() => {
                info!("stopping");
                service_manager::stopping();
                return control_plane.stop(stop).await;
            }
        };
        match control_plane.hand_over(request).await? {
            Some(kept) => lock = kept,
            None => return Ok(()),
        }
    }
}

/// `tidegate worker token`.
///
/// # Errors
/// No control plane was ever started in the directory, or the token cannot be stored.
pub(crate) async fn print_join_token(options: &TokenOptions) -> CommandResult {
    has_been_started(&options.data_dir)?;
    let token = tidegate_control_plane::issue_join_token(&options.data_dir).await?;
    Ok(writeln!(io::stdout(), "{}", token.encode())?)
}

/// Checks that a control plane was started in a data directory before. Without this check, a mistyped directory
/// would get a new authority that no worker trusts.
///
/// # Errors
/// No control plane was started in it.
pub(crate) fn has_been_started(data_dir: &Path) -> CommandResult {
    if STARTED.iter().all(|name| data_dir.join(name).exists()) {
        return Ok(());
    }
    Err(format!("no control plane has been started in {}", data_dir.display()).into())
}

/// Writes the addresses to a file for programs, and to the log for people.
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
