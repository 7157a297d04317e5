//! A byte stream over TCP, in the clear or in TLS, as either side sees it.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::wait::timely;

/// A byte stream whose TCP connection can be reached, to be reset for instance.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {
    /// The connection beneath.
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Wire for server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// A connection in the clear.
pub(crate) async fn dial(address: SocketAddr) -> Box<dyn Wire> {
    try_dial(address).await.unwrap_or_else(|error| panic!("{address} refuses a connection: {error}"))
}

/// The same, where the connection may be refused.
pub(crate) async fn try_dial(address: SocketAddr) -> std::io::Result<Box<dyn Wire>> {
    let stream = timely("a TCP connection", TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

/// A connection in TLS, to the server that calls itself `name`.
pub(crate) async fn dial_tls(address: SocketAddr, name: &str, config: &Arc<ClientConfig>) -> Box<dyn Wire> {
    try_dial_tls(address, name, config)
        .await
        .unwrap_or_else(|error| panic!("the TLS handshake with {address} as {name} failed: {error}"))
}

/// The same, where the handshake may fail.
pub(crate) async fn try_dial_tls(
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Box<dyn Wire>> {
    try_dial_tls_behind(&[], address, name, config).await
}

/// The same, after some bytes in the clear.
pub(crate) async fn try_dial_tls_behind(
    preamble: &[u8],
    address: SocketAddr,
    name: &str,
    config: &Arc<ClientConfig>,
) -> std::io::Result<Box<dyn Wire>> {
    let mut stream = timely("a TCP connection", TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(preamble).await?;
    let name = ServerName::try_from(name.to_owned()).expect("tests name servers properly");
    let stream = timely("a TLS handshake", TlsConnector::from(config.clone()).connect(name, stream)).await?;
    Ok(Box::new(stream))
}

/// The server's side of an accepted connection; none when the TLS handshake fails.
pub(crate) async fn accept(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Option<Box<dyn Wire>> {
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Box::new(stream)),
        Some(config) => Some(Box::new(TlsAcceptor::from(config.clone()).accept(stream).await.ok()?)),
    }
}
