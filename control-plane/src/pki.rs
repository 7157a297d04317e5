//! The certificate authority of one installation, and what it vouches for.
//!
//! Made at the first start. It issues the certificates of the management and channel endpoints at each start (their
//! keys never touch the disk) and one client certificate to each worker that joins. It decides nothing: who may
//! join is the store's business.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;
use tidegate_shared::id::WorkerId;
use tidegate_shared::private_file;
use tidegate_shared::protocol::CONTROL_PLANE_NAME;
use tidegate_shared::secret::Secret;
use x509_parser::parse_x509_certificate;

/// How long the authority itself is good for. There is no rotation yet, so it has to be long.
const AUTHORITY_DAYS: i64 = 30 * 365;

/// How long a worker's certificate is good for. A worker is shut out by `DELETE /workers/{id}`, not by waiting.
const WORKER_DAYS: i64 = 10 * 365;

/// How long an endpoint's certificate is good for; it is renewed by each start. Some clients refuse more than 825.
const ENDPOINT_DAYS: i64 = 820;

/// Why a certificate could not be made or read.
#[derive(Debug, Error)]
pub enum PkiError {
    /// The file system.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Key or certificate.
    #[error("the certificate authority: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A file that does not hold what it should.
    #[error("{path}: {why}")]
    Unusable {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// The authority, ready to sign.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(…)")
    }
}

/// A certificate chain with its key, ready for rustls.
#[derive(Debug)]
pub struct Identity {
    /// The chain, own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Reads `ca.pem` and `ca.key` from the data directory, or makes both at the first start. What is there is never
    /// replaced: every worker and client trusts it. The caller holds the directory's lock.
    ///
    /// # Errors
    /// Files that cannot be read or written, or do not hold a certificate and its key; a certificate whose key is lost.
    pub fn load_or_create(data_dir: &Path) -> Result<Authority, PkiError> {
        let (key_path, certificate_path) = (data_dir.join("ca.key"), data_dir.join("ca.pem"));
        let there = fs::exists(&certificate_path)?;
        let key = private_file::read_or_create(&key_path, || match there {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "lost, and no other fits ca.pem")),
            false => {
                let key = KeyPair::generate().map_err(io::Error::other)?;
                Ok(Secret::new(key.serialize_pem().into_bytes()))
            }
        })?;
        let key = KeyPair::from_pem(&String::from_utf8_lossy(key.expose()))
            .map_err(|e| unusable(&key_path, &e.to_string()))?;
        // The key is written first: a start cut short between the two makes the certificate of the same key later.
        if !there {
            let pem = authority_params().self_signed(&key)?.pem();
            private_file::write_public(&certificate_path, pem.as_bytes())?;
        }
        let pem =
            fs::read_to_string(&certificate_path).map_err(|e| unusable(&certificate_path, &e.to_string()))?;
        let der = first_certificate(&certificate_path, pem.as_bytes())?;
        let (_, parsed) =
            parse_x509_certificate(&der).map_err(|e| unusable(&certificate_path, &e.to_string()))?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(unusable(&certificate_path, "is not the certificate of the key in ca.key"));
        }
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Authority { issuer, pem, der })
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The authority's certificate, DER.
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// A certificate for the HTTPS endpoint: good for the local names, this host's name and `bound`.
    ///
    /// # Errors
    /// What the signing says.
    pub fn issue_management(&self, bound: IpAddr) -> Result<Identity, PkiError> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
        let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        if !bound.is_unspecified() && !addresses.contains(&bound) {
            addresses.push(bound);
        }
        params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
        if let Some(name) = host_name().and_then(|name| name.try_into().ok()) {
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        self.issue_endpoint("Tidegate management", params)
    }

    /// A certificate for the channel's endpoint, under the one name that workers look for.
    ///
    /// # Errors
    /// What the signing says.
    pub fn issue_channel(&self) -> Result<Identity, PkiError> {
        let params = CertificateParams::new(vec![CONTROL_PLANE_NAME.to_owned()])?;
        self.issue_endpoint("Tidegate control plane", params)
    }

    fn issue_endpoint(&self, name: &str, mut params: CertificateParams) -> Result<Identity, PkiError> {
        describe(&mut params, name, ENDPOINT_DAYS);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Identity { chain: vec![certificate.der().clone(), self.der.clone()], key })
    }

    /// A client certificate for a worker. Of its request (PEM) only the public key counts: names and extensions are
    /// ours to give.
    ///
    /// # Errors
    /// A request that cannot be read or was not signed with its own key.
    pub fn issue_worker(&self, worker: WorkerId, request: &str) -> Result<WorkerCertificate, PkiError> {
        let public_key = CertificateSigningRequestParams::from_pem(request)?.public_key;
        let mut params = CertificateParams::default();
        describe(&mut params, &worker.to_string(), WORKER_DAYS);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&public_key, &self.issuer)?;
        Ok(WorkerCertificate { pem: certificate.pem(), fingerprint: fingerprint(certificate.der()) })
    }
}

/// What a worker gets when it joins.
#[derive(Debug)]
pub struct WorkerCertificate {
    /// The certificate, PEM.
    pub pem: String,
    /// What it is recognised by later.
    pub fingerprint: String,
}

/// SHA-256 of a certificate, in hexadecimal.
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    crate::digest::sha256_hex(certificate)
}

/// Reads a certificate chain and its key from PEM files.
///
/// # Errors
/// Files that cannot be read, or do not hold that.
pub fn read_identity(chain_path: &Path, key_path: &Path) -> Result<Identity, PkiError> {
    use rustls::pki_types::pem::PemObject;
    let chain_pem = fs::read(chain_path).map_err(|e| unusable(chain_path, &e.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| unusable(chain_path, &e.to_string()))?;
    if chain.is_empty() {
        return Err(unusable(chain_path, "holds no certificate"));
    }
    let key_pem = private_file::read(key_path)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem.expose()).map_err(|e| unusable(key_path, &e.to_string()))?;
    Ok(Identity { chain, key })
}

/// The cryptography that all TLS of this process uses, named rather than installed globally.
pub fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn first_certificate(path: &Path, pem: &[u8]) -> Result<CertificateDer<'static>, PkiError> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_slice(pem).map_err(|e| unusable(path, &e.to_string()))
}

fn unusable(path: &Path, why: &str) -> PkiError {
    PkiError::Unusable { path: path.display().to_string(), why: why.to_owned() }
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    describe(&mut params, "Tidegate certificate authority", AUTHORITY_DAYS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn describe(params: &mut CertificateParams, name: &str, days: i64) {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // A day back, for peers whose clock is behind.
    let (from, to) = (day(-1), day(days));
    params.not_before = date_time_ymd(from.year().into(), month(from), day_of_month(from));
    params.not_after = date_time_ymd(to.year().into(), month(to), day_of_month(to));
}

fn day(offset: i64) -> Date {
    let moment = Timestamp::now().saturating_add(SignedDuration::from_hours(offset * 24));
    moment.unwrap_or(Timestamp::MAX).to_zoned(TimeZone::UTC).date()
}

fn month(date: Date) -> u8 {
    date.month().unsigned_abs()
}

fn day_of_month(date: Date) -> u8 {
    date.day().unsigned_abs()
}

/// This host's own name. Where the system does not say it (it is read from Linux' proc), clients use an address.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
