//! The code of the Close frame that ends a direction of a tunnel, if it is certain. Pure.
//!
//! A tunnel does not parse frames. But a peer sends nothing after its Close frame: if the last chunk is exactly one
//! Close frame, its code is known. If the frame is split or shares the chunk with other bytes, the code stays
//! unknown.

use crate::pump::Tap;

/// FIN, no extension, and the opcode of Close (RFC 6455, section 5.2).
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;
/// The maximum payload of a control frame in bytes (RFC 6455, section 5.5).
const MOST: u8 = 125;

/// The meaning of a Close frame without a code (RFC 6455, section 7.1.5).
const NO_STATUS: u16 = 1005;

/// The code of the Close frame in the last chunk; `None` if the chunk is anything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CloseCode(pub(super) Option<u16>);

impl Tap for CloseCode {
    fn read(&mut self, chunk: &[u8]) {
        self.0 = code(chunk);
    }
}

/// Returns the code if `chunk` is exactly one Close frame.
fn code(chunk: &[u8]) -> Option<u16> {
    let [CLOSE, length, rest @ ..] = chunk else { return None };
    let (mask, payload) = if length & MASKED == 0 { (&[0; 4], rest) } else { rest.split_first_chunk::<4>()? };
    let length = length & !MASKED;
    if length > MOST || payload.len() != usize::from(length) {
        return None;
    }
    match payload {
        [] => Some(NO_STATUS),
        [_] => None,
        [high, low, ..] => Some(u16::from_be_bytes([high ^ mask[0], low ^ mask[1]])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_close_frame_says_its_code() {
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
        ];
        for (chunk, expected) in cases {
            assert_eq!(code(chunk), *expected, "{chunk:?}");
        }
    }
}
