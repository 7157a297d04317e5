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
    /// How many bytes of bodies may wait on disk, under the data directory.
    pub buffer_space: u64,
    /// Where access lines go.
    pub access_log: AccessLog,
    /// The bytes that each socket of a tunnel may hold in the kernel for each direction, before the kernel doubles them for
    /// its own overhead; 0 for as many as the system allows.
    pub tunnel_buffer: usize,
    /// How long clients are waited for.
    pub timeouts: Timeouts,
    /// How many bytes the body of a request may have.
    pub max_request_body: u64,
    /// How many connections, and further streams of HTTP/2, one client address may hold: nine tenths of what the limit of
    /// open files allows if this is none, any number if it is 0. A /64 network of IPv6 is one address.
    pub connections_per_address: Option<usize>,
    /// When a file of access lines is full, and what becomes of it then.
    pub access_log_rotation: Rotation,
    /// Where Prometheus may ask.
    pub metrics: MetricsPage,
    /// The base URL of the collector that gets spans.
    pub otlp_endpoint: Option<String>,
}

/// Where Prometheus may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsPage {
    /// Nowhere.
    Off,
    /// At this address, or the next of its ports that is free; port 0 for any.
    At(SocketAddr),
}

/// How a log file is rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The size that a file is moved aside at, in bytes.
    pub max_size: u64,
    /// How many that were moved aside are kept: `<path>.1` is the youngest.
    pub keep: u32,
}

/// The least that a client must move while it is waited for.
#[derive(Clone, Copy, Debug)]
pub struct MinRate {
    /// Bytes per second, averaged over the time in which the client is waited for; 0 for any.
    pub bytes_per_second: u32,
    /// How long the client may be slower.
    pub grace: Duration,
}

/// How long a client is waited for. Each time begins anew with what it waits for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the whole head of a request of HTTP/1.1, from its first byte; on a new connection, for that byte.
    pub header: Duration,
    /// For the next request on a connection of HTTP/1.1 that has had one.
    pub idle: Duration,
    /// For the next bytes of a request's body.
    pub body: Duration,
    /// For the client to take the next bytes of an answer.
    pub send: Duration,
    /// For the bytes of a body and of an answer, beside the times above.
    pub rate: MinRate,
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
