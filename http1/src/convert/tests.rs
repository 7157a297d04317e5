//! Heads that go to the types of the crate `http` and back.

use http::{Method, StatusCode};

use super::*;
use crate::limits::Limits;
use crate::{RequestScanner, ResponseScanner};

#[test]
fn a_request_goes_to_the_types_of_http_and_back() {
    let text = "PUT /a?b HTTP/1.1\r\nHost: c\r\nX-D: 1\r\nCookie: e\r\nx-d: 2\r\nContent-Length: 3\r\n\r\n";
    let limits = Limits { max_body: 100, is_host: |_| true };
    let scan = |text: &str| RequestScanner::new(limits).scan(text.as_bytes()).unwrap().unwrap().0;
    let head = scan(text);
    let framing = head.framing;
    let parts = request::Parts::from(head);
    assert_eq!(
        (&parts.method, parts.uri.to_string(), parts.version),
        (&Method::PUT, "/a?b".to_owned(), Version::HTTP_11)
    );
    assert_eq!(parts.headers.get_all("x-d").iter().collect::<Vec<_>>(), ["1", "2"]);
    let head = RequestHead::from_http(&parts);
    assert_eq!(head.framing, framing);
    let mut written = Vec::new();
    head.write(&mut written);
    let expected =
        "PUT /a?b HTTP/1.1\r\nhost: c\r\nx-d: 1\r\nx-d: 2\r\ncookie: e\r\ncontent-length: 3\r\n\r\n";
    assert_eq!(String::from_utf8(written).unwrap(), expected);

    let mut head = scan("GET http://a/b HTTP/1.0\r\n\r\n");
    assert_eq!(request::Parts::from(head.clone()).uri, "http://a/b");
    assert_eq!(request::Parts::from(head.clone()).version, Version::HTTP_10);
    head.set_target("/{\"\u{e9}\"}?{}").unwrap();
    assert_eq!(request::Parts::from(head).uri, "/{\"\u{e9}\"}?{}");
    assert_eq!(request::Parts::from(RequestHead::default()).uri, "/");
}

#[test]
fn a_request_of_http2_is_written_in_the_form_of_http1() {
    let request = Request::builder().version(Version::HTTP_2).uri("https://a.test/b?c").header("x", "y");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let mut head = RequestHead::from_http(&parts);
    head.fields.set_body(BodyLength::Chunked);
    let mut written = Vec::new();
    head.write(&mut written);
    assert_eq!(written, b"GET /b?c HTTP/1.1\r\nx: y\r\ntransfer-encoding: chunked\r\n\r\n");
}

#[test]
fn a_response_goes_to_the_types_of_http_and_back() {
    let text = "HTTP/1.1 404 Gone Away\r\nSet-Cookie: a\r\nset-cookie: b\r\nContent-Length: 5\r\n\r\n";
    let (head, _) = ResponseScanner::new().scan(text.as_bytes(), &Method::GET).unwrap().unwrap();
    let parts = response::Parts::from(head);
    assert_eq!((parts.status, parts.headers.len()), (StatusCode::NOT_FOUND, 3));
    let head = ResponseHead::from_http(&parts);
    assert_eq!(head.framing.body, BodyLength::Bytes(5));
    let mut written = Vec::new();
    head.write(&mut written);
    let expected = "HTTP/1.1 404 Not Found\r\nset-cookie: a\r\nset-cookie: b\r\ncontent-length: 5\r\n\r\n";
    assert_eq!(String::from_utf8(written).unwrap(), expected);
}

#[test]
fn every_target_that_may_be_set_is_a_uri() {
    for byte in 0..=0x7f_u8 {
        for prefix in ["/", "/?"] {
            let target = format!("{prefix}{}", byte as char);
            let Ok(head) = RequestHead::new(Method::GET, &target) else { continue };
            let uri = request::Parts::from(head).uri;
            assert_eq!(uri.path_and_query().unwrap().as_str(), target, "{byte}");
        }
    }
}
