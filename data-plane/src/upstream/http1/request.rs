//! The head of a request to a backend. Pure.

use http_body::Body;
use tidegate_http1::request::is_expectation;
use tidegate_http1::{BodyLength, Known, RequestHead};

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

/// Appends the head. The framing becomes that of `length`, whatever the fields say; with `expects`, the backend is
/// asked whether it wants the body.
pub(super) fn write_head(head: &mut RequestHead, length: Length, expects: bool, out: &mut Vec<u8>) {
    let fields = &mut head.fields;
    fields.set_body(match length {
        // A method without a meaning of bodies has no length of its own.
        Length::None if fields.has(Known::ContentLength) => BodyLength::Bytes(0),
        Length::None => BodyLength::None,
        Length::Bytes(bytes) => BodyLength::Bytes(bytes),
        Length::Chunked => BodyLength::Chunked,
    });
    match expects {
        true if fields.get(Known::Expect).is_some_and(is_expectation) => {}
        true => fields.set(Known::Expect, b"100-continue"),
        false => {
            fields.remove(Known::Expect);
        }
    }
    head.write(out);
}

#[cfg(test)]
mod tests {
    use http::Method;

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
            let mut head = RequestHead::new(Method::PUT, "/a?b").unwrap();
            head.fields.append("x", b"1");
            head.fields.append("x", b"2");
            if let Some(said) = said {
                head.fields.append(Known::ContentLength, said.as_bytes());
            }
            head.fields.append(Known::TransferEncoding, b"gzip");
            head.fields.append(Known::Expect, b"else");
            let mut out = Vec::new();
            write_head(&mut head, length, expects, &mut out);
            let expected = format!("PUT /a?b HTTP/1.1\r\nx: 1\r\nx: 2\r\n{framing}\r\n");
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{length:?}");
        }
    }
}
