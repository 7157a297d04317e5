//! The bytes of one write: the head of a response, and pieces of its body with their chunk heads. Pure.
//!
//! A piece is read to the place where it is written from, with room for a chunk head before it. If there is a gap
//! then, the shorter side of it is moved.

use std::io::Write;
use std::ops::Range;

use crate::read_buffer::ReadBuffer;

/// The room for a chunk head; a piece has less than 64 KiB.
const CHUNK_HEAD: usize = "ffff\r\n".len();
const LINE_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The least room for which another piece is read, in bytes.
const LEAST_ROOM: usize = 4 * 1024;

/// The bytes of one write.
#[derive(Debug)]
pub(super) struct Gather {
    buffer: ReadBuffer,
    start: usize,
    end: usize,
    is_chunked: bool,
}

impl Gather {
    /// Begins with nothing, in a buffer of the thread.
    pub(super) fn new(is_chunked: bool) -> Gather {
        Gather { buffer: ReadBuffer::take(), start: 0, end: 0, is_chunked }
    }

    pub(super) fn set_chunked(&mut self, is_chunked: bool) {
        self.is_chunked = is_chunked;
    }

    /// Adds bytes as they are, if at most half of the buffer is used then.
    pub(super) fn add(&mut self, bytes: &[u8]) -> bool {
        let end = self.end + bytes.len();
        let fits = end <= self.buffer.len() / 2;
        if fits {
            self.buffer[self.end..end].copy_from_slice(bytes);
            self.end = end;
        }
        fits
    }

    fn room(&self) -> Range<usize> {
        let (head, tail) = match self.is_chunked {
            true => (CHUNK_HEAD, LINE_END.len() + LAST_CHUNK.len()),
            false => (0, 0),
        };
        let end = self.buffer.len() - tail;
        (self.end + head).min(end)..end
    }

    /// Returns true if another piece may be read.
    pub(super) fn has_room(&self) -> bool {
        self.room().len() >= LEAST_ROOM
    }

    /// Returns the place to which the next piece is read; its bytes are added by [`Gather::take_in`].
    pub(super) fn place(&mut self) -> &mut [u8] {
        let room = self.room();
        &mut self.buffer[room]
    }

    /// Adds the piece that was read into this part of [`Gather::place`].
    pub(super) fn take_in(&mut self, part: Range<usize>) {
        let at = self.room().start;
        let (start, end) = (at + part.start, at + part.end);
        let (mut head, mut length) = ([0; CHUNK_HEAD], 0);
        if self.is_chunked {
            let mut rest = head.as_mut_slice();
            write!(rest, "{:x}\r\n", end - start).expect("a piece has less than 64 KiB");
            length = CHUNK_HEAD - rest.len();
        }
        let gap = start - length - self.end;
        let mut piece = start..end;
        if gap > 0 && self.end - self.start <= piece.len() {
            self.buffer.copy_within(self.start..self.end, self.start + gap);
            (self.start, self.end) = (self.start + gap, self.end + gap);
        } else if gap > 0 {
            self.buffer.copy_within(piece.clone(), start - gap);
            piece = start - gap..end - gap;
        }
        self.buffer[self.end..self.end + length].copy_from_slice(&head[..length]);
        self.end = piece.end;
        if self.is_chunked {
            self.push(LINE_END);
        }
    }

    /// Adds as many bytes of a piece as there is room for, and returns their number.
    pub(super) fn copy_in(&mut self, piece: &[u8]) -> usize {
        let place = self.place();
        let count = piece.len().min(place.len());
        if count > 0 {
            place[..count].copy_from_slice(&piece[..count]);
            self.take_in(0..count);
        }
        count
    }

    /// Adds the end of a chunked body.
    pub(super) fn end_chunks(&mut self) {
        if self.is_chunked {
            self.push(LAST_CHUNK);
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.end + bytes.len();
        self.buffer[self.end..end].copy_from_slice(bytes);
        self.end = end;
    }

    /// Returns all that is to be written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(gather: &mut Gather, at: usize, piece: &[u8]) {
        gather.place()[at..at + piece.len()].copy_from_slice(piece);
        gather.take_in(at..at + piece.len());
    }

    #[test]
    fn head_and_pieces_follow_each_other_wherever_a_piece_was_read_to() {
        for at in [0, 1, 5, 100] {
            let mut gather = Gather::new(true);
            assert!(gather.add(b"head\r\n\r\n"));
            let long = [b'x'; 300];
            read(&mut gather, at, b"abc");
            read(&mut gather, at, &long);
            read(&mut gather, at, b"d");
            assert_eq!(gather.copy_in(b"ef"), 2);
            gather.end_chunks();
            let expected =
                [b"head\r\n\r\n3\r\nabc\r\n12c\r\n".as_slice(), &long, b"\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n"]
                    .concat();
            assert_eq!(gather.bytes(), expected, "{at}");
            let mut gather = Gather::new(false);
            assert!(gather.add(b"head\r\n\r\n"));
            read(&mut gather, at, b"abc");
            read(&mut gather, at, &long);
            gather.end_chunks();
            assert_eq!(gather.bytes(), [b"head\r\n\r\nabc".as_slice(), &long].concat(), "{at}");
        }
    }

    #[test]
    fn a_piece_that_is_larger_than_the_room_is_divided() {
        let piece: Vec<u8> = (0..100_000_u32).map(|i| (i % 251) as u8).collect();
        let mut gather = Gather::new(true);
        assert!(!gather.add(&piece), "a head leaves no room for a body");
        let count = gather.copy_in(&piece);
        gather.end_chunks();
        assert!(count > 60_000 && !gather.has_room());
        let head = format!("{count:x}\r\n");
        let expected = [head.as_bytes(), &piece[..count], b"\r\n0\r\n\r\n"].concat();
        assert!(gather.bytes() == expected);
        assert_eq!(gather.copy_in(&piece), 0);
    }
}
