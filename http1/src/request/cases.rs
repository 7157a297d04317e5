//! Requests of every kind: those that pass, those with a fault, and incomplete ones.

use super::rules::{MAX_HEADERS, MAX_METHOD, MAX_REST, MAX_TARGET};
use crate::fault::Fault;

/// The documented limit of a body in bytes.
pub(super) const MAX_BODY: u64 = 4 * 1024 * 1024 * 1024;

/// Shows each sequence of proper requests to a reader.
pub(super) fn proper(check: impl Fn(&[u8])) {
    let cases: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROPFIND /dav HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET HTTPS://A.test.:8443/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://[::1]?y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%20b?c=d&e=[1]|'^ HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Text: caf\u{e9}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\n\r\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ];
    for case in cases {
        check(case.as_bytes());
    }
}

/// Shows each request that could be taken for two things to a reader, with its fault.
pub(super) fn refused(check: impl Fn(&[u8], Fault)) {
    let with = |line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n").into_bytes();
    let first = |line: &str| format!("{line}\r\nHost: a\r\n\r\n").into_bytes();
    let cases: &[(Vec<u8>, Fault)] = &[
        (b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), Fault::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n".to_vec(), Fault::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n".to_vec(), Fault::BareLineFeed),
        (with("X: a\rb"), Fault::ControlCharacter),
        (with("X: a\0b"), Fault::ControlCharacter),
        (with("X: a\r\n folded"), Fault::Folded),
        (with(" X: a"), Fault::Folded),
        (with("X : a"), Fault::FieldName),
        (with(": a"), Fault::FieldName),
        (with("X\u{e9}: a"), Fault::FieldName),
        (with("Host: b"), Fault::HostTwice),
        (with("hOST: a"), Fault::HostTwice),
        (with("Authorization: a\r\nAuthorization: a"), Fault::AuthorizationTwice),
        (with("Content-Length: 5\r\nTransfer-Encoding: chunked"), Fault::LengthAndCoding),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 5"), Fault::LengthAndCoding),
        (with("Content-Length: 5\r\nContent-Length: 5"), Fault::LengthTwice),
        (with("Content-Length: abc"), Fault::LengthInvalid),
        (with("Content-Length: 005"), Fault::LengthInvalid),
        (with("Content-Length: 00"), Fault::LengthInvalid),
        (with("Transfer-Encoding: chunked, identity"), Fault::Coding),
        (with("Transfer-Encoding: gzip, chunked"), Fault::CodingNotServed),
        (with("Expect: something-else"), Fault::Expectation),
        (with("Content-Length: 4294967297"), Fault::BodyTooLarge),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Fault::HostMissing),
        (b"GET / HTTP/1.1\r\nHosts: a\r\n\r\n".to_vec(), Fault::HostMissing),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), Fault::LengthMissing),
        (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), Fault::CodingInOldVersion),
        (first("GET /"), Fault::OldRequest),
        (first("GET"), Fault::FirstLine),
        (first("GET / HTTP/1.10"), Fault::Version),
        (first("GET / HTTP/1."), Fault::Version),
        (first("GET / HTTP/1.x"), Fault::Version),
        (first("GET / HTTP/2.0"), Fault::Version),
        (first("GET / HTTP/0.3"), Fault::Version),
        (first("GET / http/1.1"), Fault::Version),
        (first("GET / HTTP/1.1 "), Fault::Version),
        (first("GET /a b HTTP/1.1"), Fault::Version),
        (first("GET  / HTTP/1.1"), Fault::Version),
        (first("PRI * HTTP/2.0"), Fault::Version),
        (first(" GET / HTTP/1.1"), Fault::Method),
        (first("GET123 / HTTP/1.1"), Fault::Method),
        (first("get / HTTP/1.1"), Fault::Method),
        (first(&format!("{} / HTTP/1.1", "M".repeat(MAX_METHOD + 1))), Fault::Method),
        (first("G\0T / HTTP/1.1"), Fault::Method),
        (first("CONNECT a:443 HTTP/1.1"), Fault::Connect),
        (first("GET ftp://a/ HTTP/1.1"), Fault::Target),
        (first("GET http:///a HTTP/1.1"), Fault::Target),
        (first("GET http://a@b/ HTTP/1.1"), Fault::Target),
        (first("GET http://a..b/ HTTP/1.1"), Fault::Target),
        (first("GET http://a/#b HTTP/1.1"), Fault::Target),
        (first("GET http:/a HTTP/1.1"), Fault::Target),
        (first("GET a HTTP/1.1"), Fault::Target),
        (first("GET * HTTP/1.1"), Fault::Target),
        (first("GET /#a HTTP/1.1"), Fault::Target),
        (first("GET /\u{ab}.doc HTTP/1.1"), Fault::Target),
        (first("GET /\x01 HTTP/1.1"), Fault::Target),
        (first(&format!("GET /{} HTTP/1.1", "a".repeat(MAX_TARGET))), Fault::TargetTooLong),
        (with(&format!("X: {}", "a".repeat(MAX_HEADERS))), Fault::HeadTooLarge),
        (with(&"X: a\r\n".repeat(101)), Fault::TooManyFields),
        ([b"GET /".to_vec(), vec![b'a'; MAX_TARGET + MAX_REST]].concat(), Fault::TargetTooLong),
        ([b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; MAX_HEADERS]].concat(), Fault::HeadTooLarge),
    ];
    for (bytes, fault) in cases {
        check(bytes, *fault);
    }
}

/// Shows each beginning to a reader, with its fault if it cannot become a request.
pub(super) fn beginnings(check: impl Fn(&[u8], Option<Fault>)) {
    let cases: &[(&[u8], Option<Fault>)] = &[
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", Some(Fault::Method)),
        (b"SSH-2.0-client", Some(Fault::Method)),
        (b"\r\n\r\n\0", Some(Fault::Method)),
        (b"\0", Some(Fault::Method)),
        (b"{\"json\"", Some(Fault::Method)),
        (b"GET /what is this", None),
        (b"GET /", None),
        (b"GET", None),
        (b"\r\n", None),
        (b"\r", None),
        (b"GET\r", None),
    ];
    for (bytes, fault) in cases {
        check(bytes, *fault);
    }
}
