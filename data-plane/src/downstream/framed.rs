//! The client's end of a tunnel into which the gateway writes WebSocket frames of its own: Pings, and a Close frame at
//! the end. It stands around the end that carries the bytes, only for tunnels whose policy asks for such frames.
//!
//! A frame of the gateway is written only between two frames of the backend. The answers to the gateway's own Pings
//! are not passed on; everything else passes unchanged. After the gateway's Close frame, the bytes of the backend are
//! dropped, because a client ignores what follows a Close frame (RFC 6455, section 5.5.1).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::pump::Tap;
use crate::websocket::{Frames, PingMark, PongFilter, close_frame, ping_frame};

/// A client's end with frames of the gateway.
#[derive(Debug)]
pub(crate) struct FramedClient<C> {
    pub(super) inner: C,
    /// The place in the bytes that were written to the client.
    written: Frames,
    mark: PingMark,
    pongs: PongFilter,
    /// The bytes that have passed the filter and await a reader.
    passed: Vec<u8>,
    /// The frame of the gateway that is to be written, as far as it is not written yet.
    own: Vec<u8>,
    /// True if a part of `own` was written, so that no other bytes may be.
    own_has_begun: bool,
    /// True if a frame of the gateway was written that may wait in a layer below.
    unflushed: bool,
    closing: Closing,
}

/// The state of the gateway's Close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    No,
    /// The frame with this code waits for the end of the backend's frame.
    Wanted(u16),
    /// The frame with this code was sent.
    Sent(u16),
}

impl<C: AsyncRead + AsyncWrite + Unpin> FramedClient<C> {
    /// Continues a client's end, of which bytes were read and written up to these places. `mark` marks the Pings.
    pub(crate) fn new(inner: C, read: Frames, written: Frames, mark: PingMark) -> FramedClient<C> {
        FramedClient {
            inner,
            written,
            mark,
            pongs: PongFilter::new(mark, read),
            passed: Vec::new(),
            own: Vec::new(),
            own_has_begun: false,
            unflushed: false,
            closing: Closing::No,
        }
    }

    /// Has a Ping sent as soon as the backend's frame has ended. Nothing is sent behind a Close frame, and no second
    /// Ping while one waits.
    pub(crate) fn ping(&mut self) {
        if self.own.is_empty() && self.closing == Closing::No && !self.has_ended() {
            self.own = ping_frame(self.mark);
        }
    }

    /// Has a Close frame sent as soon as the backend's frame has ended. Returns false if the backend has sent one.
    pub(crate) fn close(&mut self, code: u16, reason: &str) -> bool {
        if self.has_ended() {
            return false;
        }
        if self.closing == Closing::No {
            self.closing = Closing::Wanted(code);
            // It follows a Ping that has begun, and replaces one that has not.
            if !self.own_has_begun {
                self.own.clear();
            }
            self.own.extend(close_frame(code, reason));
        }
        true
    }

    /// Returns true if a Close frame of the backend has passed.
    fn has_ended(&self) -> bool {
        self.written.is_closed()
    }

