//! From a listening socket to requests: accept, TLS, HTTP/1.1 framing by hyper, one task a connection.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::limits::Place;
use crate::proxy;
use crate::runtime::Runtime;
use crate::stream::Stream;
use crate::thread::{Live, Thread};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to send a whole request head, and how long it may idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest request head, and with it the memory that a client can bind before it has asked for anything.
const MAX_HEAD: usize = 64 * 1024;
/// How long to wait before accepting again after the system refused for want of resources.
const PAUSE: Duration = Duration::from_millis(100);

/// What all requests of one downstream connection share.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) thread: Rc<Thread>,
    pub(crate) current: Arc<ArcSwap<Runtime>>,
    /// The address that the client connected to, as bound: the key of the site.
    pub(crate) address: SocketAddr,
    pub(crate) client: SocketAddr,
    pub(crate) secure: bool,
    /// `IP:port` of the client, for `X-Forwarded-For`.
    pub(crate) forwarded_for: HeaderValue,
    /// For `X-Forwarded-Port`.
    pub(crate) forwarded_port: HeaderValue,
    _place: Place,
    _live: Live,
}

/// Accepts until `close`.
pub(crate) async fn accept(
    thread: Rc<Thread>,
    socket: TcpListener,
    address: SocketAddr,
    current: Arc<ArcSwap<Runtime>>,
    close: CancellationToken,
) {
    let socket = match tokio::net::TcpListener::from_std(socket) {
        Ok(socket) => socket,
        Err(error) => return tracing::error!(%address, %error, "a bound socket cannot be used"),
    };
    loop {
        let accepted = async {
            // The place comes after the client: a socket that nobody dials keeps none from the others.
            let (tcp, client) = socket.accept().await?;
            Ok((tcp, client, thread.places.take().await))
        };
        let accepted: io::Result<_> = tokio::select! {
            biased;
            () = close.cancelled() => return,
            accepted = accepted => accepted,
        };
        match accepted {
            Ok((tcp, client, place)) => {
                let connection = Rc::new(Connection {
                    _live: thread.enter(),
                    _place: place,
                    thread: thread.clone(),
                    current: current.clone(),
                    address,
                    client,
                    secure: current.load().sites.get(&address).is_some_and(|site| site.tls.is_some()),
                    forwarded_for: printable(client),
                    forwarded_port: HeaderValue::from(address.port()),
                });
                tokio::task::spawn_local(serve(connection, tcp, close.clone()));
            }
            Err(error) if of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors or memory: what runs goes on, new clients wait in the kernel's queue.
                thread.places.starved(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

fn printable(client: SocketAddr) -> HeaderValue {
    HeaderValue::from_str(&client.to_string()).expect("an address is printable ASCII")
}

/// One connection: TLS where the site asks for it, then requests until it ends or hands itself to a tunnel.
async fn serve(connection: Rc<Connection>, tcp: TcpStream, close: CancellationToken) {
    let stream = if connection.secure {
        let runtime = connection.current.load_full();
        let Some(config) = runtime.sites.get(&connection.address).and_then(|site| site.tls.clone()) else {
            return;
        };
        drop(runtime);
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(tcp)).await {
            Ok(Ok(tls)) => Stream::Tls(Box::new(tls.into())),
            Ok(Err(error)) => {
                return tracing::debug!(client = %connection.client, %error, "TLS handshake failed");
            }
            Err(_) => return tracing::debug!(client = %connection.client, "TLS handshake timed out"),
        }
    } else {
        Stream::Plain(tcp)
    };
    let (client, address) = (connection.client, connection.address);
    let service = service_fn(move |request| proxy::serve(connection.clone(), request));
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut http = pin!(http);
    let served = tokio::select! {
        biased;
        served = http.as_mut() => served,
        () = close.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    match served {
        Ok(()) => {}
        // Refused by the framing before it was a request: hyper has answered, and there is no record of it.
        Err(error) if error.is_parse() => tracing::info!(%client, %address, %error, "not a request"),
        Err(error) => tracing::debug!(%client, %address, %error, "a connection ended early"),
    }
}
