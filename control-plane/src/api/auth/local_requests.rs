//! The check of requests where no token is asked for (`--no-auth`): they must come from this machine, and not from a page
//! of another site in a browser on it.
//!
//! A page can send requests to loopback in two ways. By DNS rebinding, its own name leads here: then `Host` is that name.
//! By a cross-site request, the browser says so in `Origin` and `Sec-Fetch-Site` (Fetch Metadata). Programs other than
//! browsers send neither. Must not look at paths: every route is checked alike.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, header::ORIGIN};

use crate::api::error::ApiError;
use crate::api::extract::authority;

/// Refuses a request that a page of another site may have sent.
///
/// # Errors
/// The host is not this machine, or the origin is another one.
pub(super) fn check(request: &Parts) -> Result<(), ApiError> {
    let host = authority(&request.uri, &request.headers)?;
    if !is_local(host.host()) {
        return Err(ApiError::ForeignHost(host.to_string()));
    }
    match foreign_origin(&request.headers, &host) {
        Some(origin) => Err(ApiError::ForeignOrigin(origin)),
        None => Ok(()),
    }
}

/// The origin of a request that did not begin at this endpoint.
fn foreign_origin(headers: &HeaderMap, host: &Authority) -> Option<String> {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let is_own = |origin: &str| {
        let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        own.is_some_and(|own| own.eq_ignore_ascii_case(host.as_str()))
    };
    let origin = headers.get_all(ORIGIN).iter().map(text).find(|origin| !is_own(origin));
    let site = headers.get_all("sec-fetch-site").iter().map(text);
    origin.or_else(|| site.into_iter().find(|site| !matches!(site.as_str(), "same-origin" | "none")))
}

/// Returns true for a host, as URLs write it, that can only be this machine.
fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    #[test]
    fn only_this_machine_is_local() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.9.10", "[::1]"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::]"]
        {
            assert!(!is_local(host), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let cases: [(&[(&str, &str)], bool); 11] = [
            (&[], true),
            (&[("origin", "http://localhost:9080")], true),
            (&[("origin", "http://LOCALHOST:9080"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("origin", "http://localhost:3000")], false),
            (&[("origin", "http://localhost")], false),
            (&[("origin", "https://evil.example")], false),
            (&[("origin", "null")], false),
            (&[("origin", "http://localhost:9080"), ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("origin", "http://localhost:9080"), ("sec-fetch-site", "same-site")], false),
        ];
        for (headers, good) in cases {
            let mut request = Request::builder().uri("/x").header("host", "localhost:9080");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            assert_eq!(check(&parts).is_ok(), good, "{headers:?}");
        }
    }
}
