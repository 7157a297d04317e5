//! A TCP connection, plain or under TLS, on either side of the gateway.

mod shared;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tidegate_shared::snapshot::TunnelPolicy;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsStream;

use crate::tcp::{Follows, Tcp};
use crate::{read_buffer, tcp_diag};

pub(crate) use shared::{SharedConnection, SharedPlace};

/// The usual time within which a peer that does not answer is noticed, with unacknowledged bytes or without.
pub(crate) const PEER_TIMEOUT: Duration = TunnelPolicy::PEER_TIMEOUT;

/// The time for which a connection with requests waits for a peer with a closed window. It is longer than other
/// timeouts, which count from the last byte that moved and should end the connection first.
pub(crate) const REQUEST_PEER_TIMEOUT: Duration = Duration::from_secs(120);

/// The number of bytes up to which copying pieces together costs less CPU than `writev`.
const GATHERED: usize = 1024;

/// The most bytes that wait in the TLS layer to be sent: a buffer of the thread, in records.
const TLS_BUFFER: usize = read_buffer::SIZE + 1024;

/// A connection. TLS is boxed: its state is large, and most tunnels are plain.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Tcp),
    Tls(Box<TlsStream<Tcp>>),
}

/// The shortest time that keepalive knows.
const KEEPALIVE_UNIT: Duration = Duration::from_secs(1);

/// Returns the time after which a silent peer has vanished, if that must be noticed within `peer_timeout`. The rest
/// is for the checks while bytes are in flight.
pub(crate) fn silence(peer_timeout: Duration) -> Duration {
    peer_timeout - peer_timeout / 6
}

/// Makes the kernel detect a peer that vanished: by keepalive if nothing is in flight, so that it is noticed within
/// `peer_timeout`, and by `TCP_USER_TIMEOUT` (RFC 5482) with `user_timeout` if something is. If both are set, Linux
/// also ends keepalive by the latter. Accepted sockets inherit these options from their listener.
pub(crate) fn watch_for_vanished_peer(
    socket: &SockRef<'_>,
    peer_timeout: Duration,
    user_timeout: Duration,
) -> io::Result<()> {
    // The last quarter of the time is for three probes, so that the loss of one or two has no effect.
    let silence = silence(peer_timeout);
    let keepalive = TcpKeepalive::new()
        .with_time((silence / 4 * 3).max(KEEPALIVE_UNIT))
        .with_interval((silence / 12).max(KEEPALIVE_UNIT));
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(user_timeout))
}

/// Returns true for an error with which the kernel reports a peer that does not answer. After an ICMP error the
/// kernel reports that instead of the timeout.
pub(crate) fn is_vanished(error: &io::Error) -> bool {
    use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(error.kind(), TimedOut | HostUnreachable | NetworkUnreachable)
}

impl Stream {
    /// Takes a connection after its TLS handshake. Its TLS layer accepts a whole buffer of the thread in one write; its
    /// own limit of 64 KiB would leave a rest for a record and a write of its own.
    pub(crate) fn tls(mut tls: TlsStream<Tcp>) -> Stream {
        match &mut tls {
            TlsStream::Client(tls) => tls.get_mut().1.set_buffer_limit(Some(TLS_BUFFER)),
            TlsStream::Server(tls) => tls.get_mut().1.set_buffer_limit(Some(TLS_BUFFER)),
        }
        Stream::Tls(Box::new(tls))
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => tls.get_ref().0,
        }
    }

    /// The local port; 0 if it is unknown.
    pub(crate) fn source_port(&self) -> u16 {
        self.tcp().local_addr().map_or(0, |address| address.port())
    }

    /// Returns true if ALPN has negotiated this protocol.
    pub(crate) fn chose(&self, protocol: &[u8]) -> bool {
        match self {
            Stream::Plain(_) => false,
            Stream::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(protocol),
        }
    }

    /// Sets the time limit for the peer to acknowledge bytes and to open its window. Best effort: after a failure
    /// the connection is only closed earlier or later.
    pub(crate) fn set_peer_timeout(&self, timeout: Duration) {
        let _ = SockRef::from(self.tcp()).set_tcp_user_timeout(Some(timeout));
    }

    /// Limits the kernel's send and receive buffers, which hold bytes while the other end does not read. The kernel
    /// doubles the number, and no longer grows the buffers. Best effort: after a failure a stuck tunnel only holds
    /// more memory.
    pub(crate) fn bound_buffers(&self, bytes: usize) {
        let socket = SockRef::from(self.tcp());
        let _ = socket.set_send_buffer_size(bytes);
        let _ = socket.set_recv_buffer_size(bytes);
    }

    /// Returns the kernel's state of the connection; `None` if it is unavailable.
    pub(crate) fn state(&self) -> Option<tcp_diag::TcpState> {
        let tcp = self.tcp();
        tcp_diag::state(tcp.local_addr().ok()?, tcp.peer_addr().ok()?)
    }

    /// Returns the pending error of the connection, which is visible without a read.
    pub(crate) fn failure(&self) -> Option<io::Error> {
        self.tcp().take_error().unwrap_or_else(Some)
    }

    /// Sends as many of the bytes of all slices as there is room for. If the end of the stream follows at once, it leaves
    /// in the same packet, where there is no TLS.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        follows: Follows,
    ) -> Poll<io::Result<usize>> {
        let tcp = match self {
            Stream::Plain(tcp) => tcp,
            Stream::Tls(tls) => return Pin::new(tls).poll_write_vectored(cx, slices),
        };
        if let [bytes] = slices {
            return tcp.poll_send(cx, bytes, follows);
        }
        let length = slices.iter().map(|slice| slice.len()).sum();
        let mut gathered = [0; GATHERED];
        let Some(small) = gathered.get_mut(..length) else {
            return tcp.poll_send_slices(cx, slices, follows);
        };
        let mut rest = &mut *small;
        for slice in slices {
            let (here, after) = rest.split_at_mut(slice.len());
            here.copy_from_slice(slice);
            rest = after;
        }
        tcp.poll_send(cx, small, follows)
    }

    /// Closes with a reset, which tells the peer that the other side did not end in order.
    pub(crate) fn reset(self) {
        // If the option cannot be set, the connection is closed without a reset.
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
        self.get_mut().poll_send(cx, slices, Follows::Unknown)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(tcp) => tcp.is_write_vectored(),
            Stream::Tls(tls) => tls.is_write_vectored(),
        }
    }
}
