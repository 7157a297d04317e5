//! HTTP/1.1 messages (RFC 9112): strict reading and writing, without sockets and without a runtime.
//!
//! A gateway may accept only messages that every parser reads alike: if one parser sees one message and the
//! next sees two, a request can be smuggled past the gateway's decisions. The scanners find the end of each
//! message and reject everything that another parser could read differently.
//!
//! - [`RequestScanner`] and [`ResponseScanner`] make a [`RequestHead`] or a [`ResponseHead`] of bytes. A head
//!   keeps the bytes; its [`Fields`] are a list of lines that is edited in place, and [`RequestHead::write`]
//!   copies what nothing changed.
//! - [`Framing`] says how the body ends; a [`BodyDecoder`] finds its data and its end, and the functions
//!   [`write_chunk_size`] and [`write_last_chunk`] write a chunked one.
//!
//! This crate must not read sockets or clocks, and knows neither configuration nor the status of a rejected
//! request.

#[cfg(test)]
mod allocations;
mod body;
mod chunk_extension;
mod chunks;
#[cfg(test)]
mod connection;
mod convert;
mod fault;
mod fields;
mod framing;
#[cfg(test)]
mod fuzz;
mod head;
mod known;
mod limits;
mod line;
mod lines;
pub mod request;
pub mod response;
mod target;
mod words;

pub use body::{BodyDecoder, Decoded, write_chunk_size, write_last_chunk};
pub use fault::Fault;
pub use fields::Fields;
pub use framing::{BodyLength, Framing};
pub use head::{RequestHead, ResponseHead};
pub use known::{Known, Name};
pub use limits::{IsHost, Limits};
pub use line::is_length;
pub use request::RequestScanner;
pub use response::ResponseScanner;

#[cfg(test)]
mod tests {
    use tidegate_shared::host::CanonicalHost;

    /// The data plane's check of an authority.
    pub(crate) fn is_host(authority: &str) -> bool {
        CanonicalHost::parse(authority).is_ok()
    }
}
