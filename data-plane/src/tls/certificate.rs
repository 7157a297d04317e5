//! A server certificate with its parsed key and its OCSP staple.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::sign::CertifiedKey;
use tidegate_shared::snapshot::Certificate;

use super::{TlsError, provider};

/// A certificate with its key, with and without its staple.
#[derive(Debug)]
pub(crate) struct ServerCertificate {
    key: Arc<CertifiedKey>,
    /// The certificate with its OCSP response, and the end of the response's validity in seconds since 1970.
    stapled: Option<(Arc<CertifiedKey>, u64)>,
}

impl ServerCertificate {
    pub(crate) fn new(certificate: &Certificate) -> Result<ServerCertificate, TlsError> {
        let name = || certificate.name.clone();
        let key =
            PrivateKeyDer::try_from(certificate.key.expose()).map_err(|_| TlsError::Key { name: name() })?;
        let chain = certificate.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        let key = CertifiedKey::from_der(chain, key.clone_key(), provider())
            .map_err(|source| TlsError::Certificate { name: name(), source })?;
        let stapled = certificate.staple.as_ref().map(|staple| {
            let key = CertifiedKey { ocsp: Some(staple.response.clone()), ..key.clone() };
            (Arc::new(key), staple.until.unwrap_or(u64::MAX))
        });
        Ok(ServerCertificate { key: Arc::new(key), stapled })
    }

    /// Returns the certificate and key to use now. An expired response is left out: clients prefer none to a stale
    /// one.
    pub(super) fn key_at(&self, now: UnixTime) -> &Arc<CertifiedKey> {
        match &self.stapled {
            Some((key, until)) if now.as_secs() < *until => key,
            _ => &self.key,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::generate_simple_self_signed;
    use tidegate_shared::secret::Secret;
    use tidegate_shared::snapshot::Staple;

    use super::*;

    #[test]
    fn a_response_is_stapled_until_it_is_no_longer_true() {
        let made = generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let mut certificate = Certificate {
            name: "certificate".to_owned(),
            chain: vec![made.cert.der().to_vec()],
            key: Secret::new(made.signing_key.serialize_der()),
            staple: None,
        };
        let stapled = |certificate: &Certificate, now| {
            let certificate = ServerCertificate::new(certificate).unwrap();
            certificate.key_at(UnixTime::since_unix_epoch(Duration::from_secs(now))).ocsp.clone()
        };
        assert_eq!(stapled(&certificate, 99), None);
        for (until, now, expected) in
            [(Some(100), 99, true), (Some(100), 100, false), (None, u64::MAX / 2, true)]
        {
            certificate.staple = Some(Staple { response: vec![1, 2], until });
            assert_eq!(stapled(&certificate, now).is_some(), expected, "{until:?} {now}");
        }
    }
}
