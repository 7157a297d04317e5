//! The body of a request on its way to a backend: its framing (RFC 9112, sections 6 and 7.1), and the wait for a
//! backend that is asked whether it wants the body at all (`Expect: 100-continue`, RFC 9110, section 10.1.1).

use std::io::Write;
use std::ops::Range;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::Body;
use tidegate_http1::write_last_chunk;
use tokio::io::AsyncWrite;

use super::output::Output;
use super::request::Length;
use crate::alarm::Pause;
use crate::body::RequestBody;
use crate::body::chunk::Chunk;
use crate::read_buffer::{self, ReadBuffer};
use crate::upstream::UpstreamError;

/// The time that a backend has to ask for a body or to refuse it. Then the body is sent unasked, because old servers
/// do not know the expectation (RFC 9110, section 10.1.1).
const CONTINUE: Duration = Duration::from_secs(1);

/// The space before a piece for the size of its chunk, which is less than 1 MiB.
const BEFORE: usize = "10000\r\n".len();
const LINE_END: &[u8] = b"\r\n";
/// The last chunk of a body, without trailers.
const LAST: &[u8] = b"0\r\n\r\n";
/// The space behind a piece for the end of its chunk, and of the body.
const BEHIND: usize = LINE_END.len() + LAST.len();

/// A body that is being sent.
#[derive(Debug)]
pub(super) struct Upload {
    body: RequestBody,
    /// The bytes that are left to be sent; `None` if the body is chunked.
    left: Option<u64>,
    /// The wait for the backend's 100, while there is one.
    expecting: Option<Pause>,
    /// True once the body was asked for a piece.
    begun: bool,
    /// True once something was taken from the body.
    taken: bool,
}

impl Upload {
    /// Begins a body of this length; with `expecting`, the backend is asked for its 100 first.
    pub(super) fn new(body: RequestBody, length: Length, expecting: Option<Pause>) -> Upload {
        let left = match length {
            Length::None => Some(0),
            Length::Bytes(bytes) => Some(bytes),
            Length::Chunked => None,
        };
        Upload { body, left, expecting, begun: false, taken: false }
    }

    /// The backend wants the body.
    pub(super) fn go_on(&mut self) {
        self.expecting = None;
    }

    /// Returns true if the backend was asked whether it wants the body, and has not answered.
    pub(super) fn is_expecting(&self) -> bool {
        self.expecting.is_some()
    }

    /// Returns the body if nothing was taken from it.
    pub(super) fn untouched(self) -> Option<RequestBody> {
        (!self.taken).then_some(self.body)
    }

    /// Sends pieces as long as there are some and the backend takes them. Ready when the last one was given to
    /// `output`.
    ///
    /// # Errors
    /// The body failed, or the connection.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        output: &mut Output,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<Result<(), UpstreamError>> {
        if let Some(pause) = &mut self.expecting {
            if !pause.is_over(cx, CONTINUE) {
                return Poll::Pending;
            }
            self.expecting = None;
        }
        let mut buffer = ReadBuffer::take();
        loop {
            // Only a head waits for a piece, to leave together with the first.
            if self.begun {
                ready!(output.poll_flush(cx, stream))?;
            }
            self.begun = true;
            let polled = self.body.poll_chunk(cx, &mut buffer[BEFORE..read_buffer::SIZE - BEHIND]);
            self.taken |= polled.is_ready();
            let chunk = ready!(polled).transpose().map_err(UpstreamError::RequestBody)?;
            let ended = matches!(chunk, None | Some(Chunk::Trailers(_))) || self.body.is_end_stream();
            self.count(chunk.as_ref(), ended)?;
            match chunk {
                Some(Chunk::Read(range)) => {
                    let range = range.start + BEFORE..range.end + BEFORE;
                    let framed = if self.left.is_none() { frame(&mut buffer, range, ended) } else { range };
                    output.write(cx, stream, &buffer[framed])?;
                }
                Some(other) if self.left.is_some() => output.write(cx, stream, other.bytes(&[]))?,
                other => {
                    append(other.as_ref(), ended, output.kept());
                    output.write(cx, stream, &[])?;
                }
            }
            if ended {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Counts a piece of a body with a length.
    ///
    /// # Errors
    /// The body is longer or shorter than its length, so that the backend would misread what follows.
    fn count(&mut self, chunk: Option<&Chunk>, ended: bool) -> Result<(), UpstreamError> {
        let Some(left) = &mut self.left else { return Ok(()) };
        let length = chunk.map_or(0, Chunk::len) as u64;
        *left = left.checked_sub(length).ok_or_else(|| unlike_its_length("longer"))?;
        if ended && *left > 0 { Err(unlike_its_length("shorter")) } else { Ok(()) }
    }
}

fn unlike_its_length(how: &str) -> UpstreamError {
    UpstreamError::RequestBody(format!("the body is {how} than its length").into())
}

/// Writes the frame of a chunk around the piece in `range`, and the end of the body behind the last one. Returns the
/// range of all that.
fn frame(buffer: &mut [u8], range: Range<usize>, ended: bool) -> Range<usize> {
    if range.is_empty() && !ended {
        return range;
    }
    let mut size = [0; BEFORE];
    let mut rest = &mut size[..];
    let (before, after) = match range.is_empty() {
        true => (0, LAST),
        false => {
            write!(rest, "{:x}\r\n", range.len()).expect("no piece is larger than its buffer");
            let unused = rest.len();
            (BEFORE - unused, if ended { concat!("\r\n", "0\r\n\r\n").as_bytes() } else { LINE_END })
        }
    };
    let framed = range.start - before..range.end + after.len();
    buffer[framed.start..range.start].copy_from_slice(&size[..before]);
    buffer[range.end..framed.end].copy_from_slice(after);
    framed
}

/// Appends a piece of a chunked body, or its trailers, and the end of the body behind the last one.
fn append(chunk: Option<&Chunk>, ended: bool, out: &mut Vec<u8>) {
    let bytes = chunk.map_or(&[][..], |chunk| chunk.bytes(&[]));
    if !bytes.is_empty() {
        out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(LINE_END);
    }
    match chunk {
        Some(Chunk::Trailers(trailers)) => {
            write_last_chunk(Some(trailers), out);
        }
        _ if ended => out.extend_from_slice(LAST),
        _ => {}
    }
}
