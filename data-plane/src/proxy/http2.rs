//! Converts HTTP/2 requests to the form of HTTP/1.1, so that later phases need not know the version. Pure.
//!
//! hyper has already checked the framing: pseudo-headers, letter case and connection-specific headers (RFC 9113,
//! sections 8.2 and 8.3). Methods, targets and headers follow the rules of HTTP/1.1, because a backend may read them
//! in HTTP/1.1.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use hyper::ext::Protocol;
use tidegate_http1::request::{is_expectation, is_method, is_target};
use tidegate_http1::{Fault, Fields, Known, RequestHead, is_length};

use super::error::ProxyError;
use crate::client_rate::ClientRate;
use crate::config::Timeouts;

/// The maximum size of a header field in bytes, name and value together.
const MAX_FIELD: usize = 8 * 1024;

/// Returns true if a request is a CONNECT that names a protocol (RFC 8441).
pub(super) fn is_extended_connect<B>(request: &Request<B>) -> bool {
    request.method() == Method::CONNECT && request.extensions().get::<Protocol>().is_some()
}

/// Completes the head of an HTTP/2 request, made of the same `parts`, to the form of HTTP/1.1: with a `Host` and one
/// `Cookie`. An extended CONNECT becomes a GET. `max_body` is the largest body in bytes.
///
/// # Errors
/// The host is missing, repeated or ambiguous; a header field is too large; a CONNECT is not for a WebSocket; or the
/// strict HTTP/1.1 reader would reject the request.
pub(super) fn translate(parts: &Parts, head: &mut RequestHead, max_body: u64) -> Result<(), ProxyError> {
    if parts.method == Method::CONNECT {
        match parts.extensions.get::<Protocol>() {
            None => return Err(ProxyError::MethodNotServed),
            Some(protocol) if protocol.as_str() == "websocket" => head.method = Method::GET,
            Some(_) => return Err(ProxyError::ProtocolNotServed),
        }
    }
    if parts.headers.iter().any(|(name, value)| name.as_str().len() + value.len() > MAX_FIELD) {
        return Err(ProxyError::FieldTooLarge);
    }
    let host = host(&parts.uri, &parts.headers)?;
    if let Some(fault) = fault(&head.method, &parts.uri, &parts.headers, max_body) {
        return Err(ProxyError::Refused(fault));
    }
    head.fields.set(Known::Host, host.as_bytes());
    // HTTP/2 may split one `Cookie` into several (RFC 9113, section 8.2.3).
    head.fields.join(Known::Cookie, b"; ", None);
    Ok(())
}

