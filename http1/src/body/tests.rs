//! Bodies of each framing, decoded whole and in pieces.

use super::*;
use crate::chunks::cases;

/// Decodes in pieces; bytes that were not consumed are shown again. Returns the data, the number of consumed
/// bytes and whether the body has ended.
fn decode(decoder: &mut BodyDecoder, bytes: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), Fault> {
    let (mut data, mut consumed, mut shown) = (Vec::new(), 0, 0);
    while shown < bytes.len() {
        shown = (shown + piece).min(bytes.len());
        while consumed < shown {
            let decoded = decoder.decode(&bytes[consumed..shown])?;
            data.extend_from_slice(&bytes[consumed..shown][decoded.data.clone()]);
            consumed += decoded.consumed;
            assert_eq!(decoded.ended, decoder.has_ended());
            if decoded.ended {
                return Ok((data, consumed, true));
            }
            assert!(decoded.consumed > 0, "the decoder stands still");
        }
    }
    Ok((data, consumed, false))
}

#[test]
fn the_end_of_a_chunked_body_is_found_however_it_is_cut() {
    cases::for_each(|body, expected| {
        for piece in 1..=body.len().min(40) {
            let mut decoder = BodyDecoder::of_request(BodyLength::Chunked, cases::LIMIT);
            let found = decode(&mut decoder, body, piece).map(|(_, consumed, ended)| (consumed, ended));
            assert_eq!(found, expected, "{:?} by {piece}", String::from_utf8_lossy(body));
        }
    });
}

#[test]
fn data_and_trailers_are_found_in_chunks() {
    let bytes = b"5\r\nhello\r\n1;x\r\n!\r\n0\r\nX-Sum: 1\r\nx_y:\t2 \r\nCookie: c\r\n\r\nGET";
    for piece in 1..=bytes.len() {
        let mut decoder = BodyDecoder::of_request(BodyLength::Chunked, 6);
        let (data, consumed, ended) = decode(&mut decoder, bytes, piece).unwrap();
        assert_eq!((data.as_slice(), consumed, ended), (b"hello!".as_slice(), bytes.len() - 3, true));
        let mut trailers = decoder.take_trailers().unwrap();
        trailers.retain(|name, _| !name.known().is_some_and(crate::Known::is_forbidden_in_trailers));
        let mut written = Vec::new();
        write_last_chunk(Some(&trailers), &mut written);
        assert_eq!(written, b"0\r\nX-Sum: 1\r\nx_y: 2\r\n\r\n");
        assert!(trailers.has_odd_names());
    }
    let mut decoder = BodyDecoder::of_response(BodyLength::Chunked);
    let decoded = decoder.decode(b"2\r\nhi\r\n0\r\n\r\n").unwrap();
    assert_eq!(decoded, Decoded { data: 3..5, consumed: 12, ended: true });
    assert!(decoder.take_trailers().is_none());
}

#[test]
fn other_bodies_end_where_their_length_says() {
    use BodyLength::{Bytes, None, UntilClose};
    let cases: [(BodyLength, &[u8], &[u8], bool, bool); 6] = [
        (None, b"abc", b"", true, true),
        (Bytes(0), b"abc", b"", true, true),
        (Bytes(3), b"abcd", b"abc", true, true),
        (Bytes(3), b"ab", b"ab", false, false),
        (Bytes(u64::MAX), b"ab", b"ab", false, false),
        (UntilClose, b"abc", b"abc", false, true),
    ];
    for (length, bytes, data, ended, may_end) in cases {
        for piece in 1..=bytes.len() {
            let mut decoder = BodyDecoder::of_response(length);
            let found = decode(&mut decoder, bytes, piece).unwrap();
            assert_eq!(found, (data.to_vec(), data.len(), ended), "{length:?}");
            assert_eq!(decoder.may_end_with_connection(), may_end, "{length:?}");
        }
    }
}

#[test]
fn data_may_be_passed_on_without_decoding() {
    let mut decoder = BodyDecoder::of_response(BodyLength::Bytes(10));
    decoder.skip(4);
    assert_eq!(decoder.remaining(), Some(6));
    assert_eq!(decoder.decode(b"abc").unwrap().data, 0..3);
    decoder.skip(3);
    assert!(decoder.has_ended());
    assert_eq!(BodyDecoder::of_response(BodyLength::UntilClose).remaining(), None);
}

#[test]
fn the_size_of_a_chunk_is_hexadecimal() {
    let cases =
        [(1, "1"), (15, "f"), (16, "10"), (255, "ff"), (0x1_0000, "10000"), (usize::MAX, "ffffffffffffffff")];
    for (length, expected) in cases {
        let mut out = Vec::new();
        write_chunk_size(length, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{expected}\r\n"));
    }
    let mut out = Vec::new();
    write_last_chunk(None, &mut out);
    assert_eq!(out, b"0\r\n\r\n");
}
