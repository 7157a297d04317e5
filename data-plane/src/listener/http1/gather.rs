//! The bytes of one write: the head of a response, and pieces of its body with their chunk heads. Pure.
//!
//! A piece is read to the place where it is written from, with room for a chunk head before it. If there is a gap
//! then, the shorter side of it is moved. One large piece that is already in memory of its own, as is the part of a
//! body that came with its head, is not copied but stands between the other bytes (a write of several slices).

use std::io::{IoSlice, Write};
use std::ops::Range;

use crate::body::chunk::Chunk;
use crate::read_buffer::ReadBuffer;

/// The room for a chunk head; no piece that is read has more bytes than a buffer, which is less than 1 MiB.
const CHUNK_HEAD: usize = "fffff\r\n".len();
const LINE_END: &[u8] = b"\r\n";
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";
/// The least room for which another piece is read, in bytes.
const LEAST_ROOM: usize = 4 * 1024;
/// The size from which copying a piece costs more than another slice in a write, in bytes.
const LARGE: usize = 4 * 1024;

/// The bytes of one write.
#[derive(Debug)]
pub(super) struct Gather {
    buffer: ReadBuffer,
    start: usize,
    end: usize,
    is_chunked: bool,
    /// A piece that is not in the buffer, and its place: the number of bytes before it.
    inserted: Option<(Chunk, usize)>,
}

impl Gather {
    /// Begins with nothing, in a buffer of the thread.
    pub(super) fn new(is_chunked: bool) -> Gather {
        Gather { buffer: ReadBuffer::take(), start: 0, end: 0, is_chunked, inserted: None }
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
            write!(rest, "{:x}\r\n", end - start).expect("a piece is smaller than a buffer");
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

    /// Adds a whole piece without a copy, if it is large, the first such one, and there is room around it. Otherwise
    /// returns it.
    pub(super) fn insert(&mut self, piece: Chunk) -> Option<Chunk> {
        if piece.len() < LARGE || self.inserted.is_some() || !self.has_room() {
            return Some(piece);
        }
        if self.is_chunked {
            let start = self.end;
            let mut room = &mut self.buffer[start..];
            let before = room.len();
            write!(room, "{:x}\r\n", piece.len()).expect("there is room");
            self.end += before - room.len();
        }
        self.inserted = Some((piece, self.end - self.start));
        if self.is_chunked {
            self.push(LINE_END);
        }
        None
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

    /// Returns all that is to be written, in order.
    pub(super) fn slices(&self) -> [IoSlice<'_>; 3] {
        let bytes = &self.buffer[self.start..self.end];
        let (before, piece, behind) = match &self.inserted {
            Some((piece, at)) => (&bytes[..*at], piece.bytes(&[]), &bytes[*at..]),
            None => (bytes, &[][..], &[][..]),
        };
        [before, piece, behind].map(IoSlice::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(gather: &mut Gather, at: usize, piece: &[u8]) {
        gather.place()[at..at + piece.len()].copy_from_slice(piece);
        gather.take_in(at..at + piece.len());
    }

    fn bytes(gather: &Gather) -> Vec<u8> {
        gather.slices().iter().flat_map(|slice| slice.to_vec()).collect()
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
            assert_eq!(bytes(&gather), expected, "{at}");
            let mut gather = Gather::new(false);
            assert!(gather.add(b"head\r\n\r\n"));
            read(&mut gather, at, b"abc");
            read(&mut gather, at, &long);
            gather.end_chunks();
            assert_eq!(bytes(&gather), [b"head\r\n\r\nabc".as_slice(), &long].concat(), "{at}");
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
        assert!(bytes(&gather) == expected);
        assert_eq!(gather.copy_in(&piece), 0);
    }

    #[test]
    fn one_large_piece_stands_between_the_others_uncopied() {
        let large = vec![b'y'; LARGE];
        let piece = || Chunk::Owned(large.clone().into());
        for (is_chunked, framed) in [(true, "1000\r\n"), (false, "")] {
            for at in [0, 1, 50] {
                let mut gather = Gather::new(is_chunked);
                assert!(gather.add(b"head\r\n\r\n"));
                assert!(gather.insert(Chunk::Owned("small".into())).is_some());
                assert!(gather.insert(piece()).is_none() && gather.insert(piece()).is_some());
                read(&mut gather, at, b"abc");
                read(&mut gather, at, &[b'x'; 300]);
                gather.end_chunks();
                let rest = [b"abc".as_slice(), &[b'x'; 300]];
                let expected = match is_chunked {
                    true => [
                        b"head\r\n\r\n",
                        framed.as_bytes(),
                        &large,
                        b"\r\n3\r\n",
                        rest[0],
                        b"\r\n12c\r\n",
                        rest[1],
                        b"\r\n0\r\n\r\n",
                    ]
                    .concat(),
                    false => [b"head\r\n\r\n".as_slice(), &large, rest[0], rest[1]].concat(),
                };
                assert!(bytes(&gather) == expected, "{is_chunked} {at}");
                assert_eq!(gather.slices()[1].len(), LARGE);
            }
        }
    }
}
