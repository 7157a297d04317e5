//! TLS with clients: what a listener offers, and what it asks of them.

use serde::{Deserialize, Serialize};

use crate::secret::{Secret, base64_list};

/// How a listener does TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerTls {
    /// The index of the server certificate in [`Content::certificates`](super::Content::certificates).
    pub certificate: usize,
    /// The suites that are served, the preferred first; at least one. They imply the versions: TLS 1.3 is served if
    /// one of its suites is here, TLS 1.2 likewise.
    pub suites: Vec<CipherSuite>,
    /// What is asked of clients' certificates; none are asked for when absent.
    pub clients: Option<ClientAuthentication>,
}

/// A cipher suite that workers can serve.
#[expect(missing_docs, reason = "the names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CipherSuite {
    Tls13Aes128GcmSha256,
    Tls13Aes256GcmSha384,
    EcdheEcdsaAes128GcmSha256,
    EcdheEcdsaAes256GcmSha384,
    EcdheRsaAes128GcmSha256,
    EcdheRsaAes256GcmSha384,
}

/// What is asked of clients' certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientAuthentication {
    /// A certificate is asked for and never looked at; a client may come without one.
    Passthrough,
    /// A certificate must be shown, and be good.
    Required {
        /// Who may vouch for it: indices into
        /// [`Content::client_authorities`](super::Content::client_authorities), ascending, each once; at least one.
        authorities: Vec<usize>,
        /// Whether its direct issuer must be the one that one of the authorities names.
        by_named_issuer: bool,
    },
}

/// A chain of authorities that clients' certificates are checked against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAuthority {
    /// Whom to trust, DER.
    #[serde(with = "base64_list")]
    pub roots: Vec<Vec<u8>>,
    /// Certificates that clients need not send along, DER.
    #[serde(with = "base64_list")]
    pub intermediates: Vec<Vec<u8>>,
    /// The subject of the authority that signs clients' certificates, DER.
    #[serde(with = "crate::secret::base64_bytes")]
    pub issuer: Vec<u8>,
}

/// A server certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its name within the gateway.
    pub name: String,
    /// The chain as DER, the server's own certificate first.
    #[serde(with = "base64_list")]
    pub chain: Vec<Vec<u8>>,
    /// The private key, DER: PKCS#8, PKCS#1 or SEC1.
    pub key: Secret,
    /// What its authority said of it, if that was given along.
    pub staple: Option<Staple>,
}

/// A response of a certificate's authority that it is not revoked (RFC 6960), sent along in handshakes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staple {
    /// The response, DER.
    #[serde(with = "crate::secret::base64_bytes")]
    pub response: Vec<u8>,
    /// When it ceases to be true, in seconds since 1970; never when absent.
    pub until: Option<u64>,
}
