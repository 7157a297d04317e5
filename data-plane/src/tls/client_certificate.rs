//! The requirements on a client's certificate, and their verification.
//!
//! A handshake never fails because a valid client certificate is missing: each request then gets an HTTP error. So
//! the handshake only verifies that the client holds the key. Everything else is verified after the handshake, also
//! for resumed sessions, which contain the certificate. This module must not choose a status.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DistinguishedName, Error, RootCertStore};
use tidegate_shared::id::Digest;
use tidegate_shared::snapshot::{ClientAuthentication, ClientAuthority};
use x509_parser::parse_x509_certificate;

use super::client_identity::{ClientCertificate, ClientIdentity, Verification};
use super::signatures::verify_signatures;
use super::tickets::ClientAuthTicketer;
use super::{TlsError, provider};

/// The most bytes of authorities' names in a handshake. If they are longer, none are sent, which means any
/// authority.
const HINTS: usize = 16 * 1024;

/// A listener's requirements on client certificates.
#[derive(Debug)]
pub(crate) struct ClientCertificatePolicy {
    /// A digest of the requirements, which identifies them across configurations.
    pub(super) digest: Digest,
    check: Check,
    /// The names of the accepted authorities, sent to clients as a hint.
    hints: Vec<DistinguishedName>,
}

#[derive(Debug)]
enum Check {
    Nothing,
    Chain {
        verifier: Arc<dyn ClientCertVerifier>,
        intermediates: Vec<CertificateDer<'static>>,
        /// The names (DER) of which the direct issuer must have one; empty for any issuer.
        issuers: Vec<Vec<u8>>,
    },
}

impl ClientCertificatePolicy {
    /// Builds the requirements of a listener. `authorities` are those that it refers to.
    pub(crate) fn new(
        asked: &ClientAuthentication,
        authorities: &[&ClientAuthority],
    ) -> Result<ClientCertificatePolicy, TlsError> {
        let ClientAuthentication::Required { by_named_issuer, .. } = asked else {
            let digest = Digest::of([b"passthrough".as_slice()]);
            return Ok(ClientCertificatePolicy { digest, check: Check::Nothing, hints: Vec::new() });
        };
        let roots = authorities.iter().flat_map(|authority| &authority.roots);
        let intermediates = authorities.iter().flat_map(|authority| &authority.intermediates);
        let issuers = authorities.iter().map(|authority| &authority.issuer).filter(|_| *by_named_issuer);
        let parts = [b"roots".as_slice()].into_iter().chain(roots.clone().map(Vec::as_slice));
        let parts =
            parts.chain([b"intermediates".as_slice()]).chain(intermediates.clone().map(Vec::as_slice));
        let parts = parts.chain([b"issuers".as_slice()]).chain(issuers.clone().map(Vec::as_slice));
        let digest = Digest::of(parts);

        let mut store = RootCertStore::empty();
        for root in roots {
            let added = store.add(CertificateDer::from_slice(root));
            added.map_err(|source| TlsError::ClientAuthority { reason: source.to_string() })?;
        }
        let unusable = |reason: rustls::server::VerifierBuilderError| TlsError::ClientAuthority {
            reason: reason.to_string(),
        };
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider().clone());
        let verifier = verifier.build().map_err(unusable)?;
        let mut hints = verifier.root_hint_subjects().to_vec();
        hints.extend(intermediates.clone().filter_map(|der| subject(der)));
        if hints.iter().map(|name| name.as_ref().len() + 2).sum::<usize>() > HINTS {
            hints.clear();
        }
        let intermediates = intermediates.map(|der| CertificateDer::from(der.clone())).collect();
        let check = Check::Chain { verifier, intermediates, issuers: issuers.cloned().collect() };
        Ok(ClientCertificatePolicy { digest, check, hints })
    }

    /// Returns true if a client without a certificate is rejected.
    pub(super) fn is_strict(&self) -> bool {
        matches!(self.check, Check::Chain { .. })
    }

    /// Returns true if both requirements are the same.
    pub(crate) fn is_same_policy(&self, other: &ClientCertificatePolicy) -> bool {
        std::ptr::eq(self, other) || self.digest == other.digest
    }

    /// Verifies the certificates that a client has sent, its own first.
    pub(super) fn judge(&self, shown: Option<&[CertificateDer<'_>]>, now: UnixTime) -> ClientIdentity {
        let Some((own, sent)) = shown.and_then(<[_]>::split_first) else {
            let verification = match self.check {
                Check::Nothing => Verification::None,
                Check::Chain { .. } => Verification::Missing,
            };
            return ClientIdentity { verification, certificate: None };
        };
        // No key could be read from it, so the client has not proved to hold the key.
        if ParsedCertificate::try_from(own).is_err() {
            let verification = Verification::Failed("FAILED:the certificate cannot be read");
            return ClientIdentity { verification, certificate: None };
        }
        let certificate = ClientCertificate::new(own.clone().into_owned());
        ClientIdentity { verification: self.verify(own, sent, now), certificate: Some(Box::new(certificate)) }
    }

    fn verify(&self, own: &CertificateDer<'_>, sent: &[CertificateDer<'_>], now: UnixTime) -> Verification {
        let Check::Chain { verifier, intermediates, issuers } = &self.check else {
            return Verification::Unchecked;
        };
        let helpers: Vec<CertificateDer<'_>> = sent.iter().chain(intermediates).cloned().collect();
        if let Err(error) = verifier.verify_client_cert(own, &helpers, now) {
            return Verification::Failed(reason(&error));
        }
        let Ok((_, parsed)) = parse_x509_certificate(own) else {
            return Verification::Failed("FAILED:the certificate cannot be read");
        };
        // The library also accepts a certificate without an extended key usage.
        let purposes = parsed.extended_key_usage().ok().flatten();
        if !purposes.is_some_and(|purposes| purposes.value.client_auth || purposes.value.any) {
            return Verification::Failed("FAILED:unsuitable certificate purpose");
        }
        let issuer = parsed.issuer().as_raw();
        if !issuers.is_empty() && !issuers.iter().any(|named| named == issuer) {
            return Verification::Failed("FAILED:the issuer is not the one that is trusted to issue");
        }
        Verification::Success
    }
}

