//! The headers that a gateway must remove from a message, and those that it adds. Pure.

mod names;

use std::borrow::Cow;

use http::{Method, Version};
use tidegate_http1::{Fields, Known, RequestHead, is_length};
use tidegate_shared::host::CanonicalHost;
use tidegate_shared::snapshot::RequestHeaders;

use super::error::ProxyError;
use crate::downstream::Connection;
use crate::trace;
use crate::transaction_id::TransactionId;
pub(crate) use names::Dropped;

/// The fields that a peer cannot remove by naming them in `Connection`: the host, the length and the trace context
/// of a message.
const NOT_NOMINATED: &[Known] = &[Known::Host, Known::ContentLength, Known::Traceparent, Known::Tracestate];

/// The fields that only the gateway sets. A backend that trusts the TLS fingerprint of Azure must not receive it from
/// a client.
const OWN: &[Known] = &[
    Known::XAzureJa4Fingerprint,
    Known::XForwardedProto,
    Known::XForwardedPort,
    Known::XOriginalHost,
    Known::XOriginalUrl,
    Known::XAppgwTraceId,
];

/// Returns the host of a request.
///
/// # Errors
/// The request cannot be routed: its method, target or `Host` is not accepted (RFC 9112, section 3.2).
pub(crate) fn host(head: &RequestHead) -> Result<CanonicalHost<'_>, ProxyError> {
    match head.method {
        Method::CONNECT => return Err(ProxyError::MethodNotServed),
        Method::TRACE => return Err(ProxyError::TraceNotServed),
        _ => {}
    }
    if head.is_absolute() {
        return Err(ProxyError::InvalidTarget);
    }
    let mut hosts = head.fields.get_all(Known::Host);
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => canonical(host).ok_or(ProxyError::InvalidHost),
        (None, None) if head.version == Version::HTTP_10 => Ok(CanonicalHost::NONE),
        _ => Err(ProxyError::InvalidHost),
    }
}

/// Returns the canonical form of a `Host`; `None` if it is invalid.
pub(crate) fn canonical(host: &[u8]) -> Option<CanonicalHost<'_>> {
    CanonicalHost::parse(text(host)?).ok()
}

/// Returns the text of a value; `None` if it has other characters than those of ASCII.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|value| value.is_ascii())
}

/// Removes hop-by-hop headers (RFC 9110, section 7.6.1) and the headers that `Connection` names.
pub(crate) fn drop_hop_by_hop(fields: &mut Fields) {
    if fields.has(Known::TransferEncoding) {
        // The framing is chosen anew for the next hop; a length beside it would be ambiguous.
        fields.remove_each(&[Known::TransferEncoding, Known::ContentLength]);
    }
    fields.remove_nominated(NOT_NOMINATED);
    fields.remove_each(Known::HOP_BY_HOP);
}

/// Normalizes the `Content-Length` of a response: the gateway reads `005` as 5, but other readers could take it for
/// octal. HTTP/2 allows an empty length, which is read as 0, and several, of which the first is used.
pub(crate) fn canonical_length(fields: &mut Fields) {
    let mut lengths = fields.get_all(Known::ContentLength);
    let (Some(length), second) = (lengths.next(), lengths.next()) else { return };
    if second.is_none() && is_length(length) {
        return;
    }
    let length =
        if length.is_empty() { Some(0) } else { text(length).and_then(|digits| digits.parse().ok()) };
    drop(lengths);
    fields.remove(Known::ContentLength);
    if let Some(length) = length {
        fields.append_number(Known::ContentLength, length);
    }
}

/// Prepares the head of a request for the backend: without what concerns only the client's connection, and with what
/// the gateway says of it. The gateway's fields are set last, so that a client can neither set nor remove them.
/// Returns the fields that were dropped because of their names.
pub(crate) fn prepare_request(
    head: &mut RequestHead,
    connection: &Connection,
    rules: RequestHeaders,
) -> Dropped {
    let fields = &mut head.fields;
    let mut dropped = Dropped::default();
    if fields.has_odd_names() {
        let lines;
        (dropped, lines) = Dropped::from(fields, rules.names);
        connection.counts().headers_dropped.add(lines);
    }
    drop_hop_by_hop(fields);
    fields.remove_each(OWN);
    fields.join(Known::XForwardedFor, b", ", Some(client(connection, rules).as_bytes()));
    fields.append_all(connection.forwarded());
    fields.append_copy(Known::XOriginalHost, Known::Host);
    dropped
}

/// Adds what identifies a request: its original target, its ID and its trace. `original` is the target before a
/// rewrite.
pub(crate) fn identify_request(
    head: &mut RequestHead,
    id: TransactionId,
    trace: trace::Part,
    original: Option<&str>,
) {
    match original {
        Some(original) => head.fields.append(Known::XOriginalUrl, original.as_bytes()),
        None => head.append_target(Known::XOriginalUrl),
    }
    head.fields.append(Known::XAppgwTraceId, id.digits().as_bytes());
    trace.set_fields(&mut head.fields);
}

/// Returns the client's entry in `X-Forwarded-For`.
fn client(connection: &Connection, rules: RequestHeaders) -> Cow<'_, str> {
    match rules.without_client_port {
        false => Cow::Borrowed(&connection.forwarded_for),
        true => Cow::Owned(connection.client.ip().to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in pairs {
            fields.append(*name, value.as_bytes());
        }
        fields
    }

    #[test]
    fn hop_by_hop_headers_go_and_the_rest_stays() {
        let mut fields = fields(&[
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
        fields.append(Known::Connection, b"\xfcber, x-third");
        fields.append("x-third", b"4");
        drop_hop_by_hop(&mut fields);
        let mut names: Vec<_> = fields.iter().map(|(name, _)| name.as_bytes()).collect();
        names.sort_unstable();
        assert_eq!(names, [b"host".as_slice(), b"x-end-to-end"]);
    }

    #[test]
    fn a_length_survives_being_named_in_connection() {
        let mut fields = fields(&[("connection", "content-length"), ("content-length", "5")]);
        drop_hop_by_hop(&mut fields);
        assert_eq!(fields.get(Known::ContentLength), Some(b"5".as_slice()));
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
            let mut fields = Fields::new();
            for length in sent.split(',') {
                fields.append(Known::ContentLength, length.as_bytes());
            }
            canonical_length(&mut fields);
            assert_eq!(
                fields.get_all(Known::ContentLength).collect::<Vec<_>>(),
                Vec::from_iter(expected.map(str::as_bytes)),
                "{sent:?}"
            );
        }
    }

    #[test]
    fn the_client_is_added_behind_what_earlier_proxies_said() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[], "10.0.0.1:5"),
            (&[("x-forwarded-for", "1.1.1.1")], "1.1.1.1, 10.0.0.1:5"),
            (
                &[("x-forwarded-for", "1.1.1.1, 2.2.2.2"), ("x-forwarded-for", "3.3.3.3")],
                "1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.1:5",
            ),
        ];
        for (pairs, expected) in cases {
            let mut fields = fields(pairs);
            fields.join(Known::XForwardedFor, b", ", Some(b"10.0.0.1:5"));
            assert_eq!(fields.get_all(Known::XForwardedFor).collect::<Vec<_>>(), [expected.as_bytes()]);
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
            let mut head = RequestHead::new(Method::GET, "/").unwrap();
            for host in *hosts {
                head.fields.append(Known::Host, host.as_bytes());
            }
            assert_eq!(host(&head).is_ok(), *good, "{hosts:?}");
        }
    }
}
