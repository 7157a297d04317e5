//! TLS with backends: the trusted authorities and the expected name. The settings can disable the checks of either,
//! but the handshake's signature is always verified.

pub(crate) mod fault;
mod verify;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::id::Digest;
use tidegate_shared::snapshot::{HttpVersion, TrustedRoot, UpstreamTls, UpstreamTrust};

use super::{ALPN_HTTP2, TlsError, provider};
use verify::{Accepted, Authorities, Verifier};

/// TLS with the backends of some settings.
#[derive(Clone, Debug)]
pub(crate) struct TlsClient {
    /// One configuration for each HTTP version that may be negotiated.
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    /// The server name to send, whatever the `Host` header is.
    pub(crate) name: Option<ServerName<'static>>,
    pub(crate) verification: VerificationPolicy,
}

/// The requirements on a backend, comparable from one generation to the next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VerificationPolicy {
    trust: Trust,
    checks_name: bool,
    name: Option<String>,
}

/// The authorities that a backend's certificate must come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Trust {
    Nobody,
    System,
    /// The digest of the authorities' certificates.
    Roots(Digest),
    /// The digest of the pinned certificates.
    Pinned(Digest),
}

impl TlsClient {
    /// Builds the requirements of the settings with this name. `roots` are the authorities (DER) that they refer
    /// to.
    pub(crate) fn new(
        settings: &str,
        tls: &UpstreamTls,
        mut roots: Vec<&[u8]>,
    ) -> Result<TlsClient, TlsError> {
        roots.sort_unstable();
        roots.dedup();
        let (trust, accepted) = match &tls.trust {
            UpstreamTrust::Anybody => (Trust::Nobody, Accepted::Any),
            UpstreamTrust::System => {
                let authorities = Authorities { roots: of_the_system(), themselves: Vec::new() };
                (Trust::System, Accepted::From(authorities))
            }
            UpstreamTrust::Pinned(certificates) => {
                let digest = Digest::of(certificates.iter().map(Vec::as_slice));
                let pinned = certificates.iter().map(|one| CertificateDer::from(one.clone()));
                (Trust::Pinned(digest), Accepted::Pinned(pinned.collect()))
            }
            UpstreamTrust::Roots(_) => {
                let authorities = trusting(settings, &roots)?;
                (Trust::Roots(Digest::of(roots)), Accepted::From(authorities))
            }
        };
        let name = tls.name.as_deref().map(|name| {
            server_name(name)
                .ok_or_else(|| TlsError::Name { settings: settings.to_owned(), name: name.to_owned() })
        });
        let http1 = config(accepted, tls.checks_name);
        let mut http2 = http1.clone();
        http2.alpn_protocols = vec![ALPN_HTTP2.to_vec()];
        Ok(TlsClient {
            http1: Arc::new(http1),
            http2: Arc::new(http2),
            name: name.transpose()?,
            verification: VerificationPolicy { trust, checks_name: tls.checks_name, name: tls.name.clone() },
        })
    }

    /// Returns the TLS configuration that offers only this HTTP version.
    pub(crate) fn config(&self, version: HttpVersion) -> &Arc<ClientConfig> {
        match version {
            HttpVersion::Http1 => &self.http1,
            HttpVersion::Http2 => &self.http2,
        }
    }
}

/// Returns the certificates (DER) of the authorities that the settings refer to.
///
/// # Errors
/// The first index that is out of range.
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

/// Returns the system's root certificates. They are read once, because that takes milliseconds.
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

/// Returns the name that a backend's certificate must match, from the value of a `Host` header. `None` if the value
/// is neither a host name nor an address.
pub(crate) fn server_name(host: &str) -> Option<ServerName<'static>> {
    let host = CanonicalHost::parse(host).ok()?;
    let bare = host.as_str().trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(bare).ok()
}

/// The cryptography provider towards backends. It offers X25519MLKEM768, but begins with the key share of X25519: a
/// ClientHello with a share of ML-KEM fills more than one packet, which some servers cannot read, and costs both
/// sides more. A backend that prefers X25519MLKEM768 asks for its share with a HelloRetryRequest.
fn provider_for_backends() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let mut provider = provider().as_ref().clone();
        provider.kx_groups.sort_by_key(|group| group.name() == NamedGroup::X25519MLKEM768);
        Arc::new(provider)
    })
}

fn config(accepted: Accepted, checks_name: bool) -> ClientConfig {
    let verifier = Verifier { accepted, checks_name };
    let mut config = ClientConfig::builder_with_provider(provider_for_backends().clone())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs speaks TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[cfg(test)]
mod tests {
    use rustls::ClientConnection;

    use super::*;

    #[test]
    fn the_first_message_to_a_backend_fits_into_a_packet_and_offers_the_hybrid_key_exchange_last() {
        use NamedGroup::{X25519, X25519MLKEM768, secp256r1, secp384r1};
        let config = Arc::new(config(Accepted::Any, false));
        let groups: Vec<_> = config.crypto_provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups, [X25519, secp256r1, secp384r1, X25519MLKEM768]);
        let mut hello = Vec::new();
        let name = server_name("backend.test").unwrap();
        ClientConnection::new(config, name).unwrap().write_tls(&mut hello).unwrap();
        assert!(hello.len() < 600, "{} bytes", hello.len());
    }
}
