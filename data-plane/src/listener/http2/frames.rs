//! The rate limit for a client's frames without content, enforced below hyper.
//!
//! SETTINGS, PING, PRIORITY, WINDOW_UPDATE, RST_STREAM and unknown frames cost the sender nothing, and hyper handles
//! all of them. Well-behaved clients send them in reaction to a stream, to data, or to bytes from the gateway; so
//! these earn credit in addition to the rate. Payloads are skipped by their length: the bytes of DATA are not
//! examined.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use crate::stream::{SharedConnection, Stream};

/// The number of frames without content that a connection may send per second. gRPC clients in the same network
/// measure the bandwidth with a PING and a WINDOW_UPDATE per round trip, which amounts to some thousands.
const RATE: u64 = 10_000;
/// The maximum burst, in frames.
const BURST: u64 = 20_000;
/// The credit for a HEADERS or DATA frame: a client may then send the priority of a stream and enlarge two windows.
const PER_CONTENT_FRAME: u64 = 4;
/// The number of bytes from the gateway that earn one frame.
const BYTES_PER_FRAME: u64 = 64;

/// The length of a frame's header (RFC 9113, section 4.1).
const HEADER: usize = 9;
/// The length of a client's preface (section 3.4).
const PREFACE: usize = 24;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;

/// A header block without end, which hyper reads instead of the frames after a flood. hyper has no way to close a
/// connection with an error code, but it answers this with GOAWAY and ENHANCE_YOUR_CALM, in order with its other
/// frames.
static ENDLESS_BLOCK: [u8; HEADER * 9] = {
    let mut frames = [0; HEADER * 9];
    let mut frame = 0;
    while frame < 9 {
        frames[frame * HEADER + 3] = if frame == 0 { HEADERS } else { CONTINUATION };
        frames[frame * HEADER + 8] = 1;
        frame += 1;
    }
    frames
};

/// The state of a connection that its server reads.
#[derive(Debug, Default)]
pub(super) struct Http2State {
    /// True once either side has closed the connection, or it has failed.
    pub(super) is_ended: Cell<bool>,
    pub(super) is_flooded: Cell<bool>,
    /// The timeouts that the tunnels of the connection ask for.
    pub(super) shared: Rc<SharedConnection>,
}

/// A stream whose frames are counted.
#[derive(Debug)]
pub(super) struct FrameLimitedStream {
    stream: Stream,
    meter: FrameMeter,
    link: Rc<Http2State>,
    /// The rest of [`ENDLESS_BLOCK`], after a flood.
    endless_block: Option<&'static [u8]>,
}

impl FrameLimitedStream {
    pub(super) fn new(stream: Stream, link: Rc<Http2State>) -> FrameLimitedStream {
        FrameLimitedStream { stream, meter: FrameMeter::new(Instant::now()), link, endless_block: None }
    }

    fn note<T>(&self, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(poll, Poll::Ready(Err(_))) {
            self.link.is_ended.set(true);
        }
        poll
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = written {
            self.meter.written += count as u64;
        }
        self.note(written)
    }
}

/// Finds the frame headers in a client's bytes and counts the frames.
#[derive(Debug)]
struct FrameMeter {
    /// The number of bytes before the next header.
    skip: usize,
    /// The beginning of an incomplete header.
    header: [u8; HEADER],
    held: usize,
    credit: u64,
    /// The frames earned by content since `refilled`.
    earned: u64,
    /// The bytes that the gateway has written since `refilled`.
    written: u64,
    refilled: Instant,
    is_exceeded: bool,
}

impl FrameMeter {
    fn new(now: Instant) -> FrameMeter {
        FrameMeter {
            skip: PREFACE,
            header: [0; HEADER],
            held: 0,
            credit: BURST,
            earned: 0,
            written: 0,
            refilled: now,
            is_exceeded: false,
        }
    }

