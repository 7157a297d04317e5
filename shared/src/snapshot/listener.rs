//! Where requests come in.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{ErrorPages, ListenerTls, Rule};
use crate::host::HostPattern;

/// Where requests come in, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its name within the gateway.
    pub name: String,
    /// The address it is reached at.
    pub frontend: Frontend,
    /// The port of the frontend, before the worker adds its port offset.
    pub port: u16,
    /// How it does TLS: HTTPS with it, HTTP without.
    pub tls: Option<ListenerTls>,
    /// The host names it answers for; empty for all.
    pub hosts: Vec<HostPattern>,
    /// The networks (address and prefix length) whose connections begin with a header of the PROXY protocol; any other
    /// client is turned away. Empty: there is no such header.
    pub proxies: Vec<(IpAddr, u8)>,
    /// Its own error pages, which go before those of the gateway.
    pub error_pages: ErrorPages,
    /// What becomes of a request; none for a listener that no rule refers to, which answers 404.
    pub rule: Option<Rule>,
}

/// The address side of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Frontend {
    /// The worker's own public address.
    Public,
    /// This address.
    Address(IpAddr),
}
