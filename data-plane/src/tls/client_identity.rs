//! The identity of a client that has, or has not, sent a certificate: the certificate and the result of its
//! verification. This module must not verify anything.

use std::cell::OnceCell;

use rustls::pki_types::CertificateDer;

use super::description::{Description, escaped_pem};

/// The result of a verification, in the terms of Azure's `client_certificate_verification`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// No certificate was requested, or one was requested but is optional and absent.
    None,
    /// A required certificate is absent.
    Missing,
    Success,
    /// The certificate is invalid; the text is `FAILED:` with the reason.
    Failed(&'static str),
    /// A certificate was sent, and the listener does not verify it.
    Unchecked,
}

impl Verification {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Verification::None | Verification::Missing => "NONE",
            Verification::Success => "SUCCESS",
            Verification::Failed(reason) => reason,
            // A backend must not mistake this value for a success.
            Verification::Unchecked => "FAILED:not checked",
        }
    }

    /// Returns the reason why the client must not be served.
    pub(super) fn fault(self) -> Option<&'static str> {
        match self {
            Verification::Missing => Some("no client certificate was sent"),
            Verification::Failed(reason) => Some(reason),
            Verification::None | Verification::Success | Verification::Unchecked => None,
        }
    }
}

/// The client's certificate with the result of its verification.
#[derive(Debug)]
pub(crate) struct ClientIdentity {
    pub(super) verification: Verification,
    pub(super) certificate: Option<Box<ClientCertificate>>,
}

impl ClientIdentity {
    /// `SUCCESS`, `FAILED:` with the reason, or `NONE`.
    pub(crate) fn verification(&self) -> &'static str {
        self.verification.as_str()
    }

    /// Returns the reason why the client must not be served, if it does not meet the requirements.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.verification.fault()
    }

    /// The certificate that the client sent and whose key it holds, valid or not.
    pub(crate) fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_deref()
    }
}

/// A client's certificate. Its texts are printable ASCII, so that each is a valid header value.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    der: CertificateDer<'static>,
    described: OnceCell<Box<Description>>,
    /// Separate from `described`, because it is large and only rewrite rules need it.
    pem: OnceCell<Box<str>>,
}

impl ClientCertificate {
    pub(super) fn new(der: CertificateDer<'static>) -> ClientCertificate {
        ClientCertificate { der, described: OnceCell::new(), pem: OnceCell::new() }
    }

    fn described(&self) -> &Description {
        self.described.get_or_init(|| Box::new(Description::of(&self.der)))
    }

    /// The subject's distinguished name (RFC 2253): `CN=a,O=b`.
    pub(crate) fn subject(&self) -> &str {
        &self.described().subject
    }

    /// The issuer's distinguished name.
    pub(crate) fn issuer(&self) -> &str {
        &self.described().issuer
    }

    /// The serial number in hexadecimal, upper case.
    pub(crate) fn serial(&self) -> &str {
        &self.described().serial
    }

    /// The SHA-1 fingerprint in hexadecimal, lower case.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.described().fingerprint
    }

    /// The start of the validity: `Nov 23 00:00:00 2026 GMT`.
    pub(crate) fn start_date(&self) -> &str {
        &self.described().start_date
    }

    /// The end of the validity.
    pub(crate) fn end_date(&self) -> &str {
        &self.described().end_date
    }

    /// The PEM, percent-encoded on one line.
    pub(crate) fn pem(&self) -> &str {
        self.pem.get_or_init(|| escaped_pem(&self.der).into())
    }
}
