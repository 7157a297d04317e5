//! Fuzz targets of the HTTP/1.1 validation: other parsers must find the same messages in the bytes that pass.
//!
//! Each target is a test that runs on its corpus and on random bytes; `tests/fuzz/run` lets libFuzzer search
//! further.

mod readers;

use readers::{End, Message, by_httparse, by_hyper, chunked, ends_for_httparse};

use crate::chunks::Chunks;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::request::{Inspection, Inspector};
use crate::response::ResponseInspector;
use crate::tests::is_host;

/// The largest body in bytes; small, so that the fuzzer also exceeds it.
const MAX_BODY: u64 = 4096;

const LIMITS: Limits = Limits { max_body: MAX_BODY, is_host };

/// Feeds the bytes in pieces of this size; bytes that did not pass are fed again with those that follow them.
fn in_pieces(bytes: &[u8], piece: usize) -> (usize, Option<Fault>) {
    let (mut inspector, mut passed, mut shown) = (Inspector::new(LIMITS), 0, 0);
    let mut bytes = bytes.to_vec();
    while shown < bytes.len() {
        shown = (shown + piece).min(bytes.len());
        let Inspection { count, fault } = inspector.inspect(&mut bytes[passed..shown]);
        passed += count;
        if fault.is_some() {
            return (passed, fault);
        }
    }
    (passed, None)
}

/// hyper may reject a request, or close the connection after one. Until then it must read the same messages.
fn assert_same_for_hyper(expected: &[Message], passed: &[u8]) {
    let (found, closed) = by_hyper(passed);
    assert!(found.len() <= expected.len(), "hyper finds more: {found:?}, not {expected:?}");
    assert!(closed || found.len() == expected.len(), "hyper finds less: {found:?}, not {expected:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((&found.method, &found.body), (&expected.method, &expected.body), "{expected:?}");
        // hyper prints a target in absolute form in its own spelling.
        assert!(found.target == expected.target || !expected.target.starts_with('/'), "{expected:?}");
    }
}

#[test]
fn fuzz_request_boundaries() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut inspector = Inspector::new(LIMITS);
        // The inspector replaces a later minor version in place, so hyper reads these bytes.
        let mut passing = bytes.to_vec();
        let Inspection { count, fault } = inspector.inspect(&mut passing);
        let (messages, end) = by_httparse(&passing[..count]);
        match end {
            // A fault does not change the state, so the state tells nothing about the bytes that passed.
            _ if fault.is_some() => {}
            End::InBody => {
                assert!(inspector.is_in_body(), "the inspector sees the end of a body too early")
            }
            End::Upgrade => assert!(inspector.is_undecided()),
            End::Whole => assert!(!inspector.is_in_body() && !inspector.is_undecided()),
        }
        assert_same_for_hyper(&messages, &passing[..count]);
        for piece in [1, 7, 64] {
            let (passed, found) = in_pieces(bytes, piece);
            // If there are two faults, the pieces decide which one is found first. A body passes up to the invalid
            // byte, as far as the pieces reach.
            assert_eq!(found.is_some(), fault.is_some(), "in pieces of {piece}");
            assert!(if fault.is_some() { passed >= count } else { passed == count }, "in pieces of {piece}");
        }
    });
}

#[test]
fn fuzz_chunked_bodies() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let end = |bytes: &[u8]| chunked(bytes).map(|(end, _)| end);
        let whole = Chunks::new().take(bytes, MAX_BODY);
        match whole {
            Ok((taken, true)) => assert_eq!(end(&bytes[..taken]), Some(taken)),
            Ok((taken, false)) => assert_eq!((taken, end(bytes)), (bytes.len(), None)),
            Err(_) => {}
        }
        let (mut chunks, mut taken) = (Chunks::new(), 0);
        for piece in bytes.chunks(3) {
            match chunks.take(piece, MAX_BODY) {
                Ok((count, ended)) => {
                    taken += count;
                    if ended {
                        return assert_eq!(whole, Ok((taken, true)));
                    }
                }
                Err(fault) => return assert_eq!(whole, Err(fault)),
            }
        }
        assert_eq!(whole, Ok((taken, false)));
    });
}

#[test]
fn fuzz_response_heads() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let whole = ResponseInspector::default().read(bytes);
        if whole == Ok(true) {
            assert!(ends_for_httparse(bytes), "httparse sees no end of the head");
        }
        let mut answer = ResponseInspector::default();
        let found = bytes.chunks(5).map(|piece| answer.read(piece)).find(|read| *read != Ok(false));
        assert_eq!(found.unwrap_or(Ok(false)), whole);
    });
}

/// Guards the fuzz targets: a parser that finds nothing would agree with everything.
#[test]
fn both_readers_find_what_is_there() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\
        PUT /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\nX: t\r\n\r\n\
        PUT /c HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nxy";
    let message = |method: &str, target: &str, body: Option<&str>| Message {
        method: method.to_owned(),
        target: target.to_owned(),
        body: body.map(|body| body.as_bytes().to_vec()),
    };
    let expected =
        [message("GET", "/a", Some("")), message("PUT", "/b", Some("xy")), message("PUT", "/c", None)];
    assert_eq!(by_httparse(bytes), (expected.to_vec(), End::InBody));
    assert_eq!(by_hyper(bytes), (expected.to_vec(), false));
}
