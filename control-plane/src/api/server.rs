//! The HTTP server of the API: HTTP/1.1 without TLS, HTTP/1.1 and HTTP/2 with TLS.

mod requests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::CONNECTION;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::certificates::Certificates;
use crate::fair_share::{Bounds, FairShare};
use crate::proxies::Proxies;
use tidegate_shared::client_network::client_network;

use super::error::ApiError;
use super::event_streams::Lasting;
use super::forwarded::{Origin, Scheme};
use super::path::normalise;
use super::unserved::SentPath;
use requests::Requests;

/// The maximum number of open connections of one endpoint.
pub(crate) const CONNECTIONS: usize = 1024;

/// The maximum number of connections of one client address (or /64 network of IPv6); trusted proxies are
/// exempt. Further connections are closed at once.
const OF_ONE_ADDRESS: usize = CONNECTIONS / 2;

/// The maximum time of a connection without a request in progress, and of sending its last responses
/// afterwards.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of the head of a request, and the idle timeout of an HTTP/1.1 connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum size of the head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The interval of pings to a silent HTTP/2 peer, and the time limit of the answer.
const PING: Duration = Duration::from_secs(20);

/// The time limit of requests in flight after a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of the handshake and of the first request of a new connection after a stop.
const FIRST_REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The address of the client: the peer of its connection, or the one that a trusted proxy reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// The connections by client address.
#[derive(Clone, Debug)]
pub(crate) struct Shares(FairShare<IpAddr>);

impl Default for Shares {
    fn default() -> Shares {
        Shares(FairShare::new(Bounds { total: CONNECTIONS, each: OF_ONE_ADDRESS, waiting: 0 }))
    }
}

/// One management endpoint.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) router: Router,
    /// The trusted proxies.
    pub(crate) proxies: Arc<Proxies>,
    /// The connections by client network.
    pub(crate) shares: Shares,
    /// The certificates for TLS, of which each connection uses the current one; `None` for plain HTTP.
    pub(crate) tls: Option<Arc<Certificates>>,
    /// Cancelled to end the connections.
    pub(crate) stop: CancellationToken,
    /// Tracks the tasks of connections.
    pub(crate) tracker: TaskTracker,
}

impl Server {
    /// Serves one connection until it ends.
    pub(crate) async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let peer = Peer(peer.ip().to_canonical());
        // A proxy's connections are those of many clients.
        let share = match self.proxies.contain(peer.0) {
            true => None,
            false => match self.shares.0.try_take(&client_network(peer.0)) {
                Ok(share) => Some(share),
                Err(full) => return tracing::debug!(peer = %peer.0, %full, "management connection refused"),
            },
        };
        self.shake_hands(stream, peer).await;
        drop(share);
    }

    async fn shake_hands(self, stream: TcpStream, peer: Peer) {
        let Some(tls) = self.tls.clone() else {
            return self.speak(stream, peer, (Scheme::Http, false), IDLE_TIMEOUT).await;
        };
        let handshake = async {
            match speaks_http(&stream).await? {
                true => Ok(Greeting::Http(stream)),
                false => {
                    let acceptor = TlsAcceptor::from(tls.state().management.clone());
                    acceptor.accept(stream).await.map(|stream| Greeting::Tls(Box::new(stream)))
                }
            }
        };
        let stopped = async {
            self.stop.cancelled().await;
            sleep(FIRST_REQUEST_TIMEOUT).await;
        };
        let handshake = tokio::select! {
            handshake = timeout(HANDSHAKE_TIMEOUT, handshake) => handshake,
            () = stopped => return,
        };
        match handshake {
            Ok(Ok(Greeting::Http(stream))) => {
                let router = Router::new().fallback(async || ([(CONNECTION, "close")], ApiError::PlainHttp));
                let refusing = Server { router, ..self };
                refusing.speak(stream, peer, (Scheme::Http, false), HEAD_TIMEOUT).await;
            }
            Ok(Ok(Greeting::Tls(stream))) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(stream, peer, (Scheme::Https, http2), IDLE_TIMEOUT).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    /// Serves a connection until it ends, or has had no request in progress for `idle`.
    async fn speak<S>(self, stream: S, peer: Peer, (scheme, http2): (Scheme, bool), idle: Duration)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let lasting = self.tracker.clone();
        let builder = builder(self.tracker, http2);
        let (router, proxies) = (self.router, self.proxies);
        let requests = Arc::new(Requests::new());
        let begun = requests.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(axum::body::Body::new);
            let sent = SentPath(request.uri().path().to_owned());
            request.extensions_mut().insert(sent);
            *request.uri_mut() = normalise(request.uri());
            let origin = Origin::of(&proxies, peer.0, scheme, request.headers());
            request.extensions_mut().insert(origin.scheme);
            request.extensions_mut().insert(Peer(origin.client));
            origin.host.map(|host| request.extensions_mut().insert(host));
            let under_way = begun.begin();
            // A `Router` is always ready.
            let answer = router.clone().call(request);
            let tracker = lasting.clone();
            async move {
                let answer = answer.await;
                let lasting = answer.as_ref().ok().and_then(|answer| answer.extensions().get::<Lasting>());
                match lasting.cloned() {
                    // The request is in progress until its stream has ended.
                    Some(Lasting(ended)) => drop(tracker.spawn(async move {
                        ended.cancelled().await;
                        drop(under_way);
                    })),
                    None => drop(under_way),
                }
                answer
            }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let stopped = async {
            self.stop.cancelled().await;
            // hyper would close an accepted connection before its first request has arrived.
            requests.have_begun(FIRST_REQUEST_TIMEOUT).await;
        };
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = requests.are_over_for(idle) => {
                connection.as_mut().graceful_shutdown();
                timeout(idle, connection).await.unwrap_or(Ok(()))
            }
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                timeout(STOP_TIMEOUT, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            tracing::debug!(error, "management connection ended");
        }
    }
}

