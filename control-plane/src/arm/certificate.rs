//! Parses certificates as clients send them into a chain (the server's own certificate first) and a private
//! key.
//!
//! Accepted are base64 of a PFX, base64 of PEM, and PEM. Each result has been tried with the TLS library of the
//! workers, so no worker rejects it for its content. No error repeats any part of the input.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tidegate_shared::secret::{Secret, base64_list};
use x509_parser::parse_x509_certificate;

#[cfg(test)]
mod fuzz;
mod issuer;
mod pfx;
mod stored;

pub(crate) use issuer::{client_issuer, last_authority};
pub(crate) use stored::{FetchFault, StoredCertificate};

/// A server certificate with its chain and private key.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerCertificate {
    /// The chain in DER: the server's own certificate first, each followed by its issuer.
    #[serde(with = "base64_list")]
    pub(crate) chain: Vec<Vec<u8>>,
    /// The private key in DER: PKCS#8, PKCS#1 or SEC1.
    pub(crate) key: Secret,
}

/// The reason why data cannot be used as a certificate.
#[derive(Debug, Error, PartialEq)]
pub(crate) enum CertificateError {
    /// The certificate was not opened in time.
    #[error(
        "opening the certificates takes too long: send fewer at once, or use fewer rounds of key derivation"
    )]
    NotOpened,
    /// The client already has the maximum number of certificates waiting to be opened.
    #[error("too many certificates of this client are waiting to be opened: try again later")]
    Busy,
    /// The PFX has too many encrypted parts, each of which costs a key derivation.
    #[error("it has more than {} encrypted parts; two are usual", pfx::ENCRYPTED_PARTS)]
    TooManyParts,
    /// The rounds of key derivation, which the author of the file chooses, exceed the limit.
    #[error(
        "its key derivations take more than {} rounds in total: use fewer, such as the 2048 of OpenSSL",
        pfx::ROUNDS
    )]
    TooManyRounds,
    /// The key derivation function is memory-hard (such as scrypt) or not supported.
    #[error("it derives a key with {0}; only PBKDF2 and the key derivation of PKCS#12 are supported")]
    KeyDerivation(String),
    /// The data is larger than any chain with its key needs to be.
    #[error("it is larger than {} bytes", MAX_SIZE)]
    TooLarge,
    /// The data is neither PEM nor base64.
    #[error("it is neither PEM nor base64")]
    Encoding,
    /// The PFX is damaged or uses an unsupported feature.
    #[error("it is not a valid PFX: {0}")]
    Pfx(String),
    /// The password does not open the PFX.
    #[error("the password is wrong")]
    Password,
    /// The PEM cannot be parsed.
    #[error("it is not valid PEM: {0}")]
    Pem(String),
    /// There is no private key, or it is encrypted within PEM.
    #[error("it contains no private key, or an encrypted one outside a PFX")]
    NoKey,
    /// There is more than one private key.
    #[error("it contains more than one private key")]
    ManyKeys,
    /// There is no certificate.
    #[error("it contains no certificate")]
    NoCertificate,
    /// A private key was sent where only certificates belong; it would be stored and shown.
    #[error("it contains a private key, which is not allowed here")]
    UnwantedKey,
    /// The TLS library cannot sign with this key.
    #[error(
        "its key is not supported: it must be RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519"
    )]
    Key,
    /// No certificate belongs to the private key.
    #[error("its key does not belong to any of its certificates")]
    Mismatch,
}

/// The maximum size of a server certificate with its chain and key, in bytes. Bounds the cost of opening a
/// hostile PFX.
const MAX_SIZE: usize = 64 * 1024;

/// The bytes of `data`, after base64 if it was encoded.
enum Content {
    Pem(Secret),
    Binary(Secret),
}

impl ServerCertificate {
    /// Reads `data` as a client sends it, with the password of a PFX.
    ///
    /// # Errors
    /// The reason why the certificate cannot be used.
    pub(crate) fn read(data: &str, password: &str) -> Result<ServerCertificate, CertificateError> {
        let (certificates, mut keys) = match decode(data)? {
            Content::Pem(bytes) | Content::Binary(bytes) if bytes.expose().len() > MAX_SIZE => {
                return Err(CertificateError::TooLarge);
            }
            Content::Pem(text) => read_pem(text.expose())?,
            Content::Binary(bytes) => pfx::open(bytes.expose(), password)?,
        };
        let key = keys.pop().ok_or(CertificateError::NoKey)?;
        if !keys.is_empty() {
            return Err(CertificateError::ManyKeys);
        }
        let chain = order(certificates, &key)?;
        Ok(ServerCertificate { chain, key })
    }

