//! What a client sends: the rules for it, and two readers that apply them. Pure.
//!
//! [`RequestScanner`] makes a [`crate::RequestHead`] of the bytes. [`Inspector`] only validates them, for a
//! parser that stands behind it.

#[cfg(test)]
mod cases;
mod inspector;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;

pub use inspector::{Inspection, Inspector};
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