/// Returns the fault that the strict HTTP/1.1 reader would find.
fn fault(method: &Method, uri: &Uri, headers: &HeaderMap, max_body: u64) -> Option<Fault> {
    // The fragment was removed before; a target with only a fragment is empty.
    let target = Uri::from(uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")));
    let text = target.path_and_query().filter(|_| !target.path().is_empty()).map_or("", PathAndQuery::as_str);
    let several = |name: HeaderName| headers.get_all(name).iter().nth(1).is_some();
    match () {
        () if !is_method(method.as_str().as_bytes()) => Some(Fault::Method),
        () if !is_target(method.as_str().as_bytes(), text.as_bytes()) => Some(Fault::Target),
        () if several(AUTHORIZATION) => Some(Fault::AuthorizationTwice),
        () if several(CONTENT_LENGTH) => Some(Fault::LengthTwice),
        () if headers.get(CONTENT_LENGTH).is_some_and(|length| !is_length(length.as_bytes())) => {
            Some(Fault::LengthInvalid)
        }
        () if length(headers).is_some_and(|length| length > max_body) => Some(Fault::BodyTooLarge),
        () if !headers.get_all(EXPECT).iter().all(|value| is_expectation(value.as_bytes())) => {
            Some(Fault::Expectation)
        }
        () => None,
    }
}

/// Returns the length of the body by `Content-Length`.
fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Returns the minimum rate for the body of a request of HTTP/2. A stream of gRPC messages has none, because it may
/// be idle.
pub(super) fn client_rate(fields: &Fields, timeouts: &Timeouts) -> ClientRate {
    match fields.get(Known::ContentType).unwrap_or_default().starts_with(b"application/grpc") {
        true => ClientRate::UNLIMITED,
        false => ClientRate::new(timeouts.rate, timeouts.body),
    }
}

/// Returns true if an HTTP/1.1 request asks for an upgrade to HTTP/2 without TLS, which RFC 9113 has removed.
pub(super) fn is_asked_for(fields: &Fields) -> bool {
    fields.lists(Known::Upgrade, b"h2c") && fields.lists(Known::Connection, b"upgrade")
}

/// Returns the host: `:authority`, or `Host` without it. Both may be present if they agree (RFC 9113, section 8.3.1).
fn host(uri: &Uri, headers: &HeaderMap) -> Result<HeaderValue, ProxyError> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (uri.authority(), hosts.next()) {
        (None, Some(host)) => Ok(host.clone()),
        (Some(authority), None) => HeaderValue::from_str(authority.as_str()),
        (Some(authority), Some(host))
            if authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes()) =>
        {
            Ok(host.clone())
        }
        _ => return Err(ProxyError::InvalidHost),
    };
    match hosts.next() {
        None => host.map_err(|_| ProxyError::InvalidHost),
        Some(_) => Err(ProxyError::InvalidHost),
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 100;

    fn translated(request: Request<()>) -> Result<RequestHead, ProxyError> {
        let (parts, ()) = request.into_parts();
        let mut head = RequestHead::from_http(&parts);
        translate(&parts, &mut head, LIMIT).map(|()| head)
    }

    fn request(uri: &str, pairs: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::builder().version(http::Version::HTTP_2).uri(uri).body(()).unwrap();
        for (name, value) in pairs {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn the_host_is_that_of_the_authority_and_may_be_said_twice_but_not_twice_differently() {
        let cases: &[(&str, &[(&'static str, &'static str)], Option<&str>)] = &[
            ("https://a.test/x?y", &[], Some("a.test")),
            ("https://a.test:8443/", &[], Some("a.test:8443")),
            ("https://a.test/", &[("host", "A.test")], Some("A.test")),
            ("/", &[("host", "b.test")], Some("b.test")),
            ("https://a.test/", &[("host", "b.test")], None),
            ("https://a.test/", &[("host", "a.test:443")], None),
            ("https://a.test/", &[("host", "a.test"), ("host", "a.test")], None),
            ("/", &[("host", "a.test"), ("host", "b.test")], None),
            ("/", &[], None),
        ];
        for (uri, pairs, expected) in cases {
            let translated = translated(request(uri, pairs));
            match expected {
                None => assert!(translated.is_err(), "{uri} {pairs:?}"),
                Some(host) => {
                    let head = translated.unwrap();
                    let hosts: Vec<_> = head.fields.get_all(Known::Host).collect();
                    assert_eq!(hosts, [host.as_bytes()], "{uri} {pairs:?}");
                    assert!(head.authority().is_none() && head.path().starts_with('/'));
                }
            }
        }
    }

    #[test]
    fn crumbs_of_cookies_are_joined() {
        let cases: &[(&[(&'static str, &'static str)], Option<&str>)] = &[
            (&[], None),
            (&[("cookie", "a=1")], Some("a=1")),
            (&[("cookie", "a=1"), ("cookie", "b=2; c=3"), ("cookie", "d=4")], Some("a=1; b=2; c=3; d=4")),
        ];
        for (pairs, expected) in cases {
            let head = translated(request("https://a.test/", pairs)).unwrap();
            let cookies: Vec<_> = head.fields.get_all(Known::Cookie).collect();
            assert_eq!(cookies, Vec::from_iter(expected.map(str::as_bytes)));
        }
    }

    #[test]
    fn a_field_has_its_limit() {
        for (length, good) in [(MAX_FIELD - 1, true), (MAX_FIELD, false)] {
            let mut request = request("https://a.test/", &[]);
            request.headers_mut().insert("x", HeaderValue::from_str(&"v".repeat(length)).unwrap());
            assert_eq!(translated(request).is_ok(), good, "{length}");
        }
    }

    #[test]
    fn what_http_1_refuses_is_refused() {
        let none: &[(&str, &str)] = &[];
        let cases: &[(&str, &str, &[(&'static str, &'static str)], Option<Fault>)] = &[
            ("GET", "/a?b", none, None),
            ("PROPFIND", "/", none, None),
            ("OPTIONS", "*", none, None),
            ("GET", "*", none, Some(Fault::Target)),
            ("GET", "#x", none, Some(Fault::Target)),
            ("GET", "/\u{e9}", none, Some(Fault::Target)),
            ("GET", "/{\"}", none, Some(Fault::Target)),
            ("get", "/", none, Some(Fault::Method)),
            ("G!T", "/", none, Some(Fault::Method)),
            ("GET", "/", &[("authorization", "a")], None),
            ("GET", "/", &[("authorization", "a"), ("authorization", "a")], Some(Fault::AuthorizationTwice)),
            ("GET", "/", &[("content-length", "5"), ("content-length", "6")], Some(Fault::LengthTwice)),
            ("PUT", "/", &[("content-length", "100")], None),
            ("PUT", "/", &[("content-length", "101")], Some(Fault::BodyTooLarge)),
            ("PUT", "/", &[("content-length", "0")], None),
            ("PUT", "/", &[("content-length", "")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", "00")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", "05")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", " 5")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", "5 ")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", "+5")], Some(Fault::LengthInvalid)),
            ("PUT", "/", &[("content-length", "5,5")], Some(Fault::LengthInvalid)),
            ("GET", "/", &[("expect", "100-Continue")], None),
            ("GET", "/", &[("expect", "nonsense")], Some(Fault::Expectation)),
            ("GET", "/", &[("expect", "100-continue"), ("expect", "more")], Some(Fault::Expectation)),
        ];
        for (method, target, pairs, expected) in cases {
            let mut request = request("https://a.test/", pairs);
            *request.method_mut() = method.parse().unwrap();
            // The target as hyper creates it from `:path`.
            let mut parts = request.uri().clone().into_parts();
            parts.path_and_query = Some(target.parse().unwrap());
            *request.uri_mut() = Uri::from_parts(parts).unwrap();
            match (translated(request), expected) {
                (Ok(_), None) => {}
                (Err(ProxyError::Refused(fault)), Some(expected)) if fault == *expected => {}
                (found, _) => panic!("{method} {target} {pairs:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn connect_is_for_websockets() {
        let cases = [(None, false), (Some("websocket"), true), (Some("connect-udp"), false)];
        for (protocol, good) in cases {
            let mut request = request("https://a.test/chat", &[]);
            *request.method_mut() = Method::CONNECT;
            if let Some(protocol) = protocol {
                request.extensions_mut().insert(Protocol::from_static(protocol));
            }
            assert_eq!(is_extended_connect(&request), protocol.is_some());
            assert_eq!(translated(request).is_ok(), good, "{protocol:?}");
        }
    }
}
