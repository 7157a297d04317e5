//! A TLS client with chosen versions, suites and certificate, which reports the result of a handshake.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CipherSuite, ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind, NamedGroup,
    RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::pki::{Authority, Identity};
use crate::wait::within_deadline;

/// The restrictions of a client.
#[derive(Debug, Default)]
pub struct Choices<'a> {
    /// The client certificate with its chain, its own certificate first; `None` sends no certificate.
    pub identity: Option<(&'a Identity, Vec<CertificateDer<'static>>)>,
    /// The only versions that it supports; empty for all.
    pub versions: &'a [&'static SupportedProtocolVersion],
    /// The only suites that it offers; empty for all.
    pub suites: &'a [CipherSuite],
    /// The only key exchanges that it offers; empty for all.
    pub groups: &'a [NamedGroup],
}

/// A TLS client, whose configuration other clients of the harness can also use.
#[derive(Debug)]
pub struct TlsClient {
    /// The configuration with its session cache: a second handshake may resume the first session.
    pub config: Arc<ClientConfig>,
    staple: Arc<Mutex<Vec<u8>>>,
}

/// The result of a handshake.
#[derive(Debug)]
pub struct Agreed {
    /// `TLSv1_2` or `TLSv1_3`.
    pub version: String,
    /// The negotiated cipher suite.
    pub suite: CipherSuite,
    /// The negotiated key exchange; `None` in a resumed session of TLS 1.2, which exchanges no keys.
    pub group: Option<NamedGroup>,
    /// The server's own certificate, DER.
    pub certificate: Vec<u8>,
    /// The stapled OCSP response; empty without one, and in a resumed session.
    pub staple: Vec<u8>,
    /// True if an earlier session was resumed.
    pub resumed: bool,
}

impl TlsClient {
    /// Creates a client that trusts this authority.
    pub fn new(authority: &Authority, choices: &Choices<'_>) -> TlsClient {
        let mut provider = default_provider();
        if !choices.suites.is_empty() {
            provider.cipher_suites.retain(|suite| choices.suites.contains(&suite.suite()));
        }
        if !choices.groups.is_empty() {
            provider.kx_groups.retain(|group| choices.groups.contains(&group.name()));
        }
        let provider = Arc::new(provider);
        let staple = Arc::new(Mutex::new(Vec::new()));
        let verifier = Arc::new(Listening::new(authority, &provider, staple.clone()));
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = match choices.versions {
            [] => builder.with_safe_default_protocol_versions(),
            versions => builder.with_protocol_versions(versions),
        };
        let builder = builder.expect("the suites fit the versions").dangerous();
        let builder = builder.with_custom_certificate_verifier(verifier);
        let config = match &choices.identity {
            None => builder.with_no_client_auth(),
            Some((identity, others)) => {
                let own = CertificateDer::from(identity.der().to_vec());
                let chain = [own].into_iter().chain(others.iter().cloned()).collect();
                let key = PrivateKeyDer::try_from(identity.key_der().to_vec());
                let key = key.expect("rcgen writes valid keys");
                builder.with_client_auth_cert(chain, key).expect("certificate and key belong together")
            }
        };
        TlsClient { config: Arc::new(config), staple }
    }

    /// Creates a client that sends exactly this certificate.
    pub fn showing(authority: &Authority, identity: &Identity) -> TlsClient {
        TlsClient::new(authority, &Choices { identity: Some((identity, Vec::new())), ..Choices::default() })
    }

    /// Makes a handshake and closes the connection.
    ///
    /// # Errors
    /// The error of the handshake.
    pub async fn shake_hands(&self, address: SocketAddr, name: &str) -> io::Result<Agreed> {
        self.staple.lock().expect("nobody panicked").clear();
        let stream = within_deadline("a TCP connection", TcpStream::connect(address)).await?;
        let name = ServerName::try_from(name.to_owned()).expect("tests name servers properly");
        let connecting = TlsConnector::from(self.config.clone()).connect(name, stream);
        let stream = within_deadline("a TLS handshake", connecting).await?;
        let (_, session) = stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default();
        Ok(Agreed {
            version: format!("{:?}", session.protocol_version().expect("the handshake is over")),
            suite: session.negotiated_cipher_suite().expect("the handshake is over").suite(),
            group: session.negotiated_key_exchange_group().map(|group| group.name()),
            certificate: certificates.first().map(|der| der.to_vec()).unwrap_or_default(),
            staple: self.staple.lock().expect("nobody panicked").clone(),
            resumed: session.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }

    /// Returns true if there is a session with the server of this name that allows 0-RTT data. Consumes a ticket,
    /// if there is one.
    pub fn may_send_early_data(&self, name: &str) -> bool {
        let mut config = ClientConfig::clone(&self.config);
        config.enable_early_data = true;
        let name = ServerName::try_from(name.to_owned()).expect("tests name servers properly");
        let mut connection =
            ClientConnection::new(Arc::new(config), name).expect("the configuration has been used before");
        connection.early_data().is_some()
    }
}

/// Verifies as usual, and keeps the OCSP response.
#[derive(Debug)]
struct Listening {
    inner: Arc<WebPkiServerVerifier>,
    staple: Arc<Mutex<Vec<u8>>>,
}

impl Listening {
    fn new(authority: &Authority, provider: &Arc<CryptoProvider>, staple: Arc<Mutex<Vec<u8>>>) -> Listening {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der()).expect("an authority's certificate can be trusted");
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
        Listening { inner: inner.expect("there is a root"), staple }
    }
}

impl ServerCertVerifier for Listening {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.staple.lock().expect("nobody panicked") = staple.to_vec();
        self.inner.verify_server_cert(own, others, name, staple, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, own, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, own, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
