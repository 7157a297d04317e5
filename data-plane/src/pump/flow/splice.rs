//! A direction in bulk: the kernel moves the bytes that the tap lets pass unseen, stretch by stretch. Where the next
//! stretch begins, its first bytes are looked at before anything moves.

use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;
use tokio::net::TcpStream;

use super::{At, Count, Flow, Kept, MUCH};
use crate::pump::Tap;
use crate::pump::pipe::{Filled, MAX_FILL, Pipe};

/// The number of bytes that are looked at to find the next stretch.
const LOOK: usize = 16;

/// The result of a look for bytes that may pass unseen.
pub(super) enum Look {
    /// They have passed as far as there were any, or the source has ended.
    Passed,
    /// The next bytes must be copied.
    MustCopy,
}

impl<T: Tap> Flow<T> {
    /// Moves bytes through a pipe as far as they may pass unseen. Pending if the source has no more bytes and the sink
    /// took all.
    pub(super) fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        sink: &TcpStream,
        count: Count<'_>,
    ) -> Poll<Result<Look, (At, io::Error)>> {
        let Some(mut pipe) = Pipe::lend() else {
            self.streak = 0;
            return Poll::Ready(Ok(Look::MustCopy));
        };
        let look = self.poll_fill(cx, source, &mut pipe, count);
        if let Poll::Ready(drained) = pipe.poll_drain(cx, sink) {
            drained.map_err(|e| (At::Sink, e))?;
        } else {
            self.kept = Some(Box::new(Kept::InPipe(pipe)));
        }
        match look {
            Poll::Pending if self.is_held_up() => Poll::Ready(Ok(Look::Passed)),
            look => look.map_err(|e| (At::Source, e)),
        }
    }

    /// Fills an empty pipe, stretch by stretch.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        pipe: &mut Pipe,
        count: Count<'_>,
    ) -> Poll<io::Result<Look>> {
        while pipe.filled() < MAX_FILL {
            let mut look = [0; LOOK];
            let mut next = ReadBuf::new(&mut look);
            if self.tap.unseen(&[]) == 0 {
                if ready!(source.poll_peek(cx, &mut next))? == 0 {
                    self.has_ended = true;
                    return Poll::Ready(Ok(Look::Passed));
                }
                if self.tap.unseen(next.filled()) < MUCH {
                    // The rest of the head may not have arrived.
                    let is_known = next.remaining() == 0;
                    return Poll::Ready(Ok(self.must_copy(pipe, is_known)));
                }
            }
            let room = (MAX_FILL - pipe.filled()) as u64;
            let most = self.tap.unseen(next.filled()).min(room) as usize;
            match ready!(pipe.poll_fill(cx, source, most))? {
                Filled::Bytes(filled) => {
                    let seen = filled.min(next.filled().len());
                    count.add(filled, self.tap.read(&next.filled()[..seen]));
                    self.tap.pass((filled - seen) as u64);
                }
                Filled::End => {
                    self.has_ended = true;
                    break;
                }
                Filled::Refused => return Poll::Ready(Ok(self.must_copy(pipe, true))),
            }
        }
        Poll::Ready(Ok(Look::Passed))
    }

    /// Has the next bytes copied, unless the pipe holds bytes, which must be written first. With `ends_bulk`, those
    /// that follow are copied as well.
    fn must_copy(&mut self, pipe: &Pipe, ends_bulk: bool) -> Look {
        if pipe.filled() > 0 {
            return Look::Passed;
        }
        if ends_bulk {
            self.streak = 0;
        }
        Look::MustCopy
    }

    /// Copies the bytes of a pipe that waits for the sink, so that others can have the pipe.
    pub(in crate::pump) fn give_pipe_back(&mut self) {
        if let Some(kept) = &mut self.kept
            && let Kept::InPipe(pipe) = &mut **kept
            && let Ok(bytes) = pipe.take_out()
        {
            **kept = Kept::Copied { bytes, at: 0 };
        }
    }
}
