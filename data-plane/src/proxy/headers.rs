//! The headers that a gateway must remove from a message, and those that it adds. Pure.

mod flags;
mod names;

use std::borrow::Cow;

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::snapshot::RequestHeaders;

use super::error::ProxyError;
use super::transaction_id::TransactionId;
use crate::downstream::Connection;
use crate::trace;
pub(super) use flags::HeaderFlags;
pub(crate) use names::Dropped;

/// The number of headers that the gateway adds to a request.
const ADDED_HEADERS: usize = 7;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_APPGW_TRACE_ID: HeaderName = HeaderName::from_static("x-appgw-trace-id");
const X_AZURE_JA4_FINGERPRINT: HeaderName = HeaderName::from_static("x-azure-ja4-fingerprint");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_ORIGINAL_HOST: HeaderName = HeaderName::from_static("x-original-host");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");

/// Returns the host of a request.
///
/// # Errors
/// The request cannot be routed: its method, target or `Host` is not accepted (RFC 9112, section 3.2).
pub(crate) fn host<B>(request: &Request<B>) -> Result<CanonicalHost<'_>, ProxyError> {
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
        (Some(host), None) => canonical(host).ok_or(ProxyError::InvalidHost),
        (None, None) if request.version() == http::Version::HTTP_10 => Ok(CanonicalHost::NONE),
        _ => Err(ProxyError::InvalidHost),
    }
}

/// Returns the canonical form of a `Host`; `None` if it is invalid.
pub(crate) fn canonical(host: &HeaderValue) -> Option<CanonicalHost<'_>> {
    CanonicalHost::parse(host.to_str().ok()?).ok()
}

/// Removes hop-by-hop headers (RFC 9110, section 7.6.1) and the headers that `Connection` names.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap, flags: HeaderFlags) {
    if flags.has(HeaderFlags::TRANSFER_ENCODING) {
        headers.remove(TRANSFER_ENCODING);
        // The framing is chosen anew for the next hop; a length beside it would be ambiguous.
        headers.remove(CONTENT_LENGTH);
    }
    if flags.has(HeaderFlags::CONNECTION) {
        let nominated: Vec<HeaderName> =
            list(headers, &CONNECTION).filter_map(|name| HeaderName::from_bytes(name).ok()).collect();
        for name in nominated {
            // A peer must not be able to remove the host, the length or the trace context of a message.
            if ![HOST, CONTENT_LENGTH, trace::TRACEPARENT, trace::TRACESTATE].contains(&name) {
                headers.remove(name);
            }
        }
        headers.remove(CONNECTION);
    }
    if flags.has(HeaderFlags::UPGRADE) {
        headers.remove(UPGRADE);
    }
    if flags.has(HeaderFlags::HOP_BY_HOP) {
        for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRAILER] {
            headers.remove(name);
        }
    }
}

