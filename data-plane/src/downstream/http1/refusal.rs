//! A request that is rejected because of a fault in its bytes.

use http::Method;
use tidegate_http1::{Fault, Limits, RequestHead, request};

/// A rejected request: no head could be made of it, but it gets a response, an access log line and a place in the
/// pipeline like any other.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) fault: Fault,
    /// Its method and target without fields, or else `GET /`.
    pub(crate) head: Box<RequestHead>,
}

impl Refusal {
    /// Describes the request that begins with `bytes`, as far as it can be repeated.
    pub(super) fn of(fault: Fault, bytes: &[u8], limits: &Limits) -> Refusal {
        // Empty lines may come first.
        let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
        let (method, target) = request::repeatable(&bytes[start..], limits.is_host);
        let method = Method::from_bytes(method).unwrap_or_default();
        let target = std::str::from_utf8(target).unwrap_or_default();
        let mut head = Box::<RequestHead>::default();
        head.method = method;
        // Without one, the target is `/`.
        let _ = head.set_target(target);
        Refusal { fault, head }
    }
}
