//! The heads of responses as clients of HTTP/1.1 and HTTP/1.0 get them.

use tidegate_http1::ResponseScanner;

use super::*;

const HTTP_11: Asked = Asked { is_old: false, is_head: false, keep_alive: true, takes_trailers: false };
const CLOSE: Asked = Asked { keep_alive: false, ..HTTP_11 };
const HEAD: Asked = Asked { is_head: true, ..HTTP_11 };
const HTTP_10: Asked = Asked { is_old: true, keep_alive: false, ..HTTP_11 };
const HTTP_10_KEPT: Asked = Asked { is_old: true, ..HTTP_11 };

/// Returns the head without its date, and the framing.
fn written(
    status: u16,
    headers: &[(&'static str, &'static str)],
    length: Length,
    asked: Asked,
) -> (String, ResponseFraming) {
    let mut response = ResponseHead::new(StatusCode::from_u16(status).unwrap());
    for (name, value) in headers {
        response.fields.append(*name, value.as_bytes());
    }
    let mut out = Vec::new();
    let framing = write(&mut response, length, asked, &mut out);
    let head = String::from_utf8(out).unwrap();
    let lines: Vec<&str> = head.split("\r\n").filter(|line| !line.starts_with("date: ")).collect();
    assert!(head.contains("\r\ndate: "), "{head}");
    (lines.join("|"), framing)
}

#[test]
fn a_response_says_how_it_ends_and_if_another_may_follow() {
    use BodyFraming::{Chunked, Length as Bytes, UntilClose};
    use Length::{Empty, Known, Unknown};
    type Case<'a> = (u16, &'a [(&'static str, &'static str)], Length, Asked, &'a str, BodyFraming, bool);
    let cases: &[Case<'_>] = &[
        (200, &[("x", "1")], Known(3), HTTP_11, "HTTP/1.1 200 OK|x: 1|content-length: 3||", Bytes(3), true),
        (
            200,
            &[("content-length", "3")],
            Known(3),
            HTTP_11,
            "HTTP/1.1 200 OK|content-length: 3||",
            Bytes(3),
            true,
        ),
        (200, &[], Unknown, HTTP_11, "HTTP/1.1 200 OK|transfer-encoding: chunked||", Chunked, true),
        (200, &[], Empty, HTTP_11, "HTTP/1.1 200 OK|content-length: 0||", Bytes(0), true),
        (200, &[], Empty, CLOSE, "HTTP/1.1 200 OK|connection: close|content-length: 0||", Bytes(0), false),
        (
            400,
            &[("connection", "close")],
            Empty,
            CLOSE,
            "HTTP/1.1 400 Bad Request|connection: close|content-length: 0||",
            Bytes(0),
            false,
        ),
        (
            400,
            &[("connection", "Close")],
            Empty,
            HTTP_11,
            "HTTP/1.1 400 Bad Request|connection: Close|content-length: 0||",
            Bytes(0),
            false,
        ),
        (200, &[("content-length", "9")], Empty, HEAD, "HTTP/1.1 200 OK|content-length: 9||", Bytes(0), true),
        (200, &[], Empty, HEAD, "HTTP/1.1 200 OK||", Bytes(0), true),
        (200, &[], Unknown, HEAD, "HTTP/1.1 200 OK||", Bytes(0), true),
        (204, &[("content-length", "0")], Empty, HTTP_11, "HTTP/1.1 204 No Content||", Bytes(0), true),
        (304, &[("content-length", "9")], Empty, HTTP_11, "HTTP/1.1 304 Not Modified||", Bytes(0), true),
        (200, &[], Unknown, HTTP_10, "HTTP/1.0 200 OK||", UntilClose, false),
        (200, &[], Unknown, HTTP_10_KEPT, "HTTP/1.0 200 OK||", UntilClose, false),
        (200, &[], Known(3), HTTP_10, "HTTP/1.0 200 OK|content-length: 3||", Bytes(3), false),
        (
            200,
            &[],
            Known(3),
            HTTP_10_KEPT,
            "HTTP/1.0 200 OK|connection: keep-alive|content-length: 3||",
            Bytes(3),
            true,
        ),
        (
            101,
            &[("connection", "Upgrade"), ("upgrade", "websocket")],
            Empty,
            HTTP_11,
            "HTTP/1.1 101 Switching Protocols|connection: Upgrade|upgrade: websocket||",
            Bytes(0),
            false,
        ),
        (
            426,
            &[("connection", "Upgrade")],
            Empty,
            CLOSE,
            "HTTP/1.1 426 Upgrade Required|connection: Upgrade, close|content-length: 0||",
            Bytes(0),
            false,
        ),
        (299, &[], Empty, HTTP_11, "HTTP/1.1 299 |content-length: 0||", Bytes(0), true),
    ];
    for (status, headers, length, asked, head, body, keep_alive) in cases {
        let found = written(*status, headers, *length, *asked);
        let framing = ResponseFraming { body: *body, keep_alive: *keep_alive };
        assert_eq!(found, ((*head).to_owned(), framing), "{status} {length:?} {asked:?}");
    }
}

#[test]
fn a_date_and_a_reason_of_the_backend_stay() {
    let received = b"HTTP/1.0 200 Fine\r\nX-B: 1\r\nDATE: today\r\nx-A: 2\r\n\r\n";
    let (mut head, _) = ResponseScanner::new().scan(received, &Method::GET).unwrap().unwrap();
    let mut out = Vec::new();
    write(&mut head, Length::Empty, HTTP_11, &mut out);
    let expected = "HTTP/1.1 200 Fine\r\nX-B: 1\r\nDATE: today\r\nx-A: 2\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn only_who_says_so_takes_trailers() {
    for (version, te, expected) in [
        (Version::HTTP_11, "trailers", true),
        (Version::HTTP_11, "deflate, Trailers", true),
        (Version::HTTP_11, "deflate", false),
        (Version::HTTP_10, "trailers", false),
    ] {
        let mut request = RequestHead::new(Method::GET, "/").unwrap();
        request.version = version;
        request.fields.append(Known::Te, te.as_bytes());
        assert_eq!(Asked::by(&request).takes_trailers, expected, "{te}");
    }
}
