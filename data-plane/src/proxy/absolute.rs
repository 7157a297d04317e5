//! Converts the absolute form of an HTTP/1 request target (RFC 9112, section 3.2.2) to the origin form, so that later
//! phases see only the latter. Pure.
//!
//! The host of an absolute target replaces `Host`: listeners are found by it, rules see it, and it is forwarded. The
//! scheme is ignored, as in other servers: the connection determines if a request came over TLS.

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Uri, Version};

use super::error::ProxyError;
use super::headers;

/// Replaces an absolute target by its path and query, and `Host` by its authority. Other requests stay unchanged, and
/// so do HTTP/1.1 requests without a `Host`, which are rejected later.
///
/// # Errors
/// `Host` is invalid or repeated, or the target has an invalid host.
pub(super) fn translate<B>(request: &mut Request<B>) -> Result<(), ProxyError> {
    let Some(authority) = request.uri().authority() else { return Ok(()) };
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, None) if request.version() == Version::HTTP_10 => {}
        (None, None) => return Ok(()),
        (Some(host), None) if headers::canonical(host).is_some() => {}
        _ => return Err(ProxyError::InvalidHost),
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_| ProxyError::InvalidTarget)?;
    if headers::canonical(&host).is_none() {
        return Err(ProxyError::InvalidTarget);
    }
    let target = match request.uri().path_and_query() {
        // `http://a.test?b` has an empty path, which means `/`.
        Some(target) if target.as_str().starts_with('?') => {
            PathAndQuery::try_from(format!("/{}", target.as_str())).map_err(|_| ProxyError::InvalidTarget)?
        }
        Some(target) => target.clone(),
        None => PathAndQuery::from_static("/"),
    };
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(target);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_the_target_wins() {
        let http11 = Version::HTTP_11;
        for (version, target, hosts, expected) in [
            (http11, "/a?b", &["a.test"][..], Some(("/a?b", "a.test"))),
            (http11, "http://b.test/a?b", &["a.test"], Some(("/a?b", "b.test"))),
            (http11, "http://b.test:8080/", &["b.test"], Some(("/", "b.test:8080"))),
            (http11, "HTTPS://B.test.", &["a.test"], Some(("/", "B.test."))),
            (http11, "http://b.test?x", &["a.test"], Some(("/?x", "b.test"))),
            (http11, "http://[::1]:80/a", &["a.test"], Some(("/a", "[::1]:80"))),
            (Version::HTTP_10, "http://b.test/a", &[], Some(("/a", "b.test"))),
            (http11, "http://b..test/a", &["a.test"], None),
            (http11, "http://me@b.test/a", &["a.test"], None),
            (http11, "http://b.test/a", &["a test"], None),
            (http11, "http://b.test/a", &["b.test", "b.test"], None),
        ] {
            let mut request = Request::builder().version(version).uri(target).body(()).unwrap();
            for host in hosts {
                request.headers_mut().append(HOST, HeaderValue::from_static(host));
            }
            let translated = translate(&mut request).is_ok();
            let found = translated.then(|| (request.uri().to_string(), request.headers()[HOST].clone()));
            let expected = expected.map(|(target, host)| (target.to_owned(), HeaderValue::from_static(host)));
            assert_eq!(found, expected, "{target} {hosts:?}");
        }
        // The stand-in for a rejected request is recognised by its missing `Host`.
        let mut refused = Request::builder().uri("http://b.test/a").body(()).unwrap();
        translate(&mut refused).unwrap();
        assert!(refused.headers().is_empty());
    }
}
