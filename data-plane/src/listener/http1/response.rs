//! Writes one response to a client of HTTP/1.1: its head and the first piece of its body at once, then the rest at
//! the pace of the client.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use http_body::Body;
use thiserror::Error;
use tidegate_http1::{Fields, ResponseHead, write_last_chunk};

use super::gather::Gather;
use crate::body::BoxError;
use crate::body::chunk::Chunk;
use crate::downstream::http1::Http1Client;
use crate::downstream::http1::response_head::{self, Asked, BodyFraming, Length, ResponseFraming};
use crate::proxy::response_body::{Response, ResponseBody};
use crate::proxy::tunnel::PendingTunnel;
use crate::spare_heads;
use crate::tcp::Follows;

/// The largest memory of a written head that is kept for the next one, in bytes.
const MAX_KEPT: usize = 16 * 1024;

thread_local! {
    /// The memory in which the head of a response is written.
    static HEAD: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The reason why a response was not written to its end.
#[derive(Debug, Error)]
pub(super) enum Aborted {
    #[error("the client went away")]
    ClientGone,
    #[error("the client cannot be written to: {0}")]
    Write(io::Error),
    /// The body broke off. `needs_reset` is true if the client could not tell this from its end.
    #[error("the body of the response broke off: {error}")]
    Body { error: BoxError, needs_reset: bool },
}

impl Aborted {
    /// Closes the connection of the client, so that it does not take the response for complete.
    pub(super) fn end(&self, client: &Http1Client) {
        match self {
            Aborted::Body { needs_reset: true, .. } => client.reset(),
            _ => client.abort(),
        }
    }
}

/// The result of a response that was written.
#[derive(Debug)]
pub(super) struct Written {
    /// True if the connection can carry another request.
    pub(super) keep_alive: bool,
    /// The tunnel that begins after the response.
    pub(super) tunnel: Option<Box<PendingTunnel>>,
}

/// A response that is being written.
#[derive(Debug)]
pub(super) struct ResponseWriter<'a> {
    client: &'a Http1Client,
    asked: Asked,
    /// True if the connection becomes a tunnel after the response.
    becomes_tunnel: bool,
    /// The head, until it is written.
    head: Option<ResponseHead>,
    framing: ResponseFraming,
    /// The body, until it has been read to its end.
    body: Option<ResponseBody>,
    /// A piece that was not read into the buffer of the thread, and how much of it is written.
    piece: Option<(Chunk, usize)>,
    trailers: Option<Fields>,
    /// The number of bytes that are left of a body with a length.
    left: u64,
    /// The reason why the body broke off, until the bytes before it are written.
    broken_off: Option<Aborted>,
}

/// The result of reading the body for one write.
enum BodyRead {
    /// The body has no more for now.
    Pending,
    /// The write is large enough, or the body has ended.
    Done,
}

/// Writes a response to its end.
///
/// # Errors
/// The client has gone away or is too slow, or the body breaks off.
pub(super) async fn write(
    client: &Http1Client,
    response: Response,
    asked: Asked,
) -> Result<Written, Aborted> {
    let Response { head, body } = response;
    let (body, tunnel) = match body {
        ResponseBody::Tunnel(tunnel) => (None, Some(tunnel)),
        body => (Some(body), None),
    };
    let mut writer = ResponseWriter {
        client,
        asked,
        becomes_tunnel: tunnel.is_some(),
        head: Some(head),
        framing: ResponseFraming { body: BodyFraming::Length(0), keep_alive: false },
        body,
        piece: None,
        trailers: None,
        left: 0,
        broken_off: None,
    };
    let keep_alive = poll_fn(|cx| writer.poll(cx)).await?;
    Ok(Written { keep_alive, tunnel })
}

