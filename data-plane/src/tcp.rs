//! A TCP socket that is read and written by the system calls themselves.
//!
//! tokio reads and writes by the functions of the C library, which prepare each call for the cancellation of its
//! thread. The calls of [`rustix`] do without that, and take flags. Like tokio, this type regards a socket as empty
//! after a read that leaves room, and as full after a write that leaves bytes: the next event tells when it is not.
//! This module must not know what is read or written.

use std::io::{self, IoSlice};
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Tcp(TcpStream);

/// Whether more follows what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Follows {
    /// It is sent at once.
    Unknown,
    /// The end of the stream follows at once, and leaves in the same packet.
    End,
}

impl From<TcpStream> for Tcp {
    fn from(tcp: TcpStream) -> Tcp {
        Tcp(tcp)
    }
}

impl Deref for Tcp {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.0
    }
}

impl Tcp {
    /// Runs a call that transfers at most `room` bytes, if the socket is ready for it.
    fn transfer(
        &self,
        interest: Interest,
        room: usize,
        call: impl FnOnce() -> io::Result<usize>,
    ) -> Option<io::Result<usize>> {
        let mut transferred = None;
        let tried = self.0.try_io(interest, || {
            let count = call()?;
            transferred = Some(count);
            // This error marks the socket as not ready.
            if (1..room).contains(&count) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (transferred, tried) {
            (Some(count), _) => Some(Ok(count)),
            (None, Err(error)) if error.kind() == io::ErrorKind::WouldBlock => None,
            (None, Err(error)) => Some(Err(error)),
            (None, Ok(())) => Some(Ok(0)),
        }
    }

    /// Sends as many of the bytes as there is room for.
    pub(crate) fn poll_send(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        follows: Follows,
    ) -> Poll<io::Result<usize>> {
        let call = || Ok(retry_on_intr(|| send(&self.0, bytes, follows.flags()))?);
        self.poll_transfer_out(cx, bytes.len(), call)
    }

    /// Sends as many of the bytes of all slices as there is room for.
    pub(crate) fn poll_send_slices(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        follows: Follows,
    ) -> Poll<io::Result<usize>> {
        let length = slices.iter().map(|slice| slice.len()).sum();
        let call = || {
            let mut nothing = SendAncillaryBuffer::default();
            Ok(retry_on_intr(|| sendmsg(&self.0, slices, &mut nothing, follows.flags()))?)
        };
        self.poll_transfer_out(cx, length, call)
    }

    fn poll_transfer_out(
        &self,
        cx: &mut Context<'_>,
        length: usize,
        mut call: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            if let Some(sent) = self.transfer(Interest::WRITABLE, length, &mut call) {
                return Poll::Ready(sent);
            }
        }
    }
}

impl Follows {
    fn flags(self) -> SendFlags {
        match self {
            Follows::Unknown => SendFlags::NOSIGNAL,
            Follows::End => SendFlags::NOSIGNAL | SendFlags::MORE,
        }
    }
}

impl AsyncRead for Tcp {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tcp = self.get_mut();
        if buffer.initialized().len() < buffer.capacity() {
            // Memory that is not initialized would have to be zeroed.
            return Pin::new(&mut tcp.0).poll_read(cx, buffer);
        }
        let room = buffer.remaining();
        loop {
            ready!(tcp.0.poll_read_ready(cx))?;
            let unfilled = buffer.initialize_unfilled();
            let call = || Ok(retry_on_intr(|| recv(&tcp.0, &mut *unfilled, RecvFlags::empty()))?.1);
            if let Some(read) = tcp.transfer(Interest::READABLE, room, call) {
                buffer.advance(read?);
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Tcp {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, bytes, Follows::Unknown)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send_slices(cx, slices, Follows::Unknown)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is kept outside of the kernel.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Tcp, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (near.into(), listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn every_byte_arrives_in_order_in_both_directions() {
        let (mut near, mut far) = pair().await;
        let bytes: Vec<u8> = (0..8_000_000_u32).map(|i| (i % 251) as u8).collect();
        let echo = async {
            let (mut read, mut write) = far.split();
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let (mut read, mut write) = tokio::io::split(&mut near);
        let send = async {
            let (head, rest) = bytes.split_at(10);
            let first = write.write_vectored(&[IoSlice::new(head), IoSlice::new(rest)]).await.unwrap();
            write.write_all(&bytes[first..]).await.unwrap();
            write.shutdown().await.unwrap();
        };
        let receive = async {
            let (mut received, mut buffer) = (Vec::new(), vec![0; 70_000]);
            loop {
                match read.read(&mut buffer).await.unwrap() {
                    0 => return received,
                    count => received.extend_from_slice(&buffer[..count]),
                }
            }
        };
        let ((), (), received) = tokio::join!(echo, send, receive);
        assert!(received == bytes);
    }

    #[tokio::test]
    async fn a_full_socket_and_an_empty_one_are_pending_and_wake_the_task() {
        let (mut near, mut far) = pair().await;
        let piece = [b'x'; 64 * 1024];
        let mut sent = 0;
        poll_fn(|cx| {
            while let Poll::Ready(count) = near.poll_send(cx, &piece, Follows::Unknown) {
                sent += count.unwrap();
            }
            Poll::Ready(())
        })
        .await;
        let mut taken = vec![0; sent];
        let take = far.read_exact(&mut taken);
        let send_more = poll_fn(|cx| near.poll_send(cx, b"y", Follows::Unknown));
        let (one, all) = tokio::join!(send_more, take);
        assert_eq!((one.unwrap(), all.unwrap()), (1, sent));
        assert_eq!(far.read_u8().await.unwrap(), b'y');
        let (answer, asked) = tokio::join!(near.read_u8(), async {
            tokio::task::yield_now().await;
            far.write_all(b"z").await
        });
        assert_eq!(answer.unwrap(), b'z');
        asked.unwrap();
        drop(far);
        assert_eq!(near.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_the_end_follows_arrives_with_the_end() {
        let (mut near, mut far) = pair().await;
        let sent = poll_fn(|cx| near.poll_send(cx, b"last", Follows::End)).await.unwrap();
        assert_eq!(sent, 4);
        near.shutdown().await.unwrap();
        let mut received = String::new();
        far.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "last");
    }
}
