//! A backend to try a gateway with: it echoes over HTTP and WebSocket.
//!
//! The backend is made to be read, not to be fast: it holds whole messages in memory, and upgrades a connection
//! only when the HTTP exchange has ended.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tracing::{debug, warn};

/// The response header that names the backend.
pub(super) const BACKEND_HEADER: HeaderName = HeaderName::from_static("x-echo-backend");

/// The path of a WebSocket that receives a message every [`TICK`].
const CLOCK_PATH: &str = "/clock";

const TICK: Duration = Duration::from_secs(1);

/// The pause after an accept has failed, most likely because the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

type Body = Either<Full<Bytes>, Incoming>;

/// An accepted WebSocket handshake whose connection is not upgraded yet.
struct Granted {
    upgrade: OnUpgrade,
    clock: bool,
}

/// Serves for ever; dropping the future closes every connection.
pub(super) async fn serve(listener: TcpListener) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream));
                }
                Err(e) => {
                    warn!("an echo backend cannot accept: {e}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream) {
    let Ok(address) = stream.local_addr() else { return };
    let granted = Mutex::new(None);
    let service = service_fn(|request| {
        let (response, upgrade) = answer(request, address);
        if upgrade.is_some() {
            *granted.lock().expect("nobody panics with it") = upgrade;
        }
        ready(Ok::<_, Infallible>(response))
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    if let Err(e) = served {
        return debug!("a connection to an echo backend ended: {e}");
    }
    let Some(Granted { upgrade, clock }) = granted.into_inner().expect("nobody panics with it") else {
        return;
    };
    let Ok(upgraded) = upgrade.await else { return };
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    if let Err(e) = converse(socket, clock, address).await {
        debug!("a WebSocket to an echo backend ended: {e}");
    }
}

fn answer(mut request: Request<Incoming>, address: SocketAddr) -> (Response<Body>, Option<Granted>) {
    let mut response = Response::new(Either::Left(Full::default()));
    let name = HeaderValue::from_str(&address.to_string()).expect("an address is plain text");
    response.headers_mut().insert(BACKEND_HEADER, name);
    if let Some(accept) = accept(request.headers()) {
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
        let clock = request.uri().path() == CLOCK_PATH;
        return (response, Some(Granted { upgrade: hyper::upgrade::on(&mut request), clock }));
    }
    *response.body_mut() = if matches!(*request.method(), Method::GET | Method::HEAD) {
        let line = format!("{} {}, answered by {address}\n", request.method(), request.uri());
        Either::Left(Full::from(line))
    } else {
        Either::Right(request.into_body())
    };
    (response, None)
}

/// Returns `Sec-WebSocket-Accept` if the request is a WebSocket handshake.
fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let upgrade = headers.get(UPGRADE)?;
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok();
    accept.filter(|_| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Echoes every message, and sends the time each second if `clock` is set, until the other side closes.
async fn converse(
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
    clock: bool,
    address: SocketAddr,
) -> Result<(), WebSocketError> {
    let mut ticks = tokio::time::interval(TICK);
    let mut seconds = 0;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => socket.send(message).await?,
                // The library answers Ping and Close itself.
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(e),
                None => return Ok(()),
            },
            _ = ticks.tick(), if clock => {
                let line = format!("{seconds} s, says {address}");
                // curl prints raw frames. The text is padded to 32 bytes, so that the length byte of the frame is a
                // space and not a control character.
                socket.send(Message::text(format!("{line:<31}\n"))).await?;
                seconds += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::client;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn it_echoes_and_names_itself() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let talk = async {
            assert_eq!(
                client::over_ws(address, "hello").await.unwrap(),
                (address.to_string(), "hello".to_owned())
            );
            let request = Request::post("/any").header("host", "x").body(Full::from("body")).unwrap();
            let response = client::exchange(address, request).await.unwrap();
            assert_eq!((response.status(), &response.body()[..]), (StatusCode::OK, &b"body"[..]));
        };
        tokio::select! {
            never = serve(listener) => match never {},
            () = talk => {}
        }
    }
}
