//! Certificates, and the TLS settings of listeners.

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::SubResource;
use crate::arm::tls_policy::{CipherSuite, SslPolicyName, TlsVersion};

/// A server certificate.
///
/// The write-only properties are part of the schema, but reading removes them before anything becomes this
/// type.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SslCertificate {
    /// Base64 of a PFX, or of PEM text with chain and key; or the PEM text itself.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub(crate) data: Option<IgnoredAny>,
    /// The password of the PFX.
    #[serde(skip_serializing)]
    #[schemars(with = "Option<String>", extend("writeOnly" = true))]
    pub(crate) password: Option<IgnoredAny>,
    /// Base64 of a PKCS#7 structure with the certificate chain.
    #[schemars(extend("readOnly" = true))]
    pub(crate) public_cert_data: Option<String>,
    /// Base64 of an OCSP response (RFC 6960, DER) for the certificate, of at most 16 KB, which is stapled to
    /// handshakes while it is valid. No stapling if absent. An extension of this service.
    pub(crate) ocsp_response: Option<String>,
    /// The URL of a secret with the certificate and its key, in place of `data`: of Azure Key Vault, or of the engine KV
    /// version 2 of OpenBao or Vault. It is fetched with each write and every few hours; while the vault refuses it,
    /// the listeners that use it are disabled.
    pub(crate) key_vault_secret_id: Option<String>,
    /// Not supported.
    #[schemars(extend("x-not-served" = "Send the certificate itself in 'data', with its 'password'."))]
    pub(crate) hsm: Option<ManagedHsm>,
}

/// A key in a managed hardware security module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ManagedHsm {
    /// The ID of the key.
    pub(crate) key_id: Option<String>,
    /// Base64 of the certificate of the key.
    pub(crate) public_cert_data: Option<String>,
}

/// A certificate authority that is trusted to issue certificates of backends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TrustedRootCertificate {
    /// Base64 of the certificate (DER or PEM), or its PEM text. Required, unless `keyVaultSecretId` is there.
    pub(crate) data: Option<String>,
    /// The URL of a secret with the certificate, in place of `data`: of Azure Key Vault, or of the engine KV version 2 of
    /// OpenBao or Vault. It is fetched with each write and every few hours; while the vault refuses it, no backend is
    /// trusted because of it.
    pub(crate) key_vault_secret_id: Option<String>,
}

/// A chain of certificate authorities that are trusted to issue certificates of clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TrustedClientCertificate {
    /// Base64 of the chain (DER or PEM), or its PEM text, with one root. Required.
    pub(crate) data: Option<String>,
    /// The data, after validation.
    #[schemars(extend("readOnly" = true))]
    pub(crate) validated_cert_data: Option<String>,
    /// The distinguished name that the issuer of a client's certificate must have: that of the last
    /// intermediate authority, or of the root if there is none.
    #[serde(rename = "clientCertIssuerDN")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) client_cert_issuer_dn: Option<String>,
}

/// A pinned certificate of a backend, as in Azure v1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AuthenticationCertificate {
    /// Base64 of the certificate (DER or PEM), or its PEM text. Required.
    pub(crate) data: Option<String>,
}

/// The TLS settings of a listener, in place of those of the gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SslProfile {
    /// The certificate authorities of clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), extend("x-refers-to" = "trustedClientCertificates"))]
    pub(crate) trusted_client_certificates: Vec<SubResource>,
    /// TLS versions and cipher suites. Those of the gateway if absent.
    pub(crate) ssl_policy: Option<SslPolicy>,
    /// The verification of client certificates.
    pub(crate) client_auth_configuration: Option<ClientAuthConfiguration>,
}

/// The verification of client certificates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ClientAuthConfiguration {
    /// True if the issuer's name must be the `clientCertIssuerDN` of a trusted client certificate. `false` if
    /// absent.
    #[serde(rename = "verifyClientCertIssuerDN")]
    pub(crate) verify_client_cert_issuer_dn: Option<bool>,
    /// The revocation check. `None` if absent; `OCSP` is not supported.
    pub(crate) verify_client_revocation: Option<ClientRevocation>,
    /// The action for a client without a valid certificate. If absent, a certificate is required if the profile
    /// names trusted client certificates; otherwise clients are not asked for one.
    pub(crate) verify_client_auth_mode: Option<ClientAuthMode>,
}

/// The revocation check of client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ClientRevocation {
    /// No check.
    None,
    /// By OCSP. Not supported.
    #[serde(rename = "OCSP")]
    Ocsp,
}

/// The action for a client without a valid certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum ClientAuthMode {
    /// The client is rejected.
    Strict,
    /// The request is forwarded to the backend, which can read the certificate and decide.
    Passthrough,
}

/// TLS versions and cipher suites.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SslPolicy {
    /// The kind of policy.
    pub(crate) policy_type: Option<SslPolicyType>,
    /// The name of a predefined policy.
    pub(crate) policy_name: Option<SslPolicyName>,
    /// The minimum version of a custom policy.
    pub(crate) min_protocol_version: Option<TlsVersion>,
    /// The cipher suites of a custom policy, in order of preference.
    pub(crate) cipher_suites: Option<Vec<CipherSuite>>,
    /// The disabled versions. The oldest form of a policy; excludes all other properties.
    pub(crate) disabled_ssl_protocols: Option<Vec<TlsVersion>>,
    /// The supported cipher suites of the policy, in order of preference, without suites that use CBC or lack
    /// forward secrecy. An extension of this service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("readOnly" = true))]
    pub(crate) served_cipher_suites: Vec<CipherSuite>,
}

/// The kind of a TLS policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) enum SslPolicyType {
    Predefined,
    Custom,
    CustomV2,
}
