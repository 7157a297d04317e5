//! TLS with clients: the versions, cipher suites and certificates of a listener, and client authentication.

use serde::{Deserialize, Serialize};

use crate::secret::{Secret, base64_list};

/// The TLS settings of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerTls {
    /// The index of the server certificate in [`Content::certificates`](super::Content::certificates). `None` disables
    /// the listener: its handshakes fail with the alert `unrecognized_name`, and it serves no request.
    pub certificate: Option<usize>,
    /// The enabled cipher suites, the preferred first; at least one. They imply the versions: TLS 1.3 is enabled if
    /// one of its suites is here, and likewise TLS 1.2.
    pub suites: Vec<CipherSuite>,
    /// Client authentication; `None` requests no client certificate.
    pub clients: Option<ClientAuthentication>,
}

/// A cipher suite that workers support.
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

/// The requirements on client certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientAuthentication {
    /// A certificate is requested but neither required nor verified.
    Passthrough,
    /// A valid certificate is required.
    Required {
        /// The authorities that may have issued it: indices into
        /// [`Content::client_authorities`](super::Content::client_authorities), ascending, without duplicates; at
        /// least one.
        authorities: Vec<usize>,
        /// True if its direct issuer must be the [`ClientAuthority::issuer`] of one of the authorities.
        by_named_issuer: bool,
    },
}

/// A chain of authorities that client certificates are verified with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAuthority {
    /// The trusted root certificates, DER.
    #[serde(with = "base64_list")]
    pub roots: Vec<Vec<u8>>,
    /// Intermediate certificates, DER, which clients need not send.
    #[serde(with = "base64_list")]
    pub intermediates: Vec<Vec<u8>>,
    /// The subject of the authority that signs client certificates, DER.
    #[serde(with = "crate::secret::base64_bytes")]
    pub issuer: Vec<u8>,
}

/// A server certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The name within the gateway.
    pub name: String,
    /// The chain as DER, the server's own certificate first.
    #[serde(with = "base64_list")]
    pub chain: Vec<Vec<u8>>,
    /// The private key, DER: PKCS#8, PKCS#1 or SEC1.
    pub key: Secret,
    /// The OCSP response to staple, if the configuration has one.
    pub staple: Option<Staple>,
}

/// A stapled OCSP response (RFC 6960), which says that a certificate is not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staple {
    /// The response, DER.
    #[serde(with = "crate::secret::base64_bytes")]
    pub response: Vec<u8>,
    /// The end of the response's validity in seconds since 1970; `None` if it does not expire.
    pub until: Option<u64>,
}
