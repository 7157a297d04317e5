//! Listeners: the addresses, ports and host names that a gateway accepts requests for.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ErrorPages, ListenerTls, Rule};
use crate::host::HostPattern;

/// An HTTP or HTTPS listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The name within the gateway.
    pub name: String,
    /// The address it accepts connections at.
    pub frontend: Frontend,
    /// The frontend port, before the worker adds its port offset.
    pub port: u16,
    /// The TLS settings of an HTTPS listener; `None` for HTTP.
    pub tls: Option<ListenerTls>,
    /// The host names it serves; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The networks (address and prefix length) from which connections begin with a PROXY protocol header;
    /// connections from elsewhere are rejected. If empty, no connection has such a header.
    pub proxies: Vec<(IpAddr, u8)>,
    /// The listener's own error pages, which take precedence over those of the gateway.
    pub error_pages: ErrorPages,
    /// The routing rule; a listener that no rule refers to replies 404.
    pub rule: Option<Rule>,
}

/// The frontend IP configuration of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Frontend {
    /// The worker's own public address.
    Public,
    /// This address.
    Address(IpAddr),
}

/// The limits of clients' HTTP/2 connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http2Limits {
    /// The number of requests after which a connection is asked to end (GOAWAY): 1 to 1,000,000, 1,000 by default.
    pub max_requests: u32,
}

impl Http2Limits {
    /// Returns true if no limit was set.
    pub fn is_default(&self) -> bool {
        *self == Http2Limits::default()
    }
}

impl Default for Http2Limits {
    fn default() -> Http2Limits {
        Http2Limits { max_requests: 1000 }
    }
}
