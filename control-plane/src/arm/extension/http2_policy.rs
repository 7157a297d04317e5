//! The policy of clients' HTTP/2 connections.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limits of connections between clients and a gateway that use HTTP/2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Http2Policy {
    /// The number of requests after which a connection is asked to end (GOAWAY), so that its client opens another one.
    /// Running requests finish. Applies to new connections.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(crate) max_requests_per_connection: i64,
}

impl Default for Http2Policy {
    fn default() -> Http2Policy {
        Http2Policy { max_requests_per_connection: 1000 }
    }
}
