//! Backends that do what a test tells them to: well, badly, or not at all.

mod behaviour;
mod serve;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::address::{BACKEND_PORT, loopback};
use crate::peer::Head;
use crate::wait::wait_for;

pub use behaviour::{Behaviour, Then};

/// A backend on an address of its own. It answers health probes with 200, whatever it does to requests.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// A request as the backend got it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and headers.
    pub head: Head,
    /// The body, where the behaviour reads it.
    pub body: Vec<u8>,
}

/// What the test and the connections' tasks have in common.
#[derive(Debug)]
struct Shared {
    behaviour: Mutex<Behaviour>,
    probe_status: AtomicU16,
    probes: AtomicUsize,
    requests: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    released: watch::Sender<bool>,
    tls: Option<Arc<ServerConfig>>,
}

impl Backend {
    /// In the clear, serving well.
    pub async fn start() -> Backend {
        Backend::start_at((loopback(), BACKEND_PORT).into(), None).await
    }

    /// Two of them.
    pub async fn pair() -> [Backend; 2] {
        [Backend::start().await, Backend::start().await]
    }

    /// How many requests each has got so far, probes apart.
    pub fn counts<const N: usize>(backends: &[Backend; N]) -> [usize; N] {
        backends.each_ref().map(|backend| backend.requests().len())
    }

    /// In TLS, serving well. The address must be known beforehand, for the certificate.
    pub async fn start_tls(ip: impl Into<IpAddr>, tls: Arc<ServerConfig>) -> Backend {
        Backend::start_at(SocketAddr::new(ip.into(), BACKEND_PORT), Some(tls)).await
    }

    /// At an address that a backend had before, or on any free port of one.
    pub async fn start_at(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> Backend {
        let listener = TcpListener::bind(address)
            .await
            .unwrap_or_else(|error| panic!("a backend cannot listen on {address}: {error}"));
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour::Serve),
            probe_status: AtomicU16::new(200),
            probes: AtomicUsize::new(0),
            requests: Mutex::default(),
            connections: AtomicUsize::new(0),
            released: watch::Sender::new(false),
            tls,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve::accept_all(listener, shared.clone()));
        Backend { address, shared, tasks }
    }

    /// What it does from now on. The next request on a connection that is open already gets it too.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.released.send_replace(false);
        *self.shared.behaviour.lock().expect("no task panics with the lock") = behaviour;
    }

    /// Lets go what [`Behaviour::Held`] and [`Behaviour::Drip`] hold back.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// What health probes get from now on.
    pub fn answer_probes_with(&self, status: u16) {
        self.shared.probe_status.store(status, Ordering::SeqCst);
    }

    /// How many probes came.
    pub fn probes(&self) -> usize {
        self.shared.probes.load(Ordering::SeqCst)
    }

    /// Every request so far, probes apart.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().expect("no task panics with the lock").clone()
    }

    /// The first request for that target, once it is there.
    pub async fn request(&self, target: &str) -> Received {
        wait_for(&format!("a request for {target} at the backend"), async || {
            self.requests().into_iter().find(|request| request.head.target() == target)
        })
        .await
    }

    /// Over how many connections requests came, probes apart.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as pools name it.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Stops listening and drops every connection. The port is closed when this returns.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Received {
    /// A header, if it came.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// A header that must have come.
    #[track_caller]
    pub fn expect_header(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.head))
    }
}

impl Shared {
    fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().expect("no task panics with the lock").clone()
    }

    fn record(&self, head: &Head, body: Vec<u8>) {
        let received = Received { head: head.clone(), body };
        self.requests.lock().expect("no task panics with the lock").push(received);
    }

    async fn released(&self) {
        // The sender is in `self`: the wait cannot fail.
        let _ = self.released.subscribe().wait_for(|&released| released).await;
    }
}

/// Whether a request is a health probe: the default probe's own `Host`, or the path that custom probes have in
/// tests. No test asks for either.
pub(crate) fn is_probe(head: &Head) -> bool {
    let default =
        head.target() == "/" && head.header("host").is_some_and(|host| host.starts_with("127.0.0.1"));
    default || head.target().starts_with("/health")
}
