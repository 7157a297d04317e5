//! The control plane: resource documents in, snapshots out.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tidegate_shared::token::JoinToken;

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database, the keys and the admin token live.
    pub data_dir: PathBuf,
    /// Plain HTTP, loopback only; port 0 for any.
    pub management: SocketAddr,
    /// HTTPS; port 0 for any.
    pub management_tls: SocketAddr,
    /// Certificate chain and key of the HTTPS endpoint, PEM files; issued by the own authority when none.
    pub management_certificate: Option<(PathBuf, PathBuf)>,
    /// Where workers dial; port 0 for any.
    pub channel: SocketAddr,
    /// How long workers may take to apply a generation before the operation is said to have failed.
    pub rollout_timeout: Duration,
    /// No bearer token is asked for. Refused unless both management addresses are loopback.
    pub no_auth: bool,
}

/// Where a running control plane listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Plain HTTP.
    pub management: SocketAddr,
    /// HTTPS.
    pub management_tls: SocketAddr,
    /// For workers.
    pub channel: SocketAddr,
}

/// A running control plane.
#[derive(Debug)]
pub struct ControlPlane {}

/// Why a control plane could not start.
#[derive(Debug)]
pub struct StartError;

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stub")
    }
}
impl std::error::Error for StartError {}

impl ControlPlane {
    /// Opens the store, binds the sockets and starts to serve.
    pub async fn start(_config: Config) -> Result<ControlPlane, StartError> {
        Err(StartError)
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        unreachable!()
    }

    /// A one-time token for a new worker.
    pub async fn issue_join_token(&self) -> Result<JoinToken, StartError> {
        Err(StartError)
    }

    /// Ends: no new request, the running ones are finished.
    pub async fn stop(self) {}
}

/// A one-time token for a new worker, made in the data directory of a control plane that may be running or not.
pub async fn issue_join_token(_data_dir: &Path) -> Result<JoinToken, StartError> {
    Err(StartError)
}