fn subject(der: &[u8]) -> Option<DistinguishedName> {
    let (_, parsed) = parse_x509_certificate(der).ok()?;
    Some(DistinguishedName::from(parsed.subject().as_raw().to_vec()))
}

/// Returns the reason in OpenSSL's words, where it has any.
fn reason(error: &Error) -> &'static str {
    let Error::InvalidCertificate(error) = error else { return "FAILED:certificate rejected" };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "FAILED:certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "FAILED:certificate is not yet valid"
        }
        CertificateError::UnknownIssuer => "FAILED:unable to get local issuer certificate",
        CertificateError::BadSignature => "FAILED:certificate signature failure",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "FAILED:unsuitable certificate purpose"
        }
        _ => "FAILED:certificate rejected",
    }
}

/// Requests a client certificate and accepts any whose key the client holds.
#[derive(Debug)]
pub(super) struct ClientCertificateRequest {
    pub(super) client_policy: Arc<ClientCertificatePolicy>,
    /// The session tickets of this connection, if a certificate is required for one.
    pub(super) tickets: Option<Arc<ClientAuthTicketer>>,
}

impl ClientCertVerifier for ClientCertificateRequest {
    fn offer_client_auth(&self) -> bool {
        true
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.client_policy.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(tickets) = &self.tickets {
            tickets.note_shown();
        }
        Ok(ClientCertVerified::assertion())
    }

    verify_signatures!(is_readable);
}

/// Returns true if a key can be read from a certificate. Otherwise the handshake continues, so that the client gets
/// an HTTP error: [`ClientCertificatePolicy::judge`] rejects the certificate by the same test.
fn is_readable(certificate: &CertificateDer<'_>) -> bool {
    ParsedCertificate::try_from(certificate).is_ok()
}

#[cfg(test)]
mod tests;
