//! HTTP/1.1 messages (RFC 9112): strict validation, without sockets and without a runtime.
//!
//! A gateway may accept only messages that every parser reads alike: if one parser sees one message and the next
//! sees two, a request can be smuggled past the gateway's decisions. Therefore the bytes of a connection go through
//! a small state machine, which finds the end of each message and rejects everything that another parser could read
//! differently. It copies nothing, and passes bytes unchanged, except for the digit of a minor version later than 1.
//!
//! [`request`] validates what clients send, [`response`] what backends send. This crate must not read sockets or
//! clocks, and knows neither configuration nor the status of a rejected request.

mod chunk_extension;
mod chunks;
mod fault;
#[cfg(test)]
mod fuzz;
mod limits;
mod line;
pub mod request;
pub mod response;

pub use fault::Fault;
pub use limits::{IsHost, Limits};
pub use line::is_length;

#[cfg(test)]
mod tests {
    use tidegate_shared::host::CanonicalHost;

    /// The data plane's check of an authority.
    pub(crate) fn is_host(authority: &str) -> bool {
        CanonicalHost::parse(authority).is_ok()
    }
}
