//! The identity of this worker: a key that it generates, and the certificate that the control plane issues for it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tidegate_shared::private_file;
use tidegate_shared::secret::Secret;

use crate::tls::provider;

/// An identity that cannot be used or created.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the worker's key or certificate is unusable: {0}")]
    Unusable(String),
}

/// The files of an identity.
#[derive(Debug)]
pub(crate) struct WorkerIdentity {
    key: PathBuf,
    certificate: PathBuf,
    authority: PathBuf,
    /// The key of a join request whose answer has not arrived.
    candidate: PathBuf,
}

/// A key with its certificate signing request, before it becomes an identity.
#[derive(Debug)]
pub(crate) struct Candidate {
    key: KeyPair,
    /// The certificate signing request, PEM.
    pub(crate) request: String,
}

impl WorkerIdentity {
    pub(crate) fn at(data_dir: &Path) -> WorkerIdentity {
        let file = |name| data_dir.join(name);
        WorkerIdentity {
            key: file("worker.key"),
            certificate: file("worker.pem"),
            authority: file("authority.pem"),
            candidate: file("joining.key"),
        }
    }

    /// Returns true if there is an identity and it trusts one of the authorities in `authority` (PEM), if any are
    /// given.
    pub(crate) fn exists(&self, authority: Option<&str>) -> bool {
        let Ok(trusted) = fs::read_to_string(&self.authority) else { return false };
        let shares = |wanted: &str| {
            let (trusted, wanted) = (certificates(&trusted), certificates(wanted));
            matches!((trusted, wanted), (Ok(trusted), Ok(wanted)) if wanted.iter().any(|one| trusted.contains(one)))
        };
        self.certificate.exists() && authority.is_none_or(shares)
    }

    /// Returns the worker's ID, the common name in its certificate, if it has an identity.
    pub(crate) fn name(&self) -> Option<String> {
        let certificate = CertificateDer::from_pem_file(&self.certificate).ok()?;
        let (_, certificate) = x509_parser::parse_x509_certificate(&certificate).ok()?;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        Some(name.to_owned())
    }

    /// Returns the TLS configuration of a worker with its certificate.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, IdentityError> {
        let roots = roots(&fs::read_to_string(&self.authority)?)?;
        let certificate = CertificateDer::from_pem_file(&self.certificate).map_err(unusable)?;
        let key = private_file::read_key(&self.key)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(unusable)?;
        let config = builder(roots).with_client_auth_cert(vec![certificate], key).map_err(unusable)?;
        Ok(Arc::new(config))
    }

    /// Returns a key to join with: that of the last join request if its answer never arrived, because the control
    /// plane may have accepted the token for that key.
    pub(crate) fn candidate(&self) -> Result<Candidate, IdentityError> {
        let new = || {
            let key = KeyPair::generate().map_err(io::Error::other)?;
            Ok(Secret::new(key.serialize_pem().into_bytes()))
        };
        Candidate::of(&private_file::read_or_create(&self.candidate, new)?)
    }

    /// Returns a certificate signing request for the present key.
    pub(crate) fn renewal(&self) -> Result<String, IdentityError> {
        Ok(Candidate::of(&private_file::read(&self.key)?)?.request)
    }

    /// Stores a new identity. The old certificate is removed first and the new one is written last. Thus a worker
    /// that is killed in between has no certificate, rather than one that does not belong to its key.
    pub(crate) fn save(&self, candidate: &Candidate, certificate: &str, authority: &str) -> io::Result<()> {
        remove(&self.certificate)?;
        private_file::write(&self.key, candidate.key.serialize_pem().as_bytes())?;
        private_file::write(&self.authority, authority.as_bytes())?;
        private_file::write(&self.certificate, certificate.as_bytes())?;
        remove(&self.candidate)
    }

    /// Stores another certificate for the same key.
    ///
    /// # Errors
    /// The certificate belongs to another key, or the file system's error; the old certificate then stays.
    pub(crate) fn replace_certificate(&self, certificate: &str) -> Result<(), IdentityError> {
        let der = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(unusable)?;
        let key = private_file::read(&self.key)?;
        let key = KeyPair::from_pem(&String::from_utf8_lossy(key.expose())).map_err(unusable)?;
        let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(unusable)?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(unusable("the certificate belongs to another key"));
        }
        Ok(private_file::write(&self.certificate, certificate.as_bytes())?)
    }

    /// Stores the trusted authorities (PEM), which replace those before.
    pub(crate) fn trust(&self, authorities: &str) -> Result<(), IdentityError> {
        roots(authorities)?;
        if fs::read_to_string(&self.authority).is_ok_and(|present| present == authorities) {
            return Ok(());
        }
        tracing::info!("the control plane's certificate authorities have changed");
        Ok(private_file::write(&self.authority, authorities.as_bytes())?)
    }

    /// Deletes the key of a join request that was refused.
    pub(crate) fn discard_candidate(&self) -> io::Result<()> {
        remove(&self.candidate)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Candidate {
    fn of(key: &Secret) -> Result<Candidate, IdentityError> {
        let key = KeyPair::from_pem(&String::from_utf8_lossy(key.expose())).map_err(unusable)?;
        let request = CertificateParams::default().serialize_request(&key).map_err(unusable)?;
        Ok(Candidate { request: request.pem().map_err(unusable)?, key })
    }
}

/// Returns the TLS configuration of a worker without an identity, which knows the control plane's authority.
pub(crate) fn joining_config(authority: &str) -> Result<Arc<ClientConfig>, IdentityError> {
    Ok(Arc::new(builder(roots(authority)?).with_no_client_auth()))
}

fn builder(roots: RootCertStore) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider().clone())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs speaks TLS 1.2 and 1.3")
        .with_root_certificates(roots)
}

