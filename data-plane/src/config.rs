//! The configuration of a worker process. The binary reads it from options and environment.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tidegate_shared::token::JoinToken;

/// The configuration of a worker process.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address of the control plane's channel: `HOST:PORT`.
    pub control_plane: String,
    /// The directory for the worker's identity and its last good snapshots.
    pub data_dir: PathBuf,
    /// The join token: used on the first start, and when the control plane no longer knows this worker.
    pub token: Option<JoinToken>,
    /// The address at which listeners of a public frontend listen.
    pub public_address: IpAddr,
    /// The number that is added to every frontend port.
    pub port_offset: u16,
    /// The DNS servers for the names of backends; empty for the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// The number of data threads, each with its own sockets and upstream connections.
    pub threads: NonZeroUsize,
    /// The time for which connections may continue after a stop was asked for.
    pub drain_timeout: Duration,
    /// The disk quota for buffered bodies, in bytes.
    pub buffer_space: u64,
    /// The maximum number of ended tunnels that are kept for an hour; 0 for none.
    pub tunnel_history: usize,
    /// The destination of the access log.
    pub access_log: AccessLog,
    /// The size of the kernel's send and receive buffer on both connections of a tunnel, in bytes, before the
    /// kernel doubles it for its overhead; 0 to let the kernel decide.
    pub tunnel_buffer: usize,
    /// The timeouts for clients.
    pub timeouts: Timeouts,
    /// The largest request body in bytes.
    pub max_request_body: u64,
    /// The number of connections, and of further HTTP/2 streams, that one client address may have. `None` is nine
    /// tenths of what the limit of open files allows, 0 is no limit. An IPv6 /64 network counts as one address.
    pub connections_per_address: Option<usize>,
    /// The rotation of the access log file.
    pub access_log_rotation: Rotation,
    /// The address of the metrics page.
    pub metrics: MetricsPage,
    /// The base URL of the collector for spans; `None` exports none.
    pub otlp_endpoint: Option<String>,
}

/// The address of the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsPage {
    /// No metrics page.
    Off,
    /// This address, at its port or the next free one; port 0 for any free port.
    At(SocketAddr),
}

/// The rotation of a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The size at which the file is rotated, in bytes.
    pub max_size: u64,
    /// The number of rotated files to keep: `<path>.1` is the newest.
    pub keep: u32,
}

/// The minimum rate of a client while the worker waits for it.
#[derive(Clone, Copy, Debug)]
pub struct MinRate {
    /// Bytes per second, averaged over the time in which the worker waits for the client; 0 for no minimum.
    pub bytes_per_second: u32,
    /// The time for which the client may be slower.
    pub grace: Duration,
}

/// The timeouts for clients. Each starts anew with every wait.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For the whole head of an HTTP/1.1 request, from its first byte; on a new connection, also for that byte.
    pub header: Duration,
    /// For the next request on an HTTP/1.1 connection that has had one.
    pub idle: Duration,
    /// For the next bytes of a request body.
    pub body: Duration,
    /// For the client to accept the next bytes of a response.
    pub send: Duration,
    /// For the bytes of a body and of a response, in addition to the timeouts above.
    pub rate: MinRate,
}

/// The destination of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// No access log.
    Off,
    /// Standard output.
    Stdout,
    /// This file, by appending.
    File(PathBuf),
}
