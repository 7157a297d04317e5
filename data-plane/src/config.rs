//! What a worker is started with. Reading flags and environment is the binary's business.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_shared::token::JoinToken;

/// What a worker is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to dial the control plane: `HOST:PORT`.
    pub control_plane: String,
    /// Where the worker keeps its identity and its last good snapshots.
    pub data_dir: PathBuf,
    /// To join with: used on the first start, and when the control plane no longer knows this worker.
    pub token: Option<JoinToken>,
    /// Where listeners on a public frontend bind.
    pub public_address: IpAddr,
    /// Added to every frontend port.
    pub port_offset: u16,
    /// The DNS servers that names of backends are asked of; the system's when there are none.
    pub dns_servers: Vec<SocketAddr>,
    /// Data threads, each with its own sockets and upstream connections.
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
