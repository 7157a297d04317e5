//! One direction, from a source to a sink. It needs no buffer while no bytes move.
//!
//! Bytes are copied through the thread's buffer. In bulk between two plain sockets, the bytes that nobody must see
//! pass through a [`Pipe`] instead, without being copied. A direction is in bulk while most of its turns move much.

mod splice;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::has_budget_remaining;

use super::pipe::Pipe;
use super::{Count, Peer, Tap};
use crate::read_buffer::ReadBuffer;
use splice::Look;

/// The number of bytes from which a turn moves much, and from which a stretch is worth a pipe: below, copying costs
/// less than the system calls.
const MUCH: u64 = 16 * 1024;

/// The number of KiB from which a direction is in bulk.
const BULK: u16 = 256;

/// The most KiB that are counted: after three turns with little, a direction is no longer in bulk.
const MAX_STREAK: u16 = 4 * BULK;

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Flow<T> {
    /// The bytes that were read but not yet written.
    kept: Option<Box<Kept>>,
    /// True if bytes were written that may wait in the TLS layer.
    unflushed: bool,
    /// True once the source has ended.
    pub(super) has_ended: bool,
    /// True once the source has ended before that of the other direction.
    pub(super) is_first: bool,
    /// True once the sink knows that the source has ended.
    pub(super) is_shut: bool,
    /// The KiB of the last turns with much, halved by each turn with little; at most [`MAX_STREAK`].
    streak: u16,
    pub(super) tap: T,
    /// True if bytes have moved since this was last taken.
    has_moved: bool,
    /// True if the source has been asked to wake the task when it has bytes. It need not be asked again before: in an
    /// echo, each direction is polled once more because of the other one.
    awaits_source: bool,
}

/// Bytes that wait for the sink.
#[derive(Debug)]
enum Kept {
    /// The bytes from index `at`; at most one buffer of them, or what a pipe has held.
    Copied {
        bytes: Vec<u8>,
        at: usize,
    },
    InPipe(Pipe),
}

impl Kept {
    fn of(bytes: &[u8]) -> Option<Box<Kept>> {
        (!bytes.is_empty()).then(|| Box::new(Kept::Copied { bytes: bytes.to_vec(), at: 0 }))
    }
}

/// The end of a flow that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    Source,
    Sink,
}

impl<T: Tap> Flow<T> {
    /// Creates a direction with the bytes that were already read from the source, and adds them to `count`.
    pub(super) fn starting_with(bytes: &[u8], count: Count<'_>) -> Flow<T> {
        let mut tap = T::default();
        count.add(bytes.len(), tap.read(bytes));
        Flow { kept: Kept::of(bytes), tap, ..Flow::default() }
    }

    /// Returns true if bytes wait for the sink. Meanwhile the source is not read, so its failure is not noticed.
    pub(super) fn is_held_up(&self) -> bool {
        self.kept.is_some() || self.unflushed
    }

    /// Returns true if bytes have moved since the last call, for the idle timeout.
    pub(super) fn take_moved(&mut self) -> bool {
        std::mem::take(&mut self.has_moved)
    }

