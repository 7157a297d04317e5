//! The options that say how long a worker waits for clients, and how much it takes of them.

use std::time::Duration;

use clap::Args;
use tidegate_data_plane::Timeouts;

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
}

impl DownstreamOptions {
    /// The documented ones.
    pub(crate) const DOCUMENTED: DownstreamOptions = DownstreamOptions {
        client_header_timeout: Duration::from_secs(60),
        client_body_timeout: Duration::from_secs(60),
        client_send_timeout: Duration::from_secs(60),
        keep_alive_timeout: Duration::from_secs(75),
        max_request_body: 4 << 30,
    };

    /// As a worker takes them.
    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            header: self.client_header_timeout,
            idle: self.keep_alive_timeout,
            body: self.client_body_timeout,
            send: self.client_send_timeout,
        }
    }

    /// The times by their names on the command line.
    pub(crate) fn named_timeouts(&self) -> [(&'static str, Duration); 4] {
        [
            ("--client-header-timeout", self.client_header_timeout),
            ("--client-body-timeout", self.client_body_timeout),
            ("--client-send-timeout", self.client_send_timeout),
            ("--keep-alive-timeout", self.keep_alive_timeout),
        ]
    }
}