/// A connection to the HTTPS endpoint after its first bytes.
enum Greeting {
    /// After the TLS handshake.
    Tls(Box<TlsStream<TcpStream>>),
    /// The client speaks HTTP without TLS.
    Http(TcpStream),
}

/// Returns whether the first byte of a connection is that of an HTTP method, and not of a TLS record.
async fn speaks_http(stream: &TcpStream) -> std::io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

fn builder(tracker: TaskTracker, http2: bool) -> Builder<Tracked> {
    let builder = Builder::new(Tracked(tracker));
    // The handshake has negotiated the version. Detecting it from the first bytes would have no time limit.
    let mut builder = if http2 { builder.http2_only() } else { builder.http1_only() };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .half_close(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_header_list_size(u32::try_from(MAX_HEAD).unwrap_or(u32::MAX))
        .max_concurrent_streams(100);
    builder
}

/// Spawns hyper's tasks on the tracker, so that a stop waits for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    /// The preface of HTTP/2 and an empty SETTINGS frame (RFC 9113, section 3.4).
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0tidegate";

    fn server() -> Server {
        Server {
            router: Router::new(),
            proxies: Arc::default(),
            shares: Shares::default(),
            tls: None,
            stop: CancellationToken::new(),
            tracker: TaskTracker::new(),
        }
    }

    #[tokio::test]
    async fn pings_alone_keep_no_connection() {
        let (mut client, served) = duplex(64 * 1024);
        let peer = Peer(IpAddr::from([127, 0, 0, 1]));
        let idle = Duration::from_millis(100);
        let connection = server().speak(served, peer, (Scheme::Https, true), idle);
        let ping = async {
            client.write_all(PREFACE).await?;
            let mut taken = [0; 1024];
            loop {
                client.write_all(PING).await?;
                if client.read(&mut taken).await? == 0 {
                    return std::io::Result::Ok(());
                }
            }
        };
        // The connection may end in the middle of a ping, which is an error then.
        let both = async { tokio::join!(ping, connection) };
        let _ = timeout(Duration::from_secs(30), both).await.expect("it is closed");
    }

    #[test]
    fn one_address_leaves_places_for_others() {
        let shares = Shares::default();
        let one = |text: &str| shares.0.try_take(&client_network(text.parse().unwrap()));
        let held: Vec<_> = (0..OF_ONE_ADDRESS).map(|_| one("192.0.2.1").unwrap()).collect();
        assert!(one("192.0.2.1").is_err());
        assert!(one("::ffff:192.0.2.1").is_err());
        assert!(one("192.0.2.2").is_ok());
        drop(held);
        assert!(one("192.0.2.1").is_ok());
    }
}
