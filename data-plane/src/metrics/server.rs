//! The HTTP server of the metrics page. It runs on the worker's main thread, accepts only GET and HEAD, and limits
//! its connections. On a loopback address it answers only requests from this machine: no web page of another site
//! can read the metrics by DNS rebinding.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tidegate_shared::local_request;
use tidegate_shared::metrics::CONTENT_TYPE;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Metrics;
use crate::limits::AddressLimit;

/// The number of ports to try; so many workers can share one configured address.
const PORTS: u16 = 256;
/// The most open connections; further ones wait in the accept queue.
const CONNECTIONS: usize = 8;
/// The most connections of one client address; further ones are closed. Not applied on loopback, where all clients
/// share one address.
const OF_ONE_ADDRESS: usize = CONNECTIONS / 2;
/// The time limit of a request head, of the whole connection, and of the last request on it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The largest request head in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// The pause after an accept has failed.
const PAUSE: Duration = Duration::from_millis(100);

/// The bound socket of the metrics page.
#[derive(Debug)]
pub(crate) struct MetricsSocket {
    socket: TcpListener,
    /// The bound address.
    pub(crate) address: SocketAddr,
}

impl MetricsSocket {
    /// Adopts the socket of a predecessor, if [`MetricsSocket::bind`] could have bound it for `address`.
    pub(crate) fn inherit(address: SocketAddr, socket: std::net::TcpListener) -> Option<MetricsSocket> {
        let bound = socket.local_addr().ok()?;
        let ports = address.port()..=address.port().saturating_add(PORTS - 1);
        let is_wanted = bound.ip() == address.ip() && (address.port() == 0 || ports.contains(&bound.port()));
        let socket = TcpListener::from_std(socket).ok().filter(|_| is_wanted)?;
        Some(MetricsSocket { address: bound, socket })
    }

    /// Copies the socket for a successor.
    ///
    /// # Errors
    /// The process is out of file descriptors.
    pub(crate) fn copy(&self) -> io::Result<std::net::TcpListener> {
        Ok(self.socket.as_fd().try_clone_to_owned()?.into())
    }

    /// Binds the address, or the next free port.
    ///
    /// # Errors
    /// None of the tried ports can be bound.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<MetricsSocket> {
        let mut port = address.port();
        let last = port.saturating_add(PORTS - 1);
        loop {
            match TcpListener::bind(SocketAddr::new(address.ip(), port)).await {
                Ok(socket) => return Ok(MetricsSocket { address: socket.local_addr()?, socket }),
                // Port 0 stands for any free port: there is no next one.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && port != 0 && port < last => {
                    port += 1
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Serves until the future is dropped.
    pub(crate) async fn run(self, metrics: Metrics) -> Infallible {
        let (free, page) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(1)));
        let only_local = self.address.ip().is_loopback();
        let address_limit = AddressLimit::new((!only_local).then_some(OF_ONE_ADDRESS));
        loop {
            let permit = free.clone().acquire_owned().await.expect("it is never closed");
            match self.socket.accept().await {
                Ok((stream, client)) => {
                    let Some(share) = address_limit.take(client.ip()) else { continue };
                    let (metrics, page) = (metrics.clone(), page.clone());
                    tokio::task::spawn_local(async move {
                        serve(stream, metrics, page, only_local).await;
                        drop((permit, share));
                    });
                }
                Err(error) => {
                    tracing::debug!(%error, "a metrics connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn serve(stream: TcpStream, metrics: Metrics, page: Arc<Semaphore>, only_local: bool) {
    let service = service_fn(move |request| {
        let (metrics, page) = (metrics.clone(), page.clone());
        async move {
            match only_local.then(|| refusal(&request)).flatten() {
                Some(refused) => Ok(refused),
                None => answer(request, metrics, page).await,
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(TIMEOUT)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // A client that does not read must not occupy the connection of another client.
    let ended = match timeout(TIMEOUT, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) => {
            connection.as_mut().graceful_shutdown();
            timeout(TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a metrics client closed its connection early");
    }
}

/// Returns the response to a request that a page of another site may have sent; `None` for other requests.
fn refusal(request: &Request<Incoming>) -> Option<Response<Full<Bytes>>> {
    let refuse = |status, why: String| {
        let mut response = Response::new(Full::from(format!("{why}\n")));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    };
    let values = |name| request.headers().get_all(name).iter().map(HeaderValue::as_bytes);
    let mut hosts = values(header::HOST.as_str()).filter_map(|host| std::str::from_utf8(host).ok());
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        let why = "The Host header is missing, repeated or invalid.".to_owned();
        return Some(refuse(StatusCode::BAD_REQUEST, why));
    };
    let host = request.uri().authority().map_or(host, |authority| authority.as_str());
    let checked = local_request::check(host, values(header::ORIGIN.as_str()), values("sec-fetch-site"));
    checked.err().map(|foreign| refuse(StatusCode::FORBIDDEN, format!("On a loopback address {foreign}.")))
}

async fn answer(
    request: Request<Incoming>,
    metrics: Metrics,
    page: Arc<Semaphore>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    } else {
        // One page at a time, on a blocking thread: with many listeners a page takes a while.
        let _turn = page.acquire().await.expect("it is never closed");
        match tokio::task::spawn_blocking(move || metrics.page()).await {
            Ok(page) => {
                response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
                *response.body_mut() = Full::from(page);
            }
            Err(error) => {
                tracing::error!(%error, "the metrics page could not be written");
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
        }
    }
    Ok(response)
}
