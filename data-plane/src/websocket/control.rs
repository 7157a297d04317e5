//! Control frames that the gateway itself sends to clients (RFC 6455, section 5.5), and the Pongs that answer its
//! Pings. Pure.

use super::frames::Frames;

/// FIN and the opcode of Ping.
const PING: u8 = 0x89;
/// FIN and the opcode of Pong.
const PONG: u8 = 0x8a;
/// FIN and the opcode of Close.
const CLOSE: u8 = 0x88;
const MASKED: u8 = 0x80;
/// The maximum payload of a control frame in bytes.
const MAX_PAYLOAD: usize = 125;
/// The length of the code of a Close frame.
const CODE: usize = 2;

/// The payload of the gateway's Pings to one client. It is random, so that no Pong for the backend equals it.
pub(crate) type PingMark = [u8; 8];

/// The length of a client's Pong to such a Ping: two bytes, the mask, and the payload.
const MARKED_PONG: usize = 2 + 4 + size_of::<PingMark>();

/// Encodes a Close frame. The frame holds as much of the reason as fits, cut at a character.
pub(crate) fn close_frame(code: u16, reason: &str) -> Vec<u8> {
    let reason = &reason[..reason.floor_char_boundary(MAX_PAYLOAD - CODE)];
    let length = (CODE + reason.len()) as u8;
    [&[CLOSE, length][..], &code.to_be_bytes(), reason.as_bytes()].concat()
}

/// Encodes a Ping with this payload.
pub(crate) fn ping_frame(mark: PingMark) -> Vec<u8> {
    [&[PING, mark.len() as u8][..], &mark].concat()
}

/// Removes the Pongs to the gateway's own Pings from what a client sends. All other frames pass.
#[derive(Debug)]
pub(crate) struct PongFilter {
    mark: PingMark,
    /// The place in the client's bytes.
    place: Frames,
    /// The beginning of a frame that may become such a Pong.
    held: Vec<u8>,
}

/// How bytes at the beginning of a frame compare with a Pong to the gateway's own Ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Match {
    Whole,
    /// More bytes must come.
    SoFar,
    No,
}

impl PongFilter {
    /// Creates the filter of a client whose next byte has this place.
    pub(crate) fn new(mark: PingMark, place: Frames) -> PongFilter {
        PongFilter { mark, place, held: Vec::new() }
    }

    /// Takes the next bytes of the client, and returns those that pass. The beginning of a frame is kept back as long
    /// as it may be a Pong to the gateway's own Ping.
    pub(crate) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let (mut passed, mut rest) = (Vec::with_capacity(all.len()), &all[..]);
        while !rest.is_empty() {
            let found = if self.place.is_at_boundary() { self.compare(rest) } else { Match::No };
            match found {
                Match::Whole => rest = &rest[MARKED_PONG..],
                Match::SoFar => {
                    self.held = rest.to_vec();
                    break;
                }
                Match::No => {
                    let (frame, next) = rest.split_at(self.place.read_frame(rest));
                    passed.extend_from_slice(frame);
                    rest = next;
                }
            }
        }
        passed
    }

    /// Returns the bytes that were kept back, because no more come.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }

    fn compare(&self, bytes: &[u8]) -> Match {
        let head = [PONG, MASKED | self.mark.len() as u8];
        if bytes.iter().zip(&head).any(|(one, other)| one != other) {
            return Match::No;
        }
        let Some((mask, payload)) = bytes.get(head.len()..).and_then(|rest| rest.split_first_chunk::<4>())
        else {
            return Match::SoFar;
        };
        let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        if unmasked.zip(self.mark).any(|(one, other)| one != other) {
            Match::No
        } else if bytes.len() < MARKED_PONG {
            Match::SoFar
        } else {
            Match::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: PingMark = *b"markmark";

    fn pong(payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&[PONG, MASKED | payload.len() as u8][..], &mask].concat().into_iter().chain(masked).collect()
    }

    #[test]
    fn only_pongs_to_our_own_pings_are_removed_however_the_bytes_are_cut() {
        let (ours, other, short) = (pong(&MARK), pong(b"markmarl"), pong(b"mark"));
        let text = [0x81, 0x85, 0, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'].to_vec();
        // The payload of a message may look like our Pong.
        let inside = [&[0x82, 0x80 | ours.len() as u8, 0, 0, 0, 0][..], &ours].concat();
        let cases: &[(&[&[u8]], &[&[u8]])] = &[
            (&[&ours], &[]),
            (&[&text, &ours, &text], &[&text, &text]),
            (&[&ours, &ours, &other, &ours, &short], &[&other, &short]),
            (&[&inside, &ours, &inside], &[&inside, &inside]),
            (&[&ours[..13]], &[&ours[..13]]),
            (&[&text, &ours[..2]], &[&text, &ours[..2]]),
        ];
        for (sent, expected) in cases {
            for size in [1, 2, 5, 14, 15, 1000] {
                let mut filter = PongFilter::new(MARK, Frames::default());
                let mut passed = Vec::new();
                for chunk in sent.concat().chunks(size) {
                    passed.extend(filter.pass(chunk));
                }
                passed.extend(filter.finish());
                assert_eq!(passed, expected.concat(), "{sent:?} by {size}");
            }
        }
    }

    #[test]
    fn a_filter_that_begins_within_a_frame_looks_from_its_end_on() {
        let ours = pong(&MARK);
        let mut place = Frames::default();
        crate::pump::Tap::read(&mut place, &[0x82, 0x80 | 14, 0, 0, 0, 0]);
        let mut filter = PongFilter::new(MARK, place);
        assert_eq!(filter.pass(&[ours.clone(), ours.clone()].concat()), ours);
    }

    #[test]
    fn a_close_frame_holds_the_code_and_a_reason_that_fits() {
        assert_eq!(close_frame(1001, ""), [0x88, 2, 0x03, 0xe9]);
        assert_eq!(close_frame(1012, "later"), [&[0x88, 7, 0x03, 0xf4][..], b"later"].concat());
        let long = close_frame(1012, &"ä".repeat(100));
        assert_eq!((long[1], long.len()), (124, 126));
        assert!(std::str::from_utf8(&long[4..]).is_ok());
    }
}
