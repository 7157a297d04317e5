//! Generates certificates: an authority, the certificates that it issues, and clients that trust it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SerialNumber,
};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// A certificate authority for one test.
#[derive(Debug)]
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its private key.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    authority: CertificateDer<'static>,
    key: Vec<u8>,
    serial: Vec<u8>,
    pem: String,
}

impl Authority {
    /// Creates an authority.
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no bad names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Authority of a test");
        let key = KeyPair::generate().expect("aws-lc-rs makes P-256 keys");
        let certificate = params.self_signed(&key).expect("own parameters can be signed");
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    /// Issues a server certificate for these DNS names and addresses.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.sign(server_params(names))
    }

    /// Issues a server certificate that has expired.
    pub fn issue_expired(&self, names: &[&str]) -> Identity {
        let mut params = server_params(names);
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 2, 3);
        self.sign(params)
    }

    /// Issues a client certificate, after a change of its parameters.
    pub fn issue_client(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no bad names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        change(&mut params);
        self.sign(params)
    }

    /// Creates an intermediate authority.
    pub fn intermediate(&self, name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("no names, no bad names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("aws-lc-rs makes P-256 keys");
        let certificate = params.signed_by(&key, &self.issuer).expect("own parameters can be signed");
        Authority { certificate, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, mut params: CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("aws-lc-rs makes P-256 keys");
        // Unique, because it is derived from the key, and positive.
        let mut serial = key.public_key_raw()[1..17].to_vec();
        serial[0] = 1;
        params.serial_number = Some(SerialNumber::from(serial.clone()));
        let certificate = params.signed_by(&key, &self.issuer).expect("own parameters can be signed");
        Identity {
            pem: format!("{}{}", certificate.pem(), key.serialize_pem()),
            certificate: certificate.der().clone(),
            authority: self.certificate.der().clone(),
            key: key.serialize_der(),
            serial,
        }
    }

    /// The authority's own certificate, DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }

    /// The authority's own certificate in the form of `trustedRootCertificates`: base64 of DER.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.certificate.der())
    }

    /// The authority's own certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Returns the configuration of a client that trusts only this authority.
    pub fn client(&self) -> Arc<ClientConfig> {
        client_trusting(std::iter::once(self.certificate.der().clone()))
    }
}

impl Default for Authority {
    fn default() -> Authority {
        Authority::new()
    }
}

impl Identity {
    /// The certificate and key in the form of `sslCertificates`: base64 of a PFX with this password.
    pub fn pfx(&self, password: &str) -> String {
        let entity = Certificate::from_der(&self.certificate).expect("rcgen writes valid certificates");
        let root = Certificate::from_der(&self.authority).expect("rcgen writes valid certificates");
        let key = PrivateKey::from_der(&self.key).expect("rcgen writes valid keys");
        let mut store = KeyStore::new();
        let chain = PrivateKeyChain::new("server", key, [entity, root]);
        store.add_entry("server", KeyStoreEntry::PrivateKeyChain(chain));
        // Few iterations: the key derivation is not under test, and slow without optimization.
        let pfx = store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
            .encryption_iterations(10)
            .mac_algorithm(MacAlgorithm::HmacSha256)
            .mac_iterations(10)
            .write();
        STANDARD.encode(pfx.expect("a store of one chain can be written"))
    }

    /// The certificate and key in another form of `sslCertificates`: base64 of PEM, the chain and then the key.
    pub fn pem_base64(&self) -> String {
        STANDARD.encode(&self.pem)
    }

    /// The certificate and key as PEM, the chain and then the key.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Writes the chain and the key to PEM files, for options that need files.
    pub fn write_pem(&self, directory: &Path) -> (PathBuf, PathBuf) {
        let split = self.pem.find("-----BEGIN PRIVATE KEY").expect("rcgen writes PKCS#8");
        let files = (directory.join("chain.pem"), directory.join("key.pem"));
        for (path, text) in [(&files.0, &self.pem[..split]), (&files.1, &self.pem[split..])] {
            std::fs::write(path, text).expect("a test can write to its directory");
        }
        files
    }

    /// The private key as base64, as in its PEM: a text that must never become visible.
    pub fn key_base64(&self) -> String {
        STANDARD.encode(&self.key)
    }

    /// The private key, PKCS#8 DER.
    pub fn key_der(&self) -> &[u8] {
        &self.key
    }

