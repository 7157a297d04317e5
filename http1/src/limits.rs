//! What the caller decides about requests; all other limits are constants beside the rules that they belong
//! to.

/// Decides whether the authority of a target in absolute form (RFC 9112, section 3.2.2) names a host. The
/// text has neither a path nor a query; it may have a port.
pub type IsHost = fn(&str) -> bool;

/// The limits of requests.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The largest body in bytes.
    pub max_body: u64,
    /// Decides about the authority of a target in absolute form. A request whose authority it rejects is a
    /// fault.
    pub is_host: IsHost,
}

/// The largest memory of a head that is kept for the next one, in bytes.
pub(crate) const MAX_RECYCLED: usize = 16 * 1024;
