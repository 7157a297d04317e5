//! Verifies the signature of a handshake, which proves that the peer holds the key of its certificate. All
//! certificate verifiers use it: rustls has two traits, one for each side, with the same three methods. This module
//! must not verify the certificate itself.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::CertificateDer;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::provider;

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &provider().signature_verification_algorithms
}

/// Verifies the signature of a TLS 1.2 handshake.
///
/// # Errors
/// The signature was not made with the certificate's key.
pub(super) fn tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls12_signature(message, certificate, signature, algorithms())
}

/// Verifies the signature of a TLS 1.3 handshake.
///
/// # Errors
/// The signature was not made with the certificate's key.
pub(super) fn tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature(message, certificate, signature, algorithms())
}

/// The accepted signature schemes.
pub(super) fn schemes() -> Vec<SignatureScheme> {
    algorithms().supported_schemes()
}

/// Generates the three signature methods of a verifier. For a certificate for which `$is_judged` returns false the
/// handshake continues without verification: nothing in such a certificate may be trusted.
macro_rules! verify_signatures {
    ($is_judged:expr) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            match $is_judged(certificate) {
                true => crate::tls::signatures::tls12(message, certificate, signature),
                false => Ok(rustls::client::danger::HandshakeSignatureValid::assertion()),
            }
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &rustls::pki_types::CertificateDer<'_>,
            signature: &rustls::DigitallySignedStruct,
        ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
            match $is_judged(certificate) {
                true => crate::tls::signatures::tls13(message, certificate, signature),
                false => Ok(rustls::client::danger::HandshakeSignatureValid::assertion()),
            }
        }

        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            crate::tls::signatures::schemes()
        }
    };
}

pub(super) use verify_signatures;
