//! The read buffers of a thread: sockets are read into them, and whoever has read passes the bytes on before it waits
//! again, so that an idle connection owns no buffer.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::{Deref, DerefMut, Range};

/// The size of a buffer in bytes: a body of 64 KiB arrives in one read with its head, and leaves in one write.
pub(crate) const SIZE: usize = 68 * 1024;

/// The most unused buffers that a thread keeps. Few are in use at once: a response that is read while the body of
/// its request is still being sent needs two.
const MAX_SPARE: usize = 4;

/// The number of buffers in use up to which bytes that wait for their reader may keep a whole one.
const MAX_WAITING: usize = 32;

thread_local! {
    /// The number of whole buffers in use.
    static IN_USE: Cell<usize> = const { Cell::new(0) };
    static SPARE: RefCell<Vec<Box<[u8]>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer on loan from the thread. Its bytes are those of an earlier use.
pub(crate) struct ReadBuffer(Box<[u8]>);

impl ReadBuffer {
    /// Takes a buffer; dropping it gives it back.
    pub(crate) fn take() -> ReadBuffer {
        let spare = SPARE.with_borrow_mut(Vec::pop);
        IN_USE.set(IN_USE.get() + 1);
        ReadBuffer(spare.unwrap_or_else(|| vec![0; SIZE].into_boxed_slice()))
    }
}

impl ReadBuffer {
    /// Keeps the bytes in `range` until their reader wants them, which may be late: if many buffers are in use, in one
    /// of their own size. Returns their new range.
    pub(crate) fn keep(self, range: Range<usize>) -> (ReadBuffer, Range<usize>) {
        if IN_USE.get() <= MAX_WAITING || range.len() == SIZE {
            return (self, range);
        }
        (ReadBuffer(self.0[range.clone()].into()), 0..range.len())
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        if buffer.len() < SIZE {
            return;
        }
        // While the thread ends, there may be no list left: the buffer is freed.
        let _ = SPARE.try_with(|spare| {
            IN_USE.set(IN_USE.get() - 1);
            let mut spare = spare.borrow_mut();
            if spare.len() < MAX_SPARE {
                spare.push(buffer);
            }
        });
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl fmt::Debug for ReadBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReadBuffer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_and_few_are_kept() {
        let mut first = ReadBuffer::take();
        first[0] = 7;
        let second = ReadBuffer::take();
        assert_eq!((first.len(), second[0]), (SIZE, 0));
        drop(first);
        assert_eq!(ReadBuffer::take()[0], 7);
        drop(Vec::from_iter((0..MAX_SPARE + 2).map(|_| ReadBuffer::take())));
        assert_eq!(SPARE.with_borrow(Vec::len), MAX_SPARE);
        assert_eq!(IN_USE.get(), 1);
    }

    #[test]
    fn bytes_that_wait_keep_few_whole_buffers() {
        let kept: Vec<_> = (0..100)
            .map(|number| {
                let mut buffer = ReadBuffer::take();
                buffer[7..9].fill(number);
                buffer.keep(7..9)
            })
            .collect();
        assert_eq!(kept.iter().filter(|(buffer, _)| buffer.len() == SIZE).count(), MAX_WAITING);
        for ((buffer, range), number) in kept.iter().zip(0..) {
            assert_eq!(buffer[range.clone()], [number; 2]);
        }
        drop(kept);
        assert_eq!(IN_USE.get(), 0);
    }
}
