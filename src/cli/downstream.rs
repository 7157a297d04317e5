//! The options that say how long a worker waits for clients, and how much it takes of them.

use std::time::Duration;

use clap::Args;
use tidegate_data_plane::{MinRate, Timeouts};

use super::value;

/// How long clients are waited for, and how much is taken of them.
#[derive(Clone, Debug, Args)]
pub(crate) struct DownstreamOptions {
    /// How long a client of HTTP/1.1 may take for the whole head of a request, such as `60s`. Then it is answered 408;
    /// without a word if it has said nothing at all.
    #[arg(long, env = "TIDEGATE_CLIENT_HEADER_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_header_timeout: Duration,

    /// How long a client may pause within the body of a request; with HTTP/2 no less than the settings' `requestTimeout`.
    /// Then it is answered 408.
    #[arg(long, env = "TIDEGATE_CLIENT_BODY_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_body_timeout: Duration,

    /// How long a client may take nothing of an answer. Then its connection is closed; with HTTP/2, its stream.
    #[arg(long, env = "TIDEGATE_CLIENT_SEND_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) client_send_timeout: Duration,

    /// How long a connection of HTTP/1.1 may idle between two requests. Then it is closed.
    #[arg(long, env = "TIDEGATE_KEEP_ALIVE_TIMEOUT", default_value = "75s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) keep_alive_timeout: Duration,

    /// The largest body of a request, such as `4GiB`. A larger one is answered 413.
    #[arg(long, env = "TIDEGATE_MAX_REQUEST_BODY", default_value = "4GiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) max_request_body: u64,

    /// The least that a client must send of a request's body, and take of an answer, in bytes per second, averaged over
    /// the time in which the worker waits for that client; 0 for any. Below it a request is answered 408, and an answer is
    /// cut off. Tunnels and gRPC requests are not measured.
    #[arg(long, env = "TIDEGATE_MIN_CLIENT_RATE", default_value_t = 240, value_name = "BYTES")]
    pub(crate) min_client_rate: u32,

    /// How long a client may be slower than `--min-client-rate`.
    #[arg(long, env = "TIDEGATE_MIN_CLIENT_RATE_GRACE", default_value = "5s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) min_client_rate_grace: Duration,

    /// How many connections, and further streams of HTTP/2, one client address may hold in a worker; 0 for any number.
    /// Without it, nine tenths of what the limit of open files allows. A /64 network of IPv6 is one address. Further
    /// clients are answered 429 or, with TLS, reset.
    #[arg(long, env = "TIDEGATE_CONNECTIONS_PER_ADDRESS", value_name = "N")]
    pub(crate) connections_per_address: Option<usize>,
}

impl DownstreamOptions {
    /// The documented ones.
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

    /// As a worker takes them.
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            header: self.client_header_timeout,
            idle: self.keep_alive_timeout,
            body: self.client_body_timeout,
            send: self.client_send_timeout,
            rate: MinRate { bytes_per_second: self.min_client_rate, grace: self.min_client_rate_grace },
        }
    }

    /// The times by their names on the command line.
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
