//! What a backend sends: the rules for it, and two readers that apply them. Pure.
//!
//! [`ResponseScanner`] makes a [`crate::ResponseHead`] of the bytes. [`ResponseInspector`] only validates
//! them, for a parser that stands behind it and is strict about the end of a body.
//!
//! A head that two parsers could read differently is rejected, as with clients: a backend whose headers
//! contain text of others must not send a response of theirs as the answer to the next request.

#[cfg(test)]
mod cases;
mod inspector;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;

pub use inspector::ResponseInspector;
pub use scanner::ResponseScanner;
