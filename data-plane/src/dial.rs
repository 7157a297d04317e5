//! TCP connections to a backend: to its address, or to one of the addresses of its name.
//!
//! If a name has several addresses, each gets a head start before the next is tried in parallel, and the first one
//! that accepts wins (RFC 8305, "Happy Eyeballs"): an address that drops all packets must not hide one that works.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::resolver::name::{Address, Name};

/// The head start of an address before the next one is tried (RFC 8305, section 5).
const LEAD: Duration = Duration::from_millis(250);

/// The address or name of a backend.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    Address(IpAddr),
    Name(Arc<Name>),
}

impl Location {
    /// The number of times that an address has disappeared. Connections made before the last time may lead to
    /// another host.
    pub(crate) fn losses(&self) -> u64 {
        match self {
            Location::Address(_) => 0,
            Location::Name(name) => name.losses(),
        }
    }

    /// Completes once the addresses have changed since this call, which never happens for an IP address.
    pub(crate) fn moved(&self) -> impl Future<Output = ()> {
        let moved = match self {
            Location::Address(_) => None,
            Location::Name(name) => Some(name.moved()),
        };
        async {
            match moved {
                Some(moved) => moved.await,
                None => std::future::pending().await,
            }
        }
    }
}

/// The reason why there is no TCP connection. Nothing was sent.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("cannot resolve {0}: {1}")]
    Resolve(String, String),
    #[error("cannot connect to {0}")]
    Unreachable(Failures),
    #[error("no file descriptor is free for a connection")]
    Exhausted,
}

/// The error of each address.
#[derive(Debug)]
pub(crate) struct Failures(Vec<(SocketAddr, io::Error)>);

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (address, error)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}{address}: {}", plain(error))?;
        }
        Ok(())
    }
}

/// Describes an error in plain words.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_owned(),
        io::ErrorKind::NetworkUnreachable => "no route to the network".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        _ => error.to_string(),
    }
}

/// Connects. It takes as long as the slowest address; the caller sets the limit.
pub(crate) async fn connect(location: &Location, port: u16) -> Result<TcpStream, DialError> {
    match location {
        Location::Address(address) => {
            let address = SocketAddr::new(*address, port);
            open(address).await.map_err(|error| failed(vec![(address, error)]))
        }
        Location::Name(name) => {
            let addresses = name.addresses().await;
            let addresses = addresses.map_err(|why| DialError::Resolve(name.text.clone(), why))?;
            race(name, addresses, port).await
        }
    }
}

async fn race(name: &Name, addresses: Vec<Arc<Address>>, port: u16) -> Result<TcpStream, DialError> {
    let mut waiting = addresses.iter().map(|address| SocketAddr::new(address.ip, port));
    let mut running = JoinSet::new();
    let mut failures = Vec::new();
    loop {
        if let Some(address) = waiting.next() {
            running.spawn_local(async move { (address, open(address).await) });
        }
        let lead = if waiting.len() > 0 { LEAD } else { Duration::MAX };
        match timeout(lead, running.join_next()).await {
            Err(_) => {}
            Ok(None) if waiting.len() == 0 => return Err(failed(failures)),
            Ok(None) => {}
            Ok(Some(ended)) => {
                match ended.expect("no attempt panics, and none is cancelled before the set is") {
                    (winner, Ok(stream)) => {
                        // Each address with a head start has lost it.
                        let before = addresses.iter().take_while(|address| address.ip != winner.ip());
                        before.for_each(|address| name.mark_unreachable(address));
                        return Ok(stream);
                    }
                    (address, Err(error)) => failures.push((address, error)),
                }
            }
        }
    }
}

fn failed(failures: Vec<(SocketAddr, io::Error)>) -> DialError {
    let exhausted = |error| matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE));
    if failures.iter().any(|(_, error)| exhausted(error)) {
        return DialError::Exhausted;
    }
    DialError::Unreachable(Failures(failures))
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_nodelay(true)?;
    socket.connect(address).await
}
