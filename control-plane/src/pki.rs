//! The public-key infrastructure of one installation: its certificate authority, and what the authority vouches for.
//!
//! The authority is made at the first start. It issues the certificates of the management and channel endpoints (their
//! keys never touch the disk) and the client certificate of each worker. Nothing here decides who may join: that is the
//! store's business. When certificates are replaced, [`crate::certificates`] says.

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

pub use authorities::Authorities;
pub use authority::{Authority, IssuedCertificate, requested_key};
pub use tls::{channel_config, management_config};
pub use validity::{BACKDATE, Validity};

/// Why a certificate could not be made or read.
#[derive(Debug, Error)]
pub enum PkiError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Key or certificate.
    #[error("the certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A certificate and key that TLS cannot use.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// A file that does not hold what it should.
    #[error("{path}: {why}")]
    Unusable {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A certificate chain with its key, ready for rustls.
#[derive(Debug)]
pub struct Identity {
    /// The chain, own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

/// SHA-256 of a certificate, in hexadecimal.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    crate::digest::sha256_hex(certificate)
}

/// Reads a certificate chain and its key from PEM files.
///
/// # Errors
/// Files that cannot be read, or do not hold that.
pub fn read_identity(chain_path: &Path, key_path: &Path) -> Result<Identity, PkiError> {
    use rustls::pki_types::pem::PemObject;
    let chain_pem = fs::read(chain_path).map_err(|e| unusable(chain_path, &e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(chain_path, &e.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(chain_path, "holds no certificate"));
    }
    let key_pem = private_file::read(key_path)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.expose()).map_err(|e| unusable(key_path, &e.to_string()))?;
    Ok(Identity { chain, key })
}

/// The cryptography that all TLS of this process uses, named rather than installed globally.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn unusable(path: &Path, why: &str) -> PkiError {
    PkiError::Unusable { path: path.display().to_string(), why: why.to_owned() }
}

#[cfg(test)]
mod tests;
