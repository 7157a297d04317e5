//! The connections of one thread to backends: opened on demand, and kept idle for later requests.

pub(crate) mod dedicated;
mod error;
pub(crate) mod http1;
pub(crate) mod http2;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::HashMap;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tidegate_http1::{RequestHead, ResponseHead};
use tidegate_shared::snapshot::HttpVersion;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::alarm::Pause;
use crate::backend::Backend;
use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::dial::{self, DialError, Location};
use crate::registry::{CloseReason, Registry};
use crate::stream::Stream;
use crate::tls::client::fault;

pub(crate) use error::UpstreamError;
pub(crate) use http1::Http1Connection;

/// The timeout for opening a connection, with TLS, before another backend is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// The interval at which expired idle connections are closed.
const SWEEP: Duration = Duration::from_secs(5);
/// The number of sweeps after which an idle connection of HTTP/1.1 has expired.
const IDLE_SWEEPS: u64 = IDLE.as_secs() / SWEEP.as_secs();
/// The maximum number of idle connections of each HTTP version on one thread, to all backends together. Without it, a
/// client that invents server names could use up the descriptors.
const MAX_IDLE: usize = 1024;

/// A connection that can carry one request.
#[derive(Debug)]
pub(crate) enum Sender {
    /// A whole connection: it carries one request at a time.
    Http1(Http1Connection),
    /// One stream among others.
    Http2(http2::StreamSlot),
}

/// A request that failed without a response.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// True if the request is whole, with its body from the beginning.
    pub(crate) is_whole: bool,
    /// True if the backend has certainly not processed it.
    pub(crate) is_unseen: bool,
    pub(crate) error: UpstreamError,
}

/// What the sender of a request asks for beside the request.
pub(crate) struct Terms<'a> {
    /// True if the connection uses TLS.
    pub(crate) secure: bool,
    /// Set by a caller that stops waiting because of a timeout, before it does.
    pub(crate) given_up: &'a Cell<bool>,
    /// The wait of a body for which the backend is asked first, over HTTP/1.1 alone.
    pub(crate) expecting: Option<Pause>,
    /// Takes the interim responses of HTTP/1.1, except for 100.
    pub(crate) interim: &'a dyn Fn(&ResponseHead),
}

impl Sender {
    /// Sends a request and waits for the head of the response. The head is that of HTTP/1.1, apart from its framing,
    /// and can be sent again; after a failure, `body` can if [`Unanswered::is_whole`].
    pub(crate) async fn send(
        &self,
        head: &mut RequestHead,
        body: &mut RequestBody,
        terms: Terms<'_>,
    ) -> Result<(ResponseHead, ReceivedBody), Unanswered> {
        match self {
            Sender::Http1(connection) => connection.send(head, body, terms.expecting, terms.interim).await,
            // Boxed, because it would enlarge the future of every request.
            Sender::Http2(slot) => Box::pin(slot.send(head, body, terms.secure, terms.given_up)).await,
        }
    }

    /// Takes the stream of a connection after a 101, with the bytes that were read behind the response. HTTP/2 has no
    /// such response.
    pub(crate) fn into_stream(self) -> Option<(Stream, Bytes)> {
        match self {
            Sender::Http1(connection) => connection.into_stream(),
            Sender::Http2(_) => None,
        }
    }

    /// Returns the local port of the connection.
    pub(crate) fn source_port(&self) -> u16 {
        match self {
            Sender::Http1(connection) => connection.source_port(),
            Sender::Http2(slot) => slot.source_port(),
        }
    }
}

/// The key of interchangeable connections: the same backend and TLS name, opened since the backend last lost an
/// address. `None` stands for the backend's usual name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    backend: u64,
    losses: u64,
    server_name: Option<ServerName<'static>>,
}

/// The reason why no connection could be opened. Nothing of the request was sent.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    #[error(transparent)]
    Dial(DialError),
    #[error("HTTP: {0}")]
    Http(UpstreamError),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    Timeout,
    #[error("TLS: {}", fault::of_handshake(.0))]
    Tls(io::Error),
    #[error("TLS: {0:?} is neither a host name nor an address")]
    ServerName(String),
    #[error("it was removed, and its drain timeout has passed")]
    Gone,
}

impl ConnectError {
    /// Returns true if the process was out of descriptors.
    pub(crate) fn is_exhaustion(&self) -> bool {
        matches!(self, ConnectError::Dial(DialError::Exhausted))
    }
}

/// The public part of an open connection that is not a tunnel.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    backend: Arc<Backend>,
    /// The connection, if it has no task of its own.
    http1: Weak<http1::Shared>,
}

/// The idle connections of one thread.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    /// With the number of sweeps before each was kept, which costs less than the time would.
    idle: RefCell<HashMap<Key, Vec<(Http1Connection, u64)>>>,
    count: Cell<usize>,
    sweeps: Cell<u64>,
    http2: http2::Pools,
    /// Every open connection that is not a tunnel, busy or idle.
    open: Rc<Registry<OpenConnection>>,
}

impl Key {
    pub(crate) fn new(backend: &Backend, server_name: Option<ServerName<'static>>) -> Key {
        Key { backend: backend.number, losses: backend.location.losses(), server_name }
    }

    /// Returns the number of the backend.
    pub(crate) fn backend(&self) -> u64 {
        self.backend
    }
}

