//! A byte stream over TCP, with TLS or without, as either side sees it.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::wait::within_deadline;

/// A byte stream with access to its TCP connection, for example to reset it.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {
    /// The underlying TCP connection.
    fn tcp(&self) -> &TcpStream;
}

impl ByteStream for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl ByteStream for client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl ByteStream for server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Connects without TLS.
pub(crate) async fn dial(address: SocketAddr) -> Box<dyn ByteStream> {
    try_dial(address).await.unwrap_or_else(|error| panic!("{address} refuses a connection: {error}"))
}

/// Connects without TLS; the connection may be refused.
pub(crate) async fn try_dial(address: SocketAddr) -> std::io::Result<Box<dyn ByteStream>> {
    let stream = within_deadline("a TCP connection", TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// Connects over TLS to the server with this name.
pub(crate) async fn dial_tls(
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> Box<dyn ByteStream> {
    try_dial_tls(address, name, config)
        .await
        .unwrap_or_else(|error| panic!("the TLS handshake with {address} as {name} failed: {error}"))
}

/// Connects over TLS; the handshake may fail.
pub(crate) async fn try_dial_tls(
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Box<dyn ByteStream>> {
    try_dial_tls_behind(&[], address, name, config).await
}

/// Connects over TLS after some bytes without TLS.
pub(crate) async fn try_dial_tls_behind(
    preamble: &[u8],
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Box<dyn ByteStream>> {
    let mut stream = within_deadline("a TCP connection", TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(preamble).await?;
    tls_over(stream, name, config).await
}

/// Makes the TLS handshake with the server of this name over a connection.
pub(crate) async fn tls_over(
    stream: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Box<dyn ByteStream>> {
    let name = ServerName::try_from(name.to_owned()).expect("tests name servers properly");
    let stream =
        within_deadline("a TLS handshake", TlsConnector::from(config.clone()).connect(name, stream)).await?;
    Ok(Box::new(stream))
}

/// Accepts the server's side of a connection; `None` if the TLS handshake fails.
pub(crate) async fn accept(
    stream: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
) -> Option<Box<dyn ByteStream>> {
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Box::new(stream)),
        Some(config) => Some(Box::new(TlsAcceptor::from(config.clone()).accept(stream).await.ok()?)),
    }
}
