//! TLS towards clients: how the listeners of one HTTPS socket shake hands, and what is known afterwards.
//!
//! The name that a client asks for (SNI) decides which listener's certificate it is shown, which suites it is offered
//! and whether it is asked for a certificate. Which listener answers a request is not decided here: that is the `Host`
//! header's business.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::server::{Acceptor, ClientHello, ProducesTickets, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tidegate_shared::id::Digest;
use tidegate_shared::snapshot::CipherSuite;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::ServerCertificate;
use super::client_certificate::{Asking, ClientDemand, Verification};
use super::facts::{self, ClientIdentity, TlsFacts};
use super::suites;
use crate::listener::ALPN_HTTP2;
use crate::runtime::hosts::HostTable;

/// How one listener shakes hands.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) certificate: Arc<ServerCertificate>,
    /// The preferred first; at least one.
    pub(crate) suites: Vec<CipherSuite>,
    pub(crate) demand: Option<Arc<ClientDemand>>,
}

/// How the listeners of one socket shake hands.
#[derive(Debug)]
pub(crate) struct Server {
    certificates: Arc<BySni>,
    /// Few: listeners that offer and ask the same have one in common.
    profiles: Vec<Profile>,
    /// The index of the profile of each listener, by rank.
    by_rank: Vec<usize>,
}

/// What listeners of the same suites and the same demand have in common.
#[derive(Debug)]
struct Profile {
    config: Arc<ServerConfig>,
    suites: Vec<CipherSuite>,
    demand: Option<Arc<ClientDemand>>,
}

impl Server {
    /// `offers[rank]` is that of the listener of this rank; there is at least one. With `http2`, that is agreed on with
    /// clients that know it.
    pub(crate) fn new(hosts: Arc<HostTable>, offers: &[Offer], http2: bool) -> Server {
        let certificates = offers.iter().map(|offer| offer.certificate.clone()).collect();
        let certificates = Arc::new(BySni { hosts, certificates });
        let mut profiles: Vec<Profile> = Vec::new();
        let mut by_rank = Vec::with_capacity(offers.len());
        for offer in offers {
            let known = profiles.iter().position(|profile| profile.is_for(offer));
            by_rank.push(known.unwrap_or(profiles.len()));
            if known.is_none() {
                profiles.push(Profile::new(offer, certificates.clone(), http2));
            }
        }
        Server { certificates, profiles, by_rank }
    }

    fn profile(&self, hello: &ClientHello<'_>) -> &Profile {
        match &*self.profiles {
            [only] => only,
            several => &several[self.by_rank[self.certificates.rank(hello)]],
        }
    }

    /// Shakes hands with a client. The caller sets the deadline.
    pub(crate) async fn accept(&self, tcp: TcpStream) -> io::Result<(TlsStream<TcpStream>, Box<TlsFacts>)> {
        let start = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let hello = start.client_hello();
        let profile = self.profile(&hello);
        let offered = facts::remembered(hello.cipher_suites());
        let stream = start.into_stream(profile.config.clone()).await?;

        let (_, session) = stream.get_ref();
        let unfinished = || io::Error::other("the handshake agreed on nothing");
        let client = match &profile.demand {
            Some(demand) => demand.judge(session.peer_certificates(), UnixTime::now()),
            None => ClientIdentity { verification: Verification::None, certificate: None },
        };
        let facts = TlsFacts {
            protocol: session.protocol_version().ok_or_else(unfinished)?,
            cipher: session.negotiated_cipher_suite().ok_or_else(unfinished)?.suite(),
            offered,
            demand: profile.demand.clone(),
            client,
        };
        Ok((stream, Box::new(facts)))
    }
}

impl Profile {
    fn is_for(&self, offer: &Offer) -> bool {
        let same_demand = match (&self.demand, &offer.demand) {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_that_of(other),
            _ => false,
        };
        same_demand && self.suites == offer.suites
    }

    fn new(offer: &Offer, certificates: Arc<BySni>, http2: bool) -> Profile {
        let Offer { suites, demand, .. } = offer;
        let builder = ServerConfig::builder_with_provider(suites::provider_of(suites))
            .with_protocol_versions(&suites::versions_of(suites))
            .expect("each suite brings its version along");
        let builder = match demand {
            Some(demand) => builder.with_client_cert_verifier(Arc::new(Asking(demand.clone()))),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(certificates);
        if http2 {
            config.alpn_protocols.push(ALPN_HTTP2.to_vec());
        }
        config.alpn_protocols.push(b"http/1.1".to_vec());
        config.ignore_client_order = true;
        config.ticketer = ticketer(demand.as_deref());
        Profile { config: Arc::new(config), suites: suites.clone(), demand: demand.clone() }
    }
}

/// Whether a client that has connected speaks TLS rather than plain HTTP, by its first byte, which stays unread.
pub(crate) async fn speaks_tls(tcp: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    let length = tcp.peek(&mut first).await?;
    Ok(length == 0 || !first[0].is_ascii_alphabetic())
}

/// Ticket keys outlive configurations, so that sessions can be resumed across a change. Each demand has keys of its own:
/// a session begun where no certificate was asked for, or another, is not resumed where one is.
fn ticketer(demand: Option<&ClientDemand>) -> Arc<dyn ProducesTickets> {
    static FOR_ALL: LazyLock<Arc<dyn ProducesTickets>> = LazyLock::new(new_ticketer);
    static BY_DEMAND: Mutex<Option<HashMap<Digest, Weak<dyn ProducesTickets>>>> = Mutex::new(None);
    let Some(demand) = demand else { return FOR_ALL.clone() };
    let mut by_demand = BY_DEMAND.lock().unwrap_or_else(PoisonError::into_inner);
    let by_demand = by_demand.get_or_insert_default();
    if let Some(known) = by_demand.get(&demand.digest).and_then(Weak::upgrade) {
        return known;
    }
    by_demand.retain(|_, ticketer| ticketer.strong_count() > 0);
    let new = new_ticketer();
    by_demand.insert(demand.digest.clone(), Arc::downgrade(&new));
    new
}

fn new_ticketer() -> Arc<dyn ProducesTickets> {
    rustls::crypto::ring::Ticketer::new().expect("the system gives randomness")
}

/// Which certificate a client is shown: for an unknown or missing name that of the listener for all hosts, else that of
/// the first listener.
#[derive(Debug)]
struct BySni {
    hosts: Arc<HostTable>,
    certificates: Vec<Arc<ServerCertificate>>,
}

impl BySni {
    fn rank(&self, hello: &ClientHello<'_>) -> usize {
        let named = hello.server_name().and_then(|name| self.hosts.find(name));
        named.or(self.hosts.any()).unwrap_or(0)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificate = self.certificates.get(self.rank(&hello))?;
        Some(certificate.key_at(UnixTime::now()).clone())
    }
}
