//! A TCP connection, plain or under TLS, on either side of the gateway.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::tcp_diag;

/// How long a peer may be gone before its connection is given up, with unacknowledged bytes on the way and without.
pub(crate) const PEER_TIMEOUT: Duration = Duration::from_secs(60);

/// As long a connection that carries requests waits for a peer whose window is shut: other limits, which count from the
/// last byte that moved, are to end it before.
pub(crate) const REQUEST_PEER_TIMEOUT: Duration = Duration::from_secs(120);

/// Up to this many bytes, copying pieces together and sending them costs the processor less than `writev` does.
const GATHERED: usize = 1024;

/// A connection. TLS is boxed: its state is large, and most tunnels are plain.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Makes the kernel notice a peer that vanished without a word, by keepalive where nothing is on the way, and by
/// `TCP_USER_TIMEOUT` (RFC 5482), which is `timeout`, where something is. With the latter set, Linux ends keepalive by it
/// too. Sockets accepted by a listener inherit all of this.
pub(crate) fn watch_for_vanished_peer(socket: &SockRef<'_>, timeout: Duration) -> io::Result<()> {
    // The last quarter of the timeout is for three probes: the loss of one or two says nothing.
    let keepalive = TcpKeepalive::new().with_time(PEER_TIMEOUT / 4 * 3).with_interval(PEER_TIMEOUT / 12);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(timeout))
}

/// Whether this is how the kernel reports a peer that no longer answers. An ICMP error that came meanwhile is what it
/// says in the place of the timeout.
pub(crate) fn is_vanished(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), TimedOut | HostUnreachable | NetworkUnreachable)
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

    /// Gives the peer this long to acknowledge what was sent, and to open its window again. Best effort: without it the
    /// connection is only given up earlier or later.
    pub(crate) fn set_peer_timeout(&self, timeout: Duration) {
        let _ = SockRef::from(self.tcp()).set_tcp_user_timeout(Some(timeout));
    }

    /// Bounds what the kernel holds of each direction while one end takes nothing. It doubles the number, and stops
    /// growing the buffers by itself. Best effort: without it a stuck tunnel only holds more.
    pub(crate) fn bound_buffers(&self, bytes: usize) {
        let socket = SockRef::from(self.tcp());
        let _ = socket.set_send_buffer_size(bytes);
        let _ = socket.set_recv_buffer_size(bytes);
    }

    /// What the kernel knows of the connection; none where it does not tell.
    pub(crate) fn state(&self) -> Option<tcp_diag::State> {
        let tcp = self.tcp();
        tcp_diag::state(tcp.local_addr().ok()?, tcp.peer_addr().ok()?)
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
