//! A request that is rejected because of a fault in its bytes.

use http::{Method, Uri};
use tidegate_http1::{Fault, Limits, request};

/// A rejected request: no head could be made of it, but it gets a response, an access log line and a place in the
/// pipeline like any other.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) fault: Fault,
    /// Its method and target, or else those of `GET /`.
    pub(crate) method: Method,
    pub(crate) target: Uri,
}

impl Refusal {
    /// Describes the request that begins with `bytes`, as far as it can be repeated.
    pub(super) fn of(fault: Fault, bytes: &[u8], limits: &Limits) -> Refusal {
        // Empty lines may come first.
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
        let (method, target) = request::repeatable(&bytes[start..], limits.is_host);
        Refusal {
            fault,
            method: Method::from_bytes(method).unwrap_or_default(),
            target: Uri::try_from(target).unwrap_or_default(),
        }
    }
}
