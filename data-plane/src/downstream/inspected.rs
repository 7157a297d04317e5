//! A client's connection of HTTP/1.1 as hyper sees it: only what has been inspected, and never for longer than allowed.
//!
//! Bytes go straight into hyper's buffer and are inspected there; only those of a head that is not whole are held back
//! here. A request that is refused becomes one that [`crate::proxy`] knows for what it is, so that its answer, its
//! access line and its place behind earlier requests are those of any other. One timer watches all waiting; it is
//! set once and looked at when it goes off, so that a busy connection does not pay for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::http1_state::{CLIENT, GATEWAY, Http1ConnState, TUNNEL};
use crate::config::Timeouts;
use crate::http1::Fault;
use crate::http1::request::{Inspector, stand_in};
use crate::pace::Pace;
use crate::stream::Stream;

/// How long a client that was refused may go on talking, so that it gets to read why.
const LINGER: Duration = Duration::from_secs(5);
/// How much it may say meanwhile.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// How much is read at once where nothing of it may pass yet.
const PIECE: usize = 4 * 1024;

/// A stream under guard.
#[derive(Debug)]
pub(crate) struct InspectedStream {
    stream: Stream,
    wire: Arc<Http1ConnState>,
    timeouts: Timeouts,
    inspector: Inspector,
    /// Read and held back; the first `passed` bytes of it may pass.
    held: BytesMut,
    passed: usize,
    /// Nothing more is read from this client.
    refused: bool,
    /// Whether a request has come yet.
    greeted: bool,
    clock: Clock,
    /// How the client sends the body that is under way.
    sending: Pace,
    /// How the client takes answers.
    taking: Pace,
    lingering: Option<(Instant, usize)>,
}

/// The one timer, and since when what is waited for.
#[derive(Debug, Default)]
struct Clock {
    alarm: Option<Pin<Box<Sleep>>>,
    reading: Option<Instant>,
    writing: Option<Instant>,
}

impl Clock {
    /// Whether the time has come. If not, the task is woken when it may have.
    fn is_over(&mut self, cx: &mut Context<'_>, deadline: Instant) -> bool {
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
        }
        while alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            alarm.as_mut().reset(deadline);
        }
        false
    }
}

impl InspectedStream {
    pub(crate) fn new(
        stream: Stream,
        wire: Arc<Http1ConnState>,
        timeouts: Timeouts,
        max_body: u64,
    ) -> InspectedStream {
        InspectedStream {
            stream,
            wire,
            timeouts,
            inspector: Inspector::new(max_body),
            held: BytesMut::new(),
            passed: 0,
            refused: false,
            greeted: false,
            clock: Clock::default(),
            sending: Pace::new(timeouts.rate, timeouts.body),
            taking: Pace::new(timeouts.rate, timeouts.send),
            lingering: None,
        }
    }

