//! Strict validation of HTTP/1.1 (RFC 9112), before hyper parses it.
//!
//! hyper accepts more than a gateway may: if one parser sees one message and the next parser sees two, a request
//! can be smuggled past the gateway's decisions. Therefore the bytes of a connection first go through a small state
//! machine, which finds the end of each message and rejects everything that another parser could read differently.
//! It copies nothing, and passes bytes unchanged, except for the digit of a minor version that hyper does not know.
//!
//! [`request`] validates what clients send, [`response`] what backends send. Both validate lines with [`line`].
//! This module must not read sockets, and knows no status code.

mod chunk_extension;
mod chunks;
mod fault;
#[cfg(test)]
mod fuzz;
mod line;
pub(crate) mod request;
pub(crate) mod response;

pub(crate) use fault::Fault;
pub(crate) use line::is_length;
