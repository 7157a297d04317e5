//! What a client sends: the rules for it, and the scanner that applies them. Pure.

#[cfg(test)]
mod cases;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;

pub use rules::{is_expectation, is_method, is_target};
pub use scanner::RequestScanner;

use crate::limits::IsHost;
use rules::RequestLine;

/// The longest target of a rejected request that is repeated in the access log, in bytes.
const MAX_REPEATED: usize = 2 * 1024;

/// Returns the method and the target of a rejected request, for the access log: those that it has if its
/// first line is valid and its target has at most 2 KiB, otherwise `GET` and `/`. `refused` begins with the
/// rejected request.
pub fn repeatable(refused: &[u8], is_host: IsHost) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'\r', refused).unwrap_or(0);
    let known =
        RequestLine::parse(&refused[..end], is_host).ok().filter(|line| line.target.len() <= MAX_REPEATED);
    known.map_or((b"GET", b"/"), |line| (line.method, line.target))
}