fn roots(authorities: &str) -> Result<RootCertStore, IdentityError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(authorities)? {
        roots.add(certificate).map_err(unusable)?;
    }
    if roots.is_empty() { Err(unusable("there is no certificate authority")) } else { Ok(roots) }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(unusable)
}

fn unusable(error: impl std::fmt::Display) -> IdentityError {
    IdentityError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateSigningRequestParams, CertifiedIssuer, Issuer};

    /// Creates an authority, and returns it with its certificate as PEM.
    fn authority() -> (CertifiedIssuer<'static, KeyPair>, String) {
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pem = issuer.pem();
        (issuer, pem)
    }

    fn issue(issuer: &Issuer<'static, KeyPair>, request: &str) -> String {
        let key = CertificateSigningRequestParams::from_pem(request).unwrap().public_key;
        CertificateParams::default().signed_by(&key, issuer).unwrap().pem()
    }

    #[test]
    fn the_key_of_a_request_to_join_is_the_same_until_the_answer_is_kept_or_it_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let identity = WorkerIdentity::at(dir.path());
        let key = |candidate: &Candidate| candidate.key.serialize_pem();
        let first = identity.candidate().unwrap();
        assert_eq!(key(&identity.candidate().unwrap()), key(&first));
        let (issuer, pem) = authority();
        identity.save(&first, &issue(&issuer, &first.request), &pem).unwrap();
        identity.client_config().unwrap();
        let second = identity.candidate().unwrap();
        assert_ne!(key(&second), key(&first));
        identity.discard_candidate().unwrap();
        assert_ne!(key(&identity.candidate().unwrap()), key(&second));
    }

    #[test]
    fn another_certificate_for_the_same_key_takes_the_place_of_the_present_one_and_no_other_does() {
        let dir = tempfile::tempdir().unwrap();
        let identity = WorkerIdentity::at(dir.path());
        let (issuer, pem) = authority();
        let candidate = identity.candidate().unwrap();
        identity.save(&candidate, &issue(&issuer, &candidate.request), &pem).unwrap();
        let renewed = issue(&issuer, &identity.renewal().unwrap());
        identity.replace_certificate(&renewed).unwrap();
        let of_another_key = issue(&issuer, &identity.candidate().unwrap().request);
        for bad in
            [of_another_key.as_str(), "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            identity.replace_certificate(bad).unwrap_err();
        }
        assert_eq!(fs::read_to_string(&identity.certificate).unwrap(), renewed);
        identity.client_config().unwrap();
    }

    #[test]
    fn whom_the_worker_trusts_is_replaced_as_a_whole_and_never_by_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let identity = WorkerIdentity::at(dir.path());
        let ((issuer, old), (_, new)) = (authority(), authority());
        let candidate = identity.candidate().unwrap();
        identity.save(&candidate, &issue(&issuer, &candidate.request), &old).unwrap();
        assert!(identity.exists(None) && identity.exists(Some(&old)) && !identity.exists(Some(&new)));
        identity.trust(&format!("{old}{new}")).unwrap();
        assert!(identity.exists(Some(&old)) && identity.exists(Some(&new)));
        identity.trust(&new).unwrap();
        assert!(!identity.exists(Some(&old)) && identity.exists(Some(&new)));
        for bad in ["", "no certificate"] {
            identity.trust(bad).unwrap_err();
        }
        assert!(identity.exists(Some(&new)));
    }
}
