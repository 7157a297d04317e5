//! What a gateway must drop from a message and what it adds. Pure.

mod names;

use std::borrow::Cow;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request};
use tidegate_shared::snapshot::RequestHeaders;

use super::error::ProxyError;
use super::record::TransactionId;
use crate::listener::Connection;
pub(crate) use names::Dropped;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_APPGW_TRACE_ID: HeaderName = HeaderName::from_static("x-appgw-trace-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-original-host");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

/// The request's host, after what makes a request unfit to be routed has been refused (RFC 9112, section 3.2).
pub(crate) fn host<B>(request: &Request<B>) -> Result<&str, ProxyError> {
    match *request.method() {
        Method::CONNECT => return Err(ProxyError::MethodNotServed),
        Method::TRACE => return Err(ProxyError::TraceNotServed),
        _ => {}
    }
    if request.uri().authority().is_some() {
        return Err(ProxyError::InvalidTarget);
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok().filter(|host| is_host(host)).ok_or(ProxyError::InvalidHost),
        (None, None) if request.version() == http::Version::HTTP_10 => Ok(""),
        _ => Err(ProxyError::InvalidHost),
    }
}

/// A host name, an IPv4 address or a bracketed IPv6 address, with or without a port.
pub(crate) fn is_host(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
        .map_or(host, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { "" });
    match name.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(&b))
        }
    }
}

/// Removes what concerns one connection only (RFC 9110, section 7.6.1), names listed in `Connection` included.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    if headers.remove(TRANSFER_ENCODING).is_some() {
        // The framing is chosen anew for the next hop; a length beside it would be a second opinion.
        headers.remove(CONTENT_LENGTH);
    }
    if headers.contains_key(CONNECTION) {
        let nominated: Vec<HeaderName> =
            list(headers, &CONNECTION).filter_map(|name| name.parse().ok()).collect();
        for name in nominated {
            // A peer may not have the gateway forget where a message goes, or where it ends.
            if name != HOST && name != CONTENT_LENGTH {
                headers.remove(name);
            }
        }
        headers.remove(CONNECTION);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRAILER, UPGRADE] {
        headers.remove(name);
    }
}

/// Makes the headers of a request fit for the backend, except for `Host`, which depends on the backend. Returns what had
/// to go for its name.
pub(crate) fn prepare_request(
    headers: &mut HeaderMap,
    connection: &Connection,
    id: TransactionId,
    rules: RequestHeaders,
) -> Dropped {
    let mut dropped = Dropped::default();
    if connection.wire.has_odd_names() {
        let lines;
        (dropped, lines) = Dropped::from(headers, rules.names);
        connection.counts.cells().headers_dropped.add(lines);
    }
    drop_hop_by_hop(headers);
    // The gateway has answered 100 itself by reading the body; the backend is not to be asked again.
    headers.remove(EXPECT);
    let forwarded_for = forwarded_for(headers, &client(connection, rules));
    headers.insert(X_FORWARDED_FOR, forwarded_for);
    let scheme = if connection.secure { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(X_FORWARDED_PORT, connection.forwarded_port.clone());
    if let Some(host) = headers.get(HOST).cloned() {
        headers.insert(X_ORIGINAL_HOST, host);
    }
    let id = HeaderValue::from_str(id.digits().as_str()).expect("hexadecimal digits are a header value");
    headers.insert(X_APPGW_TRACE_ID, id);
    dropped
}

/// How `X-Forwarded-For` names the client.
fn client(connection: &Connection, rules: RequestHeaders) -> Cow<'_, HeaderValue> {
    match rules.without_client_port {
        false => Cow::Borrowed(&connection.forwarded_for),
        true => {
            let address = HeaderValue::from_str(&connection.client.ip().to_string());
            Cow::Owned(address.expect("an address is printable ASCII"))
        }
    }
}

/// Tells the backend what the client asked for, whatever becomes of it on the way. What the client says of that itself
/// is not believed.
pub(crate) fn note_target<B>(request: &mut Request<B>) {
    let target = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let target = HeaderValue::from_str(target).expect("a target is printable");
    request.headers_mut().insert(X_ORIGINAL_URL, target);
}

