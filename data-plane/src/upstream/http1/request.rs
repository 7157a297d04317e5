//! The head of a request to a backend. Pure.

use http::Request;
use http::header::{CONTENT_LENGTH, EXPECT, HeaderMap, TRANSFER_ENCODING};
use http_body::Body;

use crate::body::RequestBody;

/// The length of a request body on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    None,
    Bytes(u64),
    Chunked,
}

impl Length {
    pub(super) fn of(body: &RequestBody) -> Length {
        match body.size_hint().exact() {
            _ if body.is_end_stream() => Length::None,
            Some(bytes) => Length::Bytes(bytes),
            None => Length::Chunked,
        }
    }
}

/// Appends the head. The framing is that of `length`, whatever the headers say; with `expects`, the backend is asked
/// whether it wants the body.
pub(super) fn write_head<B>(request: &Request<B>, length: Length, expects: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut says_length = false;
    for (name, value) in request.headers() {
        match *name {
            CONTENT_LENGTH => says_length = true,
            TRANSFER_ENCODING | EXPECT => {}
            _ => write_field(name.as_str(), value.as_bytes(), out),
        }
    }
    match length {
        // A method without a meaning of bodies has no length of its own.
        Length::None if says_length => write_field(CONTENT_LENGTH.as_str(), b"0", out),
        Length::None => {}
        Length::Bytes(bytes) => write_field(CONTENT_LENGTH.as_str(), bytes.to_string().as_bytes(), out),
        Length::Chunked => write_field(TRANSFER_ENCODING.as_str(), b"chunked", out),
    }
    if expects {
        write_field(EXPECT.as_str(), b"100-continue", out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the lines of trailers.
pub(super) fn write_fields(fields: &HeaderMap, out: &mut Vec<u8>) {
    for (name, value) in fields {
        write_field(name.as_str(), value.as_bytes(), out);
    }
}

fn write_field(name: &str, value: &[u8], out: &mut Vec<u8>) {
    out.reserve(name.len() + value.len() + 4);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_its_body_ends_and_nothing_else_of_it() {
        let cases = [
            (Length::None, false, None, ""),
            (Length::None, false, Some("0"), "content-length: 0\r\n"),
            (Length::None, false, Some("7"), "content-length: 0\r\n"),
            (Length::Bytes(5), false, None, "content-length: 5\r\n"),
            (Length::Bytes(5), true, Some("7"), "content-length: 5\r\nexpect: 100-continue\r\n"),
            (Length::Chunked, false, Some("7"), "transfer-encoding: chunked\r\n"),
        ];
        for (length, expects, said, framing) in cases {
            let mut request = Request::builder().method("PUT").uri("/a?b").header("x", "1").header("x", "2");
            if let Some(said) = said {
                request = request.header(CONTENT_LENGTH, said);
            }
            let request = request.header(TRANSFER_ENCODING, "gzip").header(EXPECT, "else");
            let request = request.body(()).unwrap();
            let mut out = Vec::new();
            write_head(&request, length, expects, &mut out);
            let expected = format!("PUT /a?b HTTP/1.1\r\nx: 1\r\nx: 2\r\n{framing}\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{length:?}");
        }
    }
}
