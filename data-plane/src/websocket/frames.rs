//! The WebSocket frames of one direction of a tunnel (RFC 6455, section 5.2), as far as their heads tell: where each
//! frame ends, and the code of the Close frame that ends the direction. Pure.
//!
//! Payload is never kept nor judged. Bytes that are no frames pass like all others: the follower then only takes wrong
//! places for boundaries.

use crate::pump::Tap;

/// FIN, no extension, and the opcode of Close.
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;
const FIN: u8 = 0x80;
/// Of the opcode's bits, the one that control frames have.
const CONTROL: u8 = 0x08;
/// The maximum payload of a control frame in bytes (RFC 6455, section 5.5).
const MAX_CONTROL: u8 = 125;
/// The longest head: two bytes, a length of eight, and a mask of four.
const MAX_HEAD: usize = 14;

/// The meaning of a Close frame without a code (RFC 6455, section 7.1.5).
const NO_STATUS: u16 = 1005;

/// The place of the next byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frames {
    /// In a head, after these bytes of it.
    Head { length: u8, bytes: [u8; MAX_HEAD - 1] },
    /// In a payload with this number of bytes left.
    Payload { left: u64 },
    /// In the payload of a Close frame; its first two bytes are the code, as far as it has come.
    Close { length: u8, left: u8, mask: [u8; 2], code: [u8; 2] },
    /// Behind a Close frame with this code. A peer sends nothing after it.
    Closed(Option<u16>),
}

/// A head that is complete.
#[derive(Clone, Copy, Debug)]
struct Head {
    /// True for a Close frame that RFC 6455 allows.
    is_close: bool,
    /// The length of the payload.
    payload: u64,
    mask: [u8; 2],
}

impl Default for Frames {
    fn default() -> Frames {
        Frames::START
    }
}

impl Frames {
    const START: Frames = Frames::Head { length: 0, bytes: [0; MAX_HEAD - 1] };

    /// Returns the code of the Close frame if the direction has ended with one.
    pub(crate) fn close_code(self) -> Option<u16> {
        match self {
            Frames::Closed(code) => code,
            _ => None,
        }
    }

    /// Returns true behind a Close frame.
    pub(crate) fn is_closed(self) -> bool {
        matches!(self, Frames::Closed(_))
    }

    /// Returns true between two frames.
    pub(crate) fn is_at_boundary(self) -> bool {
        matches!(self, Frames::Head { length: 0, .. } | Frames::Closed(_))
    }

    /// Reads to the end of the frame, or as far as there are bytes. Returns the number of bytes that were read.
    pub(crate) fn read_frame(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            // A Close frame that has ended is left without reading a byte.
            let before = rest.len();
            rest = self.step(rest);
            if rest.len() < before && self.is_at_boundary() {
                break;
            }
        }
        bytes.len() - rest.len()
    }

    /// Goes on by at least one byte, and returns the rest; behind a Close frame, only its state changes.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        match self {
            Frames::Head { .. } => self.read_head(bytes),
            Frames::Payload { left } => {
                let here = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.pass(here as u64);
                &bytes[here..]
            }
            Frames::Close { length, left, mask, code } => {
                let at = usize::from(*length - *left);
                if let (Some(code), Some(mask)) = (code.get_mut(at), mask.get(at)) {
                    *code = bytes[0] ^ mask;
                }
                *left -= 1;
                if *left == 0 {
                    *self = Frames::Closed((*length > 1).then_some(u16::from_be_bytes(*code)));
                }
                &bytes[1..]
            }
            Frames::Closed(_) => {
                *self = Frames::START;
                bytes
            }
        }
    }

    fn read_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        // Nearly every head arrives whole, and is parsed where it stands.
        if matches!(self, Frames::Head { length: 0, .. })
            && let Some((length, head)) = Head::parse(bytes)
        {
            *self = head.follow();
            return &bytes[length..];
        }
        let (head, known, had) = self.head_with(bytes);
        let Some((length, head)) = Head::parse(&head[..known]) else {
            let mut kept = [0; MAX_HEAD - 1];
            kept[..known].copy_from_slice(&head[..known]);
            *self = Frames::Head { length: known as u8, bytes: kept };
            return &[];
        };
        *self = head.follow();
        &bytes[length - had..]
    }

    /// Returns the head as far as it is known if `next` follows, its known length, and the length without `next`.
    fn head_with(&self, next: &[u8]) -> ([u8; MAX_HEAD], usize, usize) {
        let mut head = [0; MAX_HEAD];
        let had = match self {
            Frames::Head { length, bytes } => {
                head[..bytes.len()].copy_from_slice(bytes);
                usize::from(*length)
            }
            _ => 0,
        };
        let more = next.len().min(MAX_HEAD - had);
        head[had..had + more].copy_from_slice(&next[..more]);
        (head, had + more, had)
    }
}

