//! TLS towards backends: whom to trust, and by which name.

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tidegate_shared::id::Digest;

use super::{TlsError, provider};

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
