//! Certificates, and how TLS with clients is to be done.

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::SubResource;
use crate::arm::tls_policy::{CipherSuite, TlsVersion};

/// A server certificate.
///
/// The write-only properties are in the description, but reading takes them out before anything becomes this type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SslCertificate {
    /// Base64 of a PFX, or of PEM text with chain and key; or the PEM text itself.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub data: Option<IgnoredAny>,
    /// The password of the PFX.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub password: Option<IgnoredAny>,
    /// Base64 of a PKCS#7 bag with the certificate chain.
    #[schemars(extend("readOnly" = true))]
    pub public_cert_data: Option<String>,
    /// An extension: base64 of a response of the certificate's authority (RFC 6960, DER) that it is not revoked, which
    /// is sent along in handshakes as long as it is true. At most 16 KB; nothing is sent along when absent.
    pub ocsp_response: Option<String>,
    /// Not served.
    #[schemars(extend("x-not-served" = "Send the certificate itself in 'data', with its 'password'."))]
    pub key_vault_secret_id: Option<String>,
    /// Not served.
    #[schemars(extend("x-not-served" = "Send the certificate itself in 'data', with its 'password'."))]
    pub hsm: Option<ManagedHsm>,
}

/// A key that a managed hardware security module keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ManagedHsm {
    /// The key.
    pub key_id: Option<String>,
    /// Base64 of the certificate that it belongs to.
    pub public_cert_data: Option<String>,
}

/// A certificate authority that backends' certificates are checked against.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TrustedRootCertificate {
    /// Base64 of the certificate (DER or PEM), or its PEM text. Required.
    pub data: Option<String>,
    /// Not served.
    #[schemars(extend("x-not-served" = "Send the certificate itself in 'data'."))]
    pub key_vault_secret_id: Option<String>,
}

/// A chain of certificate authorities that clients' certificates are checked against.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TrustedClientCertificate {
    /// Base64 of the chain (DER or PEM), or its PEM text, with one root. Required.
    pub data: Option<String>,
    /// The data, once it has been checked.
    #[schemars(extend("readOnly" = true))]
    pub validated_cert_data: Option<String>,
    /// The distinguished name that the issuer of a client's certificate must have: that of the last intermediate
    /// authority, else that of the root.
    #[serde(rename = "clientCertIssuerDN")]
    #[schemars(extend("readOnly" = true))]
    pub client_cert_issuer_dn: Option<String>,
}

/// A backend's certificate, as gateways of the first generation pin it. Stored and given back; settings that refer to
/// one are refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthenticationCertificate {
    /// Base64 of the certificate (DER or PEM), or its PEM text. Required.
    pub data: Option<String>,
}

/// How a listener does TLS, where it does not do it as the whole gateway does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SslProfile {
    /// Whose certificates clients may show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-refers-to" = "trustedClientCertificates"))]
    pub trusted_client_certificates: Vec<SubResource>,
    /// Versions and cipher suites; those of the gateway otherwise.
    pub ssl_policy: Option<SslPolicy>,
    /// What is asked of clients' certificates.
    pub client_auth_configuration: Option<ClientAuthConfiguration>,
}

/// What is asked of clients' certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct ClientAuthConfiguration {
    /// Whether the issuer's name must be the `clientCertIssuerDN` of a trusted client certificate; it need not when
    /// absent.
    #[serde(rename = "verifyClientCertIssuerDN")]
    pub verify_client_cert_issuer_dn: Option<bool>,
    /// Whether revocation is looked up; it is not when absent. `OCSP` is not served.
    pub verify_client_revocation: Option<ClientRevocation>,
    /// Whether a certificate must be shown and be good. When absent it must where the profile names trusted client
    /// certificates; where it names none, nothing is asked for.
    pub verify_client_auth_mode: Option<ClientAuthMode>,
}

/// How the revocation of a client's certificate is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientRevocation {
    /// Not at all.
    None,
    /// By asking its authority.
    #[serde(rename = "OCSP")]
    Ocsp,
}

/// What becomes of a client without a good certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientAuthMode {
    /// It is refused.
    Strict,
    /// Its request goes to the backend, which sees the certificate and decides.
    Passthrough,
}

/// TLS versions and cipher suites.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct SslPolicy {
    /// Which kind of policy.
    pub policy_type: Option<SslPolicyType>,
    /// The name of a predefined one.
    pub policy_name: Option<SslPolicyName>,
    /// Of a custom one.
    pub min_protocol_version: Option<TlsVersion>,
    /// Of a custom one, the preferred first.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// The oldest form of a policy, alone.
    pub disabled_ssl_protocols: Option<Vec<TlsVersion>>,
    /// An extension: what is served of the policy, the preferred first. Suites without forward secrecy or with CBC are
    /// left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub served_cipher_suites: Vec<CipherSuite>,
}

/// The kind of a TLS policy.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SslPolicyType {
    Predefined,
    Custom,
    CustomV2,
}

/// A predefined TLS policy.
#[expect(missing_docs, reason = "the official names say all there is")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SslPolicyName {
    AppGwSslPolicy20150501,
    AppGwSslPolicy20170401,
    AppGwSslPolicy20170401S,
    AppGwSslPolicy20220101,
    AppGwSslPolicy20220101S,
}
