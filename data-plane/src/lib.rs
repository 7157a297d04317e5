//! The data plane: stub.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_shared::token::JoinToken;
use tokio_util::sync::CancellationToken;

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to dial the control plane: `HOST:PORT`.
    pub control_plane: String,
    /// Where the worker keeps its identity and its last good snapshots.
    pub data_dir: PathBuf,
    /// To join with, on the first start.
    pub token: Option<JoinToken>,
    /// Where listeners on a public frontend bind.
    pub public_address: IpAddr,
    /// Added to every frontend port.
    pub port_offset: u16,
    /// Data threads.
    pub threads: NonZeroUsize,
    /// How long connections may go on after a stop was asked for.
    pub drain_timeout: Duration,
    /// Where access lines go.
    pub access_log: AccessLog,
}

/// Where access lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// To standard output.
    Stdout,
    /// To the end of this file.
    File(PathBuf),
}

/// Why a worker ended other than by being asked to.
#[derive(Debug)]
pub struct RunError;

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stub")
    }
}
impl std::error::Error for RunError {}

/// Runs a worker on the calling thread (and its data threads) until `stop`; then drains and returns.
///
/// # Errors
/// Only what makes a start impossible: an unusable data directory, a second worker in it, no identity and no token.
pub fn run(_config: Config, _stop: &CancellationToken) -> Result<(), RunError> {
    Err(RunError)
}
