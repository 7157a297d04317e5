//! One certificate authority: its key, its certificate, and the certificates that it issues.
//!
//! It accesses no files, and its callers decide who gets a certificate.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tidegate_shared::id::WorkerId;
use tidegate_shared::protocol::CONTROL_PLANE_NAME;
use x509_parser::parse_x509_certificate;

use super::{Identity, PkiError, Validity, fingerprint};
use crate::clock::Millis;
use crate::digest::sha256_hex;

/// The lifetime of an authority's own certificate: ten years. `tidegate authority rotate` replaces it earlier.
const AUTHORITY_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The last second of the year 9999, the maximum of X.509, in seconds since 1970.
const END_OF_TIME: i64 = 253_402_300_799;

/// An authority with its private key.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    /// The SHA-256 of its certificate in hexadecimal, which identifies the authority.
    pub(crate) fingerprint: String,
    /// The end of validity of its own certificate.
    pub(crate) expires_at: Millis,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.fingerprint)
    }
}

/// An issued worker certificate.
#[derive(Debug)]
pub(crate) struct IssuedCertificate {
    /// The certificate in PEM.
    pub(crate) pem: String,
    /// The SHA-256 of the certificate in hexadecimal.
    pub(crate) fingerprint: String,
    /// The fingerprint of the authority that issued it.
    pub(crate) issuer: String,
    /// The period of validity.
    pub(crate) validity: Validity,
}

impl Authority {
    /// Creates the certificate of a new authority for its key.
    ///
    /// # Errors
    /// The error of signing.
    pub(super) fn create(key: KeyPair, now: Millis) -> Result<Authority, PkiError> {
        let mut params = CertificateParams::default();
        describe(&mut params, "Tidegate certificate authority", Validity::starting(now, AUTHORITY_LIFETIME));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let der = params.self_signed(&key)?.der().clone();
        Authority::new(key, der)
    }

    /// Creates an authority from a matching key and certificate.
    ///
    /// # Errors
    /// If the certificate cannot be parsed.
    pub(super) fn new(key: KeyPair, der: CertificateDer<'static>) -> Result<Authority, PkiError> {
        let expires_at = parse_x509_certificate(&der).map_or(0, |(_, c)| c.validity().not_after.timestamp());
        let fingerprint = fingerprint(&der);
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Authority { issuer, der, fingerprint, expires_at: Millis(expires_at.saturating_mul(1000)) })
    }

    /// The authority's certificate in DER.
    pub(crate) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Issues a certificate for the HTTPS endpoint, valid for the local names, this host's name and `bound`.
    ///
    /// # Errors
    /// The error of signing.
    pub(crate) fn issue_management(&self, bound: IpAddr, validity: Validity) -> Result<Identity, PkiError> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if !bound.is_unspecified() && !addresses.contains(&bound) {
            addresses.push(bound);
        }
        params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
        if let Some(name) = host_name().and_then(|name| name.try_into().ok()) {
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        self.issue_endpoint("Tidegate management", params, validity)
    }

    /// Issues a certificate for the channel endpoint, with the fixed name that workers verify.
    ///
    /// # Errors
    /// The error of signing.
    pub(crate) fn issue_channel(&self, validity: Validity) -> Result<Identity, PkiError> {
        let params = CertificateParams::new(vec![CONTROL_PLANE_NAME.to_owned()])?;
        self.issue_endpoint("Tidegate control plane", params, validity)
    }

    fn issue_endpoint(
        &self,
        name: &str,
        mut params: CertificateParams,
        validity: Validity,
    ) -> Result<Identity, PkiError> {
        describe(&mut params, name, validity);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { chain: vec![certificate.der().clone(), self.der.clone()], key })
    }

    /// Issues a client certificate for a worker. Only the public key of the request (PKCS #10, PEM) is used;
    /// names and extensions are set here.
    ///
    /// # Errors
    /// If the request cannot be parsed or is not signed with its own key.
    pub(crate) fn issue_worker(
        &self,
        worker: WorkerId,
        request: &str,
        validity: Validity,
    ) -> Result<IssuedCertificate, PkiError> {
        let public_key = CertificateSigningRequestParams::from_pem(request)?.public_key;
        let mut params = CertificateParams::default();
        describe(&mut params, &worker.to_string(), validity);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&public_key, &self.issuer)?;
        Ok(IssuedCertificate {
            pem: certificate.pem(),
            fingerprint: fingerprint(certificate.der()),
            issuer: self.fingerprint.clone(),
            validity,
        })
    }
}

/// Returns the SHA-256, in hexadecimal, of the public key in a certificate request (PKCS #10, PEM).
///
/// # Errors
/// If the request cannot be parsed or is not signed with its own key.
pub(crate) fn requested_key(request: &str) -> Result<String, PkiError> {
    let key = CertificateSigningRequestParams::from_pem(request)?.public_key;
    Ok(sha256_hex(&key.subject_public_key_info()))
}

fn describe(params: &mut CertificateParams, name: &str, validity: Validity) {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let at = |moment: Millis| {
        let seconds = moment.0.div_euclid(1000).clamp(0, END_OF_TIME);
        date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.unsigned_abs())
    };
    params.not_before = at(validity.not_before());
    params.not_after = at(validity.expires_at);
}

/// Returns this host's name from Linux' `/proc`. Without it, clients must use an address.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}
