//! Deterministic names derived from other names. Pure.
//!
//! `uniqueString` returns exactly what Azure returns, because scripts contain such names.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use uuid::{Builder, Uuid, uuid};

/// The namespace of `guid`, as documented by ARM.
const NAMESPACE: Uuid = uuid!("11fb06fb-712d-4ddd-98c7-e71bbd588830");

/// Returns the version 5 UUID of the texts, joined by `-`.
pub(super) fn guid(texts: &[String]) -> String {
    let mut bytes = NAMESPACE.as_bytes().to_vec();
    bytes.extend_from_slice(texts.join("-").as_bytes());
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let mut first = [0; 16];
    first.copy_from_slice(&hash.as_ref()[..16]);
    Builder::from_sha1_bytes(first).into_uuid().to_string()
}

/// Returns 13 characters, letters and digits from 2 to 7, derived from the texts, joined by `-`.
pub(super) fn string(texts: &[String]) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut hash = hash(texts.join("-").as_bytes());
    let mut name = String::with_capacity(13);
    for _ in 0..13 {
        // Five bits always index a character.
        name.push(char::from(ALPHABET[(hash >> 59) as usize & 31]));
        hash <<= 5;
    }
    name
}

/// A variant of MurmurHash3 with two 32-bit lanes, which Azure uses for `uniqueString` and for hashes of
/// templates. Not cryptographic.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    const A: u32 = 0x239b_961b;
    const B: u32 = 0xab0e_9789;
    let mix_low = |word: u32| word.wrapping_mul(A).rotate_left(15).wrapping_mul(B);
    let mix_high = |word: u32| word.wrapping_mul(B).rotate_left(17).wrapping_mul(A);
    let word = |bytes: &[u8]| {
        bytes.iter().enumerate().fold(0_u32, |word, (i, byte)| word | u32::from(*byte) << (8 * i))
    };
    let (mut low, mut high) = (0_u32, 0_u32);
    let blocks = bytes.chunks_exact(8);
    let tail = blocks.remainder();
    for block in blocks {
        low = (low ^ mix_low(word(&block[..4]))).rotate_left(19).wrapping_add(high);
        low = low.wrapping_mul(5).wrapping_add(0x561c_cd1b);
        high = (high ^ mix_high(word(&block[4..]))).rotate_left(13).wrapping_add(low);
        high = high.wrapping_mul(5).wrapping_add(0x0bca_a747);
    }
    low ^= mix_low(word(&tail[..tail.len().min(4)]));
    if tail.len() > 4 {
        high ^= mix_high(word(&tail[4..]));
    }
    #[expect(clippy::cast_possible_truncation, reason = "the length counts modulo 2^32")]
    let length = bytes.len() as u32;
    (low, high) = (low ^ length, high ^ length);
    low = low.wrapping_add(high);
    high = high.wrapping_add(low);
    (low, high) = (avalanche(low), avalanche(high));
    low = low.wrapping_add(high);
    high = high.wrapping_add(low);
    u64::from(high) << 32 | u64::from(low)
}

fn avalanche(mut word: u32) -> u32 {
    word = (word ^ word >> 16).wrapping_mul(0x85eb_ca6b);
    word = (word ^ word >> 13).wrapping_mul(0xc2b2_ae35);
    word ^ word >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn unique_strings_are_those_of_the_service() {
        // The first two are published results of Azure.
        let cases: [(&[&str], &str); 4] = [
            (&["tyeth"], "zcztcwvu6iyg6"),
            (&["hello", "world"], "a7wkljktk6wne"),
            (&["test", "test2"], "pivml2tg5alca"),
            (&[""], "aaaaaaaaaaaaa"),
        ];
        for (given, expected) in cases {
            assert_eq!(string(&texts(given)), expected, "{given:?}");
        }
        assert_eq!(hash(b"hello-world"), 571_013_382_255_652_050);
    }

    #[test]
    fn guids_are_of_version_5_and_always_the_same() {
        let one: Uuid = guid(&texts(&["a", "b"])).parse().unwrap();
        assert_eq!(one.get_version_num(), 5);
        assert_eq!(one.to_string(), guid(&texts(&["a-b"])));
        assert_ne!(one.to_string(), guid(&texts(&["a"])));
    }
}
