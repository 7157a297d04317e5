//! Converts the absolute form of an HTTP/1 request target (RFC 9112, section 3.2.2) to the origin form, so that later
//! phases see only the latter. Pure.
//!
//! The host of an absolute target replaces `Host`: listeners are found by it, rules see it, and it is forwarded. The
//! scheme is ignored, as in other servers: the connection determines if a request came over TLS.

use http::Version;
use tidegate_http1::{Known, RequestHead};

use super::error::ProxyError;
use super::headers;

/// Replaces an absolute target by its path and query, and `Host` by its authority. Other requests stay unchanged, and
/// so do HTTP/1.1 requests without a `Host`, which are rejected later.
///
/// # Errors
/// `Host` is invalid or repeated, or the target has an invalid host.
pub(super) fn translate(head: &mut RequestHead) -> Result<(), ProxyError> {
    let Some(authority) = head.authority() else { return Ok(()) };
    let mut hosts = head.fields.get_all(Known::Host);
    match (hosts.next(), hosts.next()) {
        (None, None) if head.version == Version::HTTP_10 => {}
        (None, None) => return Ok(()),
        (Some(host), None) if headers::canonical(host).is_some() => {}
        _ => return Err(ProxyError::InvalidHost),
    }
    if headers::canonical(authority.as_bytes()).is_none() {
        return Err(ProxyError::InvalidTarget);
    }
    // `http://a.test?b` has an empty path, which means `/`.
    let path = if head.path_and_query().starts_with('/') { "" } else { "/" };
    let (host, target) = (authority.to_owned(), format!("{path}{}", head.path_and_query()));
    drop(hosts);
    head.fields.set(Known::Host, host.as_bytes());
    head.set_target(&target).map_err(|_| ProxyError::InvalidTarget)
}

#[cfg(test)]
mod tests {
    use http::Method;

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
            let mut head = RequestHead::new(Method::GET, target).unwrap();
            head.version = version;
            for host in hosts {
                head.fields.append(Known::Host, host.as_bytes());
            }
            let translated = translate(&mut head).is_ok();
            let found = translated.then(|| (head.target(), head.fields.get(Known::Host).unwrap()));
            let expected = expected.map(|(target, host)| (target, host.as_bytes()));
            assert_eq!(found, expected, "{target} {hosts:?}");
        }
        let mut without_host = RequestHead::new(Method::GET, "http://b.test/a").unwrap();
        translate(&mut without_host).unwrap();
        assert!(without_host.fields.is_empty());
    }
}
