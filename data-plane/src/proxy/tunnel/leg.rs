//! The client's end of a tunnel: a connection of its own, or one stream among others of HTTP/2 (RFC 8441).

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::downstream::http2_streams::OpenStream;
use crate::pump::Peer;
use crate::stream::Stream;

/// The most that a stream is given at once: whatever waits for the client's window is kept in pieces of this size.
const PIECE: usize = 16 * 1024;

/// The client's end. A stream of HTTP/2 is boxed: a tunnel over a connection of its own does not pay for it.
#[derive(Debug)]
pub(super) enum Leg {
    Socket(Stream),
    Http2(Box<Http2Stream>),
}

/// One stream of HTTP/2, both directions.
#[derive(Debug)]
pub(super) struct Http2Stream {
    io: TokioIo<Upgraded>,
    open: Rc<OpenStream>,
    /// The client has sent its last byte; whether in order is being looked at.
    ending: bool,
}

impl Leg {
    /// What a handshake was handed over as, with what was read of it already. `open` is the stream of HTTP/2 that it
    /// came by, if it did.
    pub(super) fn of(upgraded: Upgraded, open: Option<Rc<OpenStream>>) -> (Leg, Bytes) {
        match open {
            None => {
                let (stream, early) = super::client_parts(upgraded);
                (Leg::Socket(stream), early)
            }
            Some(open) => {
                let stream = Http2Stream { io: TokioIo::new(upgraded), open, ending: false };
                (Leg::Http2(Box::new(stream)), Bytes::new())
            }
        }
    }

    /// Ends it so that the client learns that the other side did not end well.
    pub(super) fn reset(self) {
        match self {
            Leg::Socket(stream) => stream.reset(),
            Leg::Http2(stream) => stream.open.reset(),
        }
    }
}

impl Peer for Leg {
    fn socket(&self) -> Option<&Stream> {
        match self {
            Leg::Socket(stream) => Some(stream),
            Leg::Http2(_) => None,
        }
    }

    fn failure(&mut self, cx: &mut Context<'_>) -> Option<io::Error> {
        match self {
            Leg::Socket(stream) => Stream::failure(stream),
            Leg::Http2(stream) => match Pin::new(&mut stream.io).poll_flush(cx) {
                Poll::Ready(Err(error)) => Some(error),
                Poll::Ready(Ok(())) | Poll::Pending => None,
            },
        }
    }
}

impl Http2Stream {
    /// As the stream reads, but for its end. A client that cancels the stream is told apart from one that has
    /// finished by what sends to it, which alone is told: that task gets its turn first.
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

impl AsyncRead for Leg {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Socket(stream) => Pin::new(stream).poll_read(cx, buf),
            Leg::Http2(stream) => stream.poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Leg {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Leg::Socket(stream) => Pin::new(stream).poll_write(cx, bytes),
            Leg::Http2(stream) => Pin::new(&mut stream.io).poll_write(cx, &bytes[..bytes.len().min(PIECE)]),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Socket(stream) => Pin::new(stream).poll_flush(cx),
            Leg::Http2(stream) => Pin::new(&mut stream.io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Leg::Socket(stream) => Pin::new(stream).poll_shutdown(cx),
            Leg::Http2(stream) => Pin::new(&mut stream.io).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_over_a_connection_of_its_own_is_no_larger_for_it() {
        assert_eq!(size_of::<Leg>(), size_of::<Stream>());
    }
}
