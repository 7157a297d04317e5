//! TLS with clients: the handshakes of the listeners of one HTTPS socket.
//!
//! The server name of the handshake (SNI) decides the certificate, the cipher suites and whether a client
//! certificate is requested. It does not decide which listener serves a request: the `Host` header does.

use std::io;
use std::rc::Rc;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::UnixTime;
use rustls::server::{Acceptor, ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::snapshot::CipherSuite;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tcp::Tcp;

use super::ALPN_HTTP2;
use super::certificate::ServerCertificate;
use super::client_certificate::{ClientCertificatePolicy, ClientCertificateRequest};
use super::client_identity::{ClientIdentity, Verification};
use super::facts::{self, TlsInfo};
use super::suites::{self, SuiteSet};
use super::tickets::{ClientAuthTicketer, TicketKeys};
use crate::hosts::HostTable;

/// The TLS parameters of one listener.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// `None` if the listener is disabled.
    pub(crate) certificate: Option<Arc<ServerCertificate>>,
    /// The suites, the preferred first; at least one.
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) client_policy: Option<Arc<ClientCertificatePolicy>>,
}

impl Offer {
    /// The suites with which the listener serves requests: none if it is disabled. So a connection to another listener of
    /// the socket does not lead to it either.
    pub(crate) fn served_suites(&self) -> SuiteSet {
        SuiteSet::of(if self.certificate.is_some() { &self.suites } else { &[] })
    }
}

/// The TLS parameters of the listeners of one socket.
#[derive(Debug)]
pub(crate) struct TlsServer {
    certificates: Arc<BySni>,
    /// The distinct profiles; listeners with the same suites and the same client authentication share one.
    profiles: Vec<Profile>,
    /// The index of the profile of each listener, by rank.
    by_rank: Vec<usize>,
}

/// The TLS configuration of listeners with the same suites and the same client authentication.
#[derive(Debug)]
struct Profile {
    /// The configuration of all connections, unless each needs its own.
    config: Arc<ServerConfig>,
    provider: Arc<CryptoProvider>,
    certificates: Arc<BySni>,
    http2: bool,
    suites: Vec<CipherSuite>,
    client_policy: Option<Arc<ClientCertificatePolicy>>,
}

impl TlsServer {
    /// `offers[rank]` belongs to the listener of this rank; there is at least one. With `http2`, ALPN offers HTTP/2
    /// as well.
    pub(crate) fn new(hosts: Arc<HostTable>, offers: &[Offer], http2: bool, keys: &TicketKeys) -> TlsServer {
        let certificates = offers.iter().map(|offer| offer.certificate.clone()).collect();
        let certificates = Arc::new(BySni { hosts, certificates });
        let mut profiles: Vec<Profile> = Vec::new();
        let mut by_rank = Vec::with_capacity(offers.len());
        for offer in offers {
            let known = profiles.iter().position(|profile| profile.is_for(offer));
            by_rank.push(known.unwrap_or(profiles.len()));
            if known.is_none() {
                profiles.push(Profile::new(offer, certificates.clone(), http2, keys));
            }
        }
        TlsServer { certificates, profiles, by_rank }
    }

    fn profile(&self, hello: &ClientHello<'_>) -> &Profile {
        match &*self.profiles {
            [only] => only,
            several => &several[self.by_rank[self.certificates.rank(hello)]],
        }
    }

    /// Makes the handshake with a client. The caller sets the deadline.
    pub(crate) async fn accept(&self, tcp: Tcp) -> io::Result<(TlsStream<Tcp>, Rc<TlsInfo>)> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let hello = start.client_hello();
        if self.certificates.is_disabled(&hello) {
            return Err(refuse_name(start.io).await);
        }
        let profile = self.profile(&hello);
        let offered = facts::remembered(hello.cipher_suites());
        let stream = start.into_stream(profile.config()).await?;

        let (_, session) = stream.get_ref();
        let unfinished = || io::Error::other("the handshake negotiated no version or cipher suite");
        let client = match &profile.client_policy {
            Some(client_policy) => client_policy.judge(session.peer_certificates(), UnixTime::now()),
            None => ClientIdentity { verification: Verification::None, certificate: None },
        };
        let cipher = session.negotiated_cipher_suite().ok_or_else(unfinished)?.suite();
        let facts = TlsInfo {
            protocol: session.protocol_version().ok_or_else(unfinished)?,
            cipher,
            suite: SuiteSet::agreed(cipher),
            offered,
            client_policy: profile.client_policy.clone(),
            client,
        };
        Ok((stream, Rc::new(facts)))
    }
}

