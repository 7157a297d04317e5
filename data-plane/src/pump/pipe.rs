//! Pipes through which the kernel moves bytes from socket to socket without copying them: `splice(2)`.
//!
//! A thread lends a few pipes. A pipe goes back empty: one that still holds bytes is closed, so that no byte of a
//! tunnel can reach another one. This module must not know which bytes may pass unseen.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::io::{Errno, read, retry_on_intr};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The size of a pipe in bytes. A piece of a received segment takes a whole page of it, however small the piece is,
/// so the size is larger than [`MAX_FILL`].
const SIZE: usize = 256 * 1024;

/// The most bytes that wait in a pipe: what a tunnel holds at most while its receiver takes nothing.
pub(super) const MAX_FILL: usize = 128 * 1024;

/// The most pipes that a thread lends at the same time. Pipes wait only for receivers, and only for a moment.
const MAX_LENT: usize = 16;

/// The most empty pipes that a thread keeps.
const MAX_SPARE: usize = 4;

/// Neither the pipe nor the socket may block the thread.
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

thread_local! {
    static SPARE: RefCell<Vec<Ends>> = const { RefCell::new(Vec::new()) };
    static LENT: Cell<usize> = const { Cell::new(0) };
    /// True if the system refuses `splice`, for example a sandbox.
    static IS_REFUSED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(test)]
thread_local! {
    /// The number of bytes that have entered pipes of this thread.
    pub(crate) static SPLICED: Cell<u64> = const { Cell::new(0) };
}

/// The number of pipes that this thread has lent.
#[cfg(test)]
pub(crate) fn lent() -> usize {
    LENT.get()
}

/// A pipe on loan from the thread. Dropping it gives it back if it is empty, and closes it otherwise.
#[derive(Debug)]
pub(super) struct Pipe {
    ends: Option<Ends>,
    /// The number of bytes in the pipe.
    filled: usize,
}

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

/// The result of filling a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// This many bytes have entered the pipe.
    Bytes(usize),
    /// The source has ended.
    End,
    /// The pipe has no free page, or the system refuses.
    Refused,
}

impl Ends {
    fn open() -> Result<Ends, Errno> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        // Without the permission for a larger pipe, less is moved at a time.
        let _ = fcntl_setpipe_size(&write, SIZE);
        Ok(Ends { read, write })
    }
}

impl Pipe {
    /// Takes an empty pipe; `None` if the thread has lent all of its pipes, or the system gives none.
    pub(super) fn lend() -> Option<Pipe> {
        if IS_REFUSED.get() || LENT.get() == MAX_LENT {
            return None;
        }
        let spare = SPARE.with_borrow_mut(Vec::pop);
        let ends = spare.or_else(|| Ends::open().ok())?;
        LENT.set(LENT.get() + 1);
        Some(Pipe { ends: Some(ends), filled: 0 })
    }

    /// Returns the number of bytes in the pipe.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }

    /// Moves at most `most` bytes, which must not be 0, from a socket into the pipe. Pending if the socket has none.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        source: &TcpStream,
        most: usize,
    ) -> Poll<io::Result<Filled>> {
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(Filled::Refused)) };
        let fill = || match retry_on_intr(|| splice(source, None, &ends.write, None, most, FLAGS)) {
            Ok(0) => Ok(Filled::End),
            Ok(count) => Ok(Filled::Bytes(count)),
            // A full pipe has the same error as an empty socket, whose readiness must not be cleared by mistake.
            Err(Errno::AGAIN) if self.filled > 0 => Ok(Filled::Refused),
            Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => {
                IS_REFUSED.set(true);
                Ok(Filled::Refused)
            }
            Err(error) => Err(io::Error::from(error)),
        };
        loop {
            ready!(source.poll_read_ready(cx))?;
            match source.try_io(Interest::READABLE, fill) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                filled => {
                    if let Ok(Filled::Bytes(count)) = filled {
                        self.filled += count;
                        #[cfg(test)]
                        SPLICED.set(SPLICED.get() + count as u64);
                    }
                    return Poll::Ready(filled);
                }
            }
        }
    }

    /// Moves all bytes from the pipe into a socket. Pending if the socket accepts no more.
    pub(super) fn poll_drain(&mut self, cx: &mut Context<'_>, sink: &TcpStream) -> Poll<io::Result<()>> {
        let Some(ends) = &self.ends else { return Poll::Ready(Ok(())) };
        while self.filled > 0 {
            ready!(sink.poll_write_ready(cx))?;
            let filled = self.filled;
            // Rust's runtime ignores the signal that comes with `EPIPE`.
            let drain = || Ok(retry_on_intr(|| splice(&ends.read, None, sink, None, filled, FLAGS))?);
            match sink.try_io(Interest::WRITABLE, drain) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(count) => self.filled -= count,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes all bytes out of the pipe.
    ///
    /// # Errors
    /// The pipe cannot be read; then the bytes that were read before are lost.
    pub(super) fn take_out(&mut self) -> io::Result<Vec<u8>> {
        let Some(ends) = &self.ends else { return Ok(Vec::new()) };
        let mut bytes = vec![0; self.filled];
        while self.filled > 0 {
            let at = bytes.len() - self.filled;
            match retry_on_intr(|| read(&ends.read, &mut bytes[at..]))? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.filled -= count,
            }
        }
        Ok(bytes)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let ends = self.ends.take().filter(|_| self.filled == 0);
        // While the thread ends, there may be no list left: the pipe is closed.
        let _ = LENT.try_with(|lent| lent.set(lent.get() - 1));
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < MAX_SPARE {
                spare.extend(ends);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::pump::tests::connected;

    fn spare() -> usize {
        SPARE.with_borrow(Vec::len)
    }

    #[tokio::test]
    async fn bytes_pass_and_only_an_empty_pipe_goes_back() {
        let ((mut far, source), (sink, mut end)) = (connected().await, connected().await);
        far.write_all(b"through, left").await.unwrap();
        let mut pipe = Pipe::lend().unwrap();
        let filled = poll_fn(|cx| pipe.poll_fill(cx, &source, 7)).await.unwrap();
        assert_eq!(filled, Filled::Bytes(7));
        poll_fn(|cx| pipe.poll_drain(cx, &sink)).await.unwrap();
        let mut received = [0; 7];
        end.read_exact(&mut received).await.unwrap();
        assert_eq!(&received, b"through");
        drop(pipe);
        assert_eq!((spare(), LENT.get()), (1, 0));

        let mut pipe = Pipe::lend().unwrap();
        poll_fn(|cx| pipe.poll_fill(cx, &source, 2)).await.unwrap();
        drop(pipe);
        assert_eq!((spare(), LENT.get()), (0, 0), "a pipe with bytes went back");

        let mut pipe = Pipe::lend().unwrap();
        poll_fn(|cx| pipe.poll_fill(cx, &source, 100)).await.unwrap();
        assert_eq!(pipe.take_out().unwrap(), b"left");
        drop(pipe);
        assert_eq!((spare(), LENT.get()), (1, 0));
        drop(far);
        let mut pipe = Pipe::lend().unwrap();
        assert_eq!(poll_fn(|cx| pipe.poll_fill(cx, &source, 100)).await.unwrap(), Filled::End);
    }

    #[test]
    fn a_thread_lends_few() {
        let lent: Vec<_> = (0..MAX_LENT).map(|_| Pipe::lend().unwrap()).collect();
        assert!(Pipe::lend().is_none());
        drop(lent);
        assert_eq!(spare(), MAX_SPARE);
    }
}
