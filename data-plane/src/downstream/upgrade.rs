//! The client's end of a tunnel: a whole connection, or one HTTP/2 stream (RFC 8441).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use http::Request;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::framed::FramedClient;
use super::http2_streams::OpenStream;
use crate::body::BoxError;
use crate::pump::Peer;
use crate::stream::{SharedPlace, Stream};

/// The maximum size of a write to an HTTP/2 stream, in bytes: data that waits for the client's window is kept in
/// chunks of this size.
const PIECE: usize = 16 * 1024;

/// An HTTP/2 stream that hyper hands over when the response has been sent.
#[derive(Debug)]
pub(crate) struct PendingUpgrade {
    upgrade: OnUpgrade,
    open: Rc<OpenStream>,
}

/// The client's end of a tunnel. All but a socket is boxed, so that tunnels over whole connections need less memory.
#[derive(Debug)]
pub(crate) enum UpgradedClient {
    Socket(Stream),
    Http2(Box<Http2Stream>),
    /// Either of them, with frames of the gateway.
    Framed(Box<FramedClient<UpgradedClient>>),
}

/// Both directions of one HTTP/2 stream.
#[derive(Debug)]
pub(crate) struct Http2Stream {
    io: TokioIo<Upgraded>,
    open: Rc<OpenStream>,
    place: SharedPlace,
    /// True once the client has sent its last byte, while the kind of end (finished or cancelled) is still unknown.
    ending: bool,
}

impl PendingUpgrade {
    /// Takes the HTTP/2 stream from which a request came; `None` if it came by HTTP/1.1. Must run in the task that
    /// serves the request.
    pub(crate) fn of<B>(request: &mut Request<B>) -> Option<PendingUpgrade> {
        let open = OpenStream::current()?;
        Some(PendingUpgrade { upgrade: hyper::upgrade::on(request), open })
    }

    /// Waits for the stream.
    ///
    /// # Errors
    /// The client has closed the connection.
    pub(crate) async fn complete(self) -> Result<UpgradedClient, BoxError> {
        let upgraded = self.upgrade.await?;
        let place = self.open.place();
        let stream = Http2Stream { io: TokioIo::new(upgraded), open: self.open, place, ending: false };
        Ok(UpgradedClient::Http2(Box::new(stream)))
    }
}

impl From<Stream> for UpgradedClient {
    fn from(stream: Stream) -> UpgradedClient {
        UpgradedClient::Socket(stream)
    }
}

impl UpgradedClient {
    /// Resets it, so that the client learns that the other side did not end in order.
    pub(crate) fn reset(self) {
        match self {
            UpgradedClient::Socket(stream) => stream.reset(),
            UpgradedClient::Http2(stream) => stream.open.reset(),
            UpgradedClient::Framed(framed) => framed.inner.reset(),
        }
    }

    /// Returns the end with frames of the gateway, if it is one.
    pub(crate) fn framed(&mut self) -> Option<&mut FramedClient<UpgradedClient>> {
        match self {
            UpgradedClient::Framed(framed) => Some(framed),
            UpgradedClient::Socket(_) | UpgradedClient::Http2(_) => None,
        }
    }
}

impl Peer for UpgradedClient {
    fn socket(&self) -> Option<&Stream> {
        match self {
            UpgradedClient::Socket(stream) => Some(stream),
            UpgradedClient::Http2(_) => None,
            UpgradedClient::Framed(framed) => framed.inner.socket(),
        }
    }

    fn shared(&self) -> Option<&SharedPlace> {
        match self {
            UpgradedClient::Socket(_) => None,
            UpgradedClient::Http2(stream) => Some(&stream.place),
            UpgradedClient::Framed(framed) => framed.inner.shared(),
        }
    }

    fn plain(&self) -> Option<&TcpStream> {
        match self {
            UpgradedClient::Socket(stream) => stream.plain(),
            UpgradedClient::Http2(_) | UpgradedClient::Framed(_) => None,
        }
    }

    fn closes_in_order(&self) -> bool {
        self.socket().is_some_and(Stream::closes_in_order)
    }

    fn failure(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        match self {
            UpgradedClient::Socket(stream) => Stream::failure(stream),
            UpgradedClient::Http2(stream) => match Pin::new(&mut stream.io).poll_flush(cx) {
                Poll::Ready(Err(error)) => Some(error),
                Poll::Ready(Ok(())) | Poll::Pending => None,
            },
            UpgradedClient::Framed(framed) => framed.inner.failure(cx),
        }
    }
}

impl Http2Stream {
    /// Reads from the stream, with a check at its end. Only the sending task learns whether the client has cancelled
    /// the stream or finished it, so that task runs first.
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.ending {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
            if buf.filled().len() > before {
                return Poll::Ready(Ok(()));
            }
            self.ending = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncRead for UpgradedClient {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            UpgradedClient::Socket(stream) => Pin::new(stream).poll_read(cx, buf),
            UpgradedClient::Http2(stream) => stream.poll_read(cx, buf),
            UpgradedClient::Framed(framed) => Pin::new(framed).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for UpgradedClient {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            UpgradedClient::Socket(stream) => Pin::new(stream).poll_write(cx, bytes),
            UpgradedClient::Http2(stream) => {
                Pin::new(&mut stream.io).poll_write(cx, &bytes[..bytes.len().min(PIECE)])
            }
            UpgradedClient::Framed(framed) => Pin::new(framed).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            UpgradedClient::Socket(stream) => Pin::new(stream).poll_flush(cx),
            UpgradedClient::Http2(stream) => Pin::new(&mut stream.io).poll_flush(cx),
            UpgradedClient::Framed(framed) => Pin::new(framed).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            UpgradedClient::Socket(stream) => Pin::new(stream).poll_shutdown(cx),
            UpgradedClient::Http2(stream) => Pin::new(&mut stream.io).poll_shutdown(cx),
            UpgradedClient::Framed(framed) => Pin::new(framed).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_over_a_connection_of_its_own_is_no_larger_for_it() {
        assert_eq!(size_of::<UpgradedClient>(), size_of::<Stream>());
    }
}
