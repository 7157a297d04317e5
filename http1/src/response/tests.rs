//! Responses of every kind, however they are cut.

use http::Method;

use super::*;
use crate::fault::Fault;

fn read(text: &str, piece: usize) -> Result<bool, Fault> {
    let (mut scanner, mut begun, mut shown) = (ResponseScanner::new(), 0, 0);
    while shown < text.len() {
        shown = (shown + piece).min(text.len());
        while let Some((head, length)) = scanner.scan(&text.as_bytes()[begun..shown], &Method::GET)? {
            begun += length;
            if !head.is_interim() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[test]
fn a_head_that_could_be_read_in_two_ways_is_refused_however_it_is_cut() {
    cases::for_each(|text, expected| {
        for piece in [1, 2, 3, 7, text.len()] {
            assert_eq!(read(text, piece), expected, "{:?} by {piece}", &text[..text.len().min(99)]);
        }
    });
}

#[test]
fn the_framing_is_that_of_the_rfc() {
    use crate::BodyLength::{Bytes, Chunked, None, UntilClose};
    let largest = format!("200 OK|Content-Length: {}", u64::MAX - 2);
    let cases = [
        (Method::GET, "200 OK|Content-Length: 5", Bytes(5), true),
        (Method::GET, "200 OK|Content-Length: 005", Bytes(5), true),
        (Method::GET, "200 OK|Content-Length: 0", None, true),
        (Method::GET, "200 OK|Transfer-Encoding: chunked", Chunked, true),
        (Method::GET, "200 OK", UntilClose, false),
        (Method::GET, "200 OK|Connection: keep-alive", UntilClose, false),
        (Method::GET, "200 OK|Content-Length: 5|Connection: a, Close", Bytes(5), false),
        (Method::GET, "200 OK|Content-Length: 5|Connection: close|Connection: keep-alive", Bytes(5), false),
        (Method::GET, "204 No Content|Content-Length: 5", None, true),
        (Method::GET, "304 Not Modified|Content-Length: 5", None, true),
        (Method::HEAD, "200 OK|Content-Length: 5", None, true),
        (Method::HEAD, "200 OK|Transfer-Encoding: chunked", None, true),
        (Method::GET, "101 Switching Protocols|Upgrade: websocket", None, false),
        (Method::GET, "103 Early Hints|Content-Length: 5", None, true),
        (Method::GET, &largest, Bytes(u64::MAX - 2), true),
    ];
    for (method, lines, body, keep_alive) in cases {
        let text = format!("HTTP/1.1 {}\r\n\r\n", lines.replace('|', "\r\n"));
        let (head, length) = ResponseScanner::new().scan(text.as_bytes(), &method).unwrap().unwrap();
        assert_eq!((head.framing.body, head.framing.keep_alive), (body, keep_alive), "{method} {lines}");
        assert_eq!(length, text.len());
        let mut written = Vec::new();
        head.write(&mut written);
        assert_eq!(written, text.as_bytes());
    }
    let old = |connection| format!("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n{connection}\r\n");
    for (text, keep_alive) in [(old(""), false), (old("Connection: Keep-Alive\r\n"), true)] {
        let (head, _) = ResponseScanner::new().scan(text.as_bytes(), &Method::GET).unwrap().unwrap();
        assert_eq!(head.framing.keep_alive, keep_alive);
    }
    let reserved = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", u64::MAX - 1);
    let found = ResponseScanner::new().scan(reserved.as_bytes(), &Method::GET).map(drop);
    assert_eq!(found, Err(Fault::LengthInvalid));
}

#[test]
fn interim_heads_are_returned_and_counted_anew_for_each_request() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let last = "HTTP/1.1 200 All Right\r\nContent-Length: 0\r\n\r\n";
    let mut scanner = ResponseScanner::new();
    for _ in 0..3 {
        for _ in 0..16 {
            let (head, length) = scanner.scan(hints.as_bytes(), &Method::GET).unwrap().unwrap();
            assert!(head.is_interim() && length == hints.len());
            assert_eq!(head.fields.get("link"), Some(b"</a>".as_slice()));
            scanner.recycle(head);
        }
        let (head, _) = scanner.scan(last.as_bytes(), &Method::GET).unwrap().unwrap();
        assert_eq!((head.status.as_u16(), head.reason()), (200, b"All Right".as_slice()));
    }
}
