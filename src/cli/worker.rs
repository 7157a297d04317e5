//! The options of a worker, for `up` and `data-plane`.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use tidegate_data_plane::{AccessLog, MetricsPage};

use super::{DownstreamOptions, value};

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerOptions {
    /// The address at which listeners of a public frontend listen; `::` is every IPv4 and IPv6 address.
    #[arg(long, env = "TIDEGATE_PUBLIC_ADDRESS", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(crate) public_address: IpAddr,

    /// A number added to every frontend port, so that ports 80 and 443 can be tried without root.
    #[arg(long, env = "TIDEGATE_PORT_OFFSET", default_value_t = 0, value_name = "N")]
    pub(crate) port_offset: u16,

    /// A DNS server for the names of backends, instead of the system's. Repeatable; separated by commas in the
    /// environment.
    #[arg(long, env = "TIDEGATE_DNS_SERVER", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub(crate) dns_server: Vec<SocketAddr>,

    /// The number of data threads of a worker. The default is the number of CPU cores.
    #[arg(long, env = "TIDEGATE_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// The time for which open connections may continue after a worker was asked to stop, such as `30s`. If there
    /// are 100 tunnels or more, their ends are spread over the last quarter of this time.
    #[arg(long, env = "TIDEGATE_DRAIN_TIMEOUT", default_value = "30s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) drain_timeout: Duration,

    /// The size of the kernel's send and receive buffer on both connections of a tunnel, such as `256KiB`;
    /// the kernel doubles it. It bounds the memory that a peer which reads nothing can hold. Sizes below
    /// `2MiB` cost CPU in bulk transfers and limit a tunnel to twice the size per round trip. With `auto` the
    /// kernel grows the buffers while bytes move, up to `net.ipv4.tcp_wmem` and `net.ipv4.tcp_rmem`.
    #[arg(long, env = "TIDEGATE_TUNNEL_BUFFER", default_value = "auto", value_name = "SIZE|auto",
          value_parser = value::tunnel_buffer)]
    pub(crate) tunnel_buffer: usize,

    /// The number of ended tunnels that a worker keeps for an hour, so that the API can still show them; 0 for none.
    /// Each takes about 300 bytes.
    #[arg(long, env = "TIDEGATE_TUNNEL_HISTORY", default_value_t = 10_000, value_name = "N")]
    pub(crate) tunnel_history: usize,

    #[command(flatten)]
    pub(crate) downstream: DownstreamOptions,

    /// The disk space of a worker for buffered bodies, for gateways with buffering enabled, such as `1GiB`.
    #[arg(long, env = "TIDEGATE_BUFFER_SPACE", default_value = "1GiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) buffer_space: u64,

    /// The destination of a worker's access log: `off`, `stdout`, or a file to append to.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG", default_value = "stdout", value_name = "off|stdout|PATH",
          value_parser = value::access_log)]
    pub(crate) access_log: AccessLog,

    /// The size at which the access log file is rotated, such as `100MiB`.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_MAX_SIZE", default_value = "100MiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) access_log_max_size: u64,

    /// The number of rotated access log files to keep, as `<PATH>.1` and so on.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_KEEP", default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) access_log_keep: u32,

    /// The address at which a worker serves its metrics to Prometheus, at `/metrics`, or `off`. If the port is
    /// taken, the next free one is used.
    #[arg(long, env = "TIDEGATE_METRICS", default_value = "127.0.0.1:9190", value_name = "ADDRESS:PORT|off",
          value_parser = value::metrics)]
    pub(crate) metrics: MetricsPage,

    /// The collector to which a worker sends a span for each request and each tunnel, by OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`. By default there are no spans.
    #[arg(long, env = "TIDEGATE_OTLP_ENDPOINT", value_name = "URL", value_parser = value::collector)]
    pub(crate) otlp_endpoint: Option<String>,
}
