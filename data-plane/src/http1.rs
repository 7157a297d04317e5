//! How strictly HTTP/1.1 is read (RFC 9112), before hyper reads it.
//!
//! hyper takes more than a gateway may: where one parser sees one message and the next one sees two, a request can be
//! smuggled past whatever the gateway decides. So the bytes of a connection go through a small state machine first,
//! which knows where a message ends and refuses everything that another parser could take for something else. It
//! copies nothing, and it passes bytes as they are, except for the digit of a minor version that hyper does not know.
//!
//! [`request`] is for what clients send, [`response`] for what backends answer. Both judge lines by [`line`]. Nothing
//! here reads a socket or knows a status code.

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
