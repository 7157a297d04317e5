//! A TCP connection, plain or under TLS, on either side of the gateway.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

/// How long a silent peer goes unasked whether it is still there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
/// The time between two such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long sent bytes, or those questions, may stay unacknowledged before the connection is given up (RFC 5482).
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Up to this many bytes, copying pieces together and sending them costs the processor less than `writev` does.
const GATHERED: usize = 1024;

/// A connection. TLS is boxed: its state is large, and most tunnels are plain.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Makes the kernel notice a peer that vanished without a word. Sockets accepted by a listener inherit it.
pub(crate) fn watch_for_vanished_peer(socket: &SockRef<'_>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_AFTER).with_interval(KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

impl Stream {
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        }
    }

    /// This side's port; 0 if it is not to be had.
    pub(crate) fn source_port(&self) -> u16 {
        self.tcp().local_addr().map_or(0, |address| address.port())
    }

    /// Whether both ends have agreed on this application protocol (ALPN).
    pub(crate) fn chose(&self, protocol: &[u8]) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(protocol),
        }
    }

    /// Lets the connection bear a peer that takes nothing for as long as `limit` allows: the kernel counts a window
    /// that stays shut as time unacknowledged.
    pub(crate) fn outlast(&self, limit: Duration) {
        if limit > USER_TIMEOUT {
            // Best effort: without it a stuck peer is only given up earlier.
            let _ = SockRef::from(self.tcp()).set_tcp_user_timeout(Some(limit));
        }
    }

    /// Whether the connection has failed, though nobody reads it.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.tcp().take_error().unwrap_or_else(Some)
    }

    /// Closes with a reset, so that the peer learns that the other side did not end well.
    pub(crate) fn reset(self) {
        // The socket is being thrown away; if it cannot even be told so, closing is all that is left.
        let _ = self.tcp().set_zero_linger();
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Stream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Stream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(tcp) => {
                let length = slices.iter().map(|slice| slice.len()).sum();
                let mut gathered = [0; GATHERED];
                let Some(small) = gathered.get_mut(..length) else {
                    return Pin::new(tcp).poll_write_vectored(cx, slices);
                };
                let mut rest = &mut *small;
                for slice in slices {
                    let (here, after) = rest.split_at_mut(slice.len());
                    here.copy_from_slice(slice);
                    rest = after;
                }
                Pin::new(tcp).poll_write(cx, small)
            }
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(tcp) => tcp.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }
}