    /// Serializes the certificate for storage.
    pub(crate) fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_vec(self).expect("a certificate is plain data"))
    }

    /// Restores a certificate from its stored form; `None` if the bytes are not one.
    pub(crate) fn from_secret(secret: &Secret) -> Option<ServerCertificate> {
        serde_json::from_slice(secret.expose()).ok()
    }
}

/// Reads CA certificates: base64 of one in DER, or PEM with any number.
///
/// # Errors
/// The reason why they cannot be used.
pub(crate) fn read_authorities(data: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
    let (certificates, keys) = match decode(data)? {
        Content::Pem(text) => read_pem(text.expose())?,
        Content::Binary(bytes) => (vec![bytes.expose().to_vec()], Vec::new()),
    };
    if !keys.is_empty() {
        return Err(CertificateError::UnwantedKey);
    }
    let mut roots = rustls::RootCertStore::empty();
    for certificate in &certificates {
        roots.add(CertificateDer::from_slice(certificate)).map_err(|_| CertificateError::NoCertificate)?;
    }
    if certificates.is_empty() { Err(CertificateError::NoCertificate) } else { Ok(certificates) }
}

fn decode(data: &str) -> Result<Content, CertificateError> {
    const PEM: &[u8] = b"-----BEGIN";
    let is_pem = |bytes: &[u8]| bytes.windows(PEM.len()).any(|window| window == PEM);
    if is_pem(data.as_bytes()) {
        return Ok(Content::Pem(Secret::new(data.as_bytes().to_vec())));
    }
    let text = data.bytes().filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=').collect();
    let text = Secret::new(text);
    let bytes = STANDARD_NO_PAD.decode(text.expose()).map_err(|_| CertificateError::Encoding)?;
    let is_pem = is_pem(&bytes);
    let bytes = Secret::new(bytes);
    Ok(if is_pem { Content::Pem(bytes) } else { Content::Binary(bytes) })
}

type Parts = (Vec<Vec<u8>>, Vec<Secret>);

fn read_pem(text: &[u8]) -> Result<Parts, CertificateError> {
    let mut parts = Parts::default();
    for section in <(SectionKind, Vec<u8>) as PemObject>::pem_slice_iter(text) {
        let (kind, der) = section.map_err(|e| CertificateError::Pem(e.to_string()))?;
        match kind {
            SectionKind::Certificate => parts.0.push(der),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                parts.1.push(Secret::new(der));
            }
            _ => {}
        }
    }
    Ok(parts)
}

/// Returns the chain of the key: its own certificate, then issuer after issuer. Drops certificates that are not
/// part of the chain.
fn order(mut rest: Vec<Vec<u8>>, key: &Secret) -> Result<Vec<Vec<u8>>, CertificateError> {
    if rest.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    let key = PrivateKeyDer::try_from(key.expose()).map_err(|_| CertificateError::Key)?;
    let key = any_supported_type(&key).map_err(|_| CertificateError::Key)?;
    let belongs = |der: &Vec<u8>| {
        let certificate = CertificateDer::from(der.clone());
        parse_x509_certificate(der).is_ok()
            && CertifiedKey::new(vec![certificate], key.clone()).keys_match().is_ok()
    };
    let own = rest.iter().position(belongs).ok_or(CertificateError::Mismatch)?;
    let mut chain = vec![rest.remove(own)];
    while let Some(issuer) = chain.last().and_then(|last| issuer_of(last, &rest)) {
        chain.push(rest.remove(issuer));
    }
    Ok(chain)
}

fn issuer_of(der: &[u8], among: &[Vec<u8>]) -> Option<usize> {
    let (_, certificate) = parse_x509_certificate(der).ok()?;
    if certificate.issuer().as_raw() == certificate.subject().as_raw() {
        return None;
    }
    among.iter().position(|candidate| {
        parse_x509_certificate(candidate)
            .is_ok_and(|(_, candidate)| candidate.subject().as_raw() == certificate.issuer().as_raw())
    })
}

/// Encodes as standard base64 with padding, the form of certificates in responses.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