impl Head {
    /// Returns the place behind the head.
    fn follow(&self) -> Frames {
        match self.payload {
            0 if self.is_close => Frames::Closed(Some(NO_STATUS)),
            0 => Frames::START,
            payload if self.is_close => {
                let length = payload as u8;
                Frames::Close { length, left: length, mask: self.mask, code: [0; 2] }
            }
            left => Frames::Payload { left },
        }
    }

    /// Returns the head at the beginning of these bytes with its length; `None` if it is not complete.
    fn parse(bytes: &[u8]) -> Option<(usize, Head)> {
        let (&[first, second], rest) = bytes.split_first_chunk::<2>()?;
        let (payload, rest) = match second & !MASKED {
            126 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from(u16::from_be_bytes(*length)), rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*length), rest)
            }
            length => (u64::from(length), rest),
        };
        let ([mask @ .., _, _], rest) =
            if second & MASKED == 0 { (&[0; 4], rest) } else { rest.split_first_chunk()? };
        let is_close = first == CLOSE && second & !MASKED <= MAX_CONTROL;
        Some((bytes.len() - rest.len(), Head { is_close, payload, mask: *mask }))
    }
}

impl Tap for Frames {
    /// A message is counted when its last frame begins.
    fn read(&mut self, mut bytes: &[u8]) -> u32 {
        let mut messages = 0;
        while let Some(first) = bytes.first() {
            let begins_frame = matches!(self, Frames::Head { length: 0, .. });
            messages += u32::from(begins_frame && first & (FIN | CONTROL) == FIN);
            bytes = self.step(bytes);
        }
        messages
    }

    /// The payload of a Close frame is the only one that must be seen.
    fn unseen(&self, next: &[u8]) -> u64 {
        match self {
            Frames::Payload { left } => *left,
            Frames::Close { .. } => 0,
            Frames::Head { .. } | Frames::Closed(_) => {
                let (head, known, had) = self.head_with(next);
                match Head::parse(&head[..known]) {
                    Some((length, head)) if !head.is_close => {
                        head.payload.saturating_add((length - had) as u64)
                    }
                    _ => 0,
                }
            }
        }
    }

