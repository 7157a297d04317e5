//! The properties of a TLS connection after its handshake. They are computed once per connection; texts that are
//! rarely needed are made on demand.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ProtocolVersion};

use super::client_certificate::{ClientDemand, Verification};
use super::description::{Description, escaped_pem};
use super::suites::{self, SuiteSet};

/// The most offered suites that are recorded. Real clients send some thirty.
const OFFER: usize = 256;

/// The negotiated parameters, and the client's certificate.
#[derive(Debug)]
pub(crate) struct TlsFacts {
    pub(super) protocol: ProtocolVersion,
    pub(super) cipher: CipherSuite,
    /// The negotiated suite as a set of one.
    pub(super) suite: SuiteSet,
    pub(super) offered: Box<[CipherSuite]>,
    /// The requirements on the client's certificate.
    pub(super) demand: Option<Arc<ClientDemand>>,
    pub(super) client: ClientIdentity,
}

impl TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub(crate) fn protocol(&self) -> &'static str {
        match self.protocol {
            ProtocolVersion::TLSv1_3 => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The negotiated suite by its OpenSSL name.
    pub(crate) fn cipher(&self) -> Cow<'static, str> {
        suites::name_of(self.cipher)
    }

    /// Returns true if the negotiated suite, and so the TLS version, is among these.
    pub(crate) fn is_within(&self, suites: SuiteSet) -> bool {
        suites.holds(self.suite)
    }

    /// The suites that the client offered, in its order, joined with colons.
    pub(crate) fn offered_ciphers(&self) -> String {
        let names: Vec<_> = self.offered.iter().map(|suite| suites::name_of(*suite)).collect();
        names.join(":")
    }

    /// The requirements on the client's certificate.
    pub(crate) fn demand(&self) -> Option<&Arc<ClientDemand>> {
        self.demand.as_ref()
    }

    /// The client's identity.
    pub(crate) fn client(&self) -> &ClientIdentity {
        &self.client
    }
}

/// Returns the offered suites that are recorded.
pub(super) fn remembered(offered: &[CipherSuite]) -> Box<[CipherSuite]> {
    offered.iter().take(OFFER).copied().collect()
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
