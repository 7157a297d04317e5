//! Scripted backends, which behave as a test tells them.

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

/// A backend at its own address. It answers health probes with 200, whatever it does with requests.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

/// A request as the backend received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Request line and headers.
    pub head: Head,
    /// The body, if the behaviour reads it.
    pub body: Vec<u8>,
}

/// The state that the test shares with the connection tasks.
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
    /// Starts a plain HTTP backend with [`Behaviour::Serve`].
    pub async fn start() -> Backend {
        Backend::start_at((loopback(), BACKEND_PORT).into(), None).await
    }

    /// Starts two backends.
    pub async fn pair() -> [Backend; 2] {
        [Backend::start().await, Backend::start().await]
    }

    /// Counts the requests of each backend so far, without probes.
    pub fn counts<const N: usize>(backends: &[Backend; N]) -> [usize; N] {
        backends.each_ref().map(|backend| backend.requests().len())
    }

    /// Starts an HTTPS backend with [`Behaviour::Serve`]. The certificate must match the given address.
    pub async fn start_tls(ip: impl Into<IpAddr>, tls: Arc<ServerConfig>) -> Backend {
        Backend::start_at(SocketAddr::new(ip.into(), BACKEND_PORT), Some(tls)).await
    }

    /// Starts a backend at this address; port 0 for any free port.
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

    /// Sets the behaviour, which also applies to the next request on an open connection.
    pub fn behave(&self, behaviour: Behaviour) {
        self.shared.released.send_replace(false);
        *self.shared.behaviour.lock().expect("no task panics with the lock") = behaviour;
    }

    /// Continues the responses that [`Behaviour::Held`] and [`Behaviour::Drip`] hold back.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Sets the status of responses to health probes.
    pub fn answer_probes_with(&self, status: u16) {
        self.shared.probe_status.store(status, Ordering::SeqCst);
    }

    /// Counts the probes so far.
    pub fn probes(&self) -> usize {
        self.shared.probes.load(Ordering::SeqCst)
    }

    /// Returns every request so far, without probes.
    pub fn requests(&self) -> Vec<Received> {
        self.shared.requests.lock().expect("no task panics with the lock").clone()
    }

    /// Waits for a request with this target, and returns the first one.
    pub async fn request(&self, target: &str) -> Received {
        wait_for(&format!("a request for {target} at the backend"), async || {
            self.requests().into_iter().find(|request| request.head.target() == target)
        })
        .await
    }

    /// Counts the connections that carried requests other than probes.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The address it listens at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The IP address for pools.
    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Stops listening and drops every connection. The port is closed when this returns.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Received {
    /// Returns a header, if it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Returns a header, or panics if it was not sent.
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
        // `self` holds the sender, so the wait cannot fail.
        let _ = self.released.subscribe().wait_for(|&released| released).await;
    }
}

/// Returns true for a health probe: it has the default probe's `Host`, or the path of custom probes in tests. No
/// other request of a test has these.
pub(crate) fn is_probe(head: &Head) -> bool {
    let default =
        head.target() == "/" && head.header("host").is_some_and(|host| host.starts_with("127.0.0.1"));
    default || head.target().starts_with("/health")
}
