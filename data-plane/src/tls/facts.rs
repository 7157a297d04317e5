//! What is known of a TLS connection once its handshake is over. Computed once a connection; whatever is rarely wanted
//! is put into words only when it is.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{CipherSuite, ProtocolVersion};

use super::client_certificate::{ClientDemand, Verification};
use super::description::{Description, escaped_pem};
use super::suites::{self, SuiteSet};

/// The most suites that are remembered of a client's offer. Real clients send some thirty.
const OFFER: usize = 256;

/// What a handshake agreed on, and what the client showed.
#[derive(Debug)]
pub(crate) struct TlsFacts {
    pub(super) protocol: ProtocolVersion,
    pub(super) cipher: CipherSuite,
    /// The same as a set of one.
    pub(super) suite: SuiteSet,
    pub(super) offered: Box<[CipherSuite]>,
    /// What the client was asked for.
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

    /// The suite, by the name that OpenSSL gives it.
    pub(crate) fn cipher(&self) -> Cow<'static, str> {
        suites::name_of(self.cipher)
    }

    /// Whether these suites hold the one that was agreed on, and so its version of TLS.
    pub(crate) fn is_within(&self, suites: SuiteSet) -> bool {
        suites.holds(self.suite)
    }

    /// The suites that the client offered, in its order, joined with colons.
    pub(crate) fn offered_ciphers(&self) -> String {
        let names: Vec<_> = self.offered.iter().map(|suite| suites::name_of(*suite)).collect();
        names.join(":")
    }

    /// What the client was asked for.
    pub(crate) fn demand(&self) -> Option<&Arc<ClientDemand>> {
        self.demand.as_ref()
    }

    /// Who the client is.
    pub(crate) fn client(&self) -> &ClientIdentity {
        &self.client
    }
}

/// The suites that are remembered of an offer.
pub(super) fn remembered(offered: &[CipherSuite]) -> Box<[CipherSuite]> {
    offered.iter().take(OFFER).copied().collect()
}

/// Who the client is, as far as its certificate says.
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

    /// Whether it is as good as was asked for.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        self.verification.fault()
    }

    /// The certificate that it showed and whose key it holds, good or not.
    pub(crate) fn certificate(&self) -> Option<&ClientCertificate> {
        self.certificate.as_deref()
    }
}

/// A client's certificate. Its texts are printable ASCII, so that each may stand in a header.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    der: CertificateDer<'static>,
    described: OnceCell<Box<Description>>,
    /// By itself: it is large, and nothing but a rewrite rule asks for it.
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

    /// SHA-1 in hexadecimal, lower case.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.described().fingerprint
    }

    /// When it becomes valid: `Nov 23 00:00:00 2026 GMT`.
    pub(crate) fn start_date(&self) -> &str {
        &self.described().start_date
    }

    /// When it ceases to be valid.
    pub(crate) fn end_date(&self) -> &str {
        &self.described().end_date
    }

    /// PEM, percent-encoded onto one line.
    pub(crate) fn pem(&self) -> &str {
        self.pem.get_or_init(|| escaped_pem(&self.der).into())
    }
}