impl Upstreams {
    /// Takes a connection for a request. With HTTP/1.1 it is the idle connection that was used last, which is the
    /// least likely to be stale.
    pub(crate) fn take(&self, key: &Key, version: HttpVersion) -> Option<Sender> {
        match version {
            HttpVersion::Http1 => self.take_idle(key).map(Sender::Http1),
            HttpVersion::Http2 => self.http2.take(key).map(Sender::Http2),
        }
    }

    fn take_idle(&self, key: &Key) -> Option<Http1Connection> {
        let mut idle = self.idle.borrow_mut();
        let list = idle.get_mut(key)?;
        while let Some((connection, _)) = list.pop() {
            self.count.set(self.count.get() - 1);
            if connection.is_usable() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose response has been read to its end. HTTP/2 connections are kept by their pool. Whether
    /// the backend has closed it meanwhile is asked when it is taken.
    pub(crate) fn keep(&self, key: Key, sender: Sender) {
        let Sender::Http1(connection) = sender else { return };
        if !connection.is_idle() || self.count.get() >= MAX_IDLE {
            return;
        }
        self.idle.borrow_mut().entry(key).or_default().push((connection, self.sweeps.get()));
        self.count.set(self.count.get() + 1);
    }

    /// Closes every idle connection, because the process is out of descriptors. Returns false if there was none.
    pub(crate) fn give_up(&self) -> bool {
        let some = self.count.get() > 0;
        self.sweep(0);
        self.http2.sweep(Duration::ZERO) || some
    }

    /// Closes the connections to the backends for which `which` holds, busy or idle.
    pub(crate) fn close(&self, why: CloseReason, which: impl Fn(&Backend) -> bool) {
        self.open.close(why, |open| which(&open.backend));
        // An idle connection of HTTP/1.1 has no task that would notice.
        let without_task = |open: &OpenConnection| open.http1.upgrade().filter(|_| which(&open.backend));
        for connection in self.open.collect(without_task) {
            connection.close_if_idle();
        }
    }

    /// Returns the backends with connections that carry requests, and their number. A connection of HTTP/2 counts once,
    /// also if it is idle.
    pub(crate) fn busy(&self) -> Vec<(Arc<Backend>, usize)> {
        let mut backends: HashMap<u64, (Arc<Backend>, usize)> = HashMap::default();
        for backend in self.open.collect(|open| Some(open.backend.clone())) {
            backends.entry(backend.number).or_insert_with(|| (backend.clone(), 0)).1 += 1;
        }
        for (key, idle) in self.idle.borrow().iter() {
            if let Some((_, count)) = backends.get_mut(&key.backend) {
                *count = count.saturating_sub(idle.len());
            }
        }
        backends.into_values().filter(|(_, count)| *count > 0).collect()
    }

    /// Closes the connections that have been idle for this number of sweeps, and those that the backend has closed.
    fn sweep(&self, idle_for: u64) {
        let now = self.sweeps.get();
        let mut left = 0;
        self.idle.borrow_mut().retain(|_, list| {
            list.retain(|(connection, since)| now - *since < idle_for && connection.is_usable());
            left += list.len();
            !list.is_empty()
        });
        self.count.set(left);
    }

    /// Closes expired idle connections every [`SWEEP`]; runs for the life of the thread.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.sweeps.set(self.sweeps.get() + 1);
            self.sweep(IDLE_SWEEPS);
            self.http2.sweep(IDLE);
        }
    }
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Requests,
    /// One handshake, then a tunnel.
    Tunnel,
}

/// Opens a connection for requests, or for a tunnel.
pub(crate) async fn open(
    upstreams: &Upstreams,
    backend: &Arc<Backend>,
    key: &Key,
    purpose: Purpose,
) -> Result<Sender, ConnectError> {
    let version = if purpose == Purpose::Tunnel { HttpVersion::Http1 } else { backend.key.version };
    let tls = match &backend.tls {
        None => None,
        Some(tls) => {
            let name = key.server_name.as_ref().or(backend.usual_name.as_ref());
            let name = name.ok_or_else(|| ConnectError::ServerName(String::new()))?;
            Some((tls.config(version).clone(), name.clone()))
        }
    };
    if version == HttpVersion::Http2 {
        let connect = connect(&backend.location, backend.key.port, tls);
        let opened = timeout(CONNECT_TIMEOUT, http2::open(upstreams, backend, key, connect)).await;
        return opened.map_err(|_| ConnectError::Timeout)?.map(Sender::Http2);
    }
    let connected = connect(&backend.location, backend.key.port, tls);
    let stream = timeout(CONNECT_TIMEOUT, connected).await.map_err(|_| ConnectError::Timeout)??;
    if backend.member_state.is_gone() {
        // The command that ends connections to this member has already been executed.
        return Err(ConnectError::Gone);
    }
    Ok(Sender::Http1(Http1Connection::new(stream, backend, &upstreams.open)))
}

/// Connects to a backend, with TLS if `tls` is given.
async fn connect(
    location: &Location,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
) -> Result<Stream, ConnectError> {
    secure(dial::connect(location, port).await.map_err(ConnectError::Dial)?, tls).await
}

/// Performs the TLS handshake on a connection if `tls` is given.
pub(crate) async fn secure(
    tcp: TcpStream,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
) -> Result<Stream, ConnectError> {
    match tls {
        None => Ok(Stream::Plain(tcp.into())),
        Some((config, name)) => {
            let tls =
                TlsConnector::from(config).connect(name, tcp.into()).await.map_err(ConnectError::Tls)?;
            Ok(Stream::tls(tls.into()))
        }
    }
}
