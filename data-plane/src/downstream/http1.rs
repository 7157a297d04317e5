//! The client of an HTTP/1.1 connection: its socket, which the loop of the connection and the body of the running
//! request share.
//!
//! Both run in the task of the connection, or one after the other, so nothing is passed over channels: the loop reads
//! heads and writes responses, and whoever polls the request's body reads from the same socket. Bytes are read into
//! a buffer of the thread, and only what cannot be used at once is kept, so an idle connection owns no buffer. This
//! module must not know how requests are served.

mod date;
mod input;
mod link;
mod output;
mod refusal;
pub(crate) mod response_head;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::SizeHint;
use tidegate_http1::{Fault, ResponseHead};
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::body::chunk::PolledChunk;
use crate::body::received::BodySource;
use crate::stream::Stream;
use crate::tcp::Follows;
use crate::thread::Thread;
pub(crate) use input::NextRequest;
use input::{Input, poll_read};
pub(crate) use link::Http1Link;
use output::Output;
pub(crate) use refusal::Refusal;

/// The time for which a client whose request was not read to its end may go on sending, so that it can read the
/// response.
const LINGER: Duration = Duration::from_secs(5);
/// The number of bytes that it may send in this time.
const LINGER_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of interim responses that wait for a client; further ones are dropped.
const MAX_INTERIM: usize = 64 * 1024;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The client of one connection.
#[derive(Debug)]
pub(crate) struct Http1Client {
    thread: Rc<Thread>,
    /// `None` once a tunnel has taken the socket, or once it is closed.
    socket: RefCell<Option<Socket>>,
    /// The first fault of the client, for which the connection ends.
    fault: Cell<Option<Fault>>,
}

/// The socket, with what was read and not used, and what is to be written.
#[derive(Debug)]
struct Socket {
    stream: Stream,
    input: Input,
    output: Output,
    /// True while interim responses may be sent: the client knows them, and the response has not begun.
    takes_interim: bool,
}

impl Http1Client {
    pub(crate) fn new(stream: Stream, thread: &Rc<Thread>) -> Rc<Http1Client> {
        let socket = Socket {
            stream,
            input: Input::new(thread),
            output: Output::new(&thread.timeouts),
            takes_interim: false,
        };
        Rc::new(Http1Client {
            thread: thread.clone(),
            socket: RefCell::new(Some(socket)),
            fault: Cell::new(None),
        })
    }

