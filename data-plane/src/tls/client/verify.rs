//! Verifies a backend's certificate as the settings require: its issuer, its validity period and its name. The
//! settings can disable each of these checks, but not the proof that the backend has the certificate's key.

use std::sync::Arc;

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, OtherError, RootCertStore};

use super::fault::{self, TlsFault};
use crate::tls::provider;
use crate::tls::signatures::verify_signatures;

/// The authorities that a backend's certificate must come from.
#[derive(Clone, Debug)]
pub(super) struct Authorities {
    pub(super) roots: Arc<RootCertStore>,
    /// Certificates that are trusted directly: a backend that presents one of them needs no issuer, even if the
    /// certificate is marked as a CA, as self-signed certificates often are.
    pub(super) themselves: Vec<CertificateDer<'static>>,
}

/// The certificates that are accepted of backends.
#[derive(Clone, Debug)]
pub(super) enum Accepted {
    Any,
    From(Authorities),
    /// Only these themselves, whatever their issuer and dates are.
    Pinned(Vec<CertificateDer<'static>>),
}

/// Verifies backends' certificates by the requirements of some settings.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) accepted: Accepted,
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
        match &self.accepted {
            Accepted::Any => {}
            Accepted::From(authorities) => vouched_for(authorities, own, others, now).map_err(refuse)?,
            Accepted::Pinned(pinned) if pinned.iter().any(|one| one.as_ref() == own.as_ref()) => {}
            Accepted::Pinned(_) => return Err(refuse(fault::of_pin(own))),
        }
        if self.checks_name {
            matches_name(own, name).map_err(refuse)?;
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
) -> Result<(), TlsFault> {
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

/// Checks that a certificate has the name: as an alternative name or, without any alternative names, as its common
/// name, as was usual before RFC 6125 and as Azure does.
fn matches_name(own: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), TlsFault> {
    let verified = ParsedCertificate::try_from(own).and_then(|parsed| verify_server_name(&parsed, name));
    match verified {
        Ok(()) => Ok(()),
        Err(_) if fault::is_common_name(own, &name.to_str()) => Ok(()),
        Err(_) => Err(fault::of_name(own, &name.to_str())),
    }
}

fn refuse(fault: TlsFault) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
}
