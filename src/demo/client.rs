//! The demo's client: sends one request or one WebSocket message on its own connection.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;

use super::backend::BACKEND_HEADER;

/// The time limit of one step. Even on a busy machine a step takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a request and collects the response.
///
/// # Errors
/// The connection's error, or no complete response in time.
pub(super) async fn exchange(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, Box<dyn Error>> {
    let whole = async {
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let answer = async move {
            let (head, body) = sender.send_request(request).await?.into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        };
        // The connection ends when the sender is dropped. Its error is also that of the response.
        tokio::join!(answer, connection).0
    };
    tokio::time::timeout(TIMEOUT, whole).await.map_err(|_| format!("no answer from {address}"))?
}

/// Sends a message over ws; returns the backend's name and its reply.
///
/// # Errors
/// No WebSocket, or no text message in time.
pub(super) async fn over_ws(address: SocketAddr, message: &str) -> Result<(String, String), Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    converse(stream, &format!("ws://{address}/"), message).await
}

/// Sends a message over wss to a server that must have this certificate for `host`; returns the backend's name and
/// its reply.
///
/// # Errors
/// No TLS, no WebSocket, or no text message in time.
pub(super) async fn over_wss(
    address: SocketAddr,
    host: &'static str,
    certificate: CertificateDer<'static>,
    message: &str,
) -> Result<(String, String), Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(host)?, stream);
    let stream = tokio::time::timeout(TIMEOUT, handshake).await.map_err(|_| "no TLS handshake")??;
    converse(stream, &format!("wss://{host}:{}/", address.port()), message).await
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    url: &str,
    message: &str,
) -> Result<(String, String), Box<dyn Error>> {
    let talk = async {
        let (mut socket, response) = tokio_tungstenite::client_async(url, stream).await?;
        let backend = response.headers().get(BACKEND_HEADER).and_then(|name| name.to_str().ok());
        let backend = backend.unwrap_or("unknown").to_owned();
        socket.send(Message::text(message)).await?;
        let reply = match socket.next().await {
            Some(Ok(Message::Text(reply))) if reply.as_str() == message => reply.to_string(),
            other => return Err(format!("{url} did not send the message back: {other:?}").into()),
        };
        socket.close(None).await?;
        Ok((backend, reply))
    };
    tokio::time::timeout(TIMEOUT, talk).await.map_err(|_| format!("{url} does not answer"))?
}
