//! What a control plane is started with, and which combinations are refused.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::fetch_policy::FetchDeny;
use crate::limits::Limits;
use crate::proxies::Proxies;

/// What a control plane is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the database, the keys and the admin token live.
    pub data_dir: PathBuf,
    /// Plain HTTP, loopback only; port 0 for any.
    pub management: SocketAddr,
    /// HTTPS; port 0 for any.
    pub management_tls: SocketAddr,
    /// Certificate chain and key of the HTTPS endpoint, PEM files; issued by the own authority when none.
    pub management_certificate: Option<(PathBuf, PathBuf)>,
    /// How long the certificates are good that the own authority issues: of the HTTPS endpoint, the channel and workers.
    pub certificate_lifetime: Duration,
    /// Where workers dial; port 0 for any.
    pub channel: SocketAddr,
    /// How much each gateway may have.
    pub limits: Limits,
    /// The largest document of a gateway, in bytes of a PUT's body. Every other body may have 4 MiB, and so may this one.
    pub max_body: usize,
    /// Whether resource groups must be made before anything is put into them.
    pub strict_resource_groups: bool,
    /// How long workers may take to apply a generation before the operation is said to have failed.
    pub rollout_timeout: Duration,
    /// Proxies in front of the management API that tell where requests come from.
    pub trusted_proxies: Proxies,
    /// Where no error pages are fetched from.
    pub fetch_deny: FetchDeny,
    /// No bearer token is asked for. Refused unless both management addresses are loopback.
    pub no_auth: bool,
}

/// Settings that would leave the management API open to others.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The token would cross the network in clear text.
    #[error("plain HTTP on {0} is refused: it is for loopback only, use the HTTPS address for the rest")]
    PlainHttpBeyondLoopback(SocketAddr),
    /// Anybody who reaches the address could do anything.
    #[error("management without a token on {0} is refused: it is for loopback only")]
    NoAuthBeyondLoopback(SocketAddr),
}

impl Config {
    /// Refuses what is never safe.
    ///
    /// # Errors
    /// The first such setting.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !self.management.ip().is_loopback() {
            return Err(ConfigError::PlainHttpBeyondLoopback(self.management));
        }
        if self.no_auth && !self.management_tls.ip().is_loopback() {
            return Err(ConfigError::NoAuthBeyondLoopback(self.management_tls));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_may_do_without_tls_or_token() {
        let cases = [
            ("127.0.0.1:0", "0.0.0.0:0", false, true),
            ("[::1]:0", "127.0.0.1:0", true, true),
            ("0.0.0.0:0", "127.0.0.1:0", false, false),
            ("10.0.0.1:0", "127.0.0.1:0", false, false),
            ("127.0.0.1:0", "0.0.0.0:0", true, false),
        ];
        for (management, management_tls, no_auth, good) in cases {
            let config = Config {
                data_dir: PathBuf::new(),
                management: management.parse().unwrap(),
                management_tls: management_tls.parse().unwrap(),
                management_certificate: None,
                certificate_lifetime: Duration::from_secs(60),
                channel: "127.0.0.1:0".parse().unwrap(),
                limits: Limits::default(),
                max_body: 64 << 20,
                strict_resource_groups: false,
                rollout_timeout: Duration::from_secs(60),
                trusted_proxies: Proxies::default(),
                fetch_deny: FetchDeny::default(),
                no_auth,
            };
            assert_eq!(config.check().is_ok(), good, "{management} {management_tls} {no_auth}");
        }
    }
}
