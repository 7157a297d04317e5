//! The properties of a TLS connection after its handshake. They are computed once per connection; texts that are
//! rarely needed are made on demand.

use std::borrow::Cow;
use std::sync::Arc;

use rustls::{CipherSuite, ProtocolVersion};

use super::client_certificate::ClientCertificatePolicy;
use super::client_identity::ClientIdentity;
use super::suites::{self, SuiteSet};

/// The most offered suites that are recorded. Real clients send some thirty.
const OFFER: usize = 256;

/// The negotiated parameters, and the client's certificate.
#[derive(Debug)]
pub(crate) struct TlsInfo {
    pub(super) protocol: ProtocolVersion,
    pub(super) cipher: CipherSuite,
    /// The negotiated suite as a set of one.
    pub(super) suite: SuiteSet,
    pub(super) offered: Box<[CipherSuite]>,
    /// The requirements on the client's certificate.
    pub(super) client_policy: Option<Arc<ClientCertificatePolicy>>,
    pub(super) client: ClientIdentity,
}

impl TlsInfo {
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
    pub(crate) fn client_policy(&self) -> Option<&Arc<ClientCertificatePolicy>> {
        self.client_policy.as_ref()
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
