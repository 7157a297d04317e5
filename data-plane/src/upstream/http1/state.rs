//! The state of a connection: what is left to be sent, and how much of the response has been read.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Method, StatusCode};
use tidegate_http1::{BodyDecoder, Fault, Fields, RequestHead, ResponseHead, ResponseScanner};
use tokio::io::{AsyncRead, ReadBuf};

use super::output::Output;
use super::request::{Length, write_head};
use super::upload::Upload;
use crate::alarm::Pause;
use crate::body::RequestBody;
use crate::body::chunk::Chunk;
use crate::read_buffer::ReadBuffer;
use crate::spare_heads;
use crate::stream::Stream;
use crate::upstream::UpstreamError;

/// The part of a response that is read next.
#[derive(Debug)]
enum Next {
    /// There is no request, or its response has ended.
    Nothing,
    Head,
    Body(BodyDecoder),
    Trailers(Fields),
}

#[derive(Debug)]
pub(super) struct State {
    /// `None` once the connection was closed or handed over.
    pub(super) stream: Option<Stream>,
    output: Output,
    /// The rest of the request's body.
    upload: Option<Upload>,
    /// The error that ended the sending. The backend may have answered before.
    failed: Option<io::Error>,
    scanner: ResponseScanner,
    /// The beginning of a head that is incomplete.
    held: Vec<u8>,
    /// The bytes that were read behind the last head.
    early: Option<(ReadBuffer, Range<usize>)>,
    next: Next,
    /// The method of the current request.
    method: Method,
    /// False once the connection can carry no request after the current one.
    keep_alive: bool,
    /// True if the backend may have taken a request for two, or sent bytes behind the response to it: the request had
    /// a body, or a method other than GET, or the response had no body. What the backend sends unasked would be the
    /// response to the next request. It may come late, so a later request does not end the doubt.
    pub(super) is_doubtful: bool,
}

impl State {
    pub(super) fn new(stream: Stream) -> State {
        State {
            stream: Some(stream),
            output: Output::default(),
            upload: None,
            failed: None,
            scanner: ResponseScanner::new(),
            held: Vec::new(),
            early: None,
            next: Next::Nothing,
            method: Method::GET,
            keep_alive: true,
            is_doubtful: false,
        }
    }

