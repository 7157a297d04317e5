//! Fuzz targets of the HTTP/1.1 validation: other parsers must find the same messages in the bytes that pass.
//!
//! Each target is a test that runs on its corpus and on random bytes; `tests/fuzz/run` lets libFuzzer search
//! further.

mod readers;

use readers::{
    End, Message, by_httparse, by_hyper, chunked, ends_for_httparse, fields_of_response, trailers_of,
};

use crate::body::BodyDecoder;
use crate::chunks::{Chunks, Sender};
use crate::connection::{Connection, Fed, Received};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::framing::BodyLength;
use crate::head::RequestHead;
use crate::limits::Limits;
use crate::request::RequestScanner;
use crate::response::ResponseScanner;
use crate::tests::is_host;

/// The largest body in bytes; small, so that the fuzzer also exceeds it.
const MAX_BODY: u64 = 4096;

const LIMITS: Limits = Limits { max_body: MAX_BODY, is_host };

/// Feeds the bytes in pieces of this size; bytes that were not consumed are fed again with those that follow them.
fn in_pieces(bytes: &[u8], piece: usize) -> (Connection, Fed) {
    let (mut connection, mut all, mut shown) =
        (Connection::new(LIMITS), Fed { count: 0, fault: None }, 0_usize);
    while shown < bytes.len() && all.fault.is_none() {
        shown = shown.saturating_add(piece).min(bytes.len());
        let fed = connection.feed(&bytes[all.count..shown]);
        all = Fed { count: all.count + fed.count, fault: fed.fault };
    }
    (connection, all)
}

/// Returns consumed bytes with the version 1.1 where a later one was sent, which other parsers do not know.
fn with_usual_versions(connection: &Connection, consumed: &[u8]) -> Vec<u8> {
    let mut bytes = consumed.to_vec();
    for Received { at, .. } in &connection.received {
        let start = bytes[*at..].iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(0);
        let end = memchr::memchr(b'\r', &bytes[at + start..]).expect("a request line has an end");
        let digit = &mut bytes[at + start + end - 1];
        *digit = b'1'.min(*digit);
    }
    bytes
}

/// However the bytes are cut, the scanner must read the messages that httparse finds, with their ends and fields.
fn assert_same_in_pieces(bytes: &[u8], whole: Fed, expected: &[Message], piece: usize) {
    let (connection, Fed { count, fault }) = in_pieces(bytes, piece);
    // If there are two faults, the pieces decide which one is found first. A call that finds a fault consumes
    // nothing, so they also decide how much of a body was consumed before.
    assert_eq!(fault.is_some(), whole.fault.is_some(), "{fault:?} by {piece}");
    assert!(fault.is_some() || count == whole.count, "{count} of {} by {piece}", whole.count);
    assert_eq!(connection.received.len(), expected.len(), "by {piece}");
    for (received, expected) in connection.received.iter().zip(expected) {
        let head = &received.head;
        assert_eq!((head.method.as_str(), head.target()), (&*expected.method, &*expected.target));
        let lines = head.fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec()));
        assert!(lines.eq(expected.fields.iter().cloned()), "{expected:?}");
        if piece >= bytes.len() {
            assert_head_survives(head);
        }
        assert!(received.is_whole == expected.body.is_some() || fault.is_some(), "{expected:?}");
        assert!(expected.body.as_ref().is_none_or(|body| *body == received.data), "{expected:?}");
    }
}

/// What is written must be read as the same head, and the types of `http` must take it.
fn assert_head_survives(head: &RequestHead) {
    let mut written = Vec::new();
    head.write(&mut written);
    let read = RequestScanner::new(LIMITS).scan(&written);
    let (again, length) = read.expect("what is written is valid").expect("it is whole");
    assert_eq!(length, written.len());
    assert!(head.fields.iter().eq(again.fields.iter()) && again.framing == head.framing);
    let mut copy = Vec::new();
    again.write(&mut copy);
    assert_eq!(copy, written);
    let parts = http::request::Parts::from(head.clone());
    assert_eq!(parts.headers.len(), head.fields.len());
    let target = if head.path_and_query().is_empty() { "/" } else { head.path_and_query() };
    assert_eq!(parts.uri.path_and_query().map(|target| target.as_str()), Some(target));
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
        let (connection, whole) = in_pieces(bytes, usize::MAX);
        let consumed = with_usual_versions(&connection, &bytes[..whole.count]);
        let (messages, end) = by_httparse(&consumed);
        match end {
            // A fault does not change the state, so the state tells nothing about the bytes before it.
            _ if whole.fault.is_some() => {}
            End::InBody => {
                assert!(connection.is_in_body(), "the scanner sees the end of a body too early")
            }
            End::Upgrade => assert!(connection.is_undecided()),
            End::Whole => assert!(!connection.is_in_body() && !connection.is_undecided()),
        }
        assert_same_for_hyper(&messages, &consumed);
        for piece in [usize::MAX, 1, 7, 64] {
            assert_same_in_pieces(bytes, whole, &messages, piece);
        }
    });
}

