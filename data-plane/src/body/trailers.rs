//! Trailer fields: the fields that must not come after a body (RFC 9110, section 6.5.1). Pure.
//!
//! If a peer merges trailers into the header section, they could change the framing, the routing or the sender of a
//! message after all of these were decided.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT,
    HOST, HeaderMap, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};

use super::chunk::Chunk;
use crate::reserved_headers::is_reserved;
use crate::trace;

/// Fields of framing, routing, authentication and content processing.
const FORBIDDEN: [HeaderName; 19] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    SET_COOKIE,
    TE,
    trace::TRACEPARENT,
    trace::TRACESTATE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    WWW_AUTHENTICATE,
];

/// Removes the fields that must not be trailers, in either direction: those above, and those that the gateway sets.
pub(crate) fn filter(chunk: Chunk) -> Chunk {
    match chunk {
        Chunk::Trailers(trailers) => Chunk::Trailers(allowed(trailers)),
        data => data,
    }
}

fn allowed(mut trailers: HeaderMap) -> HeaderMap {
    let forbidden = |name: &&HeaderName| FORBIDDEN.contains(name) || is_reserved(name.as_str());
    let names: Vec<HeaderName> = trailers.keys().filter(forbidden).cloned().collect();
    for name in names {
        trailers.remove(name);
    }
    trailers
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn what_frames_routes_or_authenticates_is_no_trailer() {
        let kept = ["etag", "grpc-message", "grpc-status", "server-timing", "x-checksum", "x-forwarded-host"];
        let dropped =
            ["x-forwarded-for", "x_forwarded_for", "content_length", "x-original-url", "keep-alive"];
        let mut trailers = HeaderMap::new();
        for name in kept.into_iter().chain(dropped).chain(FORBIDDEN.iter().map(HeaderName::as_str)) {
            let name = HeaderName::try_from(name).unwrap();
            trailers.append(&name, HeaderValue::from_static("one"));
            trailers.append(name, HeaderValue::from_static("other"));
        }
        let Chunk::Trailers(left) = filter(Chunk::Trailers(trailers)) else { panic!("no trailers") };
        let mut names: Vec<&str> = left.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!((names.as_slice(), left.len()), (kept.as_slice(), 2 * kept.len()));
        assert_eq!(filter(Chunk::Owned("data".into())).bytes(&[]), b"data");
    }
}