    fn pass(&mut self, count: u64) {
        if let Frames::Payload { left } = self {
            *left = left.saturating_sub(count);
            if *left == 0 {
                *self = Frames::START;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code after these bytes, which come in chunks of this size.
    fn code(bytes: &[u8], size: usize) -> Option<u16> {
        let mut frames = Frames::default();
        bytes.chunks(size).for_each(|chunk| {
            frames.read(chunk);
        });
        frames.close_code()
    }

    #[test]
    fn a_whole_close_frame_at_the_end_says_its_code_however_it_is_split() {
        let long = [&[0x82, 0x7e, 0x01, 0x00][..], &[0x88; 256], &[0x88, 0x02, 0x03, 0xe8]].concat();
        let cases: &[(&[u8], Option<u16>)] = &[
            (&[0x88, 0x02, 0x03, 0xe8], Some(1000)),
            (&[0x88, 0x05, 0x0f, 0xa1, b'b', b'y', b'e'], Some(4001)),
            (&[0x88, 0x82, 1, 2, 3, 4, 0x02, 0xea], Some(1000)),
            (&[0x88, 0x00], Some(1005)),
            (&[0x88, 0x80, 1, 2, 3, 4], Some(1005)),
            (&[0x88, 0x01, 0x03], None),
            (&[0x88, 0x02, 0x03], None),
            (&[0x88, 0x02, 0x03, 0xe8, 0x00], None),
            (&[0x88, 0x82, 1, 2, 3], None),
            (&[0x81, 0x02, 0x03, 0xe8], None),
            (&[0xc8, 0x02, 0x03, 0xe8], None),
            (&[0x88, 0x7e, 0x00, 0x02, 0x03, 0xe8], None),
            (&[0x88], None),
            (&[], None),
            (&[0x81, 0x02, b'h', b'i', 0x88, 0x02, 0x03, 0xe8], Some(1000)),
            (&[0x89, 0x00, 0x8a, 0x80, 1, 2, 3, 4, 0x88, 0x02, 0x03, 0xe9], Some(1001)),
            (&[0x81, 0x04, 0x88, 0x02, 0x03, 0xe8], None),
            (&[0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x88, 0x02, 0x03, 0xe8], Some(1000)),
            (&long, Some(1000)),
        ];
        for (bytes, expected) in cases {
            for size in [1, 2, 3, 1000] {
                assert_eq!(code(bytes, size), *expected, "{bytes:?} by {size}");
            }
        }
    }

    #[test]
    fn what_may_pass_unseen_ends_with_the_frame_and_no_close_frame_does() {
        let cases: &[(&[u8], &[u8], u64)] = &[
            (&[], &[], 0),
            (&[], &[0x82], 0),
            (&[], &[0x82, 0x05], 7),
            (&[], &[0x82, 0x7e, 0x10], 0),
            (&[], &[0x82, 0x7e, 0x10, 0x00, b'x'], 0x1000 + 4),
            (&[], &[0x82, 0xfe, 0x10, 0x00, 1, 2, 3], 0),
            (&[], &[0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4], 0x1000 + 8),
            (&[0x82, 0xfe, 0x10], &[0x00, 1, 2, 3, 4], 0x1000 + 5),
            (&[0x82, 0xfe, 0x10, 0x00, 1, 2, 3, 4, b'x'], &[], 0xfff),
            (&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4], &[], u64::MAX),
            (&[], &[0x88, 0x02, 0x03, 0xe8], 0),
            (&[0x88, 0x02], &[0x03, 0xe8], 0),
            (&[0x88, 0x00], &[0x81, 0x01], 3),
        ];
        for (read, next, expected) in cases {
            let mut frames = Frames::default();
            frames.read(read);
            assert_eq!(frames.unseen(next), *expected, "{read:?} before {next:?}");
        }
        let mut frames = Frames::default();
        frames.read(&[0x82, 0x7e, 0x10, 0x00]);
        frames.pass(0xfff);
        frames.read(b"x");
        assert_eq!(frames, Frames::START);
    }

    #[test]
    fn a_message_counts_once_however_it_is_split() {
        let long = [&[0x82, 0x7e, 0x01, 0x00][..], &[0x81; 256]].concat();
        let cases: &[(&[u8], u32)] = &[
            (&[], 0),
            (&[0x81], 1),
            (&[0x81, 0x02, b'h', b'i', 0x82, 0x00], 2),
            (&[0x01, 0x01, b'h', 0x00, 0x01, b'o', 0x80, 0x01, b'!'], 1),
            (&[0x89, 0x00, 0x8a, 0x80, 1, 2, 3, 4, 0x88, 0x02, 0x03, 0xe9], 0),
            (&[0xc1, 0x80, 1, 2, 3, 4], 1),
            (&[0x88, 0x00, 0x81, 0x00], 1),
            (&long, 1),
        ];
        for (bytes, expected) in cases {
            for size in [1, 2, 5, 1000] {
                let mut frames = Frames::default();
                let counted: u32 = bytes.chunks(size).map(|chunk| frames.read(chunk)).sum();
                assert_eq!(counted, *expected, "{bytes:?} by {size}");
            }
        }
    }

    #[test]
    fn a_frame_ends_at_its_boundary() {
        let (ping, text) = ([0x89, 0x01, b'x'], [0x81, 0x02, b'h', b'i']);
        let close = [0x88, 0x02, 0x03, 0xe8];
        let cases: &[(&[&[u8]], &[usize], bool)] = &[
            (&[&ping, &text], &[3, 4], true),
            (&[&close, &text], &[4, 4], true),
            (&[&text, &ping[..1]], &[4, 1], false),
            (&[&text[..3]], &[3], false),
            (&[&[0x89, 0x00], &[0x82, 0x7e, 0x00]], &[2, 3], false),
        ];
        for (bytes, expected, ends_at_boundary) in cases {
            let bytes = bytes.concat();
            let (mut frames, mut rest, mut lengths) = (Frames::default(), &bytes[..], Vec::new());
            while !rest.is_empty() {
                let length = frames.read_frame(rest);
                rest = &rest[length..];
                lengths.push(length);
            }
            assert_eq!((&lengths[..], frames.is_at_boundary()), (*expected, *ends_at_boundary), "{bytes:?}");
        }
    }

    #[test]
    fn an_idle_tunnel_pays_little_for_it() {
        assert_eq!(size_of::<Frames>(), 16);
    }
}
