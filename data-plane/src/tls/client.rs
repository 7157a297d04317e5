//! TLS towards backends: whom to trust, and by which name. A name or an authority that is not demanded is not checked,
//! but the handshake itself always is.

pub(crate) mod fault;
mod verify;

use std::sync::{Arc, OnceLock};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::id::Digest;
use tidegate_shared::snapshot::{HttpVersion, TrustedRoot, UpstreamTls, UpstreamTrust};

use super::{TlsError, provider};
use crate::listener::ALPN_HTTP2;
use verify::{Authorities, Verifier};

/// TLS towards the backends of some settings.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// For each version of HTTP that may be agreed on.
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    /// The name to ask for, whatever the `Host` header says.
    pub(crate) name: Option<ServerName<'static>>,
    pub(crate) demands: Demands,
}

/// What is demanded of a backend, comparable from one generation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Demands {
    trust: Trust,
    checks_name: bool,
    name: Option<String>,
}

/// Who vouches for a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Trust {
    Nobody,
    System,
    /// The digest of the authorities' certificates.
    Roots(Digest),
}

impl Client {
    /// What the settings of that name demand, where the authorities (DER) are those that they refer to.
    pub(crate) fn new(settings: &str, tls: &UpstreamTls, mut roots: Vec<&[u8]>) -> Result<Client, TlsError> {
        roots.sort_unstable();
        roots.dedup();
        let (trust, authorities) = match tls.trust {
            UpstreamTrust::Anybody => (Trust::Nobody, None),
            UpstreamTrust::System => {
                (Trust::System, Some(Authorities { roots: of_the_system(), themselves: Vec::new() }))
            }
            UpstreamTrust::Roots(_) => {
                let authorities = trusting(settings, &roots)?;
                (Trust::Roots(Digest::of(roots)), Some(authorities))
            }
        };
        let name = tls.name.as_deref().map(|name| {
            server_name(name)
                .ok_or_else(|| TlsError::Name { settings: settings.to_owned(), name: name.to_owned() })
        });
        let http1 = config(authorities, tls.checks_name);
        let mut http2 = http1.clone();
        http2.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        Ok(Client {
            http1: Arc::new(http1),
            http2: Arc::new(http2),
            name: name.transpose()?,
            demands: Demands { trust, checks_name: tls.checks_name, name: tls.name.clone() },
        })
    }

    /// TLS that offers this version of HTTP alone.
    pub(crate) fn config(&self, version: HttpVersion) -> &Arc<ClientConfig> {
        match version {
            HttpVersion::Http1 => &self.http1,
            HttpVersion::Http2 => &self.http2,
        }
    }
}

/// The certificates (DER) that the settings refer to as authorities.
///
/// # Errors
/// The first index that leads nowhere.
pub(crate) fn authorities<'a>(tls: &UpstreamTls, roots: &'a [TrustedRoot]) -> Result<Vec<&'a [u8]>, usize> {
    let UpstreamTrust::Roots(indices) = &tls.trust else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for index in indices {
        let root = roots.get(*index).ok_or(*index)?;
        found.extend(root.certificates.iter().map(Vec::as_slice));
    }
    Ok(found)
}

fn trusting(settings: &str, certificates: &[&[u8]]) -> Result<Authorities, TlsError> {
    let mut roots = RootCertStore::empty();
    let mut themselves = Vec::with_capacity(certificates.len());
    for certificate in certificates {
        let certificate = CertificateDer::from(certificate.to_vec());
        roots
            .add(certificate.clone())
            .map_err(|source| TlsError::Root { settings: settings.to_owned(), source })?;
        themselves.push(certificate);
    }
    Ok(Authorities { roots: Arc::new(roots), themselves })
}

/// Read once: it takes milliseconds, and they do not change under a running worker.
fn of_the_system() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS
        .get_or_init(|| {
            let mut store = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::warn!(%error, "a file of trusted authorities cannot be read");
            }
            let (added, refused) = store.add_parsable_certificates(found.certs);
            tracing::debug!(added, refused, "the system's trusted authorities are loaded");
            Arc::new(store)
        })
        .clone()
}

/// The name that a backend's certificate must bear, from what stands in a `Host` header. None for what is neither a host
/// name nor an address.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = CanonicalHost::parse(host).ok()?;
    let bare = host.as_str().trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(bare).ok()
}

fn config(authorities: Option<Authorities>, checks_name: bool) -> ClientConfig {
    let verifier = Verifier { authorities, checks_name };
    let mut config = ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}
