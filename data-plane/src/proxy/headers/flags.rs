//! The set of those headers of a message that the gateway acts on. Pure.
//!
//! One pass over the names finds them. Most messages have hardly any of them, and one map lookup per header costs
//! more than all other work on a head.

use http::header::{HeaderMap, HeaderValue};
use tidegate_http1::is_length;

/// A set of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeaderFlags(u16);

impl HeaderFlags {
    pub(crate) const CONNECTION: HeaderFlags = HeaderFlags(1);
    pub(crate) const EXPECT: HeaderFlags = HeaderFlags(1 << 1);
    /// The TLS fingerprint header of Azure. A backend that trusts it must not receive it from a client.
    pub(crate) const FINGERPRINT: HeaderFlags = HeaderFlags(1 << 7);
    pub(crate) const FORWARDED_FOR: HeaderFlags = HeaderFlags(1 << 2);
    /// The other hop-by-hop headers, apart from `Connection`, `Transfer-Encoding` and `Upgrade`.
    pub(crate) const HOP_BY_HOP: HeaderFlags = HeaderFlags(1 << 3);
    const LENGTH: HeaderFlags = HeaderFlags(1 << 8);
    /// A `Content-Length` that is not a canonical number, or several of them.
    pub(crate) const ODD_LENGTH: HeaderFlags = HeaderFlags(HeaderFlags::LENGTH.0 << 1);
    pub(crate) const TRACE: HeaderFlags = HeaderFlags(1 << 4);
    pub(crate) const TRANSFER_ENCODING: HeaderFlags = HeaderFlags(1 << 5);
    pub(crate) const UPGRADE: HeaderFlags = HeaderFlags(1 << 6);

    /// Returns the set for a message.
    pub(crate) fn of(headers: &HeaderMap) -> HeaderFlags {
        headers.iter().fold(HeaderFlags(0), |held, (name, value)| {
            let line = of_line(name.as_str(), value);
            let repeated = (held.0 & line.0 & HeaderFlags::LENGTH.0) << 1;
            HeaderFlags(held.0 | line.0 | repeated)
        })
    }

    /// Returns true if the set contains any of `others`.
    pub(crate) fn has(self, others: HeaderFlags) -> bool {
        self.0 & others.0 != 0
    }
}

fn of_line(name: &str, value: &HeaderValue) -> HeaderFlags {
    match name {
        "connection" => HeaderFlags::CONNECTION,
        "content-length" if is_length(value.as_bytes()) => HeaderFlags::LENGTH,
        "content-length" => HeaderFlags::ODD_LENGTH,
        "expect" => HeaderFlags::EXPECT,
        "x-azure-ja4-fingerprint" => HeaderFlags::FINGERPRINT,
        "x-forwarded-for" => HeaderFlags::FORWARDED_FOR,
        "keep-alive" | "proxy-connection" | "te" | "trailer" => HeaderFlags::HOP_BY_HOP,
        "traceparent" | "tracestate" => HeaderFlags::TRACE,
        "transfer-encoding" => HeaderFlags::TRANSFER_ENCODING,
        "upgrade" => HeaderFlags::UPGRADE,
        _ => HeaderFlags(0),
    }
}
