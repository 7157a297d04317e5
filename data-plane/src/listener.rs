//! The listener: accepts connections on a socket, performs the handshakes and serves HTTP, with one task per
//! connection.

mod http1;
mod http2;
mod proxy_protocol;
mod reject;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use rustix::net::{SocketFlags, accept_with};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::downstream::{AcceptedConnection, Forwarded};
use crate::metrics::cell::REQUEST;
use crate::metrics::series::{ConnectionMetrics, Rejection, TLS_VERSIONS};
use crate::runtime::Runtime;
use crate::sockets::BACKLOG;
use crate::stream::Stream;
use crate::thread::Thread;
use crate::tls::facts::TlsInfo;
use crate::tls::{self, ALPN_HTTP2, server::TlsServer};

/// The timeout of a TLS handshake, and of the PROXY protocol header before it.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// The pause before the next accept after the system ran out of resources.
const PAUSE: Duration = Duration::from_millis(10);

/// Accepts connections until `close`, then the ones that wait in the queue of the socket: closing the socket would
/// reset them.
pub(crate) async fn accept(
    thread: Rc<Thread>,
    socket: TcpListener,
    address: SocketAddr,
    current: Arc<ArcSwap<Runtime>>,
    close: CancellationToken,
) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => Rc::new(socket),
        Err(error) => return tracing::error!(%address, %error, "a bound socket cannot be used"),
    };
    // A draining thread waits until the queue is empty.
    let _live = thread.enter();
    thread.track(address, &socket);
    let acceptor = Acceptor { thread, address, current, forwarded: Forwarded::new(address.port()) };
    loop {
        let accepted = tokio::select! {
            biased;
            () = close.cancelled() => break,
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((tcp, client)) => acceptor.admit(tcp, client),
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                // The process is out of descriptors or memory: running connections continue, new clients are reset.
                acceptor.thread.connection_limit.on_fd_exhaustion(&error);
                let counts = acceptor.current.load().series.connections.clone();
                reject::reset_some(
                    &acceptor.thread.connection_limit,
                    &socket,
                    counts.of(acceptor.thread.number),
                )
                .await;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    acceptor.admit_queued(&socket);
}

/// The acceptor of one listening socket.
#[derive(Debug)]
struct Acceptor {
    thread: Rc<Thread>,
    address: SocketAddr,
    current: Arc<ArcSwap<Runtime>>,
    forwarded: Rc<Forwarded>,
}

impl Acceptor {
    /// Serves a client, or rejects it if the connection limit is reached.
    fn admit(&self, tcp: TcpStream, client: SocketAddr) {
        let counts = ConnectionMetrics::new(&self.current.load().series, self.thread.number);
        let Some(permit) = self.thread.connection_limit.take() else {
            let runtime = self.current.load();
            let secure = runtime.bindings.get(&self.address).is_some_and(|binding| binding.tls.is_some());
            return reject::reject(
                &self.thread.connection_limit,
                counts.cells(),
                tcp,
                secure,
                Rejection::Limit,
            );
        };
        let accepted = AcceptedConnection {
            live: self.thread.enter(),
            counts,
            permit,
            thread: self.thread.clone(),
            current: self.current.clone(),
            address: self.address,
            // An IPv4 client of a dual-stack socket gets its IPv4 address.
            client: SocketAddr::new(client.ip().to_canonical(), client.port()),
            forwarded: self.forwarded.clone(),
        };
        tokio::task::spawn_local(serve(accepted, tcp));
    }

    /// Accepts every client in the queue of a socket. tokio's accept does not ask the system before an event arrives,
    /// so it would miss a client that has just connected.
    fn admit_queued(&self, socket: &tokio::net::TcpListener) {
        // A successor process may accept on the same socket: without a bound, this could go on as long as clients
        // connect.
        for _ in 0..BACKLOG {
            let client = accept_with(socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK);
            let Ok(client) = client else { return };
            let client = std::net::TcpStream::from(client);
            if let Ok(address) = client.peer_addr()
                && let Ok(tcp) = TcpStream::from_std(client)
            {
                self.admit(tcp, address);
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves one connection: the PROXY protocol header and TLS if the binding has them, then requests until the
/// connection ends or becomes a tunnel.
async fn serve(mut accepted: AcceptedConnection, mut tcp: TcpStream) {
    let binding = |accepted: &AcceptedConnection| {
        let runtime = accepted.current.load();
        let binding = runtime.bindings.get(&accepted.address)?;
        Some((binding.tls.clone(), binding.proxies.clone(), binding.closing.clone()))
    };
    let Some((tls, proxies, close)) = binding(&accepted) else { return };
    if !proxies.is_empty() {
        match timeout(HANDSHAKE_TIMEOUT, read_proxy_header(&mut tcp, accepted.client, &proxies)).await {
            Ok(Ok(client)) => accepted.client = client,
            // Logged at debug level: otherwise anybody could cause a log line with each connection.
            Ok(Err(error)) => {
                accepted.counts.cells().proxy_protocol_errors.add(1);
                return tracing::debug!(client = %accepted.client, %error, "connection closed: no valid PROXY protocol header");
            }
            Err(_) => {
                accepted.counts.cells().proxy_protocol_errors.add(1);
                return tracing::debug!(client = %accepted.client, "connection closed: no PROXY protocol header in time");
            }
        }
    }
    drop(proxies);
    let secure = tls.is_some();
    let connection_limit = &accepted.thread.connection_limit;
    let Some(address_permit) = connection_limit.take_for(accepted.client.ip()) else {
        return reject::reject(connection_limit, accepted.counts.cells(), tcp, secure, Rejection::Address);
    };
    // The TLS handshake and HTTP/2 are boxed, so that the task of a plain HTTP/1.1 connection stays small.
    let accepted_stream = match tls {
        None => Some((Stream::Plain(tcp.into()), None)),
        Some(server) => Box::pin(handshake(&server, tcp, &accepted)).await,
    };
    let Some((stream, facts)) = accepted_stream else { return };
    if stream.chose(ALPN_HTTP2) {
        Box::pin(http2::serve(accepted.connected(address_permit, secure, facts), stream, close)).await;
    } else {
        http1::serve(accepted.connected(address_permit, secure, facts), stream, close).await;
    }
}

/// Performs the TLS handshake and updates its metrics. Returns `None` if it failed.
async fn handshake(
    server: &TlsServer,
    tcp: TcpStream,
    accepted: &AcceptedConnection,
) -> Option<(Stream, Option<Rc<TlsInfo>>)> {
    let (began, counts) = (Instant::now(), accepted.counts.cells());
    let failed = match timeout(HANDSHAKE_TIMEOUT, accept_tls(server, tcp)).await {
        Ok(Ok(accepted_stream)) => {
            if let Some(facts) = &accepted_stream.1 {
                counts.handshake.observe(REQUEST, began.elapsed());
                let version = TLS_VERSIONS.iter().position(|version| *version == facts.protocol());
                counts.handshakes[version.unwrap_or_default()].add(1);
            }
            return Some(accepted_stream);
        }
        Ok(Err(error)) => error,
        Err(_) => io::ErrorKind::TimedOut.into(),
    };
    counts.handshake_failures.add(1);
    tracing::debug!(client = %accepted.client, error = %failed, "TLS handshake failed");
    None
}

/// Returns the client's address from the PROXY protocol header.
///
/// # Errors
/// The peer is not in `proxies`, or its header is invalid.
async fn read_proxy_header(
    tcp: &mut TcpStream,
    proxy: SocketAddr,
    proxies: &[IpNet],
) -> io::Result<SocketAddr> {
    if !proxy_protocol::is_from(proxies, proxy) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the address is not a trusted source of the PROXY protocol",
        ));
    }
    let client = proxy_protocol::read(tcp).await?.unwrap_or(proxy);
    Ok(SocketAddr::new(client.ip().to_canonical(), client.port()))
}

/// Performs the TLS handshake. A client that speaks plain HTTP is served without TLS, so that it gets an error
/// response in plain HTTP.
async fn accept_tls(server: &TlsServer, tcp: TcpStream) -> io::Result<(Stream, Option<Rc<TlsInfo>>)> {
    if !tls::server::speaks_tls(&tcp).await? {
        return Ok((Stream::Plain(tcp.into()), None));
    }
    let (tls, facts) = server.accept(tcp.into()).await?;
    Ok((Stream::tls(tls.into()), Some(facts)))
}