    /// Returns the fault for which the connection ends.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    fn set_fault(&self, fault: Fault) {
        // Later faults are consequences of the first.
        self.fault.set(self.fault.get().or(Some(fault)));
    }

    /// Reads the next head. While none arrives, the timeouts of the client run.
    pub(crate) fn poll_head(&self, cx: &mut Context<'_>) -> Poll<NextRequest> {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, input, takes_interim, .. }) = &mut *socket else {
            return Poll::Ready(NextRequest::Closed);
        };
        let next = ready!(input.poll_head(cx, stream, &self.thread.timeouts));
        match &next {
            NextRequest::Head(head) => *takes_interim = response_head::knows_interim(head.version),
            NextRequest::Refused(refusal) => self.set_fault(refusal.fault),
            NextRequest::Closed => {}
        }
        Poll::Ready(next)
    }

    /// Returns true if the client has sent only a part of a request head.
    pub(crate) fn is_within_head(&self) -> bool {
        self.socket.borrow().as_ref().is_some_and(|socket| socket.input.is_within_head())
    }

    /// Ready when the client has closed its connection. While the body of a request is not read to its end, its reader
    /// notices that instead. Bytes that arrive early are kept, at most one buffer of them.
    pub(crate) fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, input, .. }) = &mut *socket else { return Poll::Ready(()) };
        input.poll_gone(cx, stream)
    }

    /// Sends an interim response of a backend, if the client knows them.
    pub(crate) fn send_interim(&self, head: &ResponseHead) {
        let mut socket = self.socket.borrow_mut();
        if let Some(Socket { output, takes_interim: true, .. }) = &mut *socket
            && output.waiting() < MAX_INTERIM
        {
            // It is written when the task of the connection waits for the response.
            output.keep(|bytes| response_head::write_interim(head, bytes));
        }
    }

    /// Begins the response: no interim response follows. Returns what [`Http1Client::finish_request`] returns.
    pub(crate) fn begin_response(&self, cx: &mut Context<'_>) -> bool {
        if let Some(socket) = &mut *self.socket.borrow_mut() {
            socket.takes_interim = false;
        }
        self.finish_request(cx)
    }

    /// Discards what is left of a body that nobody reads, if it is here already. Returns false if it is not, or if the
    /// request is malformed: then the connection cannot carry another one.
    pub(crate) fn finish_request(&self, cx: &mut Context<'_>) -> bool {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, input, .. }) = &mut *socket else { return false };
        input.finish_abandoned(cx, stream, &self.thread.timeouts)
    }

    /// Returns true if the body of the request has been read to its end.
    pub(crate) fn is_between_requests(&self) -> bool {
        self.socket.borrow().as_ref().is_some_and(|socket| socket.input.is_between_requests())
    }

    /// Writes what waits to be written. The client must accept some of it in time.
    ///
    /// # Errors
    /// The connection has failed, or the client was too slow, which is then the fault of the connection.
    pub(crate) fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, output, .. }) = &mut *socket else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let drained = ready!(output.poll_drain(cx, stream, &self.thread));
        Poll::Ready(drained.map_err(|error| self.record_failure(error)))
    }

    /// Writes all bytes of the slices. What the socket does not accept at once is kept for [`Http1Client::poll_drain`],
    /// which must have been ready before. If their end follows, [`Http1Client::close`] must be called when all is
    /// written.
    ///
    /// # Errors
    /// The connection has failed.
    pub(crate) fn write(
        &self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
        follows: Follows,
    ) -> io::Result<()> {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, output, .. }) = &mut *socket else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        output.write(cx, stream, slices, follows)
    }

    /// Keeps bytes for [`Http1Client::poll_drain`].
    pub(crate) fn write_later(&self, add: impl FnOnce(&mut Vec<u8>)) {
        if let Some(socket) = &mut *self.socket.borrow_mut() {
            socket.output.keep(add);
        }
    }

    fn record_failure(&self, failed: output::WriteError) -> io::Error {
        match failed {
            output::WriteError::Io(error) => error,
            output::WriteError::Slow(fault) => {
                self.set_fault(fault);
                io::Error::new(io::ErrorKind::TimedOut, fault)
            }
        }
    }

    /// Takes the socket for a tunnel, with the bytes that arrived early.
    pub(crate) fn take_socket(&self) -> Option<(Stream, Bytes)> {
        let Socket { stream, input, .. } = self.socket.take()?;
        Some((stream, input.into_early()))
    }

    /// Closes the connection in order. If the client may still be sending a request that is not read, its bytes are
    /// discarded for a moment: it would otherwise be reset before it has read the response.
    pub(crate) async fn close(&self) {
        let state = |socket: &Socket| {
            // The last bytes would be lost if the socket were closed while bytes of the client are unread.
            let awaits_end = socket.output.awaits_end() || matches!(socket.stream, Stream::Tls(_));
            (socket.input.may_still_arrive(), awaits_end)
        };
        let (lingers, awaits_end) = self.socket.borrow().as_ref().map_or((false, false), state);
        // Without either, closing the socket is enough to send the end of the stream.
        if lingers || awaits_end {
            let shut = poll_fn(|cx| self.poll_shutdown(cx)).await;
            if lingers && shut.is_ok() {
                self.linger().await;
            }
        }
        self.abort();
    }

    /// Closes the socket at once.
    pub(crate) fn abort(&self) {
        self.socket.take();
    }

    /// Closes the socket with a reset: nothing else tells the client that a body without a length is incomplete.
    pub(crate) fn reset(&self) {
        if let Some(socket) = self.socket.take() {
            socket.stream.reset();
        }
    }

    fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, output, .. }) = &mut *socket else { return Poll::Ready(Ok(())) };
        let shut = Pin::new(stream).poll_shutdown(cx);
        output.timed(cx, shut, &self.thread).map_err(|error| self.record_failure(error))
    }

    async fn linger(&self) {
        let deadline = Instant::now() + LINGER;
        let (mut left, mut alarm) = (LINGER_BYTES, self.thread.alarms.alarm());
        poll_fn(|cx| {
            let mut socket = self.socket.borrow_mut();
            let Some(Socket { stream, .. }) = &mut *socket else { return Poll::Ready(()) };
            loop {
                match poll_read(cx, stream, |bytes| bytes.len()) {
                    Poll::Ready(Ok(count)) if count > 0 && left > count => left -= count,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending if alarm.is_over(cx, deadline) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

/// The body of the running request.
impl BodySource for Http1Client {
    fn poll_chunk(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        let mut socket = self.socket.borrow_mut();
        let Some(Socket { stream, input, output, takes_interim }) = &mut *socket else {
            return Poll::Ready(Some(Err(io::Error::from(io::ErrorKind::NotConnected).into())));
        };
        if input.is_asked_to_continue() && *takes_interim {
            output.keep(|bytes| bytes.extend_from_slice(CONTINUE));
            // It is written now, because another task than that of the connection may read the body. What remains, and
            // a failure, is left to the connection.
            let _ = output.poll_drain(cx, stream, &self.thread);
        }
        let polled = ready!(input.poll_body(cx, stream, &self.thread.timeouts, buffer));
        Poll::Ready(polled.map(|chunk| {
            chunk.map_err(|error| match error {
                input::BodyError::Io(error) => error.into(),
                input::BodyError::Fault(fault) => {
                    self.set_fault(fault);
                    io::Error::new(io::ErrorKind::InvalidData, fault).into()
                }
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.is_between_requests()
    }

    fn size_hint(&self) -> SizeHint {
        self.socket.borrow().as_ref().map_or(SizeHint::with_exact(0), |socket| socket.input.size_hint())
    }

    fn release(&self) {
        if let Some(socket) = &mut *self.socket.borrow_mut() {
            socket.input.abandon();
        }
    }
}

#[cfg(test)]
mod tests;
