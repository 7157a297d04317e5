//! What a backend sends: the rules for it, and the scanner that applies them. Pure.
//!
//! A head that two parsers could read differently is rejected, as with clients: a backend whose headers
//! contain text of others must not send a response of theirs as the answer to the next request.

#[cfg(test)]
mod cases;
mod rules;
mod scanner;
#[cfg(test)]
mod tests;

pub use scanner::ResponseScanner;