/// Normalizes the `Content-Length` of a response: the gateway reads `005` as 5, but other readers could take it for
/// octal. HTTP/2 allows an empty length, which is read as 0, and several, of which the first is used.
pub(crate) fn canonical_length(headers: &mut HeaderMap, flags: HeaderFlags) {
    if !flags.has(HeaderFlags::ODD_LENGTH) {
        return;
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let digits = length.map(|length| if length.is_empty() { "0" } else { length });
    match digits.and_then(|digits| digits.parse::<u64>().ok()) {
        Some(length) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        None => drop(headers.remove(CONTENT_LENGTH)),
    }
}

/// The headers that the gateway adds to a request, apart from those of its connection.
#[derive(Debug)]
pub(crate) struct GatewayHeaders {
    id: TransactionId,
    trace: trace::Part,
    target: HeaderValue,
}

impl GatewayHeaders {
    /// Creates the headers of a request. `target` is the client's original target.
    pub(crate) fn of(id: TransactionId, trace: trace::Part, target: &Uri) -> GatewayHeaders {
        let target = target.path_and_query().map_or("/", PathAndQuery::as_str);
        GatewayHeaders { id, trace, target: HeaderValue::from_str(target).expect("a target is printable") }
    }
}

/// Prepares the headers of a request for the backend, except for `Host`, which depends on the backend. The gateway's
/// headers are set last, so that a client can neither set nor remove them. Returns the headers that were dropped
/// because of their names.
pub(crate) fn prepare_request(
    headers: &mut HeaderMap,
    flags: HeaderFlags,
    connection: &Connection,
    gateway_headers: GatewayHeaders,
    rules: RequestHeaders,
) -> Dropped {
    let mut dropped = Dropped::default();
    if connection.http1.has_odd_names() {
        let lines;
        (dropped, lines) = Dropped::from(headers, rules.names);
        connection.counts.cells().headers_dropped.add(lines);
    }
    drop_hop_by_hop(headers, flags);
    headers.reserve(ADDED_HEADERS);
    if flags.has(HeaderFlags::EXPECT) {
        // Whether the backend is asked is decided for each backend, and written with the framing of the body.
        headers.remove(EXPECT);
    }
    let client = client(connection, rules);
    let forwarded_for = match flags.has(HeaderFlags::FORWARDED_FOR) {
        true => forwarded_for(headers, &client),
        false => client.into_owned(),
    };
    headers.insert(X_FORWARDED_FOR, forwarded_for);
    if flags.has(HeaderFlags::FINGERPRINT) {
        headers.remove(X_AZURE_JA4_FINGERPRINT);
    }
    let scheme = if connection.secure { "https" } else { "http" };
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme));
    headers.insert(X_FORWARDED_PORT, connection.forwarded_port.clone());
    match headers.get(HOST).cloned() {
        Some(host) => headers.insert(X_ORIGINAL_HOST, host),
        None => headers.remove(X_ORIGINAL_HOST),
    };
    headers.insert(X_ORIGINAL_URL, gateway_headers.target);
    let id = HeaderValue::from_str(gateway_headers.id.digits().as_str())
        .expect("hexadecimal digits are a header value");
    headers.insert(X_APPGW_TRACE_ID, id);
    gateway_headers.trace.set_headers(headers, flags.has(HeaderFlags::TRACE));
    dropped
}

/// Returns the client's entry in `X-Forwarded-For`.
fn client(connection: &Connection, rules: RequestHeaders) -> Cow<'_, HeaderValue> {
    match rules.without_client_port {
        false => Cow::Borrowed(&connection.forwarded_for),
        true => {
            let address = HeaderValue::from_str(&connection.client.ip().to_string());
            Cow::Owned(address.expect("an address is printable ASCII"))
        }
    }
}

/// Returns the entries of earlier proxies, followed by this client.
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

/// Returns true if a comma-separated header contains `token`, compared without case.
pub(crate) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    list(headers, name).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii)
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
        headers.append(CONNECTION, HeaderValue::from_bytes(b"\xfcber, x-third").unwrap());
        headers.append("x-third", HeaderValue::from_static("4"));
        let flags = HeaderFlags::of(&headers);
        drop_hop_by_hop(&mut headers, flags);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "x-end-to-end"]);
    }

    #[test]
    fn a_length_survives_being_named_in_connection() {
        let mut headers = map(&[("connection", "content-length"), ("content-length", "5")]);
        let flags = HeaderFlags::of(&headers);
        drop_hop_by_hop(&mut headers, flags);
        assert_eq!(headers["content-length"], "5");
    }

    #[test]
    fn the_length_of_a_response_is_a_canonical_number() {
        let cases = [
            ("5", Some("5")),
            ("0", Some("0")),
            ("005", Some("5")),
            ("000", Some("0")),
            ("", Some("0")),
            ("00018446744073709551615", Some("18446744073709551615")),
            ("five", None),
            ("5,6", Some("5")),
        ];
        for (sent, expected) in cases {
            let mut headers = HeaderMap::new();
            for length in sent.split(',') {
                headers.append(CONTENT_LENGTH, HeaderValue::from_static(length));
            }
            let flags = HeaderFlags::of(&headers);
            canonical_length(&mut headers, flags);
            assert_eq!(
                headers.get_all(CONTENT_LENGTH).iter().collect::<Vec<_>>(),
                Vec::from_iter(expected),
                "{sent:?}"
            );
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
            (&["a.test."], true),
            (&["a.test.."], false),
            (&["a%2etest"], false),
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
