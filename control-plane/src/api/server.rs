//! The router on the wire: HTTP/1.1 in the clear, HTTP/1.1 and HTTP/2 over TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::certificates::Certificates;
use crate::proxies::Proxies;

use super::forwarded::Origin;
use super::path::normalise;

/// How many management connections may be open at once on one endpoint.
pub const CONNECTIONS: usize = 1024;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the head of a request may take, and how long a kept connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// How often an idle HTTP/2 peer is asked whether it is there, and how long it may take to say so.
const PING: Duration = Duration::from_secs(20);

/// How long running requests may go on after a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// How the client came, which is how the URLs in its answers must begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// As it stands in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// Where a request came from: the other end of its connection, or whom a trusted proxy names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) IpAddr);

/// One management endpoint.
#[derive(Clone, Debug)]
pub struct Server {
    /// What is served.
    pub router: Router,
    /// Whose word is taken for where a request comes from.
    pub proxies: Arc<Proxies>,
    /// With TLS, by the certificate that is in force when a connection comes, or in the clear.
    pub tls: Option<Arc<Certificates>>,
    /// Asks running connections to end.
    pub stop: CancellationToken,
    /// Where tasks run that a connection starts.
    pub tracker: TaskTracker,
}

impl Server {
    /// Serves one connection to its end.
    pub async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let peer = Peer(peer.ip().to_canonical());
        let Some(tls) = self.tls.clone() else {
            return self.speak(stream, peer, Scheme::Http, false).await;
        };
        match timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(tls.state().management.clone()).accept(stream))
            .await
        {
            Ok(Ok(stream)) => {
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.speak(stream, peer, Scheme::Https, http2).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn speak<S>(self, stream: S, peer: Peer, scheme: Scheme, http2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let builder = builder(self.tracker, http2);
        let (router, proxies) = (self.router, self.proxies);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(axum::body::Body::new);
            *request.uri_mut() = normalise(request.uri());
            let origin = Origin::of(&proxies, peer.0, scheme, request.headers());
            request.extensions_mut().insert(origin.scheme);
            request.extensions_mut().insert(Peer(origin.client));
            origin.host.map(|host| request.extensions_mut().insert(host));
            // A router is always ready.
            router.clone().call(request)
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(STOP_TIMEOUT, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            tracing::debug!(error, "management connection ended");
        }
    }
}

fn builder(tracker: TaskTracker, http2: bool) -> Builder<Tracked> {
    let builder = Builder::new(Tracked(tracker));
    // Which of the two it is was agreed on in the handshake: guessing from the first bytes has no time limit.
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

/// Runs hyper's own tasks where a stop waits for them.
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
