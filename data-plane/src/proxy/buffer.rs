//! Buffering, for gateways that ask for it: bodies that are held by the gateway instead of passing through at the pace
//! of the slower side.
//!
//! A request's body is collected before any backend is asked ([`collect`]), so that a slow client costs no backend
//! anything and the request can be made again. A response's body is taken from the backend as fast as it comes
//! ([`relay`]), so that a slow client costs no backend a connection; what is there goes on to the client at once. The
//! little that memory holds is bounded for each; the rest waits on disk.

pub(crate) mod collect;
pub(crate) mod held;
mod relay;

/// The most bytes that are held in memory for one body at one place of its way.
const IN_MEMORY: usize = 64 * 1024;
