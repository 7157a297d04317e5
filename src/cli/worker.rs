//! The options of a worker: `up` and `data-plane` take them.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use clap::Args;
use tidegate_data_plane::{AccessLog, MetricsPage};

use super::{DownstreamOptions, value};

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerOptions {
    /// Where listeners on a public frontend bind; `::` is every address of both families.
    #[arg(long, env = "TIDEGATE_PUBLIC_ADDRESS", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(crate) public_address: IpAddr,

    /// Added to every frontend port, so that 80 and 443 can be tried without root.
    #[arg(long, env = "TIDEGATE_PORT_OFFSET", default_value_t = 0, value_name = "N")]
    pub(crate) port_offset: u16,

    /// A DNS server to ask for names of backends, instead of those of the system. Repeatable; separated by commas in the
    /// environment.
    #[arg(long, env = "TIDEGATE_DNS_SERVER", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub(crate) dns_server: Vec<SocketAddr>,

    /// Data threads of a worker. Default: as many as there are cores.
    #[arg(long, env = "TIDEGATE_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How long open connections may go on after a worker was asked to stop, such as `30s`. The ends of 100 tunnels or more
    /// are spread over the last quarter of this time.
    #[arg(long, env = "TIDEGATE_DRAIN_TIMEOUT", default_value = "30s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) drain_timeout: Duration,

    /// How much each of a tunnel's two connections may hold in the kernel for each direction while one end takes nothing,
    /// such as `256KiB`; `auto` for as much as the system allows. It bounds what one tunnel can carry over a long way:
    /// twice this much in a round trip.
    #[arg(long, env = "TIDEGATE_TUNNEL_BUFFER", default_value = "256KiB", value_name = "SIZE|auto",
          value_parser = value::tunnel_buffer)]
    pub(crate) tunnel_buffer: usize,

    #[command(flatten)]
    pub(crate) downstream: DownstreamOptions,

    /// How much of bodies may wait on a worker's disk, for gateways that ask for buffering, such as `1GiB`.
    #[arg(long, env = "TIDEGATE_BUFFER_SPACE", default_value = "1GiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) buffer_space: u64,

    /// Where a worker writes its access log: `off`, `stdout`, or a file to append to.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG", default_value = "stdout", value_name = "off|stdout|PATH",
          value_parser = value::access_log)]
    pub(crate) access_log: AccessLog,

    /// The size at which a file of access lines is moved aside, such as `100MiB`.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_MAX_SIZE", default_value = "100MiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) access_log_max_size: u64,

    /// How many files of access lines that were moved aside are kept, as `<PATH>.1` and so on.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_KEEP", default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) access_log_keep: u32,

    /// Where a worker serves its metrics to Prometheus, at `/metrics`; if the port is taken, at the next that is free.
    /// `off` for nowhere.
    #[arg(long, env = "TIDEGATE_METRICS", default_value = "127.0.0.1:9190", value_name = "ADDRESS:PORT|off",
          value_parser = value::metrics)]
    pub(crate) metrics: MetricsPage,

    /// The collector that a worker sends a span to for each request and each tunnel, by OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`. Default: spans are not made.
    #[arg(long, env = "TIDEGATE_OTLP_ENDPOINT", value_name = "URL", value_parser = value::collector)]
    pub(crate) otlp_endpoint: Option<String>,
}
