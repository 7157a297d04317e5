//! The connections of one thread to backends: opened on demand, and kept idle for later requests.

mod checked;
pub(crate) mod dedicated;
pub(crate) mod http2;
pub(crate) mod upgrade;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use foldhash::HashMap;
use http::{Request, Response};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use thiserror::Error;
use tidegate_shared::snapshot::HttpVersion;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use crate::backend::Backend;
use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::dial::{self, DialError, Location};
use crate::registry::Registry;
use crate::stream::{self, PEER_TIMEOUT, Stream};
use crate::tls::client::fault;

use checked::Checked;
pub(crate) use checked::CheckedSender;

/// The timeout for opening a connection, with TLS, before another backend is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for which an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// The interval at which expired idle connections are closed.
const SWEEP: Duration = Duration::from_secs(5);
/// The maximum number of idle connections of each HTTP version on one thread, to all backends together. Without it, a
/// client that invents server names could use up the descriptors.
const MAX_IDLE: usize = 1024;

/// The read buffer of an HTTP/1.1 connection, in bytes: it holds a whole head, and data that the client has not
/// accepted yet.
const READ_BUFFER: usize = 128 * 1024;

/// A connection that can carry one request.
#[derive(Debug)]
pub(crate) enum Sender {
    /// A whole connection: it carries one request at a time.
    Http1(CheckedSender),
    /// One stream among others.
    Http2(http2::StreamSlot),
}

/// A request that failed without a response.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// The request, if nothing of it was sent.
    pub(crate) unsent: Option<Box<Request<RequestBody>>>,
    /// True if the backend has certainly not processed it.
    pub(crate) is_unseen: bool,
    pub(crate) error: hyper::Error,
}

impl Sender {
    /// Sends a request and waits for the head of the response. A caller that stops waiting because of a timeout sets
    /// `given_up` first.
    pub(crate) async fn send(
        &mut self,
        request: Box<Request<RequestBody>>,
        secure: bool,
        given_up: &Cell<bool>,
    ) -> Result<Response<ReceivedBody>, Unanswered> {
        match self {
            Sender::Http1(sender) => sender.send(request).await,
            // Boxed, because it would enlarge the future of every request.
            Sender::Http2(slot) => Box::pin(slot.send(*request, secure, given_up)).await,
        }
    }

    /// Returns the local port of the connection.
    pub(crate) fn source_port(&self) -> u16 {
        match self {
            Sender::Http1(sender) => sender.source_port,
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
    Http(hyper::Error),
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

/// The idle connections of one thread.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    idle: RefCell<HashMap<Key, Vec<(CheckedSender, Instant)>>>,
    count: Cell<usize>,
    http2: http2::Pools,
    /// Every open connection that is not a tunnel, busy or idle.
    pub(crate) open: Rc<Registry<Arc<Backend>>>,
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

    fn take_idle(&self, key: &Key) -> Option<CheckedSender> {
        let mut idle = self.idle.borrow_mut();
        let list = idle.get_mut(key)?;
        while let Some((sender, _)) = list.pop() {
            self.count.set(self.count.get() - 1);
            if !sender.is_closed() {
                return Some(sender);
            }
        }
        None
    }

    /// Keeps a connection whose response has been read to its end. HTTP/2 connections are kept by their pool.
    pub(crate) fn keep(&self, key: Key, sender: Sender) {
        let Sender::Http1(sender) = sender else { return };
        if sender.is_closed() || self.count.get() >= MAX_IDLE {
            return;
        }
        self.idle.borrow_mut().entry(key).or_default().push((sender, Instant::now()));
        self.count.set(self.count.get() + 1);
    }

    /// Closes every idle connection, because the process is out of descriptors. Returns false if there was none.
    pub(crate) fn give_up(&self) -> bool {
        let some = self.count.get() > 0;
        self.sweep(Duration::ZERO);
        self.http2.sweep(Duration::ZERO) || some
    }

    /// Closes the connections that have been idle for this time.
    fn sweep(&self, idle_for: Duration) {
        let now = Instant::now();
        let mut left = 0;
        self.idle.borrow_mut().retain(|_, list| {
            list.retain(|(sender, since)| !sender.is_closed() && now - *since < idle_for);
            left += list.len();
            !list.is_empty()
        });
        self.count.set(left);
    }

    /// Closes expired idle connections every [`SWEEP`]; runs for the life of the thread.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(SWEEP).await;
            self.sweep(IDLE);
            self.http2.sweep(IDLE);
        }
    }
}

/// The purpose of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Requests,
    /// One handshake, then a tunnel: the kernel detects a peer that has vanished.
    Tunnel,
}

/// Opens a connection and starts its HTTP framing on this thread.
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
    let connected = async {
        let stream = connect(&backend.location, backend.key.port, tls).await?;
        if purpose == Purpose::Tunnel {
            // Best effort: without it, a tunnel only outlives its peer.
            let _ = stream::watch_for_vanished_peer(&SockRef::from(stream.tcp()), PEER_TIMEOUT);
        }
        Ok(stream)
    };
    let stream = timeout(CONNECT_TIMEOUT, connected).await.map_err(|_| ConnectError::Timeout)??;
    let source_port = stream.source_port();
    let (stream, expected) = Checked::new(stream);
    let handshake = http1::Builder::new().max_buf_size(READ_BUFFER).handshake(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(ConnectError::Http)?;
    // The task ignores the end of the connection: a request sees it as an error of its response, and an idle
    // connection may end at any time.
    if backend.member_state.is_gone() {
        // The command that ends connections to this member has already been executed.
        return Err(ConnectError::Gone);
    }
    let registration = upstreams.open.register(backend.clone());
    tokio::task::spawn_local(registration.run(connection.with_upgrades()));
    Ok(Sender::Http1(CheckedSender::new(sender, expected, source_port)))
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
        None => Ok(Stream::Plain(tcp)),
        Some((config, name)) => {
            let tls = TlsConnector::from(config).connect(name, tcp).await.map_err(ConnectError::Tls)?;
            Ok(Stream::Tls(Box::new(tls.into())))
        }
    }
}
