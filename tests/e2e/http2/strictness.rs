//! HTTP/2 requests that would be rejected in HTTP/1.1: the backend receives them as HTTP/1.1, so they are rejected
//! as well.

use tidegate_harness::{flag, frame, header_block, kind};

use crate::HOST;
use crate::http2::Stage;
use crate::http2::conformance::Expected::{Answer, Stream};
use crate::http2::conformance::{PROTOCOL_ERROR, check, fields};

#[tokio::test]
async fn methods_and_targets_are_those_of_http_1() {
    let ask = |method, path| {
        let fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", HOST)];
        vec![frame(kind::HEADERS, flag::WHOLE, 1, header_block(&fields))]
    };
    check(&[
        ("OPTIONS of everything", ask("OPTIONS", "*"), Answer(200)),
        ("a method of one's own", ask("PROPFIND", "/a?b"), Answer(200)),
        ("* of another method", ask("GET", "*"), Answer(400)),
        ("nothing but a fragment", ask("GET", "#x"), Answer(400)),
        ("what is not ASCII", ask("GET", "/\u{e9}"), Answer(400)),
        ("what must be encoded", ask("GET", "/{\"}"), Answer(400)),
        ("a method in small letters", ask("get", "/"), Answer(400)),
        ("a method with another sign", ask("G!T", "/"), Answer(400)),
    ])
    .await;
}

#[tokio::test]
async fn headers_are_those_of_http_1() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let cases: [(&[(&str, &str)], u16); 5] = [
        (&[("authorization", "one")], 200),
        (&[("authorization", "one"), ("authorization", "other")], 400),
        (&[("content-length", "0"), ("content-length", "0")], 400),
        (&[("expect", "100-continue")], 200),
        (&[("expect", "nonsense")], 417),
    ];
    for (headers, status) in cases {
        client.send("GET", "/", headers, "").await.expect(status);
    }
    assert_eq!(stage.backend.requests().len(), 2);
}

#[tokio::test]
async fn a_length_is_a_canonical_number() {
    let length = |value: &'static str| {
        let head = frame(kind::HEADERS, flag::END_HEADERS, 1, fields(&[("content-length", value)]));
        vec![head, frame(kind::DATA, flag::END_STREAM, 1, [])]
    };
    check(&[
        ("no body", length("0"), Answer(200)),
        ("an empty length", length(""), Answer(400)),
        ("leading zeros", length("00"), Answer(400)),
        ("a space before", length(" 0"), Stream(&[PROTOCOL_ERROR])),
        ("a space behind", length("0 "), Stream(&[PROTOCOL_ERROR])),
    ])
    .await;
}
