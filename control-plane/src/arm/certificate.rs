//! Certificates as clients send them, into the form that everything behind this module holds: a chain with the
//! server's own certificate first, and its key.
//!
//! Clients send base64 of a PFX, base64 of PEM, or PEM. Whatever comes out of here has been tried with the TLS
//! library that the workers use, so no worker can refuse it for its content. No error repeats anything that was sent.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rustls::crypto::ring::sign::any_supported_type;
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

pub use issuer::{client_issuer, last_authority};

/// A server certificate.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerCertificate {
    /// DER, the server's own first, each followed by its issuer.
    #[serde(with = "base64_list")]
    pub chain: Vec<Vec<u8>>,
    /// DER: PKCS#8, PKCS#1 or SEC1.
    pub key: Secret,
}

/// Why data is no usable certificate.
#[derive(Debug, Error, PartialEq)]
pub enum CertificateError {
    /// It was not opened in time.
    #[error(
        "the certificates of this request take too long to open: send fewer at once, or give them fewer rounds of key derivation"
    )]
    NotOpened,
    /// As many of the client's certificates wait to be opened as may.
    #[error("too many certificates of this client are waiting to be opened: try again later")]
    Busy,
    /// Each encrypted part costs a key derivation.
    #[error("it has more than {} encrypted parts, where usual files have two", pfx::ENCRYPTED_PARTS)]
    TooManyParts,
    /// The author of a file chooses their number.
    #[error(
        "its key derivations take more than {} rounds in all: give it fewer, such as the 2048 that OpenSSL writes",
        pfx::ROUNDS
    )]
    TooManyRounds,
    /// One that costs memory by design, or that nobody writes.
    #[error("it derives a key by {0}: write it with PBKDF2, or with the key derivation of PKCS#12")]
    KeyDerivation(String),
    /// More than any chain with its key needs.
    #[error("it is larger than {} bytes", MAX_SIZE)]
    TooLarge,
    /// Neither of the accepted forms.
    #[error("it is neither PEM nor base64")]
    Encoding,
    /// The PFX is damaged or uses something exotic.
    #[error("it is no PFX that can be read: {0}")]
    Pfx(String),
    /// The password does not open the PFX.
    #[error("the password does not open it")]
    Password,
    /// PEM that cannot be read.
    #[error("it is no PEM that can be read: {0}")]
    Pem(String),
    /// No key, or one that is encrypted within PEM.
    #[error("it holds no private key, or an encrypted one outside a PFX")]
    NoKey,
    /// More than one key.
    #[error("it holds more than one private key")]
    ManyKeys,
    /// No certificate.
    #[error("it holds no certificate")]
    NoCertificate,
    /// A private key where only certificates belong: it would be stored and shown.
    #[error("it holds a private key, which has no place here")]
    UnwantedKey,
    /// A key that the TLS library cannot sign with.
    #[error(
        "its key is not one that can be used: RSA of 2048 bits and more, ECDSA on P-256 or P-384, or Ed25519"
    )]
    Key,
    /// No certificate belongs to the key.
    #[error("its key belongs to none of its certificates")]
    Mismatch,
}

/// The largest server certificate with its chain and key, in bytes. What a hostile PFX can cost grows with its size.
const MAX_SIZE: usize = 64 * 1024;

/// What stands in `data`, one step decoded.
enum Content {
    Pem(Secret),
    Binary(Secret),
}

impl ServerCertificate {
    /// Reads `data` as a client sends it, with the password of a PFX.
    ///
    /// # Errors
    /// Whatever keeps it from being used.
    pub fn read(data: &str, password: &str) -> Result<ServerCertificate, CertificateError> {
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

    /// The form in which it is stored.
    pub fn to_secret(&self) -> Secret {
        Secret::new(serde_json::to_vec(self).expect("a certificate is plain data"))
    }

    /// Back from the stored form; none if it is no such thing.
    pub fn from_secret(secret: &Secret) -> Option<ServerCertificate> {
        serde_json::from_slice(secret.expose()).ok()
    }
}

/// Reads the certificates of authorities: base64 of one as DER, or PEM with any number of them.
///
/// # Errors
/// Whatever keeps them from being used.
pub fn read_authorities(data: &str) -> Result<Vec<Vec<u8>>, CertificateError> {
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

/// The chain of the key: its own certificate, then issuer after issuer. Certificates that are no part of it are
/// left out.
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

/// Base64 as answers show it.
pub fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
