//! TLS towards clients: the configuration of one HTTPS socket, and which certificate a client is shown.
//!
//! Which listener answers a request is not decided here: that is the `Host` header's business.

use std::sync::{Arc, OnceLock};

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tidegate_shared::snapshot::Certificate;

use super::{TlsError, provider};
use crate::runtime::hosts::HostTable;

/// A certificate with its key, ready to sign.
pub(crate) fn certified_key(certificate: &Certificate) -> Result<Arc<CertifiedKey>, TlsError> {
    let name = || certificate.name.clone();
    let key =
        PrivateKeyDer::try_from(certificate.key.expose()).map_err(|_| TlsError::Key { name: name() })?;
    let chain = certificate.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = CertifiedKey::from_der(chain, key.clone_key(), provider())
        .map_err(|source| TlsError::Certificate { name: name(), source })?;
    Ok(Arc::new(key))
}

/// The server configuration of one HTTPS socket: `certificates[rank]` is that of the listener of this rank.
///
/// An unknown or missing name gets the certificate of the listener for all hosts, else that of the first listener.
pub(crate) fn server_config(
    hosts: Arc<HostTable>,
    certificates: Vec<Arc<CertifiedKey>>,
) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(BySni { hosts, certificates }));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.ticketer = ticketer();
    Arc::new(config)
}

/// Ticket keys outlive configurations, so that sessions can be resumed across a change.
fn ticketer() -> Arc<dyn ProducesTickets> {
    static TICKETER: OnceLock<Arc<dyn ProducesTickets>> = OnceLock::new();
    TICKETER
        .get_or_init(|| rustls::crypto::ring::Ticketer::new().expect("the system gives randomness"))
        .clone()
}

#[derive(Debug)]
struct BySni {
    hosts: Arc<HostTable>,
    certificates: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| self.hosts.find(name));
        let rank = named.or(self.hosts.any()).unwrap_or(0);
        self.certificates.get(rank).cloned()
    }
}
