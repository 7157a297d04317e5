//! The bytes on their way to a client. The client must accept bytes in time, and at the minimum rate.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tidegate_http1::Fault;
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use crate::alarm::Alarm;
use crate::client_rate::ClientRate;
use crate::config::Timeouts;
use crate::stream::Stream;
use crate::tcp::Follows;
use crate::thread::Thread;

/// The bytes that wait for the client, and the time for which it has accepted none.
#[derive(Debug)]
pub(super) struct Output {
    /// What the socket has not accepted yet, from index `at`.
    kept: Vec<u8>,
    at: usize,
    /// True if bytes were written that may wait in the TLS layer.
    unflushed: bool,
    /// True if bytes were written that wait in the kernel for the end of the stream.
    awaits_end: bool,
    /// The rate at which the client accepts responses.
    taking: ClientRate,
    /// The present wait for the client.
    wait: Option<(Instant, Alarm)>,
}

/// The reason why nothing more can be written.
#[derive(Debug)]
pub(super) enum WriteError {
    Io(io::Error),
    /// The client accepted nothing for too long, or too little.
    Slow(Fault),
}

impl Output {
    pub(super) fn new(timeouts: &Timeouts) -> Output {
        Output {
            kept: Vec::new(),
            at: 0,
            unflushed: false,
            awaits_end: false,
            taking: ClientRate::new(timeouts.rate, timeouts.send),
            wait: None,
        }
    }

    /// Returns the number of bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.kept.len() - self.at
    }

    /// Adds bytes to those that wait to be written.
    pub(super) fn keep(&mut self, add: impl FnOnce(&mut Vec<u8>)) {
        add(&mut self.kept);
    }

    /// Returns true if the kernel sends the last bytes only with the end of the stream.
    pub(super) fn awaits_end(&self) -> bool {
        self.awaits_end
    }

    /// Writes the bytes of all slices, once; the rest of them is kept.
    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        slices: &[IoSlice<'_>],
        follows: Follows,
    ) -> io::Result<()> {
        debug_assert!(self.waiting() == 0, "earlier bytes wait");
        let written = match slices {
            _ if slices.iter().all(|slice| slice.is_empty()) => return Ok(()),
            [bytes, rest @ ..] if rest.iter().all(|slice| slice.is_empty()) => {
                stream.poll_send(cx, std::slice::from_ref(bytes), follows)
            }
            _ => stream.poll_send(cx, slices, follows),
        };
        self.awaits_end |= follows == Follows::End;
        let mut accepted = match written {
            Poll::Ready(accepted) => accepted?,
            Poll::Pending => 0,
        };
        self.accepted(accepted);
        for slice in slices {
            let of_slice = accepted.min(slice.len());
            self.kept.extend_from_slice(&slice[of_slice..]);
            accepted -= of_slice;
        }
        Ok(())
    }

    fn accepted(&mut self, count: usize) {
        self.taking.moved(count as u64);
        self.unflushed |= count > 0;
    }

    /// Writes what was kept, and flushes it.
    pub(super) fn poll_drain(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        thread: &Rc<Thread>,
    ) -> Poll<Result<(), WriteError>> {
        while self.waiting() > 0 {
            let written = Pin::new(&mut *stream).poll_write(cx, &self.kept[self.at..]);
            let count = ready!(self.timed(cx, written, thread))?;
            if count == 0 {
                return Poll::Ready(Err(WriteError::Io(io::ErrorKind::WriteZero.into())));
            }
            self.accepted(count);
            self.at += count;
        }
        if self.at > 0 {
            (self.kept, self.at) = (Vec::new(), 0);
        }
        if self.unflushed {
            let flushed = Pin::new(stream).poll_flush(cx);
            ready!(self.timed(cx, flushed, thread))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Passes the result of a write on, and measures how long the client lets it wait.
    pub(super) fn timed<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        thread: &Thread,
    ) -> Poll<Result<T, WriteError>> {
        if let Poll::Ready(written) = written {
            if let Some((since, _)) = self.wait.take() {
                self.taking.waited(since.elapsed());
            }
            return Poll::Ready(written.map_err(WriteError::Io));
        }
        let (since, alarm) = self.wait.get_or_insert_with(|| (Instant::now(), thread.alarms.alarm()));
        let send = thread.timeouts.send;
        let (limit, fault) = match self.taking.allowance() {
            allowance if allowance < send => (allowance, Fault::SlowAnswer),
            _ => (send, Fault::SendTimeout),
        };
        if !alarm.is_over(cx, *since + limit) {
            return Poll::Pending;
        }
        Poll::Ready(Err(WriteError::Slow(fault)))
    }
}
