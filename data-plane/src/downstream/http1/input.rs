//! The bytes that a client sends: heads, bodies, and bytes that arrive early. All waits for the client have timeouts.

mod body;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::SizeHint;
use tidegate_http1::{Fault, Limits, RequestHead, RequestScanner};
use tidegate_shared::host::CanonicalHost;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::Instant;

use super::refusal::Refusal;
use crate::alarm::Alarm;
use crate::body::chunk::Chunk;
use crate::config::Timeouts;
use crate::read_buffer::{self, ReadBuffer};
use crate::spare_heads;
use crate::stream::Stream;
use crate::thread::Thread;
use body::BodyInput;

/// The most pieces of a body that are read for nobody, so that its connection can carry the next request.
const MAX_DISCARDED: usize = 3;

/// The state of reading from one client.
#[derive(Debug)]
pub(super) struct Input {
    /// What was read and is not used yet, from index `at`.
    kept: Vec<u8>,
    at: usize,
    scanner: RequestScanner,
    limits: Limits,
    /// The body of the running request; `None` if it has been read to its end.
    body: Option<BodyInput>,
    /// The task of the connection, if it waits for the end of the body, which another task may read.
    waiting: Option<Waker>,
    /// True once nothing more is read from this client, because it has made a fault.
    refused: bool,
    /// True once the client has sent a request.
    greeted: bool,
    /// The start of the present wait for the client.
    since: Option<Instant>,
    alarm: Alarm,
}

/// What a client sends when the next request is due.
#[derive(Debug)]
pub(crate) enum NextRequest {
    Head(RequestHead),
    /// A request that is rejected; nothing more is read.
    Refused(Refusal),
    /// The client has closed the connection, or has been silent for too long.
    Closed,
}

/// The reason why a body cannot be read to its end.
#[derive(Debug)]
pub(super) enum BodyError {
    Io(io::Error),
    Fault(Fault),
}

/// Reads from a socket into a buffer of the thread.
pub(super) fn poll_read<R>(
    cx: &mut Context<'_>,
    stream: &mut Stream,
    work: impl FnOnce(&[u8]) -> R,
) -> Poll<io::Result<R>> {
    let mut buffer = ReadBuffer::take();
    let count = ready!(poll_read_into(cx, stream, &mut buffer))?;
    Poll::Ready(Ok(work(&buffer[..count])))
}

