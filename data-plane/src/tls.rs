//! TLS on both sides: server configurations by SNI for clients, client configurations for backends.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tidegate_shared::id::Digest;
use tidegate_shared::snapshot::Certificate;

use crate::runtime::hosts::HostTable;

/// TLS material that cannot be used. The control plane checks the same, so this is a bug or a version skew.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error("certificate {name}: {source}")]
    Certificate { name: String, source: rustls::Error },
    #[error("certificate {name}: the private key is in no known form")]
    Key { name: String },
    #[error("trusted root certificate of settings {settings}: {source}")]
    Root { settings: String, source: rustls::Error },
}

/// The one cryptography provider of this process.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()))
}

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

/// TLS towards the backends of some settings.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) trust: Trust,
}

/// Who vouches for a backend, comparable from one generation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trust {
    System,
    /// The digest of the authorities' certificates.
    Roots(Digest),
}

impl Client {
    /// Trusts whom the worker's system trusts.
    pub(crate) fn of_system() -> Client {
        Client { config: trusting_the_system(), trust: Trust::System }
    }

    /// Trusts these authorities (DER) alone.
    pub(crate) fn of_roots(settings: &str, mut roots: Vec<&[u8]>) -> Result<Client, TlsError> {
        roots.sort_unstable();
        roots.dedup();
        let mut store = RootCertStore::empty();
        for root in &roots {
            store
                .add(CertificateDer::from(*root))
                .map_err(|source| TlsError::Root { settings: settings.to_owned(), source })?;
        }
        Ok(Client { config: trusting(store), trust: Trust::Roots(Digest::of(roots)) })
    }
}

/// Made once: reading the system's authorities takes milliseconds, and they do not change under a running worker.
fn trusting_the_system() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    CONFIG
        .get_or_init(|| {
            let mut store = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "a file of trusted authorities cannot be read");
            }
            let (added, refused) = store.add_parsable_certificates(found.certs);
            tracing::debug!(added, refused, "the system's trusted authorities are loaded");
            trusting(store)
        })
        .clone()
}

/// The name that a backend's certificate must bear, from the host of a `Host` header without its port. None for what
/// is neither a host name nor an address.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(bare).ok()
}

fn trusting(roots: RootCertStore) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