    /// Moves all bytes that can be moved now, and adds those that were read to `count`. Ready when the source has ended
    /// and the sink was shut down. With `is_dropped_then`, the sink is not shut down, because it is dropped as soon as
    /// this is ready.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Peer,
        sink: &mut impl Peer,
        is_dropped_then: bool,
        count: Count<'_>,
    ) -> Poll<Result<(), (At, io::Error)>> {
        let before = count.bytes.get();
        let polled = self.poll_turn(cx, source, sink, is_dropped_then, count);
        self.count_turn(count.bytes.get() - before);
        polled
    }

    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Peer,
        sink: &mut impl Peer,
        is_dropped_then: bool,
        count: Count<'_>,
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
            if self.awaits_source && source.plain().is_some_and(is_quiet) {
                return Poll::Pending;
            }
            self.awaits_source = false;
            if self.is_in_bulk()
                && let (Some(from), Some(to)) = (source.plain(), sink.plain())
                && let Look::Passed = ready!(self.poll_splice(cx, from, to, count))?
            {
                continue;
            }
            ready!(self.poll_copy(cx, source, sink, count))?;
        }
    }

    fn is_in_bulk(&self) -> bool {
        self.streak >= BULK
    }

    /// Counts the bytes of one turn.
    fn count_turn(&mut self, moved: u64) {
        self.has_moved |= moved > 0;
        let streak = match moved {
            0 => return,
            1..MUCH => self.streak / 2,
            _ => self.streak.saturating_add(u16::try_from(moved / 1024).unwrap_or(u16::MAX)),
        };
        let has_begun = streak >= BULK && !self.is_in_bulk();
        self.streak = if has_begun { MAX_STREAK } else { streak.min(MAX_STREAK) };
    }

    /// Reads one buffer and writes it. Pending if the source has no more bytes and the sink took all.
    fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl Peer,
        sink: &mut impl Peer,
        count: Count<'_>,
    ) -> Poll<Result<(), (At, io::Error)>> {
        let mut buffer = ReadBuffer::take();
        let mut read = ReadBuf::new(&mut buffer);
        let ended = poll_gather(cx, source, &mut read);
        let chunk = read.filled();
        if !chunk.is_empty() {
            count.add(chunk.len(), self.tap.read(chunk));
            let written = match Pin::new(&mut *sink).poll_write(cx, chunk) {
                Poll::Pending => 0,
                Poll::Ready(written) => written.map_err(|e| (At::Sink, e))?,
            };
            self.kept = Kept::of(&chunk[written..]);
            if self.kept.is_none() {
                match Pin::new(&mut *sink).poll_flush(cx) {
                    Poll::Ready(flushed) => flushed.map_err(|e| (At::Sink, e))?,
                    Poll::Pending => self.unflushed = true,
                }
            }
        }
        match ended {
            Poll::Pending if self.is_held_up() => Poll::Ready(Ok(())),
            Poll::Pending => {
                // A task that has used up its budget is polled again, without having asked the source.
                self.awaits_source = has_budget_remaining();
                Poll::Pending
            }
            Poll::Ready(ended) => {
                self.has_ended = ended.map_err(|e| (At::Source, e))?;
                Poll::Ready(Ok(()))
            }
        }
    }

    /// Writes the kept bytes and frees their memory.
    fn poll_drain(&mut self, cx: &mut Context<'_>, sink: &mut impl Peer) -> Poll<io::Result<()>> {
        while let Some(kept) = &mut self.kept {
            let is_drained = match &mut **kept {
                Kept::Copied { bytes, at } => {
                    let written = ready!(Pin::new(&mut *sink).poll_write(cx, &bytes[*at..]))?;
                    if written == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    *at += written;
                    self.has_moved = true;
                    self.unflushed = true;
                    *at == bytes.len()
                }
                Kept::InPipe(pipe) => {
                    let sink = sink.plain().ok_or(io::ErrorKind::NotConnected)?;
                    let before = pipe.filled();
                    let polled = pipe.poll_drain(cx, sink);
                    self.has_moved |= pipe.filled() < before;
                    ready!(polled)?;
                    true
                }
            };
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

/// Reads until the buffer is full. Ready with true if the source has ended, pending if it has no more bytes now: a TLS
/// connection gives one record at a time, and the records are written together.
fn poll_gather(
    cx: &mut Context<'_>,
    source: &mut (impl AsyncRead + Unpin),
    read: &mut ReadBuf<'_>,
) -> Poll<io::Result<bool>> {
    while read.remaining() > 0 {
        let before = read.filled().len();
        match ready!(Pin::new(&mut *source).poll_read(cx, read)) {
            // A TLS peer that closes without close_notify has ended too.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(true)),
            Err(e) => return Poll::Ready(Err(e)),
            Ok(()) if read.filled().len() == before => return Poll::Ready(Ok(true)),
            Ok(()) => {}
        }
    }
    Poll::Ready(Ok(false))
}

/// Returns true if the driver knows of nothing to read. This asks neither the system nor for a wake-up.
fn is_quiet(socket: &TcpStream) -> bool {
    socket.try_io(Interest::READABLE, || Ok(())).is_err()
}

/// Ignores the error of a shutdown if the peer has already closed the connection.
fn already_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};

    use crate::pump::tests::Unread;
    use crate::pump::{Counts, Side};

    /// A flow between two small pipes: bytes written into the first end come out of the second.
    fn flow(early: &[u8]) -> (Flow<Unread>, DuplexStream, DuplexStream, DuplexStream, DuplexStream) {
        let (source_end, source) = duplex(16);
        let (sink, sink_end) = duplex(7);
        (Flow::starting_with(early, Counts::default().of(Side::Client)), source_end, source, sink, sink_end)
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
        let counts = Counts::default();
        let carry = poll_fn(|cx| flow.poll(cx, &mut source, &mut sink, false, counts.of(Side::Client)));
        let read = async {
            let mut received = Vec::new();
            sink_end.read_to_end(&mut received).await.unwrap();
            received
        };
        let ((), carried, received) = tokio::join!(write, carry, read);
        carried.unwrap();
        assert_eq!(received, expected);
        assert_eq!(counts.received(), sent.len() as u64);
        assert!(flow.kept.is_none(), "an idle flow holds memory");
    }

    #[tokio::test]
    async fn a_sink_that_takes_nothing_holds_the_source_back() {
        let counts = Counts::default();
        let (mut flow, mut source_end, mut source, mut sink, _sink_end) = flow(b"");
        let mut accepted = 0;
        poll_fn(|cx| {
            for _ in 0..100 {
                if let Poll::Ready(written) = Pin::new(&mut source_end).poll_write(cx, b"x") {
                    accepted += written.unwrap();
                }
                assert!(flow.poll(cx, &mut source, &mut sink, false, counts.of(Side::Client)).is_pending());
            }
            Poll::Ready(())
        })
        .await;
        assert!(accepted <= 7 + 16 + 16, "{accepted} bytes were taken that the sink has no room for");
    }

    #[tokio::test]
    async fn it_is_known_which_end_failed() {
        let counts = Counts::default();
        let (mut flow, source_end, mut source, mut sink, sink_end) = flow(b"");
        drop(sink_end);
        let mut source_end = source_end;
        source_end.write_all(b"x").await.unwrap();
        let failed =
            poll_fn(|cx| flow.poll(cx, &mut source, &mut sink, false, counts.of(Side::Client))).await;
        assert_eq!(failed.unwrap_err().0, At::Sink);
    }
}
