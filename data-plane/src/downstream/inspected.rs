//! A client's HTTP/1.1 connection as hyper sees it: only inspected bytes pass, and all waits for the client have
//! timeouts.
//!
//! Bytes are read directly into hyper's buffer and inspected there; only an incomplete head is held back here. A
//! rejected request is replaced by a stand-in that [`crate::proxy`] recognises, so that it has a response, an access
//! log line and a position in the pipeline like any other. One timer watches all waits. It is set once and checked
//! when it fires, so a busy connection does not pay for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tidegate_http1::request::{Inspector, substitute};
use tidegate_http1::{Fault, Limits};
use tidegate_shared::host::CanonicalHost;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::http1_state::{CLIENT, GATEWAY, Http1ConnState, TUNNEL};
use crate::client_rate::ClientRate;
use crate::config::Timeouts;
use crate::stream::Stream;

/// The time for which a rejected client may go on sending, so that it can read the response.
const LINGER: Duration = Duration::from_secs(5);
/// The number of bytes that it may send in this time.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// The size of reads that do not go into hyper's buffer.
const PIECE: usize = 4 * 1024;

/// Returns true for the authority of an absolute target whose host has a canonical form. All others are rejected,
/// such as those with user information.
fn is_host(authority: &str) -> bool {
    CanonicalHost::parse(authority).is_ok()
}

/// A stream whose bytes are inspected before hyper reads them.
#[derive(Debug)]
pub(crate) struct InspectedStream {
    stream: Stream,
    state: Arc<Http1ConnState>,
    timeouts: Timeouts,
    inspector: Inspector,
    /// The bytes that are held back; the first `passed` bytes may pass.
    held: BytesMut,
    passed: usize,
    /// True once a request was rejected: nothing more is passed from this client.
    refused: bool,
    /// True once hyper has read something from this connection.
    greeted: bool,
    clock: Clock,
    /// The rate at which the client sends the current body.
    sending: ClientRate,
    /// The rate at which the client accepts responses.
    taking: ClientRate,
    lingering: Option<(Instant, usize)>,
}

/// The one timer, and the start of the current read and write waits.
#[derive(Debug, Default)]
struct Clock {
    alarm: Option<Pin<Box<Sleep>>>,
    reading: Option<Instant>,
    writing: Option<Instant>,
}

impl Clock {
    /// Returns true if the deadline has passed. Otherwise the task is woken at or before the deadline.
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
        state: Arc<Http1ConnState>,
        timeouts: Timeouts,
        max_body: u64,
    ) -> InspectedStream {
        InspectedStream {
            stream,
            state,
            timeouts,
            inspector: Inspector::new(Limits { max_body, is_host }),
            held: BytesMut::new(),
            passed: 0,
            refused: false,
            greeted: false,
            clock: Clock::default(),
            sending: ClientRate::new(timeouts.rate, timeouts.body),
            taking: ClientRate::new(timeouts.rate, timeouts.send),
            lingering: None,
        }
    }

    /// Returns the stream and the bytes that are held back.
    pub(crate) fn into_parts(self) -> (Stream, Bytes) {
        (self.stream, self.held.freeze())
    }

    /// Inspects the held bytes from their beginning.
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
            self.state.expect_odd_names();
        }
    }

    /// Rejects the request: the bytes after `passed` are replaced by a stand-in. Within a body there is no stand-in:
    /// hyper knows the request already, and its body fails.
    fn refuse(&mut self, fault: Fault) {
        self.state.set_fault(fault);
        self.refused = true;
        let substitute = match self.inspector.is_in_body() {
            true => Vec::new(),
            false => substitute(&self.held[self.passed..], is_host),
        };
        self.held.truncate(self.passed);
        self.held.extend_from_slice(&substitute);
        self.passed = self.held.len();
    }

    /// Reads into hyper's buffer, and takes back the bytes that may not pass yet. Returns true if hyper can read
    /// something, or the end of the stream.
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

    /// Reads more bytes behind the held ones. Returns false at the end of the stream.
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
                return match self.state.fault() {
                    Some(fault) if self.inspector.is_in_body() => {
                        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)))
                    }
                    // The response to the stand-in closes the connection.
                    _ => Poll::Pending,
                };
            }
            if self.inspector.is_undecided() {
                if self.state.turn() == CLIENT && self.greeted {
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

    /// Returns true if the head of a request is incomplete.
    fn holds_a_head(&self) -> bool {
        self.holds_a_beginning() && !self.refused && !self.inspector.is_in_body()
    }

    /// Returns true if more than empty lines is held back. Some old clients send an empty line after a body, which
    /// begins no request.
    fn holds_a_beginning(&self) -> bool {
        self.held.iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    /// Checks the timeouts while nothing can be read. Ready after a timeout: with true if the request was rejected,
    /// or false if the connection is to be treated as closed by the client.
    fn poll_timeouts(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let times = self.timeouts;
        let (limit, fault) = match self.state.turn() {
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

    /// Reads and discards what the client still sends, until it closes or the limits are reached.
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

    /// A response is being written: the read timeout of the client starts after it.
    fn heard(&mut self) {
        if self.held.is_empty() {
            self.clock.reading = None;
        }
    }

    /// To be called after a flush, perhaps the last one of a response. hyper does not read again before new bytes
    /// arrive, so the idle timeout is started here, and bytes that arrived early are inspected.
    fn expect_next(&mut self, cx: &mut Context<'_>) {
        if self.state.turn() != CLIENT || !self.greeted || self.refused || self.inspector.is_in_body() {
            return;
        }
        if self.inspector.is_undecided() && !self.held.is_empty() {
            cx.waker().wake_by_ref();
        } else if self.clock.reading.is_none() {
            let now = *self.clock.reading.insert(Instant::now());
            // The timer is only set here. It is checked when it wakes the task for a read.
            let _ = self.clock.is_over(cx, now + self.timeouts.idle);
        }
    }

    /// Records the result of a write. A write that blocks for too long ends the connection.
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
        self.state.set_fault(fault);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, fault)))
    }

    /// Records the result of a write and the number of bytes that it accepted.
    fn took(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = poll {
            self.taking.moved(count as u64);
        }
        self.written(cx, poll)
    }

    /// Records the bytes that were read of a body, and how long the read waited.
    fn measure(&mut self, was_in_body: bool, count: usize) {
        if was_in_body {
            if let Some(since) = self.clock.reading {
                self.sending.waited(since.elapsed());
            }
            self.sending.moved(count as u64);
        } else if self.inspector.is_in_body() {
            self.sending = ClientRate::new(self.timeouts.rate, self.timeouts.body);
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
            this.state.set_within_head(this.holds_a_head());
            if let Poll::Ready(read) = read {
                this.greeted = true;
                this.measure(was_in_body, buf.filled().len() - before);
                this.clock.reading = None;
                return Poll::Ready(read);
            }
            if !had_begun && this.holds_a_beginning() {
                // The header timeout starts with the first byte of a head.
                this.clock.reading = None;
            }
            if !ready!(this.poll_timeouts(cx)) {
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
