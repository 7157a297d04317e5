//! TLS with clients ([`server`]) and with backends ([`client`]).

pub(crate) mod certificate;
pub(crate) mod client;
pub(crate) mod client_certificate;
pub(crate) mod client_identity;
mod description;
pub(crate) mod facts;
pub(crate) mod server;
mod signatures;
pub(crate) mod suites;
pub(crate) mod tickets;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;
use thiserror::Error;

/// The name of HTTP/2 in ALPN (RFC 9113, section 3.2).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// TLS material that cannot be used. The control plane validates it before, so this is a bug or a version skew.
#[derive(Debug, Error)]
pub(crate) enum TlsError {
    #[error("certificate {name}: {source}")]
    Certificate { name: String, source: rustls::Error },
    #[error("certificate {name}: the private key has an unknown format")]
    Key { name: String },
    #[error("trusted root certificate of settings {settings}: {source}")]
    Root { settings: String, source: rustls::Error },
    #[error("trusted client certificates: {reason}")]
    ClientAuthority { reason: String },
    #[error("listener {listener}: no cipher suite is enabled")]
    NoSuites { listener: String },
    #[error("settings {settings}: {name:?} is neither a host name nor an address")]
    Name { settings: String, name: String },
}

/// The cryptography provider of this process. It exchanges keys by X25519MLKEM768, X25519, P-256 and P-384; of those
/// that both sides know, a server takes the one that its client prefers.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup::{X25519, X25519MLKEM768, secp256r1, secp384r1};

    use super::*;

    #[test]
    fn the_hybrid_key_exchange_comes_first() {
        let groups: Vec<_> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups, [X25519MLKEM768, X25519, secp256r1, secp384r1]);
    }
}
