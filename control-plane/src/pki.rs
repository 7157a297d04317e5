//! The public-key infrastructure of one installation: its certificate authority, and the certificates issued by
//! it.
//!
//! The authority is created at the first start. It issues the certificates of the management and channel
//! endpoints (their keys are never written to disk) and the client certificate of each worker. The store
//! decides which workers may join; [`crate::certificates`] decides when certificates are renewed.

mod authorities;
mod authority;
mod tls;
mod validity;

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tidegate_shared::private_file;

pub(crate) use authorities::Authorities;
pub(crate) use authority::{Authority, IssuedCertificate, requested_key};
pub(crate) use tls::{channel_config, management_config};
pub(crate) use validity::Validity;

/// The reason why a certificate could not be created or read.
#[derive(Debug, Error)]
pub enum PkiError {
    /// A file system error.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An error of the key or certificate.
    #[error("the certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// TLS cannot use the certificate and key.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A file has the wrong content.
    #[error("{path}: {why}")]
    Unusable {
        /// The path of the file.
        path: String,
        /// The reason.
        why: String,
    },
}

/// A certificate chain with its key, ready for rustls.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The chain, the own certificate first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Returns the SHA-256 of a certificate, in hexadecimal.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    crate::digest::sha256_hex(certificate)
}

/// Reads a certificate chain and its key from PEM files.
///
/// # Errors
/// If a file cannot be read or has the wrong content.
pub(crate) fn read_identity(chain_path: &Path, key_path: &Path) -> Result<Identity, PkiError> {
    use rustls::pki_types::pem::PemObject;
    let chain_pem = fs::read(chain_path).map_err(|e| unusable(chain_path, &e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(chain_path, &e.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(chain_path, "contains no certificate"));
    }
    let key_pem = private_file::read(key_path)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.expose()).map_err(|e| unusable(key_path, &e.to_string()))?;
    Ok(Identity { chain, key })
}

/// The crypto provider of all TLS in this process, passed explicitly rather than installed globally.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn unusable(path: &Path, why: &str) -> PkiError {
    PkiError::Unusable { path: path.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