    /// Returns true if the connection can carry a request and has none.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.next, Next::Nothing)
            && self.keep_alive
            && self.upload.is_none()
            && self.output.is_empty()
            && self.stream.is_some()
    }

    /// Returns true if the current response has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.next, Next::Nothing)
    }

    /// Returns the number of bytes that are left of the response's body, if it is known.
    pub(super) fn remaining(&self) -> Option<u64> {
        match &self.next {
            Next::Body(decoder) => decoder.remaining(),
            Next::Nothing | Next::Head | Next::Trailers(_) => Some(0),
        }
    }

    /// Begins a request, and takes its body.
    pub(super) fn begin(
        &mut self,
        head: &mut RequestHead,
        body: &mut RequestBody,
        length: Length,
        expecting: Option<Pause>,
    ) {
        let expecting = expecting.filter(|_| length != Length::None);
        write_head(head, length, expecting.is_some(), self.output.begin());
        self.method.clone_from(&head.method);
        self.next = Next::Head;
        self.is_doubtful |= length != Length::None || head.method != Method::GET;
        if length != Length::None {
            let body = std::mem::replace(body, RequestBody::empty());
            self.upload = Some(Upload::new(body, length, expecting));
        }
    }

    /// The request has failed. Returns its body if nothing was taken from it, and true if the backend has seen nothing
    /// of the request.
    pub(super) fn fail(&mut self) -> (Option<RequestBody>, bool) {
        self.keep_alive = false;
        (self.upload.take().and_then(Upload::untouched), !self.output.has_begun())
    }

    /// Sends what can be sent now.
    ///
    /// # Errors
    /// The body of the request has failed. An error of the connection only ends the sending.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<(), UpstreamError> {
        if self.upload.is_none() && self.output.is_empty() {
            return Ok(());
        }
        match self.poll_send(cx) {
            Poll::Ready(Err(UpstreamError::Io(error))) => {
                self.failed = Some(error);
                self.keep_alive = false;
                self.output.clear();
                if self.output.has_begun() {
                    self.upload = None;
                }
                Ok(())
            }
            Poll::Ready(sent) => sent,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        let stream = self.stream.as_mut().ok_or(UpstreamError::Closed)?;
        if let Some(upload) = &mut self.upload
            && upload.poll(cx, &mut self.output, stream)?.is_ready()
        {
            self.upload = None;
        }
        self.output.poll_flush(cx, stream).map_err(UpstreamError::from)
    }

    /// Sends the request, and reads up to the end of the final head.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        interim: &dyn Fn(&ResponseHead),
    ) -> Poll<Result<ResponseHead, UpstreamError>> {
        self.send(cx)?;
        if !self.output.has_begun()
            && let Some(error) = self.failed.take()
        {
            return Poll::Ready(Err(error.into()));
        }
        let read = ready!(self.poll_read_head(cx, interim));
        Poll::Ready(match (read, self.failed.take()) {
            (Err(UpstreamError::Closed | UpstreamError::Io(_)), Some(failed)) => Err(failed.into()),
            (read, _) => read,
        })
    }

    fn poll_read_head(
        &mut self,
        cx: &mut Context<'_>,
        interim: &dyn Fn(&ResponseHead),
    ) -> Poll<Result<ResponseHead, UpstreamError>> {
        let mut buffer = ReadBuffer::take();
        loop {
            let stream = self.stream.as_mut().ok_or(UpstreamError::Closed)?;
            let count = ready!(poll_read(stream, cx, &mut buffer))?;
            if count == 0 {
                return Poll::Ready(Err(UpstreamError::Closed));
            }
            if let Some((head, rest)) = self.scan(&buffer[..count], interim)? {
                if rest > 0 {
                    self.early = Some(buffer.keep(count - rest..count));
                }
                self.answered(&head);
                return Poll::Ready(Ok(head));
            }
            // An interim response may have ended the wait of the body.
            self.send(cx)?;
        }
    }

    /// Scans the next bytes. Returns the final head and the number of bytes behind it.
    fn scan(
        &mut self,
        bytes: &[u8],
        interim: &dyn Fn(&ResponseHead),
    ) -> Result<Option<(ResponseHead, usize)>, Fault> {
        let mut held = std::mem::take(&mut self.held);
        let whole = if held.is_empty() {
            bytes
        } else {
            held.extend_from_slice(bytes);
            &held
        };
        let mut at = 0;
        spare_heads::lend_to_responses(&mut self.scanner);
        while let Some((head, length)) = self.scanner.scan(&whole[at..], &self.method)? {
            at += length;
            if !head.is_interim() {
                return Ok(Some((head, whole.len() - at)));
            }
            match (head.status, &mut self.upload) {
                (StatusCode::CONTINUE, Some(upload)) => upload.go_on(),
                // The client did not ask, or was told so before.
                (StatusCode::CONTINUE, None) => {}
                _ => interim(&head),
            }
            self.scanner.recycle(head);
        }
        if held.is_empty() {
            held.extend_from_slice(&bytes[at..]);
        } else {
            held.drain(..at);
        }
        self.held = held;
        Ok(None)
    }

    /// The final head was read.
    fn answered(&mut self, head: &ResponseHead) {
        self.keep_alive &= head.framing.keep_alive;
        if self.upload.as_ref().is_some_and(Upload::is_expecting) {
            // The backend does not want the body, but it knows its length: it may read the next request as the body.
            self.upload = None;
            self.keep_alive = false;
        }
        let decoder = BodyDecoder::of_response(head.framing.body);
        let has_body = !decoder.has_ended();
        self.next = Next::Body(decoder);
        self.is_doubtful |= !has_body;
        if !has_body {
            self.end();
        }
    }

    /// The response has ended. Bytes behind it were not asked for.
    fn end(&mut self) {
        self.next = Next::Nothing;
        self.keep_alive &= self.early.is_none();
    }

    /// Goes on sending the request, and reads the next piece of the response's body.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Option<Result<Chunk, UpstreamError>>> {
        self.send(cx)?;
        loop {
            match std::mem::replace(&mut self.next, Next::Nothing) {
                Next::Nothing | Next::Head => return Poll::Ready(None),
                Next::Trailers(trailers) => {
                    self.end();
                    return Poll::Ready(Some(Ok(Chunk::Trailers(trailers))));
                }
                body @ Next::Body(_) => self.next = body,
            }
            if let Some((mut early, range)) = self.early.take() {
                let data = self.decode(&mut early[range.clone()])?;
                if !data.is_empty() {
                    let data = range.start + data.start..range.start + data.end;
                    return Poll::Ready(Some(Ok(Chunk::Early(early, data))));
                }
                continue;
            }
            let stream = self.stream.as_mut().ok_or(UpstreamError::Closed)?;
            let count = ready!(poll_read(stream, cx, buffer))?;
            if count == 0 {
                return Poll::Ready(self.end_with_connection().map(Err));
            }
            let data = self.decode(&mut buffer[..count])?;
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Chunk::Read(data))));
            }
        }
    }

    /// The backend has closed the connection. Returns the error if the body is incomplete.
    fn end_with_connection(&mut self) -> Option<UpstreamError> {
        self.keep_alive = false;
        match &self.next {
            Next::Body(decoder) if decoder.may_end_with_connection() => {
                self.end();
                None
            }
            _ => Some(UpstreamError::Closed),
        }
    }

    /// Decodes bytes of the body in place: their data is moved together. Returns the range of the data.
    fn decode(&mut self, bytes: &mut [u8]) -> Result<Range<usize>, Fault> {
        let Next::Body(decoder) = &mut self.next else { return Ok(0..0) };
        let (mut at, mut data) = (0, 0..0);
        while at < bytes.len() && !decoder.has_ended() {
            let decoded = decoder.decode(&bytes[at..])?;
            let found = at + decoded.data.start..at + decoded.data.end;
            at += decoded.consumed;
            if data.is_empty() {
                data = found;
            } else {
                let length = found.len();
                bytes.copy_within(found, data.end);
                data.end += length;
            }
        }
        self.keep_alive &= at == bytes.len();
        if decoder.has_ended() {
            match decoder.take_trailers() {
                Some(trailers) => self.next = Next::Trailers(trailers),
                None => self.end(),
            }
        }
        Ok(data)
    }

    /// Takes the stream, with the bytes that were read behind the last head.
    pub(super) fn take_stream(&mut self) -> Option<(Stream, Bytes)> {
        let early = self.early.take();
        let early = early.map(|(buffer, range)| Bytes::copy_from_slice(&buffer[range]));
        Some((self.stream.take()?, early.unwrap_or_default()))
    }
}

/// Reads into `buffer`. Ready with the number of bytes, which is 0 at the end of the connection.
fn poll_read(stream: &mut Stream, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
    let mut read = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(cx, &mut read))?;
    Poll::Ready(Ok(read.filled().len()))
}