/// Sends the alert `unrecognized_name` (RFC 6066, section 3) in answer to a ClientHello, as Azure does for a disabled
/// listener. Returns the error of the handshake.
async fn refuse_name(mut tcp: Tcp) -> io::Error {
    /// A record with a fatal alert, in the version that precedes an agreed one (RFC 8446, section 5.1).
    const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
    match tcp.write_all(&ALERT).await {
        Ok(()) => io::Error::other("the listener is disabled, because its certificate could not be fetched"),
        Err(error) => error,
    }
}

impl Profile {
    fn is_for(&self, offer: &Offer) -> bool {
        let same_policy = match (&self.client_policy, &offer.client_policy) {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_same_policy(other),
            _ => false,
        };
        same_policy && self.suites == offer.suites
    }

    fn new(offer: &Offer, certificates: Arc<BySni>, http2: bool, keys: &TicketKeys) -> Profile {
        let Offer { suites, client_policy, .. } = offer;
        let provider = suites::provider_of(suites);
        let asking = client_policy
            .clone()
            .map(|client_policy| ClientCertificateRequest { client_policy, tickets: None });
        let tickets = keys.of(client_policy.as_deref().map(|client_policy| &client_policy.digest));
        let config = Arc::new(config(&provider, suites, asking, &certificates, http2, tickets));
        Profile {
            config,
            provider,
            certificates,
            http2,
            suites: suites.clone(),
            client_policy: client_policy.clone(),
        }
    }

    /// Returns the configuration of one connection.
    fn config(&self) -> Arc<ServerConfig> {
        let Some(client_policy) =
            self.client_policy.as_ref().filter(|client_policy| client_policy.is_strict())
        else {
            return self.config.clone();
        };
        let tickets = Arc::new(ClientAuthTicketer::new(self.config.ticketer.clone()));
        let asking =
            ClientCertificateRequest { client_policy: client_policy.clone(), tickets: Some(tickets.clone()) };
        let (provider, certificates) = (&self.provider, &self.certificates);
        let mut config = config(provider, &self.suites, Some(asking), certificates, self.http2, tickets);
        // A configuration of one connection has no use for a session cache.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Arc::new(config)
    }
}

fn config(
    provider: &Arc<CryptoProvider>,
    suites: &[CipherSuite],
    asking: Option<ClientCertificateRequest>,
    certificates: &Arc<BySni>,
    http2: bool,
    tickets: Arc<dyn ProducesTickets>,
) -> ServerConfig {
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&suites::versions_of(suites))
        .expect("each suite brings its version along");
    let builder = match asking {
        Some(asking) => builder.with_client_cert_verifier(Arc::new(asking)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(certificates.clone());
    if http2 {
        config.alpn_protocols.push(ALPN_HTTP2.to_vec());
    }
    config.alpn_protocols.push(b"http/1.1".to_vec());
    config.ignore_client_order = true;
    config.ticketer = tickets;
    config
}

/// Returns true if a client speaks TLS rather than plain HTTP, by its first byte, which stays unread.
pub(crate) async fn speaks_tls(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = tcp.peek(&mut first).await?;
    Ok(length == 0 || !first[0].is_ascii_alphabetic())
}

/// Selects the certificate by SNI: for an unknown or absent name that of the listener for all hosts, else that of
/// the first listener.
#[derive(Debug)]
struct BySni {
    hosts: Arc<HostTable>,
    /// `None` for a disabled listener.
    certificates: Vec<Option<Arc<ServerCertificate>>>,
}

impl BySni {
    fn is_disabled(&self, hello: &ClientHello<'_>) -> bool {
        self.certificates.get(self.rank(hello)).is_some_and(Option::is_none)
    }

    fn rank(&self, hello: &ClientHello<'_>) -> usize {
        let name = hello.server_name().and_then(|name| CanonicalHost::parse(name).ok());
        let named = name.and_then(|name| self.hosts.find(&name));
        named.or(self.hosts.any()).unwrap_or(0)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificate = self.certificates.get(self.rank(&hello))?.as_ref()?;
        Some(certificate.key_at(UnixTime::now()).clone())
    }
}