    /// The stream, and what was read from it and kept.
    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.held.freeze())
    }

    /// Shows what is held to the inspector, from its beginning.
    fn inspect_held(&mut self) {
        let pass = self.inspector.inspect(&mut self.held);
        self.passed = pass.count;
        self.note_names();
        if let Some(fault) = pass.fault {
            self.refuse(fault);
        }
    }

    fn note_names(&self) {
        if self.inspector.odd_names {
            self.wire.expect_odd_names();
        }
    }

    /// What is held behind what may pass is not let through. Within a body the request is known already, and fails.
    fn refuse(&mut self, fault: Fault) {
        self.wire.set_fault(fault);
        self.refused = true;
        let stand_in = match self.inspector.is_in_body() {
            true => Vec::new(),
            false => stand_in(&self.held[self.passed..]),
        };
        self.held.truncate(self.passed);
        self.held.extend_from_slice(&stand_in);
        self.passed = self.held.len();
    }

    /// Reads into hyper's buffer, and takes back what may not stay there.
    /// Whether there is something for hyper to read, be it the end.
    fn read_in_place(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let bytes = &mut buf.filled_mut()[before..];
        if bytes.is_empty() {
            return Poll::Ready(Ok(true));
        }
        let pass = self.inspector.inspect(bytes);
        self.note_names();
        if pass.count < bytes.len() {
            self.held.extend_from_slice(&bytes[pass.count..]);
            buf.set_filled(before + pass.count);
        }
        if let Some(fault) = pass.fault {
            self.refuse(fault);
        }
        Poll::Ready(Ok(pass.count > 0))
    }

    /// Reads more of what is held back. Whether there was more.
    fn read_behind_held(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; PIECE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut piece))?;
        self.held.extend_from_slice(piece.filled());
        Poll::Ready(Ok(!piece.filled().is_empty()))
    }

    fn poll_inspected(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.passed > 0 {
                let count = self.passed.min(buf.remaining());
                buf.put_slice(&self.held[..count]);
                self.held.advance(count);
                self.passed -= count;
                return Poll::Ready(Ok(()));
            }
            if self.refused {
                return match self.wire.fault() {
                    Some(fault) if self.inspector.is_in_body() => {
                        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
                    }
                    // The answer to the stand-in closes the connection.
                    _ => Poll::Pending,
                };
            }
            if self.inspector.is_undecided() {
                if self.wire.turn() == CLIENT && self.greeted {
                    self.inspector.resume();
                    self.inspect_held();
                    continue;
                }
                if !self.held.is_empty() {
                    return Poll::Pending;
                }
            }
            if self.held.is_empty() {
                if ready!(self.read_in_place(cx, buf))? {
                    return Poll::Ready(Ok(()));
                }
            } else {
                if !ready!(self.read_behind_held(cx))? {
                    return Poll::Ready(Ok(()));
                }
                self.inspect_held();
            }
        }
    }

    /// Whether a request has begun whose head is not whole.
    fn holds_a_head(&self) -> bool {
        self.holds_a_beginning() && !self.refused && !self.inspector.is_in_body()
    }

    /// Whether more is held back than empty lines: those are no beginning, for some old clients put them behind a body.
    fn holds_a_beginning(&self) -> bool {
        self.held.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// Nothing can be read now. Ready when the client has had its time: with whether it was refused for that, or is
    /// to be taken for one that has closed.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let times = self.timeouts;
        let (limit, fault) = match self.wire.turn() {
            _ if self.refused => return Poll::Pending,
            _ if self.inspector.is_in_body() => match self.sending.allowance() {
                allowance if allowance < times.body => (allowance, Some(Fault::SlowBody)),
                _ => (times.body, Some(Fault::BodyTimeout)),
            },
            GATEWAY | TUNNEL => return Poll::Pending,
            _ if self.holds_a_head() => (times.header, Some(Fault::HeadTimeout)),
            _ if self.greeted => (times.idle, None),
            _ => (times.header, None),
        };
        let since = *self.clock.reading.get_or_insert_with(Instant::now);
        if !self.clock.is_over(cx, since + limit) {
            return Poll::Pending;
        }
        if let Some(fault) = fault {
            self.refuse(fault);
        }
        Poll::Ready(fault.is_some())
    }

    /// Reads and forgets what a client still says, until it has done so or had its time.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (deadline, mut left) =
            *self.lingering.get_or_insert_with(|| (Instant::now() + LINGER, LINGER_BYTES));
        let mut piece = [0; PIECE];
        loop {
            let mut piece = ReadBuf::new(&mut piece);
            match Pin::new(&mut self.stream).poll_read(cx, &mut piece) {
                Poll::Ready(Ok(())) if !piece.filled().is_empty() && left > PIECE => {
                    left -= piece.filled().len();
                    self.lingering = Some((deadline, left));
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending if self.clock.is_over(cx, deadline) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The client is being answered: its own time begins when that is done.
    fn heard(&mut self) {
        if self.held.is_empty() {
            self.clock.reading = None;
        }
    }

    /// An answer has gone out, perhaps the end of it. hyper does not read again before something comes, so what has to
    /// be seen to without that is seen to here: the time that the client may idle, and what it has said too early.
    fn expect_next(&mut self, cx: &mut Context<'_>) {
        if self.wire.turn() != CLIENT || !self.greeted || self.refused || self.inspector.is_in_body() {
            return;
        }
        if self.inspector.is_undecided() && !self.held.is_empty() {
            cx.waker().wake_by_ref();
        } else if self.clock.reading.is_none() {
            let now = *self.clock.reading.insert(Instant::now());
            // Only set here: whether it is over is asked when the task is woken for it and reads.
            let _ = self.clock.is_over(cx, now + self.timeouts.idle);
        }
    }

    /// Notes how a write went: one that is stuck for too long ends the connection.
    fn written<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            if let Some(since) = self.clock.writing.take() {
                self.taking.waited(since.elapsed());
            }
            return poll;
        }
        let since = *self.clock.writing.get_or_insert_with(Instant::now);
        let (limit, fault) = match self.taking.allowance() {
            allowance if allowance < self.timeouts.send => (allowance, Fault::SlowAnswer),
            _ => (self.timeouts.send, Fault::SendTimeout),
        };
        if !self.clock.is_over(cx, since + limit) {
            return Poll::Pending;
        }
        self.wire.set_fault(fault);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, fault)))
    }

    /// Notes how many bytes a write took, beside how it went.
    fn took(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = poll {
            self.taking.moved(count as u64);
        }
        self.written(cx, poll)
    }

    /// Notes what was read of a body, after how long a wait.
    fn measure(&mut self, was_in_body: bool, count: usize) {
        if was_in_body {
            if let Some(since) = self.clock.reading {
                self.sending.waited(since.elapsed());
            }
            self.sending.moved(count as u64);
        } else if self.inspector.is_in_body() {
            self.sending = Pace::new(self.timeouts.rate, self.timeouts.body);
        }
    }
}

impl AsyncRead for InspectedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let had_begun = this.holds_a_beginning();
        let (was_in_body, before) = (this.inspector.is_in_body(), buf.filled().len());
        loop {
            let read = this.poll_inspected(cx, buf);
            this.wire.set_within_head(this.holds_a_head());
            if let Poll::Ready(read) = read {
                this.greeted = true;
                this.measure(was_in_body, buf.filled().len() - before);
                this.clock.reading = None;
                return Poll::Ready(read);
            }
            if !had_begun && this.holds_a_beginning() {
                // The time of a head begins with its first byte, not with its last.
                this.clock.reading = None;
            }
            if !ready!(this.poll_patience(cx)) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for InspectedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.heard();
        this.took(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.heard();
        this.took(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.expect_next(cx);
        this.written(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
            ready!(this.written(cx, shut))?;
        }
        if this.refused || this.inspector.is_in_body() {
            ready!(this.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}
