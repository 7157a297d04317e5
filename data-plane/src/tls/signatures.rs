//! The check that the other side of a handshake holds the key of its certificate, for every verifier of certificates.
//! rustls asks for it through two traits, one for each side, with the same three methods. What a certificate is good for
//! is not judged here.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::CertificateDer;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use super::provider;

fn algorithms() -> &'static WebPkiSupportedAlgorithms {
    &provider().signature_verification_algorithms
}

/// Checks the signature of a handshake of TLS 1.2.
///
/// # Errors
/// It was not made with the key of the certificate.
pub(super) fn tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls12_signature(message, certificate, signature, algorithms())
}

/// Checks the signature of a handshake of TLS 1.3.
///
/// # Errors
/// It was not made with the key of the certificate.
pub(super) fn tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature(message, certificate, signature, algorithms())
}

/// The kinds of signatures that are taken.
pub(super) fn schemes() -> Vec<SignatureScheme> {
    algorithms().supported_schemes()
}

/// Makes the three methods of a verifier that are about signatures. The handshake goes on with a certificate for which
/// `$is_judged` returns false, whoever holds its key: nothing may be believed of such a certificate.
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
