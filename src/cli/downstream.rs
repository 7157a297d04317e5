//! The options of timeouts and limits for clients of a worker.

use std::time::Duration;

use clap::Args;
use tidegate_data_plane::{MinRate, Timeouts};

use super::value;

/// Timeouts and limits for clients of a worker.
#[derive(Clone, Debug, Args)]
pub(crate) struct DownstreamOptions {
    /// The time in which an HTTP/1.1 client must send the whole head of a request, such as `60s`. After it the
    /// worker replies 408, or closes a connection that has sent nothing.
    #[arg(long, env = "TIDEGATE_CLIENT_HEADER_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_header_timeout: Duration,

    /// The longest pause of a client within a request body; for HTTP/2 at least the `requestTimeout` of the
    /// settings. After it the worker replies 408.
    #[arg(long, env = "TIDEGATE_CLIENT_BODY_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_body_timeout: Duration,

    /// The time for which a client may accept no byte of a response. After it the worker closes the connection or,
    /// for HTTP/2, resets the stream.
    #[arg(long, env = "TIDEGATE_CLIENT_SEND_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_send_timeout: Duration,

    /// The time for which an HTTP/1.1 connection may idle between two requests before it is closed.
    #[arg(long, env = "TIDEGATE_KEEP_ALIVE_TIMEOUT", default_value = "75s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) keep_alive_timeout: Duration,

    /// The largest request body, such as `4GiB`. A larger one gets 413.
    #[arg(long, env = "TIDEGATE_MAX_REQUEST_BODY", default_value = "4GiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) max_request_body: u64,

    /// The lowest rate at which a client must send a request body and accept a response, in bytes per second,
    /// averaged over the time in which the worker waits for that client; 0 for no limit. Below it a request gets
    /// 408, and a response is aborted. Tunnels and gRPC requests are exempt.
    #[arg(long, env = "TIDEGATE_MIN_CLIENT_RATE", default_value_t = 240, value_name = "BYTES")]
    pub(crate) min_client_rate: u32,

    /// The time for which a client may be slower than `--min-client-rate`.
    #[arg(long, env = "TIDEGATE_MIN_CLIENT_RATE_GRACE", default_value = "5s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) min_client_rate_grace: Duration,

    /// The number of connections, and of further HTTP/2 streams, that one client address may have in a worker; 0
    /// for no limit. The default is nine tenths of what the limit of open files allows. An IPv6 /64 network counts
    /// as one address. Further clients get 429 or, with TLS, a reset.
    #[arg(long, env = "TIDEGATE_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub(crate) connections_per_address: Option<usize>,
}

impl DownstreamOptions {
    /// The defaults of the command line.
    pub(crate) const DOCUMENTED: DownstreamOptions = DownstreamOptions {
        client_header_timeout: Duration::from_secs(60),
        client_body_timeout: Duration::from_secs(60),
        client_send_timeout: Duration::from_secs(60),
        keep_alive_timeout: Duration::from_secs(75),
        max_request_body: 4 << 30,
        min_client_rate: 240,
        min_client_rate_grace: Duration::from_secs(5),
        connections_per_address: None,
    };

    /// Returns the timeouts in the worker's form.
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            header: self.client_header_timeout,
            idle: self.keep_alive_timeout,
            body: self.client_body_timeout,
            send: self.client_send_timeout,
            rate: MinRate { bytes_per_second: self.min_client_rate, grace: self.min_client_rate_grace },
        }
    }

    /// Returns the timeouts with their option names.
    pub(crate) fn named_timeouts(&self) -> [(&'static str, Duration); 5] {
        [
            ("--client-header-timeout", self.client_header_timeout),
            ("--client-body-timeout", self.client_body_timeout),
            ("--client-send-timeout", self.client_send_timeout),
            ("--keep-alive-timeout", self.keep_alive_timeout),
            ("--min-client-rate-grace", self.min_client_rate_grace),
        ]
    }
}
