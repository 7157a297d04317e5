//! The `Location` of a redirect. Pure.

use http::HeaderValue;
use tidegate_http1::RequestHead;
use tidegate_shared::host::CanonicalHost;

use crate::runtime::{Redirect, RedirectTarget};

/// Returns the redirect URL for a request with this host and target. `None` if there is no host to redirect to, or if
/// the URL is not a valid header value.
pub(super) fn location(
    redirect: &Redirect,
    host: &CanonicalHost<'_>,
    request: &RequestHead,
) -> Option<HeaderValue> {
    let path = if redirect.include_path { request.path() } else { "" };
    let query = if redirect.include_query { request.query() } else { None };
    match &redirect.target {
        RedirectTarget::Listener { secure, host: own, port } => {
            let host = own.as_deref().unwrap_or_else(|| host.as_str());
            if host.is_empty() {
                return None;
            }
            let (scheme, usual) = if *secure { ("https", 443) } else { ("http", 80) };
            let port = if *port == usual { String::new() } else { format!(":{port}") };
            let path = if path.starts_with('/') { path } else { "/" };
            value(format!("{scheme}://{host}{port}{path}"), query)
        }
        RedirectTarget::Url { whole, .. } if path.is_empty() && query.is_none() => Some(whole.clone()),
        RedirectTarget::Url { url, .. } => {
            let (url, fragment) = url.split_once('#').unwrap_or((url, ""));
            let (before, own_query) =
                url.split_once('?').map_or((url, None), |(url, query)| (url, Some(query)));
            let joined = match path.strip_prefix('/') {
                Some(path) => format!("{}/{path}", before.trim_end_matches('/')),
                None => before.to_owned(),
            };
            let query = match (own_query, query) {
                (Some(own), Some(query)) => Some(format!("{own}&{query}")),
                (own, query) => own.or(query).map(str::to_owned),
            };
            let fragment = if fragment.is_empty() { String::new() } else { format!("#{fragment}") };
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            HeaderValue::from_str(&format!("{joined}{query}{fragment}")).ok()
        }
    }
}

fn value(url: String, query: Option<&str>) -> Option<HeaderValue> {
    let url = match query {
        Some(query) => format!("{url}?{query}"),
        None => url,
    };
    HeaderValue::from_str(&url).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};

    fn url(url: &str) -> RedirectTarget {
        RedirectTarget::Url { url: url.to_owned(), whole: HeaderValue::from_str(url).unwrap() }
    }

    fn listener(secure: bool, host: Option<&str>, port: u16) -> RedirectTarget {
        RedirectTarget::Listener { secure, host: host.map(str::to_owned), port }
    }

    #[test]
    fn path_and_query_go_along_if_asked_for() {
        let cases = [
            (listener(true, None, 443), true, true, "https://a.test/x/y?z=1"),
            (listener(true, None, 8443), true, false, "https://a.test:8443/x/y"),
            (listener(true, Some("b.test"), 443), false, true, "https://b.test/?z=1"),
            (listener(false, None, 80), false, false, "http://a.test/"),
            (url("https://b.test"), true, true, "https://b.test/x/y?z=1"),
            (url("https://b.test/base/"), true, false, "https://b.test/base/x/y"),
            (url("https://b.test/base?own=1"), true, true, "https://b.test/base/x/y?own=1&z=1"),
            (url("https://b.test/base?own=1#end"), false, true, "https://b.test/base?own=1&z=1#end"),
            (url("https://b.test/base?own=1#end"), false, false, "https://b.test/base?own=1#end"),
        ];
        let request = RequestHead::new(Method::GET, "/x/y?z=1").unwrap();
        for (target, include_path, include_query, expected) in cases {
            let redirect = Redirect { status: StatusCode::FOUND, target, include_path, include_query };
            let location = location(&redirect, &CanonicalHost::parse("A.test.:8080").unwrap(), &request);
            assert_eq!(location.unwrap(), expected, "{redirect:?}");
        }
    }

    #[test]
    fn without_a_host_there_is_nowhere_to_go() {
        let redirect =
            |target| Redirect { status: StatusCode::FOUND, target, include_path: true, include_query: true };
        let request = RequestHead::new(Method::GET, "/").unwrap();
        let nowhere = CanonicalHost::NONE;
        assert!(location(&redirect(listener(true, None, 443)), &nowhere, &request).is_none());
        assert!(location(&redirect(listener(true, Some("b.test"), 443)), &nowhere, &request).is_some());
        let address = CanonicalHost::parse("[::1]:80").unwrap();
        let address = location(&redirect(listener(true, None, 443)), &address, &request);
        assert_eq!(address.unwrap(), "https://[::1]/");
    }
}
