//! Trailer fields: the fields that must not come after a body (RFC 9110, section 6.5.1). Pure.
//!
//! If a peer merges trailers into the header section, they could change the framing, the routing or the sender of a
//! message after all of these were decided.

use tidegate_http1::{Fields, Known};

use super::chunk::Chunk;
use crate::reserved_headers::is_reserved;

/// Removes the fields that must not be trailers, in either direction: those of framing, routing, authentication and
/// content processing, and those that the gateway sets.
pub(crate) fn filter(chunk: Chunk) -> Chunk {
    match chunk {
        Chunk::Trailers(trailers) => Chunk::Trailers(allowed(trailers)),
        data => data,
    }
}

fn allowed(mut trailers: Fields) -> Fields {
    trailers.retain(|name, _| {
        !name.known().is_some_and(Known::is_forbidden_in_trailers) && !is_reserved(name.as_bytes())
    });
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields of framing, routing, authentication and content processing.
    const FORBIDDEN: [&str; 19] = [
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];

    #[test]
    fn what_frames_routes_or_authenticates_is_no_trailer() {
        let kept = ["etag", "grpc-message", "grpc-status", "server-timing", "x-checksum", "x-forwarded-host"];
        let dropped =
            ["x-forwarded-for", "x_forwarded_for", "content_length", "x-original-url", "keep-alive"];
        let mut trailers = Fields::new();
        for name in kept.into_iter().chain(dropped).chain(FORBIDDEN) {
            trailers.append(name, b"one");
            trailers.append(name, b"other");
        }
        let Chunk::Trailers(left) = filter(Chunk::Trailers(trailers)) else { panic!("no trailers") };
        let names = left.iter().map(|(name, _)| String::from_utf8_lossy(name.as_bytes()).into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((names.as_slice(), left.len()), (kept.map(str::to_owned).as_slice(), 2 * kept.len()));
        assert_eq!(filter(Chunk::Owned("data".into())).bytes(&[]), b"data");
    }
}
