//! The bytes on their way to a backend: written at once, and kept only as far as the backend does not take them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

/// The capacity in bytes up to which the memory of sent bytes is kept for the next request.
const RECYCLED: usize = 4 * 1024;

/// The bytes that wait for a backend.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// The bytes that were not yet written, from index `at`.
    kept: Vec<u8>,
    at: usize,
    /// True if bytes were written that may wait in the TLS layer.
    unflushed: bool,
    /// True once a byte of the current request was written.
    begun: bool,
}

impl Output {
    /// Begins a request, and returns the memory for its head, which is empty.
    pub(super) fn begin(&mut self) -> &mut Vec<u8> {
        self.begun = false;
        self.clear();
        &mut self.kept
    }

    /// Returns true once the backend may have seen a part of the current request.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Returns true if no byte waits.
    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && !self.unflushed
    }

    /// Forgets all bytes, because the backend takes no more.
    pub(super) fn clear(&mut self) {
        self.unflushed = false;
        self.at = 0;
        if self.kept.capacity() > RECYCLED {
            self.kept = Vec::new();
        } else {
            self.kept.clear();
        }
    }

    /// Returns the memory of the kept bytes, to add more.
    pub(super) fn kept(&mut self) -> &mut Vec<u8> {
        &mut self.kept
    }

    /// Writes the kept bytes and then `piece`. What the backend does not take now is kept.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
        piece: &[u8],
    ) -> io::Result<()> {
        let mut rest = piece;
        while self.at < self.kept.len() || !rest.is_empty() {
            let waiting = &self.kept[self.at..];
            let stream = Pin::new(&mut *stream);
            let polled = match (waiting.is_empty(), rest.is_empty()) {
                (true, _) => stream.poll_write(cx, rest),
                (false, true) => stream.poll_write(cx, waiting),
                (false, false) => {
                    stream.poll_write_vectored(cx, &[IoSlice::new(waiting), IoSlice::new(rest)])
                }
            };
            let Poll::Ready(written) = polled else {
                self.keep(rest);
                return Ok(());
            };
            let written = written?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            (self.begun, self.unflushed) = (true, true);
            let of_kept = written.min(self.kept.len() - self.at);
            self.at += of_kept;
            rest = &rest[written - of_kept..];
        }
        self.clear();
        self.unflushed = true;
        Ok(())
    }

    fn keep(&mut self, rest: &[u8]) {
        self.kept.drain(..self.at);
        self.at = 0;
        self.kept.extend_from_slice(rest);
    }

    /// Writes everything that waits. Ready when the backend has taken it.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        if !self.kept.is_empty() {
            self.write(cx, stream, &[])?;
        }
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(stream).poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        if self.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, duplex};

    use super::*;

    #[tokio::test]
    async fn every_byte_leaves_in_order_through_a_narrow_connection() {
        let (mut near, mut far) = duplex(7);
        let mut output = Output::default();
        output.begin().extend_from_slice(b"the head, ");
        assert!(!output.has_begun());
        let send = async {
            poll_fn(|cx| Poll::Ready(output.write(cx, &mut near, b"the first piece, "))).await.unwrap();
            assert!(output.has_begun() && !output.is_empty());
            poll_fn(|cx| output.poll_flush(cx, &mut near)).await.unwrap();
            poll_fn(|cx| Poll::Ready(output.write(cx, &mut near, b"the next"))).await.unwrap();
            poll_fn(|cx| output.poll_flush(cx, &mut near)).await.unwrap();
            drop(near);
        };
        let mut received = String::new();
        let (_, read) = tokio::join!(send, far.read_to_string(&mut received));
        read.unwrap();
        assert_eq!(received, "the head, the first piece, the next");
        assert!(output.is_empty());
    }
}
