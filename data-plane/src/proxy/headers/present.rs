//! Which of the headers that the gateway itself heeds a message holds. Pure.
//!
//! One look over the names of a message tells: most hold hardly any of them, and asking the map for each in turn costs
//! more than everything else that is done with a head.

use http::header::{HeaderMap, HeaderValue};

use crate::http1::is_length;

/// A set of headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Present(u16);

impl Present {
    pub(crate) const CONNECTION: Present = Present(1);
    pub(crate) const EXPECT: Present = Present(1 << 1);
    /// What the original says of a client's TLS. A backend that trusts it must not hear it from the client.
    pub(crate) const FINGERPRINT: Present = Present(1 << 7);
    pub(crate) const FORWARDED_FOR: Present = Present(1 << 2);
    /// Headers of one connection that stand for themselves: without `Connection`, `Transfer-Encoding` and `Upgrade`.
    pub(crate) const HOP_BY_HOP: Present = Present(1 << 3);
    const LENGTH: Present = Present(1 << 8);
    /// A `Content-Length` that is not a canonical number, or several of them.
    pub(crate) const ODD_LENGTH: Present = Present(Present::LENGTH.0 << 1);
    pub(crate) const TRACE: Present = Present(1 << 4);
    pub(crate) const TRANSFER_ENCODING: Present = Present(1 << 5);
    pub(crate) const UPGRADE: Present = Present(1 << 6);

    /// Those that a message holds.
    pub(crate) fn of(headers: &HeaderMap) -> Present {
        headers.iter().fold(Present(0), |held, (name, value)| {
            let line = of_line(name.as_str(), value);
            let repeated = (held.0 & line.0 & Present::LENGTH.0) << 1;
            Present(held.0 | line.0 | repeated)
        })
    }

    /// Whether any of `others` is among them.
    pub(crate) fn has(self, others: Present) -> bool {
        self.0 & others.0 != 0
    }
}

fn of_line(name: &str, value: &HeaderValue) -> Present {
    match name {
        "connection" => Present::CONNECTION,
        "content-length" if is_length(value.as_bytes()) => Present::LENGTH,
        "content-length" => Present::ODD_LENGTH,
        "expect" => Present::EXPECT,
        "x-azure-ja4-fingerprint" => Present::FINGERPRINT,
        "x-forwarded-for" => Present::FORWARDED_FOR,
        "keep-alive" | "proxy-connection" | "te" | "trailer" => Present::HOP_BY_HOP,
        "traceparent" | "tracestate" => Present::TRACE,
        "transfer-encoding" => Present::TRANSFER_ENCODING,
        "upgrade" => Present::UPGRADE,
        _ => Present(0),
    }
}
