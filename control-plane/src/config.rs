//! The configuration of a control plane, and its unsafe combinations.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::addresses::{AddressPlan, AddressPool, MappedAddress};
use crate::document_rules::{UnknownProperties, UnservedTypes};
use crate::fetch_policy::FetchDeny;
use crate::limits::Limits;
use crate::protection::UnservedProtection;
use crate::proxies::Proxies;

/// The configuration of a control plane.
#[derive(Clone, Debug)]
pub struct Config {
    /// The directory of the database, the keys and the admin token.
    pub data_dir: PathBuf,
    /// The address of the plain HTTP endpoint; loopback only. Port 0 selects any free port.
    pub management: SocketAddr,
    /// The address of the HTTPS endpoint. Port 0 selects any free port.
    pub management_tls: SocketAddr,
    /// The PEM files of the certificate chain and key of the HTTPS endpoint. If `None`, the own authority
    /// issues a certificate.
    pub management_certificate: Option<(PathBuf, PathBuf)>,
    /// The lifetime of certificates issued by the own authority: of the HTTPS endpoint, the channel and
    /// workers.
    pub certificate_lifetime: Duration,
    /// The address of the channel, to which workers connect. Port 0 selects any free port.
    pub channel: SocketAddr,
    /// The maximum number of children of a gateway, by collection.
    pub limits: Limits,
    /// The treatment of unknown properties of documents.
    pub unknown_properties: UnknownProperties,
    /// The treatment of gateways that rely on protection that no worker provides.
    pub unserved_protection: UnservedProtection,
    /// The maximum size of the body of a PUT on a gateway, in bytes; at least 4 MiB, the maximum of all other
    /// bodies.
    pub max_body: usize,
    /// True if a resource group must exist before resources are created in it.
    pub strict_resource_groups: bool,
    /// The number of generations of a gateway whose content is kept, the current one included.
    pub revisions: u32,
    /// The time limit for workers to apply a generation; the operation fails afterwards.
    pub rollout_timeout: Duration,
    /// The proxies in front of the management API whose forwarding headers are trusted.
    pub trusted_proxies: Proxies,
    /// The addresses from which error pages are not fetched.
    pub fetch_deny: FetchDeny,
    /// The directory with a file of credentials for each vault from which certificates are fetched.
    pub key_vault_credentials: Option<PathBuf>,
    /// The directory below which certificates are read from files.
    pub certificate_files: Option<PathBuf>,
    /// The interval at which certificates are fetched from vaults again.
    pub key_vault_interval: Duration,
    /// The treatment of resources of types that Tidegate does not serve.
    pub unserved_types: UnservedTypes,
    /// The pool of public IP addresses without an address of their own. `None` is the default, which depends on the
    /// local workers.
    pub public_pool: Option<AddressPool>,
    /// The pool of addresses that stand for private addresses which this machine lacks.
    pub private_pool: AddressPool,
    /// The addresses that stand for others.
    pub mapped_addresses: Vec<MappedAddress>,
    /// The workers on this machine.
    pub local_workers: LocalWorkers,
    /// Disables authentication. Rejected unless both management addresses are loopback.
    pub no_auth: bool,
}

/// The workers that run beside the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalWorkers {
    /// None is started with it. Whether an address exists is known to the workers alone.
    None,
    /// They have this public address. What this machine lacks they cannot bind.
    At(IpAddr),
}

/// A configuration that would expose the management API.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The admin token would be sent over the network in clear text.
    #[error("plain HTTP on {0} is refused: it is allowed on loopback only; use the HTTPS address elsewhere")]
    PlainHttpBeyondLoopback(SocketAddr),
    /// Anyone who reaches the address could do everything.
    #[error("management without authentication on {0} is refused: it is allowed on loopback only")]
    NoAuthBeyondLoopback(SocketAddr),
}

impl Config {
    /// The decisions about addresses.
    pub(crate) fn address_plan(&self) -> AddressPlan {
        let loopback = matches!(self.local_workers, LocalWorkers::At(address) if address.is_loopback());
        let default = || if loopback { AddressPool::loopback() } else { AddressPool::default() };
        AddressPlan {
            public_pool: self.public_pool.clone().unwrap_or_else(default),
            private_pool: self.private_pool.clone(),
            map: self.mapped_addresses.iter().copied().collect(),
            refuse_absent: self.local_workers != LocalWorkers::None,
        }
    }

    /// Checks for unsafe settings.
    ///
    /// # Errors
    /// The first unsafe setting.
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

    /// A configuration with these addresses.
    fn config(management: &str, management_tls: &str, no_auth: bool) -> Config {
        Config {
            data_dir: PathBuf::new(),
            management: management.parse().unwrap(),
            management_tls: management_tls.parse().unwrap(),
            management_certificate: None,
            certificate_lifetime: Duration::from_secs(60),
            channel: "127.0.0.1:0".parse().unwrap(),
            limits: Limits::default(),
            unknown_properties: UnknownProperties::default(),
            unserved_protection: UnservedProtection::default(),
            max_body: 64 << 20,
            strict_resource_groups: false,
            revisions: 100,
            rollout_timeout: Duration::from_secs(60),
            trusted_proxies: Proxies::default(),
            fetch_deny: FetchDeny::default(),
            key_vault_credentials: None,
            certificate_files: None,
            key_vault_interval: Duration::from_secs(60),
            unserved_types: UnservedTypes::default(),
            public_pool: None,
            private_pool: AddressPool::default(),
            mapped_addresses: Vec::new(),
            local_workers: LocalWorkers::None,
            no_auth,
        }
    }

    #[test]
    fn public_addresses_are_pooled_where_workers_listen_on_loopback() {
        let at = |address: &str| LocalWorkers::At(address.parse().unwrap());
        let pool = |text: &str| text.parse::<AddressPool>().unwrap();
        for (local_workers, public_pool, expected) in [
            (LocalWorkers::None, None, "none"),
            (LocalWorkers::None, Some("192.0.2.0/28"), "192.0.2.0/28"),
            (at("0.0.0.0"), None, "none"),
            (at("127.0.0.1"), None, "127.80.0.0/16"),
            (at("::1"), None, "127.80.0.0/16"),
            (at("127.0.0.1"), Some("none"), "none"),
        ] {
            let public_pool = public_pool.map(pool);
            let config = Config { local_workers, public_pool, ..config("127.0.0.1:0", "127.0.0.1:0", false) };
            let plan = config.address_plan();
            assert_eq!(plan.public_pool.to_string(), expected, "{local_workers:?}");
            assert_eq!(plan.refuse_absent, local_workers != LocalWorkers::None);
        }
    }

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
            let config = config(management, management_tls, no_auth);
            assert_eq!(config.check().is_ok(), good, "{management} {management_tls} {no_auth}");
        }
    }
}
