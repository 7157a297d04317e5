//! One direction, from a source to a sink. It needs no buffer while no bytes move.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Tap;
use crate::read_buffer::ReadBuffer;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Flow<T> {
    /// The bytes that were read but not yet written; at most one buffer of them.
    kept: Option<Box<Kept>>,
    /// True if bytes were written that may wait in the TLS layer.
    unflushed: bool,
    /// True once the source has ended.
    pub(super) has_ended: bool,
    /// True once the sink knows that the source has ended.
    pub(super) is_shut: bool,
    pub(super) tap: T,
    /// The number of bytes that were read from the source.
    pub(super) bytes: u64,
    /// The number of kept bytes that were written later.
    drained: u64,
}

/// Bytes that wait for the sink, from index `at`.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    at: usize,
}

impl Kept {
    fn of(bytes: &[u8]) -> Option<Box<Kept>> {
        (!bytes.is_empty()).then(|| Box::new(Kept { bytes: bytes.to_vec(), at: 0 }))
    }
}

/// The end of a flow that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Source,
    Sink,
}

impl<T: Tap> Flow<T> {
    pub(super) fn starting_with(bytes: &[u8]) -> Flow<T> {
        let mut tap = T::default();
        tap.read(bytes);
        Flow { kept: Kept::of(bytes), bytes: bytes.len() as u64, tap, ..Flow::default() }
    }

    /// Returns true if bytes wait for the sink. Meanwhile the source is not read, so its failure is not noticed.
    pub(super) fn is_held_up(&self) -> bool {
        self.kept.is_some() || self.unflushed
    }

    /// Returns a number that grows whenever bytes move, for the idle timeout.
    pub(super) fn moved(&self) -> u64 {
        self.bytes + self.drained
    }

    /// Moves all bytes that can be moved now. Ready when the source has ended and the sink was shut down. With
    /// `is_dropped_then`, the sink is not shut down, because it is dropped as soon as this is ready.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        is_dropped_then: bool,
    ) -> Poll<Result<(), (At, io::Error)>> {
        loop {
            ready!(self.poll_drain(cx, sink)).map_err(|e| (At::Sink, e))?;
            if self.is_shut || self.has_ended && is_dropped_then {
                self.is_shut = true;
                return Poll::Ready(Ok(()));
            }
            if self.has_ended {
                ready!(Pin::new(&mut *sink).poll_shutdown(cx))
                    .or_else(already_gone)
                    .map_err(|e| (At::Sink, e))?;
                self.is_shut = true;
                continue;
            }
            self.poll_chunk(cx, source, sink, &mut ReadBuffer::take())?;
            if !self.is_held_up() && !self.has_ended {
                return Poll::Pending;
            }
        }
    }

    /// Reads and writes until the source has no more bytes or the sink accepts no more.
    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl AsyncRead + Unpin),
        sink: &mut (impl AsyncWrite + Unpin),
        buffer: &mut [u8],
    ) -> Result<(), (At, io::Error)> {
        loop {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut *source).poll_read(cx, &mut read) {
                Poll::Pending => return Ok(()),
                // A TLS peer that closes without close_notify has ended too.
                Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                Poll::Ready(Err(e)) => return Err((At::Source, e)),
                Poll::Ready(Ok(())) => {}
            }
            let chunk = read.filled();
            if chunk.is_empty() {
                self.has_ended = true;
                return Ok(());
            }
            self.bytes += chunk.len() as u64;
            self.tap.read(chunk);
            let written = match Pin::new(&mut *sink).poll_write(cx, chunk) {
                Poll::Pending => 0,
                Poll::Ready(written) => written.map_err(|e| (At::Sink, e))?,
            };
            if written < chunk.len() {
                self.kept = Kept::of(&chunk[written..]);
                return Ok(());
            }
            if let Poll::Ready(flushed) = Pin::new(&mut *sink).poll_flush(cx) {
                flushed.map_err(|e| (At::Sink, e))?;
            } else {
                self.unflushed = true;
                return Ok(());
            }
        }
    }

    /// Writes the kept bytes and frees their memory.
    fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while let Some(kept) = &mut self.kept {
            let written = ready!(Pin::new(&mut *sink).poll_write(cx, &kept.bytes[kept.at..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            kept.at += written;
            let is_drained = kept.at == kept.bytes.len();
            self.drained += written as u64;
            self.unflushed = true;
            if is_drained {
                self.kept = None;
            }
        }
        if self.unflushed {
            ready!(Pin::new(&mut *sink).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Ignores the error of a shutdown if the peer has already closed the connection.
fn already_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    #[derive(Debug, Default)]
    struct Unread;

    impl Tap for Unread {
        fn read(&mut self, _: &[u8]) {}
    }

    /// A flow between two small pipes: bytes written into the first end come out of the second.
    fn flow(early: &[u8]) -> (Flow<Unread>, DuplexStream, DuplexStream, DuplexStream, DuplexStream) {
        let (source_end, source) = duplex(16);
        let (sink, sink_end) = duplex(7);
        (Flow::starting_with(early), source_end, source, sink, sink_end)
    }

    #[tokio::test]
    async fn every_byte_arrives_in_order_through_a_narrow_sink_and_then_the_end() {
        let (mut flow, mut source_end, mut source, mut sink, mut sink_end) = flow(b"early ");
        let sent: Vec<u8> = (0..10_000_u32).map(|i| (i % 251) as u8).collect();
        let expected = [b"early ", &sent[..]].concat();
        let write = async {
            source_end.write_all(&sent).await.unwrap();
            source_end.shutdown().await.unwrap();
        };
        let carry = poll_fn(|cx| flow.poll(cx, &mut source, &mut sink, false));
        let read = async {
            let mut received = Vec::new();
            sink_end.read_to_end(&mut received).await.unwrap();
            received
        };
        let ((), carried, received) = tokio::join!(write, carry, read);
        carried.unwrap();
        assert_eq!(received, expected);
        assert_eq!(flow.bytes, expected.len() as u64);
        assert!(flow.kept.is_none(), "an idle flow holds memory");
    }

    #[tokio::test]
    async fn a_sink_that_takes_nothing_holds_the_source_back() {
        let (mut flow, mut source_end, mut source, mut sink, _sink_end) = flow(b"");
        let mut accepted = 0;
        poll_fn(|cx| {
            for _ in 0..100 {
                if let Poll::Ready(written) = Pin::new(&mut source_end).poll_write(cx, b"x") {
                    accepted += written.unwrap();
                }
                assert!(flow.poll(cx, &mut source, &mut sink, false).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        assert!(accepted <= 7 + 16 + 16, "{accepted} bytes were taken that the sink has no room for");
    }

    #[tokio::test]
    async fn it_is_known_which_end_failed() {
        let (mut flow, source_end, mut source, mut sink, sink_end) = flow(b"");
        drop(sink_end);
        let mut source_end = source_end;
        source_end.write_all(b"x").await.unwrap();
        let failed = poll_fn(|cx| flow.poll(cx, &mut source, &mut sink, false)).await;
        assert_eq!(failed.unwrap_err().0, At::Sink);
    }
}
