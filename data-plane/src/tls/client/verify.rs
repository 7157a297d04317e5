//! Whether a backend's certificate is what the settings demand: vouched for by whom they trust, in date, and of the name
//! that was asked for. Each of these can be left out by the settings; that the backend has the certificate's key cannot.

use std::sync::Arc;

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};

use super::fault::{self, Fault};
use crate::tls::provider;
use crate::tls::signatures::verify_signatures;

/// Who may vouch for a backend.
#[derive(Clone, Debug)]
pub(super) struct Authorities {
    pub(super) roots: Arc<RootCertStore>,
    /// Certificates that are trusted as they are: a backend that shows one of them needs nobody to vouch for it, even if
    /// it is one that authorities have, as self-signed certificates often are.
    pub(super) themselves: Vec<CertificateDer<'static>>,
}

/// Holds backends' certificates against what some settings demand.
#[derive(Debug)]
pub(super) struct Verifier {
    /// None where anybody will do.
    pub(super) authorities: Option<Authorities>,
    pub(super) checks_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            vouched_for(authorities, own, others, now).map_err(refuse)?;
        }
        if self.checks_name {
            bears(own, name).map_err(refuse)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    verify_signatures!(|_| true);
}

fn vouched_for(
    authorities: &Authorities,
    own: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Fault> {
    if authorities.themselves.iter().any(|trusted| trusted.as_ref() == own.as_ref()) {
        return fault::out_of_date(own, now).map_or(Ok(()), Err);
    }
    let verified = ParsedCertificate::try_from(own).and_then(|parsed| {
        let Authorities { roots, .. } = authorities;
        let algorithms = provider().signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&parsed, roots, others, now, algorithms)
    });
    verified.map_err(|error| fault::of_chain(own, others, &authorities.roots, now, &error))
}

/// Whether a certificate bears the name: as one of its alternative names, or where it has none at all, as its common
/// name, as it was done before RFC 6125 and as the service does.
fn bears(own: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), Fault> {
    let verified = ParsedCertificate::try_from(own).and_then(|parsed| verify_server_name(&parsed, name));
    match verified {
        Ok(()) => Ok(()),
        Err(_) if fault::is_common_name(own, &name.to_str()) => Ok(()),
        Err(_) => Err(fault::of_name(own, &name.to_str())),
    }
}

fn refuse(fault: Fault) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
}