impl ResponseWriter<'_> {
    /// Writes until the response is complete. Returns true if the connection can carry another request.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, Aborted>> {
        loop {
            match self.client.poll_drain(cx) {
                Poll::Ready(drained) => drained.map_err(Aborted::Write)?,
                Poll::Pending => return self.poll_gone(cx),
            }
            if let Some(broken_off) = self.broken_off.take() {
                return Poll::Ready(Err(broken_off));
            }
            if self.head.is_none() && self.body.is_none() && self.piece.is_none() {
                // The rest of the request's body may have come meanwhile.
                let can_continue = self.client.finish_request(cx) && self.client.is_between_requests();
                return Poll::Ready(Ok(self.framing.keep_alive && can_continue));
            }
            let mut gather = Gather::new(self.framing.body == BodyFraming::Chunked);
            if let Some(head) = self.head.take()
                && !self.begin(cx, head, &mut gather)
            {
                // The head must have left before anything else is written.
                continue;
            }
            let read = self.read(cx, &mut gather);
            self.client.write(cx, &gather.slices(), self.follows()).map_err(Aborted::Write)?;
            if let Some(trailers) = self.trailers.take() {
                self.client.write_later(|out| write_last_chunk(Some(&trailers), out));
            }
            let read = read.unwrap_or_else(|broken_off| {
                // A slow client still gets what came before.
                self.broken_off = Some(broken_off);
                BodyRead::Done
            });
            if let BodyRead::Pending = read {
                // What was just written may wait for the client too.
                return match self.client.poll_drain(cx) {
                    Poll::Ready(Err(error)) => Poll::Ready(Err(Aborted::Write(error))),
                    Poll::Ready(Ok(())) | Poll::Pending => self.poll_gone(cx),
                };
            }
        }
    }

    /// Tells whether the end of the connection follows what has been read.
    fn follows(&self) -> Follows {
        let is_last = self.body.is_none() && self.piece.is_none() && self.trailers.is_none();
        let ends = is_last && !self.framing.keep_alive && !self.becomes_tunnel;
        if ends { Follows::End } else { Follows::Unknown }
    }

    /// Ready when the client goes away before the response is complete.
    fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<Result<bool, Aborted>> {
        self.client.poll_gone(cx).map(|()| Err(Aborted::ClientGone))
    }

    /// Adds the head to the first write. Returns false if it is too large for that: then it waits to be written.
    fn begin(&mut self, cx: &mut Context<'_>, mut head: ResponseHead, gather: &mut Gather) -> bool {
        let asked =
            Asked { keep_alive: self.asked.keep_alive & self.client.begin_response(cx), ..self.asked };
        let length = match &self.body {
            None => Length::Empty,
            Some(body) if body.is_end_stream() => Length::Empty,
            Some(body) => body.size_hint().exact().map_or(Length::Unknown, Length::Known),
        };
        let mut bytes = HEAD.take();
        bytes.clear();
        self.framing = response_head::write(&mut head, length, asked, &mut bytes);
        spare_heads::keep_response(head);
        gather.set_chunked(self.framing.body == BodyFraming::Chunked);
        let fits = gather.add(&bytes);
        if !fits {
            self.client.write_later(|out| out.extend_from_slice(&bytes));
        }
        if bytes.capacity() <= MAX_KEPT {
            HEAD.set(bytes);
        }
        if let BodyFraming::Length(bytes) = self.framing.body {
            self.left = bytes;
        }
        if length == Length::Empty || self.framing.body == BodyFraming::Length(0) {
            self.body = None;
        }
        fits
    }

    /// Reads the body until a write is full or nothing more is there. A body is dropped as soon as it has ended, before
    /// its last bytes are written.
    fn read(&mut self, cx: &mut Context<'_>, gather: &mut Gather) -> Result<BodyRead, Aborted> {
        loop {
            if let Some((piece, at)) = &mut self.piece {
                *at += gather.copy_in(&piece.bytes(&[])[*at..]);
                if *at < piece.len() {
                    return Ok(BodyRead::Done);
                }
                self.piece = None;
            }
            match &self.body {
                None => return Ok(BodyRead::Done),
                Some(body) if body.is_end_stream() => self.end(gather)?,
                Some(_) if !gather.has_room() => return Ok(BodyRead::Done),
                Some(_) => match self.read_piece(cx, gather) {
                    Poll::Ready(read) => read?,
                    Poll::Pending => return Ok(BodyRead::Pending),
                },
            }
        }
    }

    fn read_piece(&mut self, cx: &mut Context<'_>, gather: &mut Gather) -> Poll<Result<(), Aborted>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let read = match ready!(body.poll_chunk(cx, gather.place())) {
            Some(Ok(Chunk::Trailers(trailers))) => return Poll::Ready(self.end_with(trailers, gather)),
            Some(Ok(chunk)) => self.count(chunk.len()).map(|()| match chunk {
                Chunk::Read(range) => gather.take_in(range),
                chunk => self.piece = gather.insert(chunk).map(|chunk| (chunk, 0)),
            }),
            Some(Err(error)) => Err(self.broken_off(error)),
            None => self.end(gather),
        };
        Poll::Ready(read)
    }

    /// Counts bytes of the body: a client could take more than were announced for the next response.
    fn count(&mut self, bytes: usize) -> Result<(), Aborted> {
        if let BodyFraming::Length(_) = self.framing.body {
            let left = self.left.checked_sub(bytes as u64);
            self.left = left.ok_or_else(|| self.broken_off("it is longer than announced".into()))?;
        }
        Ok(())
    }

    /// Notes the end of the body.
    fn end(&mut self, gather: &mut Gather) -> Result<(), Aborted> {
        if self.left > 0 {
            return Err(self.broken_off("it is shorter than announced".into()));
        }
        self.body = None;
        gather.end_chunks();
        Ok(())
    }

    /// Notes the end of a body that has trailers.
    fn end_with(&mut self, trailers: Fields, gather: &mut Gather) -> Result<(), Aborted> {
        if self.asked.takes_trailers && self.framing.body == BodyFraming::Chunked {
            self.body = None;
            self.trailers = Some(trailers);
            return Ok(());
        }
        self.end(gather)
    }

    fn broken_off(&self, error: BoxError) -> Aborted {
        Aborted::Body { error, needs_reset: self.framing.body == BodyFraming::UntilClose }
    }
}
