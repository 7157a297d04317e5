//! Searches that look at eight bytes at once, in one machine word. Pure.
//!
//! Each byte of a head is looked at here, and most values are too short to repay the start of a vectorized
//! search.

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
/// The bit in which lower and upper case differ.
const CASE: u64 = u64::from_ne_bytes([0x20; 8]);

/// Returns a word in which the lowest set bit is that of the first control character: below 0x20, or 0x7f.
/// Higher bits may be wrong, because a borrow passes on from a hit.
const fn controls(word: u64) -> u64 {
    let deleted = word ^ (ONES * 0x7f);
    (word.wrapping_sub(CASE) & !word | deleted.wrapping_sub(ONES) & !deleted) & HIGHS
}

fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f
}

/// Returns the position of the first control character other than the tab.
#[inline]
pub(crate) fn find_control(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        if let Some(at) = control_in(word) {
            return Some(number * 8 + at);
        }
    }
    match bytes.last_chunk::<8>() {
        _ if rest.is_empty() => None,
        // The last word overlaps the one before it, which has none.
        Some(last) => control_in(last).map(|at| bytes.len() - last.len() + at),
        None => rest.iter().position(|byte| is_control(*byte)),
    }
}

#[inline]
fn control_in(word: &[u8; 8]) -> Option<usize> {
    let found = controls(u64::from_le_bytes(*word));
    if found == 0 {
        return None;
    }
    let first = found.trailing_zeros() as usize / 8;
    // Behind a tab, every byte is looked at.
    word[first..].iter().position(|byte| is_control(*byte)).map(|at| first + at)
}

/// Returns the position of the first colon.
#[inline]
pub(crate) fn find_colon(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let others = u64::from_le_bytes(*word) ^ (ONES * b':' as u64);
        let found = others.wrapping_sub(ONES) & !others & HIGHS;
        if found != 0 {
            return Some(number * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| *byte == b':')?;
    Some(words.len() * 8 + at)
}

/// Returns true if a name equals a text of lower-case letters, digits and hyphens without case. The name must
/// have no control characters: they could be taken for digits and hyphens.
pub(crate) fn is_token_of(name: &[u8], lower: &[u8]) -> bool {
    if name.len() != lower.len() {
        return false;
    }
    // The last word overlaps the one before it.
    if let (Some(name_end), Some(lower_end)) = (name.last_chunk::<8>(), lower.last_chunk::<8>()) {
        let is_same =
            |name: &[u8; 8], lower: &[u8; 8]| u64::from_ne_bytes(*name) | CASE == u64::from_ne_bytes(*lower);
        let (words, _) = name.as_chunks::<8>();
        let (expected, _) = lower.as_chunks::<8>();
        return is_same(name_end, lower_end) && words.iter().zip(expected).all(|(a, b)| is_same(a, b));
    }
    if let (Some(name_end), Some(lower_end)) = (name.last_chunk::<4>(), lower.last_chunk::<4>())
        && let (Some(name), Some(lower)) = (name.first_chunk::<4>(), lower.first_chunk::<4>())
    {
        let is_same = |name: &[u8; 4], lower: &[u8; 4]| {
            u32::from_ne_bytes(*name) | CASE as u32 == u32::from_ne_bytes(*lower)
        };
        return is_same(name, lower) && is_same(name_end, lower_end);
    }
    name.iter().zip(lower).all(|(a, b)| a | 0x20 == *b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_control_character_is_found_wherever_it_stands() {
        for length in 0..40 {
            for at in 0..length {
                for byte in 0..=255_u8 {
                    for (first, other) in
                        [(b'a', b'\t'), (b'\t', 0x1f), (0x80, 0x7f), (b' ', 0xff), (0x7e, b'\r')]
                    {
                        let mut bytes = vec![first; length];
                        bytes[at] = byte;
                        bytes[at + 1..].fill(other);
                        let expected = bytes.iter().position(|byte| is_control(*byte));
                        assert_eq!(find_control(&bytes), expected, "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_colon_is_found_wherever_it_stands() {
        for length in 0..20 {
            for at in 0..length {
                for other in [b':', b';', b'9', 0xba, 0] {
                    let mut bytes = vec![b';'; length];
                    bytes[at] = b':';
                    bytes[at + 1..].fill(other);
                    assert_eq!(find_colon(&bytes), Some(at), "{bytes:?}");
                    bytes[at] = b'9';
                    assert_eq!(find_colon(&bytes), bytes.iter().position(|byte| *byte == b':'), "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn tokens_are_compared_without_case() {
        let lower = b"x-forwarded-for-0123456789-abcdefghijk";
        for length in 0..lower.len() {
            let lower = &lower[..length];
            assert!(is_token_of(lower, lower) && is_token_of(&lower.to_ascii_uppercase(), lower));
            assert!(!is_token_of(&lower[..length.saturating_sub(1)], lower) || length == 0);
            for at in 0..length {
                for byte in (0x21..0x7f_u8).filter(|byte| !byte.eq_ignore_ascii_case(&lower[at])) {
                    let mut name = lower.to_ascii_uppercase();
                    name[at] = byte;
                    assert!(!is_token_of(&name, lower), "{}", String::from_utf8_lossy(&name));
                }
            }
        }
    }
}