    /// Reads bytes. After a flood, returns how many of them precede the next frame.
    fn take(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let left = bytes.len() - at;
            if self.skip > 0 {
                let here = self.skip.min(left);
                self.skip -= here;
                at += here;
                continue;
            }
            if self.is_exceeded && self.held == 0 {
                return Some(at);
            }
            let here = (HEADER - self.held).min(left);
            self.header[self.held..self.held + here].copy_from_slice(&bytes[at..at + here]);
            self.held += here;
            at += here;
            if self.held == HEADER {
                self.held = 0;
                self.frame();
            }
        }
        None
    }

    /// Counts the frame whose header is complete.
    fn frame(&mut self) {
        let [high, middle, low, kind, ..] = self.header;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match kind {
            HEADERS => self.earned += PER_CONTENT_FRAME,
            DATA if self.skip > 0 => self.earned += PER_CONTENT_FRAME,
            // hyper limits these itself.
            DATA | CONTINUATION => {}
            _ => {
                if self.credit == 0 {
                    self.refill(Instant::now());
                }
                self.is_exceeded |= self.credit == 0;
                self.credit = self.credit.saturating_sub(1);
            }
        }
    }

    fn refill(&mut self, now: Instant) {
        let passed = u64::try_from((now - self.refilled).as_micros()).unwrap_or(u64::MAX);
        let by_time = passed.saturating_mul(RATE) / 1_000_000;
        self.credit = (by_time + self.earned + self.written / BYTES_PER_FRAME).min(BURST);
        (self.earned, self.written, self.refilled) = (0, 0, now);
    }
}

impl AsyncRead for FrameLimitedStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.shared.apply(&this.stream);
        if this.endless_block.is_none() {
            let before = buf.filled().len();
            let read = Pin::new(&mut this.stream).poll_read(cx, buf);
            ready!(this.note(read))?;
            let bytes = &buf.filled()[before..];
            if bytes.is_empty() {
                this.link.is_ended.set(true);
            }
            let Some(passing) = this.meter.take(bytes) else { return Poll::Ready(Ok(())) };
            buf.set_filled(before + passing);
            this.link.is_flooded.set(true);
            this.endless_block = Some(&ENDLESS_BLOCK);
        }
        let rest = this.endless_block.unwrap_or_default();
        let (here, rest) = rest.split_at(rest.len().min(buf.remaining()));
        this.endless_block = Some(rest);
        if here.is_empty() {
            // hyper closes the connection after it has written its GOAWAY.
            return Poll::Pending;
        }
        buf.put_slice(here);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FrameLimitedStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.shared.apply(&this.stream);
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.wrote(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.link.shared.apply(&this.stream);
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.note(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.link.is_ended.set(true);
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PING: u8 = 6;

    /// Creates a meter whose clock is ahead, so that no time passes that would earn frames.
    fn meter() -> FrameMeter {
        FrameMeter::new(Instant::now() + Duration::from_secs(3600))
    }

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = (payload as u32).to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 0], &vec![PING; payload]].concat()
    }

    fn feed(meter: &mut FrameMeter, bytes: &[u8], piece: usize) -> Option<usize> {
        let mut before = 0;
        for piece in bytes.chunks(piece) {
            if let Some(at) = meter.take(piece) {
                return Some(before + at);
            }
            before += piece.len();
        }
        None
    }

    #[test]
    fn what_follows_a_flood_is_cut_off_at_the_beginning_of_a_frame() {
        let most = BURST as usize;
        let frames = frame(PING, 8).repeat(most + 5);
        for piece in [1, 7, 9, 16, 17, 18, 1000, usize::MAX] {
            let mut meter = meter();
            let sent = [vec![b'P'; PREFACE], frames.clone()].concat();
            assert_eq!(feed(&mut meter, &sent, piece), Some(PREFACE + (most + 1) * 17), "by {piece}");
        }
    }

    #[test]
    fn content_is_never_a_flood_and_earns_what_it_entails() {
        let mut meter = meter();
        meter.take(&[b'P'; PREFACE]);
        let content = [frame(HEADERS, 30), frame(DATA, 1), frame(DATA, 16 * 1024), frame(PING, 8)].concat();
        assert_eq!(feed(&mut meter, &content.repeat(100), 1000), None);
        let stream = [frame(HEADERS, 9), frame(2, 5), frame(8, 4), frame(8, 4), frame(3, 4)].concat();
        assert_eq!(feed(&mut meter, &stream.repeat(20_000), 1000), None);
    }

    #[test]
    fn time_and_answers_earn_further_frames() {
        let mut meter = meter();
        meter.take(&[b'P'; PREFACE]);
        let pings = |count: u64| frame(PING, 8).repeat(count as usize);
        assert_eq!(meter.take(&pings(BURST)), None);
        meter.refilled = Instant::now() - Duration::from_secs(1);
        assert_eq!(meter.take(&pings(RATE)), None);
        meter.refilled = Instant::now() + Duration::from_secs(3600);
        meter.written = 100 * BYTES_PER_FRAME;
        assert_eq!(meter.take(&pings(100)), None);
        assert!(meter.take(&pings(BURST)).is_some());
    }
}