    /// Writes the gateway's frame if it may be written now. Ready when nothing is left to write and to flush, or when
    /// the backend's frame has not ended.
    pub(crate) fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.own.is_empty() && self.written.is_at_boundary() && !self.has_ended() {
            ready!(self.poll_write_own(cx))?;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let count = ready!(Pin::new(&mut self.inner).poll_write(cx, &self.own))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own.drain(..count);
            self.own_has_begun = true;
            self.unflushed = true;
        }
        self.own = Vec::new();
        self.own_has_begun = false;
        if let Closing::Wanted(code) = self.closing {
            self.closing = Closing::Sent(code);
        }
        Poll::Ready(Ok(()))
    }

    /// Returns the code of the gateway's Close frame once it was sent.
    pub(crate) fn sent_code(&self) -> Option<u16> {
        match self.closing {
            Closing::Sent(code) => Some(code),
            Closing::No | Closing::Wanted(_) => None,
        }
    }

    /// Moves bytes that have passed the filter to a reader. Returns false if there are none.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let count = self.passed.len().min(buf.remaining());
        buf.put_slice(&self.passed[..count]);
        self.passed.drain(..count);
        if self.passed.is_empty() {
            // An idle tunnel keeps no buffer.
            self.passed = Vec::new();
        }
        count > 0
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncRead for FramedClient<C> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.deliver(buf) || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let read = &buf.filled()[before..];
            if read.is_empty() {
                // The end: what was kept back is no Pong of the client.
                this.passed = this.pongs.finish();
                this.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            this.passed = this.pongs.pass(read);
            buf.set_filled(before);
        }
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> AsyncWrite for FramedClient<C> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_own(cx))?;
        if this.sent_code().is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        // A frame of the gateway waits for the end of this one.
        let most = if this.own.is_empty() {
            bytes.len()
        } else {
            {
                let mut ahead = this.written;
                ahead.read_frame(bytes)
            }
        };
        let count = ready!(Pin::new(&mut this.inner).poll_write(cx, &bytes[..most]))?;
        this.written.read(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.own_has_begun {
            // The stream must not end within a frame.
            ready!(this.poll_own(cx))?;
        }
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const MARK: PingMark = *b"12345678";
    const PING: &[u8] = b"\x89\x0812345678";
    /// The Pong to it, with a mask of zero.
    const PONG: &[u8] = b"\x8a\x88\x00\x00\x00\x0012345678";
    const TEXT: &[u8] = b"\x81\x05hello";

    fn framed(room: usize) -> (FramedClient<DuplexStream>, DuplexStream) {
        let (near, far) = duplex(room);
        (FramedClient::new(near, Frames::default(), Frames::default(), MARK), far)
    }

    async fn own(client: &mut FramedClient<DuplexStream>) {
        poll_fn(|cx| client.poll_own(cx)).await.unwrap();
    }

    /// Ends the client's end, and returns what has arrived.
    async fn arrived(client: FramedClient<DuplexStream>, mut far: DuplexStream) -> Vec<u8> {
        drop(client);
        let mut arrived = Vec::new();
        far.read_to_end(&mut arrived).await.unwrap();
        arrived
    }

    #[tokio::test]
    async fn a_ping_waits_for_the_end_of_a_frame_and_its_pong_is_not_passed_on() {
        let (mut client, mut far) = framed(1024);
        client.write_all(&TEXT[..3]).await.unwrap();
        client.ping();
        own(&mut client).await;
        // Two frames at once: the Ping stands between them.
        client.write_all(&[&TEXT[3..], TEXT].concat()).await.unwrap();
        client.ping();
        client.ping();
        own(&mut client).await;
        far.write_all(&[PONG, b"\x82\x80\0\0\0\0", PONG, PONG].concat()).await.unwrap();
        far.shutdown().await.unwrap();
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, b"\x82\x80\0\0\0\0");
        assert_eq!(arrived(client, far).await, [TEXT, PING, TEXT, PING].concat());
    }

    #[tokio::test]
    async fn a_close_frame_stands_at_a_boundary_and_is_the_last() {
        let (mut client, far) = framed(1024);
        client.write_all(&TEXT[..1]).await.unwrap();
        assert!(client.close(1012, "later"));
        own(&mut client).await;
        assert!(client.sent_code().is_none(), "the backend is within a frame");
        client.write_all(&[&TEXT[1..], TEXT, TEXT].concat()).await.unwrap();
        assert!(client.sent_code() == Some(1012) && client.close(1001, "again"));
        client.ping();
        own(&mut client).await;
        assert_eq!(arrived(client, far).await, [TEXT, b"\x88\x07\x03\xf4later"].concat());
    }

    #[tokio::test]
    async fn nothing_follows_a_close_frame_of_the_backend() {
        let (mut client, far) = framed(1024);
        client.write_all(b"\x88\x02\x03\xe8").await.unwrap();
        client.ping();
        assert!(!client.close(1012, ""));
        own(&mut client).await;
        assert_eq!(arrived(client, far).await, b"\x88\x02\x03\xe8");
    }

    #[tokio::test]
    async fn the_stream_does_not_end_within_a_ping_and_no_buffer_stays() {
        let (mut client, mut far) = framed(3);
        client.ping();
        let mut nobody = Context::from_waker(Waker::noop());
        assert!(client.poll_own(&mut nobody).is_pending() && client.own_has_begun);
        let mut arrived = Vec::new();
        let (ended, _) = tokio::join!(client.shutdown(), far.read_to_end(&mut arrived));
        ended.unwrap();
        assert_eq!(arrived, PING);
        let (mut client, mut far) = framed(1024);
        far.write_all(TEXT).await.unwrap();
        client.read_exact(&mut [0; TEXT.len()]).await.unwrap();
        assert_eq!(client.passed.capacity(), 0);
    }

    /// An end that takes every byte at once, but needs a second turn to flush, as TLS over a full socket does.
    #[derive(Default)]
    struct SlowFlush {
        written: usize,
        flushed: usize,
        has_waited: bool,
    }

    impl AsyncRead for SlowFlush {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for SlowFlush {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.get_mut().written += bytes.len();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            let this = self.get_mut();
            this.has_waited = !this.has_waited;
            if this.has_waited {
                return Poll::Pending;
            }
            this.flushed = this.written;
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_frame_of_the_gateway_is_flushed_also_after_a_wait() {
        let frames = Frames::default;
        let mut client = FramedClient::new(SlowFlush::default(), frames(), frames(), MARK);
        let mut nobody = Context::from_waker(Waker::noop());
        for expected in [PING.len(), PING.len() + 4] {
            assert!(client.poll_own(&mut nobody).is_ready(), "there is nothing to do");
            if expected == PING.len() {
                client.ping();
            } else {
                client.close(1001, "");
            }
            assert!(client.poll_own(&mut nobody).is_pending());
            assert!(matches!(client.poll_own(&mut nobody), Poll::Ready(Ok(()))));
            assert_eq!(client.inner.flushed, expected);
        }
    }

    #[tokio::test]
    async fn a_slow_client_gets_each_frame_whole() {
        let (mut client, mut far) = framed(3);
        let write = async {
            for _ in 0..20 {
                client.ping();
                client.write_all(TEXT).await.unwrap();
            }
            client.close(1001, "");
            own(&mut client).await;
            drop(client);
        };
        let mut arrived = Vec::new();
        let read = async {
            far.read_to_end(&mut arrived).await.unwrap();
        };
        tokio::join!(write, read);
        assert_eq!(arrived, [[PING, TEXT].concat().repeat(20), b"\x88\x02\x03\xe9".to_vec()].concat());
    }
}