#[test]
fn fuzz_chunked_bodies() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let end = |bytes: &[u8]| chunked(bytes).map(|(end, _)| end);
        let whole = Chunks::new(Sender::Client).take(bytes, MAX_BODY);
        assert_same_for_decoder(bytes, whole);
        match whole {
            Ok((taken, true)) => assert_eq!(end(&bytes[..taken]), Some(taken)),
            Ok((taken, false)) => assert_eq!((taken, end(bytes)), (bytes.len(), None)),
            Err(_) => {}
        }
        let (mut chunks, mut taken) = (Chunks::new(Sender::Client), 0);
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

/// The decoder must find the end and the data that the line reader finds.
fn assert_same_for_decoder(bytes: &[u8], whole: Result<(usize, bool), Fault>) {
    for piece in [usize::MAX, 1, 3] {
        let mut decoder = BodyDecoder::of_request(BodyLength::Chunked, MAX_BODY);
        let (mut data, mut count, mut fault) = (Vec::new(), 0, None);
        for shown in (0..bytes.len()).step_by(piece).map(|at| at.saturating_add(piece)) {
            while count < bytes.len().min(shown) && fault.is_none() && !decoder.has_ended() {
                let rest = &bytes[count..bytes.len().min(shown)];
                match decoder.decode(rest) {
                    Ok(decoded) => {
                        assert!(decoded.consumed > 0, "the decoder stands still");
                        data.extend_from_slice(&rest[decoded.data.clone()]);
                        count += decoded.consumed;
                    }
                    Err(found) => fault = Some(found),
                }
            }
        }
        match whole {
            Ok(whole) => assert_eq!((whole, None), ((count, decoder.has_ended()), fault), "by {piece}"),
            Err(expected) => assert_eq!(fault, Some(expected), "by {piece}"),
        }
        if whole == Ok((count, true)) {
            let trailers = decoder.take_trailers().map_or(Vec::new(), |trailers| pairs(&trailers));
            assert_eq!(chunked(&bytes[..count]), Some((count, data)), "by {piece}");
            assert_eq!(trailers, trailers_of(&bytes[..count]), "by {piece}");
        }
    }
}

/// Returns true if the final head is whole. The scanner must find the fields that httparse finds.
fn read_response(bytes: &[u8], piece: usize) -> Result<bool, Fault> {
    let (mut scanner, mut begun, mut shown) = (ResponseScanner::new(), 0, 0_usize);
    while shown < bytes.len() {
        shown = shown.saturating_add(piece).min(bytes.len());
        while let Some((head, length)) = scanner.scan(&bytes[begun..shown], &http::Method::GET)? {
            let text = &bytes[begun..begun + length];
            assert_eq!(fields_of_response(text), Some((length, pairs(&head.fields))));
            let mut written = Vec::new();
            head.write(&mut written);
            let again = ResponseScanner::new().scan(&written, &http::Method::GET);
            let (again, _) = again.expect("what is written is valid").expect("it is whole");
            assert_eq!(pairs(&again.fields), pairs(&head.fields));
            assert_eq!((again.framing, again.reason()), (head.framing, head.reason()));
            begun += length;
            if !head.is_interim() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn pairs(fields: &Fields) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.to_vec())).collect()
}

#[test]
fn fuzz_response_heads() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let whole = read_response(bytes, usize::MAX);
        if whole == Ok(true) {
            assert!(ends_for_httparse(bytes), "httparse sees no end of the head");
        }
        for piece in [1, 5] {
            assert_eq!(read_response(bytes, piece), whole, "by {piece}");
        }
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
        fields: Vec::new(),
    };
    let expected =
        [message("GET", "/a", Some("")), message("PUT", "/b", Some("xy")), message("PUT", "/c", None)];
    let without_fields = |(messages, end): (Vec<Message>, End)| {
        let messages = messages.into_iter().map(|message| Message { fields: Vec::new(), ..message });
        (messages.collect::<Vec<_>>(), end)
    };
    assert_eq!(without_fields(by_httparse(bytes)), (expected.to_vec(), End::InBody));
    assert_eq!(by_hyper(bytes), (expected.to_vec(), false));
}