/// Whether a message's transfer coding is one that the gateway can take off: none, or chunked alone.
pub(crate) fn has_plain_framing(headers: &HeaderMap) -> bool {
    let mut codings = list(headers, &TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(only), None) => only.eq_ignore_ascii_case("chunked"),
        (Some(_), Some(_)) => false,
    }
}

/// Says how the body of a forwarded request is framed, where its length is not known: hyper would otherwise take a
/// GET or HEAD for one without a body.
pub(crate) fn frame(headers: &mut HeaderMap, body: &impl http_body::Body) {
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// What earlier proxies said, then this client.
fn forwarded_for(headers: &HeaderMap, client: &HeaderValue) -> HeaderValue {
    let mut values = headers.get_all(X_FORWARDED_FOR).iter().peekable();
    if values.peek().is_none() {
        return client.clone();
    }
    let mut joined = Vec::new();
    for value in values {
        joined.extend_from_slice(value.as_bytes());
        joined.extend_from_slice(b", ");
    }
    joined.extend_from_slice(client.as_bytes());
    HeaderValue::from_bytes(&joined).expect("header values joined by commas are a header value")
}

/// Whether a comma-separated header holds `token`, compared without case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list(headers, name).any(|item| item.eq_ignore_ascii_case(token))
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn hop_by_hop_headers_go_and_the_rest_stays() {
        let mut headers = map(&[
            ("host", "a"),
            ("connection", "keep-alive, X-Mine, Host"),
            ("connection", "x-other, Content-Length, Transfer-Encoding"),
            ("x-mine", "1"),
            ("x-other", "2"),
            ("x-end-to-end", "3"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("proxy-connection", "close"),
        ]);
        drop_hop_by_hop(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "x-end-to-end"]);
    }

    #[test]
    fn a_length_survives_being_named_in_connection() {
        let mut headers = map(&[("connection", "content-length"), ("content-length", "5")]);
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers["content-length"], "5");
    }

    #[test]
    fn only_chunked_alone_can_be_taken_off() {
        let cases: &[(&[&'static str], bool)] = &[
            (&[], true),
            (&["chunked"], true),
            (&["Chunked"], true),
            (&["gzip, chunked"], false),
            (&["gzip", "chunked"], false),
            (&["gzip"], false),
        ];
        for (codings, plain) in cases {
            let pairs: Vec<_> = codings.iter().map(|coding| ("transfer-encoding", *coding)).collect();
            assert_eq!(has_plain_framing(&map(&pairs)), *plain, "{codings:?}");
        }
    }

    #[test]
    fn the_client_is_added_behind_what_earlier_proxies_said() {
        let client = HeaderValue::from_static("10.0.0.1:5");
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[], "10.0.0.1:5"),
            (&[("x-forwarded-for", "1.1.1.1")], "1.1.1.1, 10.0.0.1:5"),
            (
                &[("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "3.3.3.3")],
                "1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1:5",
            ),
        ];
        for (pairs, expected) in cases {
            let mut headers = HeaderMap::new();
            for (name, value) in *pairs {
                headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(forwarded_for(&headers, &client), *expected);
        }
    }

    #[test]
    fn a_request_needs_one_well_formed_host() {
        let cases: &[(&[&str], bool)] = &[
            (&["a.test"], true),
            (&["a.test:80"], true),
            (&["127.0.0.1:80"], true),
            (&["[::1]"], true),
            (&["[::1]:80"], true),
            (&["[::zz]"], false),
            (&["a.test:80x"], false),
            (&["a test"], false),
            (&["a/b"], false),
            (&[""], false),
            (&[], false),
            (&["a.test", "a.test"], false),
        ];
        for (hosts, good) in cases {
            let mut request = Request::new(());
            *request.uri_mut() = "/".parse().unwrap();
            for host in *hosts {
                request.headers_mut().append(HOST, HeaderValue::from_str(host).unwrap());
            }
            assert_eq!(host(&request).is_ok(), *good, "{hosts:?}");
        }
    }
}
