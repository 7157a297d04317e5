//! Who this worker is: a key of its own making, and the certificate that the control plane gave it for that key.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tidegate_shared::private_file;

use crate::tls::provider;

/// An identity that cannot be used or made.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the worker's key or certificate is unusable: {0}")]
    Unusable(String),
}

/// The files of an identity.
#[derive(Debug)]
pub(crate) struct Identity {
    key: PathBuf,
    certificate: PathBuf,
    authority: PathBuf,
}

/// A key and the request for a certificate for it, on the way to becoming an identity.
#[derive(Debug)]
pub(crate) struct Candidate {
    key: KeyPair,
    /// PEM.
    pub(crate) request: String,
}

impl Identity {
    pub(crate) fn at(data_dir: &Path) -> Identity {
        let file = |name| data_dir.join(name);
        Identity {
            key: file("worker.key"),
            certificate: file("worker.pem"),
            authority: file("authority.pem"),
        }
    }

    /// Whether there is one, given by `authority` if one is named.
    pub(crate) fn exists(&self, authority: Option<&str>) -> bool {
        let given_by = fs::read_to_string(&self.authority).ok();
        self.certificate.exists() && given_by.is_some_and(|by| authority.is_none_or(|wanted| wanted == by))
    }

    /// What the control plane calls this worker, if it has an identity: the name in its certificate.
    pub(crate) fn name(&self) -> Option<String> {
        let certificate = CertificateDer::from_pem_file(&self.certificate).ok()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).ok()?;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        Some(name.to_owned())
    }

    /// The TLS configuration of a worker that shows who it is.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, IdentityError> {
        let roots = roots(&fs::read_to_string(&self.authority)?)?;
        let certificate = CertificateDer::from_pem_file(&self.certificate).map_err(unusable)?;
        let key = private_file::read(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(unusable)?;
        let config = builder(roots).with_client_auth_cert(vec![certificate], key).map_err(unusable)?;
        Ok(Arc::new(config))
    }

    /// Keeps a new identity. The certificate goes first and comes last: without it there is none, so a worker that is
    /// killed in between has nothing, rather than a key and a certificate that do not fit.
    pub(crate) fn save(&self, candidate: &Candidate, certificate: &str, authority: &str) -> io::Result<()> {
        self.discard()?;
        private_file::write(&self.key, candidate.key.serialize_pem().as_bytes())?;
        private_file::write(&self.authority, authority.as_bytes())?;
        private_file::write(&self.certificate, certificate.as_bytes())
    }

    /// Forgets an identity that the control plane no longer knows.
    pub(crate) fn discard(&self) -> io::Result<()> {
        match fs::remove_file(&self.certificate) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Candidate {
    pub(crate) fn new() -> Result<Candidate, IdentityError> {
        let key = KeyPair::generate().map_err(unusable)?;
        let request = CertificateParams::default().serialize_request(&key).map_err(unusable)?;
        Ok(Candidate { request: request.pem().map_err(unusable)?, key })
    }
}

/// The TLS configuration of a worker that has no identity yet but knows the control plane's authority.
pub(crate) fn stranger_config(authority: &str) -> Result<Arc<ClientConfig>, IdentityError> {
    Ok(Arc::new(builder(roots(authority)?).with_no_client_auth()))
}

fn builder(roots: RootCertStore) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
}

fn roots(authority: &str) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).map_err(unusable)?).map_err(unusable)?;
    Ok(roots)
}

fn unusable(error: impl std::fmt::Display) -> IdentityError {
    IdentityError::Unusable(error.to_string())
}