fn poll_read_into(cx: &mut Context<'_>, stream: &mut Stream, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

impl Input {
    pub(super) fn new(thread: &Rc<Thread>) -> Input {
        let is_host = |authority: &str| CanonicalHost::parse(authority).is_ok();
        let limits = Limits { max_body: thread.max_request_body, is_host };
        Input {
            kept: Vec::new(),
            at: 0,
            scanner: RequestScanner::new(limits),
            limits,
            body: None,
            waiting: None,
            refused: false,
            greeted: false,
            since: None,
            alarm: thread.alarms.alarm(),
        }
    }

    /// Reads the next head.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        times: &Timeouts,
    ) -> Poll<NextRequest> {
        if self.refused {
            return Poll::Ready(NextRequest::Closed);
        }
        // Bytes that arrived early come first.
        let mut next = if self.kept.is_empty() { None } else { self.scan(times) };
        while next.is_none() {
            let had_begun = self.is_within_head();
            match poll_read(cx, stream, |bytes| self.take_in(bytes, times)) {
                Poll::Ready(Ok(None)) if !had_begun && self.is_within_head() => self.since = None,
                Poll::Ready(Ok(found)) => next = found,
                Poll::Ready(Err(_)) => next = Some(NextRequest::Closed),
                Poll::Pending => next = Some(ready!(self.poll_silence(cx, times))),
            }
        }
        self.since = None;
        self.greeted = true;
        self.refused |= matches!(next, Some(NextRequest::Refused(_)));
        Poll::Ready(next.unwrap_or(NextRequest::Closed))
    }

    /// Takes bytes that were read while a head is due; none is the end of the stream.
    fn take_in(&mut self, bytes: &[u8], times: &Timeouts) -> Option<NextRequest> {
        if bytes.is_empty() {
            return Some(NextRequest::Closed);
        }
        if !self.kept.is_empty() {
            // Only the begun head is needed. A client whose every read ends within a head never empties the rest.
            self.kept.drain(..std::mem::take(&mut self.at));
            self.kept.extend_from_slice(bytes);
            return self.scan(times);
        }
        spare_heads::lend_to_requests(&mut self.scanner);
        match self.scanner.scan(bytes) {
            Ok(Some((head, length))) => {
                self.kept.extend_from_slice(&bytes[length..]);
                Some(self.begin(head, times))
            }
            Ok(None) => {
                self.kept.extend_from_slice(bytes);
                None
            }
            Err(fault) => Some(NextRequest::Refused(Refusal::of(fault, bytes, &self.limits))),
        }
    }

    /// Looks for a head in the kept bytes.
    fn scan(&mut self, times: &Timeouts) -> Option<NextRequest> {
        spare_heads::lend_to_requests(&mut self.scanner);
        match self.scanner.scan(&self.kept[self.at..]) {
            Ok(Some((head, length))) => {
                self.consume(length);
                Some(self.begin(head, times))
            }
            Ok(None) => None,
            Err(fault) => Some(self.refuse(fault)),
        }
    }

    fn refuse(&self, fault: Fault) -> NextRequest {
        NextRequest::Refused(Refusal::of(fault, &self.kept[self.at..], &self.limits))
    }

    /// Begins to read the body of a request, if it has one.
    fn begin(&mut self, head: RequestHead, times: &Timeouts) -> NextRequest {
        self.body = BodyInput::of(&head, self.limits.max_body, times);
        NextRequest::Head(head)
    }

    /// Checks the timeouts while no head arrives.
    fn poll_silence(&mut self, cx: &mut Context<'_>, times: &Timeouts) -> Poll<NextRequest> {
        let within_head = self.is_within_head();
        let limit = if self.greeted && !within_head { times.idle } else { times.header };
        let since = *self.since.get_or_insert_with(Instant::now);
        if !self.alarm.is_over(cx, since + limit) {
            return Poll::Pending;
        }
        Poll::Ready(if within_head { self.refuse(Fault::HeadTimeout) } else { NextRequest::Closed })
    }

    /// Returns true if a part of a head was read. Some old clients send an empty line after a body, which begins no
    /// request.
    pub(super) fn is_within_head(&self) -> bool {
        self.body.is_none() && self.kept[self.at..].iter().any(|byte| !matches!(byte, b'\r' | b'\n'))
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
        if self.at == self.kept.len() {
            (self.kept, self.at) = (Vec::new(), 0);
        }
    }

    /// Returns true once if the client waits to be asked for its body.
    pub(super) fn is_asked_to_continue(&mut self) -> bool {
        self.body.as_mut().is_some_and(|body| std::mem::take(&mut body.waits_for_continue))
    }

    /// Reads the next piece of the body into `buffer`. Bytes behind the body are kept.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        times: &Timeouts,
        buffer: &mut [u8],
    ) -> Poll<Option<Result<Chunk, BodyError>>> {
        if self.refused {
            return Poll::Ready(Some(Err(BodyError::Io(io::ErrorKind::InvalidData.into()))));
        }
        while let Some(body) = &mut self.body {
            if let Some(trailers) = body.trailers.take() {
                self.end_body();
                return Poll::Ready(Some(Ok(Chunk::Trailers(trailers))));
            }
            let early = self.kept.len() > self.at;
            let count = match early {
                true => copy_early(&self.kept[self.at..], buffer),
                false => match ready!(self.poll_body_bytes(cx, stream, times, buffer)) {
                    Ok(count) => count,
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
            };
            let Some(body) = &mut self.body else { break };
            let decoded = match body.decode(buffer, count) {
                Ok(decoded) => decoded,
                Err(fault) => return Poll::Ready(Some(Err(self.fail(fault)))),
            };
            match early {
                true => self.consume(decoded.used),
                false => self.kept.extend_from_slice(&buffer[decoded.used..count]),
            }
            if decoded.ended {
                self.end_body();
            }
            if !decoded.data.is_empty() {
                return Poll::Ready(Some(Ok(Chunk::Read(decoded.data))));
            }
        }
        Poll::Ready(None)
    }

    /// Reads bytes of the body from the socket, at least one.
    fn poll_body_bytes(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        times: &Timeouts,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, BodyError>> {
        match poll_read_into(cx, stream, buffer) {
            Poll::Pending => {
                let fault = ready!(self.poll_pause(cx, times));
                Poll::Ready(Err(self.fail(fault)))
            }
            Poll::Ready(Ok(0)) => Poll::Ready(Err(BodyError::Io(io::ErrorKind::UnexpectedEof.into()))),
            Poll::Ready(Ok(count)) => {
                let since = self.since.take();
                if let Some(body) = &mut self.body {
                    body.rate.waited(since.map_or(Duration::ZERO, |since| since.elapsed()));
                    body.rate.moved(count as u64);
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(BodyError::Io(error))),
        }
    }

    /// Ready when the client has paused for too long within its body, or has sent it too slowly.
    fn poll_pause(&mut self, cx: &mut Context<'_>, times: &Timeouts) -> Poll<Fault> {
        let allowance = self.body.as_ref().map_or(Duration::MAX, |body| body.rate.allowance());
        let (limit, fault) = match allowance < times.body {
            true => (allowance, Fault::SlowBody),
            false => (times.body, Fault::BodyTimeout),
        };
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.alarm.is_over(cx, since + limit) { Poll::Ready(fault) } else { Poll::Pending }
    }

    fn end_body(&mut self) {
        self.body = None;
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(task) = self.waiting.take() {
            task.wake();
        }
    }

    fn fail(&mut self, fault: Fault) -> BodyError {
        self.refused = true;
        BodyError::Fault(fault)
    }

    /// Returns the number of bytes that are left of the body.
    pub(super) fn size_hint(&self) -> SizeHint {
        match &self.body {
            None => SizeHint::with_exact(0),
            Some(body) => body.remaining().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }

    /// Notes that nobody will read the rest of the body.
    pub(super) fn abandon(&mut self) {
        if let Some(body) = &mut self.body {
            body.abandoned = true;
            self.wake();
        }
    }

    /// Discards the rest of an abandoned body if it is here already. Returns false if it is not: what follows it can
    /// never be read.
    pub(super) fn finish_abandoned(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        times: &Timeouts,
    ) -> bool {
        if self.body.as_ref().is_none_or(|body| !body.abandoned) {
            return !self.refused;
        }
        let mut buffer = ReadBuffer::take();
        for _ in 0..MAX_DISCARDED {
            match self.poll_body(cx, stream, times, &mut buffer) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
            }
        }
        self.body.is_none()
    }

    /// Returns true if the body of the request has been read to its end.
    pub(super) fn is_between_requests(&self) -> bool {
        self.body.is_none() && !self.refused
    }

    /// Returns true if the client may still be sending what is not read.
    pub(super) fn may_still_arrive(&self) -> bool {
        self.refused || self.body.is_some()
    }

    /// Ready when the client has closed the connection. See [`super::Http1Client::poll_gone`].
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<()> {
        if self.body.is_some() {
            self.waiting = Some(cx.waker().clone());
        }
        if self.body.is_some() || self.refused {
            return Poll::Pending;
        }
        // The end of the stream is behind the bytes that arrive early. A client that sends more of them than are kept
        // is not noticed when it leaves.
        while self.kept.len() - self.at < read_buffer::SIZE {
            let mut buffer = ReadBuffer::take();
            let room = read_buffer::SIZE - (self.kept.len() - self.at);
            match ready!(poll_read_into(cx, stream, &mut buffer[..room])) {
                Ok(count) if count > 0 => self.kept.extend_from_slice(&buffer[..count]),
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.kept.capacity()
    }

    /// Returns the bytes that have arrived early.
    pub(super) fn into_early(mut self) -> Bytes {
        Bytes::from(self.kept.split_off(self.at))
    }
}

fn copy_early(early: &[u8], buffer: &mut [u8]) -> usize {
    let count = early.len().min(buffer.len());
    buffer[..count].copy_from_slice(&early[..count]);
    count
}
