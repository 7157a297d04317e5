//! Edits of request and response heads, and what is written of them.

use super::*;
use crate::limits::Limits;
use crate::{RequestScanner, ResponseScanner};

fn request(text: &str) -> RequestHead {
    let limits = Limits { max_body: 100, is_host: |host| !host.is_empty() };
    RequestScanner::new(limits).scan(text.as_bytes()).unwrap().unwrap().0
}

fn response(text: &str) -> ResponseHead {
    ResponseScanner::new().scan(text.as_bytes(), &Method::GET).unwrap().unwrap().0
}

#[test]
fn a_target_has_a_path_and_a_query() {
    let cases = [
        ("/", None, "/", None),
        ("/a?b", None, "/a", Some("b")),
        ("/a?b?c", None, "/a", Some("b?c")),
        ("/a?", None, "/a", Some("")),
        ("/a?http://b/c", None, "/a", Some("http://b/c")),
        ("//a/b", None, "//a/b", None),
        ("http://a", Some("a"), "/", None),
        ("http://a:80/b?c", Some("a:80"), "/b", Some("c")),
        ("HTTP://a?c", Some("a"), "/", Some("c")),
    ];
    for (target, authority, path, query) in cases {
        let head = request(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(head.target(), target);
        assert_eq!(head.is_absolute(), authority.is_some(), "{target}");
        assert_eq!((head.authority(), head.path(), head.query()), (authority, path, query), "{target}");
    }
    let all = request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((all.target(), all.path(), all.query(), all.is_absolute()), ("*", "*", None, false));
    assert_eq!(RequestHead::default().target(), "/");
}

#[test]
fn a_request_is_written_as_it_came_but_for_what_was_changed() {
    let sent = "GET /a?b HTTP/1.1\r\nHOST: a\r\nx-B: c\r\n\r\n";
    let changes: &[(fn(&mut RequestHead), &str)] = &[
        (|_| {}, sent),
        (|head| head.set_target("/c").unwrap(), "GET /c HTTP/1.1\r\nHOST: a\r\nx-B: c\r\n\r\n"),
        (|head| head.method = Method::POST, "POST /a?b HTTP/1.1\r\nHOST: a\r\nx-B: c\r\n\r\n"),
        (|head| head.method = "GE".parse().unwrap(), "GE /a?b HTTP/1.1\r\nHOST: a\r\nx-B: c\r\n\r\n"),
        (|head| head.version = Version::HTTP_10, "GET /a?b HTTP/1.0\r\nHOST: a\r\nx-B: c\r\n\r\n"),
        (|head| head.version = Version::HTTP_2, sent),
        (|head| head.append_target("X-T"), "GET /a?b HTTP/1.1\r\nHOST: a\r\nx-B: c\r\nX-T: /a?b\r\n\r\n"),
        (|head| assert!(head.fields.remove(Known::Host)), "GET /a?b HTTP/1.1\r\nx-B: c\r\n\r\n"),
        (RequestHead::clear, "GET / HTTP/1.1\r\n\r\n"),
    ];
    for (change, expected) in changes {
        let (mut head, mut written) = (request(sent), Vec::new());
        change(&mut head);
        head.write(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), *expected);
    }
    for target in ["", "a", "a/b", "/a b", "/a\r\nb", "/#", "/\x7f", "http://", "http://a/#"] {
        let mut head = request(sent);
        assert_eq!(head.set_target(target), Err(Fault::Target), "{target:?}");
        assert_eq!(head.target(), "/a?b");
    }
}

#[test]
fn a_response_is_written_as_it_came_but_for_what_was_changed() {
    let sent = "HTTP/1.1 404 Nicht da\r\nX-b: c\r\n\r\n";
    let changes: &[(fn(&mut ResponseHead), &str)] = &[
        (|_| {}, sent),
        (|head| head.status = StatusCode::OK, "HTTP/1.1 200 OK\r\nX-b: c\r\n\r\n"),
        (|head| head.version = Version::HTTP_10, "HTTP/1.0 404 Nicht da\r\nX-b: c\r\n\r\n"),
        (|head| head.fields.append("Via", b"v"), "HTTP/1.1 404 Nicht da\r\nX-b: c\r\nVia: v\r\n\r\n"),
        (ResponseHead::clear, "HTTP/1.1 200 OK\r\n\r\n"),
    ];
    for (change, expected) in changes {
        let (mut head, mut written) = (response(sent), Vec::new());
        change(&mut head);
        head.write(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), *expected);
    }
    // A status line always has its second space (RFC 9112, section 4).
    for (line, expected, reason) in [
        ("HTTP/1.1 299", "HTTP/1.1 299 ", ""),
        ("HTTP/1.0 200", "HTTP/1.0 200 ", ""),
        ("HTTP/1.0 200 ", "HTTP/1.0 200 ", ""),
        ("HTTP/1.1 200  OK ", "HTTP/1.1 200  OK ", " OK "),
    ] {
        let head = response(&format!("{line}\r\nX: y\r\n\r\n"));
        let mut written = Vec::new();
        head.write(&mut written);
        assert_eq!(String::from_utf8(written).unwrap(), format!("{expected}\r\nX: y\r\n\r\n"));
        assert_eq!(head.reason(), reason.as_bytes());
    }
}

#[test]
fn a_new_head_is_written_whole() {
    let mut head = RequestHead::new(Method::HEAD, "/a").unwrap();
    head.fields.append(Known::Host, b"b");
    let mut written = Vec::new();
    head.write(&mut written);
    assert_eq!(written, b"HEAD /a HTTP/1.1\r\nhost: b\r\n\r\n");
    written.clear();
    ResponseHead::new(StatusCode::BAD_GATEWAY).write(&mut written);
    assert_eq!(written, b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
}

#[test]
fn wishes_count_only_where_they_have_a_meaning() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\n\r\n", true, false),
        ("GET / HTTP/1.0\r\nUpgrade: b\r\n\r\n", false, false),
        ("PUT / HTTP/1.1\r\nHost: a\r\nUpgrade: b\r\nContent-Length: 1\r\n\r\n", false, false),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false, true),
        ("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", false, false),
        ("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", false, false),
    ];
    for (text, upgrade, expects) in cases {
        let head = request(text);
        assert_eq!((head.asks_for_upgrade(), head.expects_continue()), (upgrade, expects), "{text}");
    }
}

#[test]
fn a_connection_lives_on_unless_it_is_said_otherwise() {
    let cases = [
        ("1.1", "", true),
        ("1.1", "close", false),
        ("1.1", "x, CLOSE ,y", false),
        ("1.1", "keep-alive, close", false),
        ("1.1", "closed", true),
        ("1.0", "", false),
        ("1.0", "Keep-Alive", true),
        ("1.0", "keep-alive, close", false),
    ];
    for (version, value, expected) in cases {
        let head = request(&format!("GET / HTTP/{version}\r\nHost: a\r\nConnection: {value}\r\n\r\n"));
        assert_eq!(head.framing.keep_alive, expected, "{version} {value}");
    }
}
