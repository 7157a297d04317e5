//! The characters of request targets. Pure.

use http::Uri;

/// The characters of a target: those of RFC 3986, and those that browsers send unencoded.
static TARGET: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        allowed[byte as usize] = !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'`' | b'{' | b'}');
        byte += 1;
    }
    allowed
};

/// Returns true for a character that a client may send in a target.
pub(crate) fn is_target_byte(byte: u8) -> bool {
    TARGET[usize::from(byte)]
}

/// The longest target in bytes, which is also that of the crate `http`.
const MAX_LENGTH: usize = u16::MAX as usize - 1;

/// Returns true for a target that the gateway may make: a path with or without a query, `*`, or an absolute
/// URL. Rewrites may have put characters into it that clients must encode; it must still be a URI.
pub(crate) fn is_sendable(target: &str) -> bool {
    match target.as_bytes() {
        long if long.len() > MAX_LENGTH => false,
        b"*" => true,
        [b'/', rest @ ..] if rest.iter().all(|byte| is_target_byte(*byte)) => true,
        // A fragment is none of the server's business.
        _ if target.contains('#') => false,
        [b'/', ..] => Uri::try_from(target).is_ok(),
        _ => Uri::try_from(target).is_ok_and(|uri| uri.scheme().is_some()),
    }
}