    /// The certificate in the form of `authenticationCertificates`: base64 of DER.
    pub fn certificate_base64(&self) -> String {
        STANDARD.encode(&self.certificate)
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }

    /// Returns an OCSP response (RFC 6960) that calls the certificate good until this time (`20991231235959Z`); its
    /// signature is invalid.
    pub fn ocsp_response(&self, until: &str) -> Vec<u8> {
        const BASIC: &[u8] = &[0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];
        let element = |tag: u8, parts: &[&[u8]]| {
            let content = parts.concat();
            let length = u8::try_from(content.len()).expect("nothing in it is long");
            [&[tag, 0x81, length], content.as_slice()].concat()
        };
        let time = |text: &str| element(0x18, &[text.as_bytes()]);
        let algorithm = element(0x30, &[&[0x06, 0x01, 0x2a]]);
        let hash = element(0x04, &[&[0x11; 20]]);
        let certificate = element(0x30, &[&algorithm, &hash, &hash, &element(0x02, &[&self.serial])]);
        let began = time("20200101000000Z");
        let single = [certificate, vec![0x80, 0x00], began.clone(), element(0xa0, &[&time(until)])].concat();
        let responses = element(0x30, &[&element(0x30, &[&single])]);
        let data = element(0x30, &[&element(0xa2, &[&hash]), &began, &responses]);
        let basic = element(0x30, &[&data, &algorithm, &element(0x03, &[&[0x00, 0x01]])]);
        let bytes = element(0x30, &[BASIC, &element(0x04, &[&basic])]);
        element(0x30, &[&[0x0a, 0x01, 0x00], &element(0xa0, &[&bytes])])
    }

    /// Returns the configuration of a server with this certificate.
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::new(self.server_config(vec![self.certificate.clone()], rustls::DEFAULT_VERSIONS))
    }

    /// Like [`Identity::server`], and sends the certificate of the authority as well.
    pub fn server_with_authority(&self) -> Arc<ServerConfig> {
        let chain = vec![self.certificate.clone(), self.authority.clone()];
        Arc::new(self.server_config(chain, rustls::DEFAULT_VERSIONS))
    }

    /// Like [`Identity::server`], with TLS 1.2 only.
    pub fn server_of_tls12(&self) -> Arc<ServerConfig> {
        Arc::new(self.server_config(vec![self.certificate.clone()], &[&rustls::version::TLS12]))
    }

    /// Like [`Identity::server`], with this key exchange only.
    pub fn server_exchanging(&self, group: NamedGroup) -> Arc<ServerConfig> {
        let mut provider = default_provider();
        provider.kx_groups.retain(|known| known.name() == group);
        let chain = vec![self.certificate.clone()];
        Arc::new(self.server_config_of(provider, chain, rustls::DEFAULT_VERSIONS))
    }

    /// Like [`Identity::server`], for clients that send this server name (SNI) only.
    pub fn server_by_name(&self, name: &str) -> Arc<ServerConfig> {
        let mut config = self.server_config(vec![self.certificate.clone()], rustls::DEFAULT_VERSIONS);
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("rcgen writes valid keys");
        let certified = CertifiedKey::from_der(vec![self.certificate.clone()], key, &default_provider())
            .expect("certificate and key were made together");
        let mut by_name = ResolvesServerCertUsingSni::new();
        by_name.add(name, certified).expect("the certificate bears the name");
        config.cert_resolver = Arc::new(by_name);
        Arc::new(config)
    }

    fn server_config(
        &self,
        chain: Vec<CertificateDer<'static>>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        self.server_config_of(default_provider(), chain, versions)
    }

    fn server_config_of(
        &self,
        provider: CryptoProvider,
        chain: Vec<CertificateDer<'static>>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ServerConfig {
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("rcgen writes valid keys");
        ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .expect("aws-lc-rs serves these versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("certificate and key were made together")
    }
}

fn server_params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("tests name servers properly");
    params.distinguished_name.push(DnType::CommonName, "Server of a test");
    params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
    params
}

/// Returns the configuration of a client that trusts only the certificates of a PEM file.
pub(crate) fn client_trusting_pem(pem: &[u8]) -> Arc<ClientConfig> {
    let certificates = CertificateDer::pem_slice_iter(pem).map(|one| one.expect("the CA file is PEM"));
    client_trusting(certificates)
}

fn client_trusting(certificates: impl Iterator<Item = CertificateDer<'static>>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).expect("an authority's certificate can be trusted");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs serves the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
