//! Fuzz targets of the strict reading of HTTP/1.1: other readers must find the same messages in the bytes that pass.
//!
//! Each is a test that runs on its corpus and on random bytes; `tests/fuzz/run` lets libFuzzer look for more.

use super::chunks::Chunks;
use super::request::{Inspector, Pass};
use super::response::Answer;

/// The largest body; small, so that a fuzzer gets past it.
const MAX_BODY: u64 = 4096;

/// The boundaries that another reader finds in bytes that have passed: httparse, which is hyper's, for the heads and
/// the sizes of chunks, and the plain rules of RFC 9112, section 6.3, for bodies.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// All of it is whole messages.
    Whole,
    /// The last message is not whole: its body is not.
    InBody,
    /// The last message asks for an upgrade.
    Upgrade,
}

fn read_again(mut bytes: &[u8]) -> Reading {
    while !bytes.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        let head = request.parse(bytes).expect("httparse takes what has passed");
        let httparse::Status::Complete(head) = head else { panic!("a head that is not whole has passed") };
        let value = |name: &str| {
            let mut of_name = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            let value = of_name.next().map(|field| field.value);
            assert!(of_name.next().is_none() || name == "upgrade", "{name} stands there twice");
            value
        };
        let (length, coding) = (value("content-length"), value("transfer-encoding"));
        assert!(length.is_none() || coding.is_none(), "two lengths have passed");
        let upgrade = value("upgrade").is_some() && request.version == Some(1);
        bytes = &bytes[head..];
        if coding.is_some() {
            match chunked_end(bytes) {
                Some(end) => bytes = &bytes[end..],
                None => return Reading::InBody,
            }
            continue;
        }
        let length = length.map_or(0, |digits| std::str::from_utf8(digits).unwrap().parse().unwrap());
        if length > bytes.len() {
            return Reading::InBody;
        }
        if length == 0 && upgrade {
            assert!(bytes.is_empty(), "bytes behind an upgrade have passed");
            return Reading::Upgrade;
        }
        bytes = &bytes[length..];
    }
    Reading::Whole
}

/// Where a chunked body ends, read line by line, and none if it does not end yet.
fn chunked_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let line = at + memchr::memchr(b'\n', &bytes[at..])? + 1;
        let size = httparse::parse_chunk_size(&bytes[at..line]).expect("httparse takes the size too");
        let httparse::Status::Complete((read, size)) = size else { panic!("a size without an end") };
        assert_eq!(read, line - at, "the line of a chunk's size ends elsewhere");
        at = line;
        if size == 0 {
            break;
        }
        let end = at + usize::try_from(size).expect("it is below the limit");
        if bytes.len() < end + 2 {
            return None;
        }
        assert_eq!(&bytes[end..end + 2], b"\r\n", "data that does not end has passed");
        at = end + 2;
    }
    loop {
        let line = memchr::memchr(b'\n', &bytes[at..])?;
        assert_eq!(bytes[at + line - 1], b'\r', "a trailer with a bare line feed has passed");
        at += line + 1;
        if line == 1 {
            return Some(at);
        }
    }
}

/// Shows the bytes as they would arrive in pieces of that size: what did not pass is shown again with what follows it.
fn in_pieces(bytes: &[u8], piece: usize) -> (usize, Option<super::Fault>) {
    let (mut inspector, mut passed, mut shown) = (Inspector::new(MAX_BODY), 0, 0);
    let mut bytes = bytes.to_vec();
    while shown < bytes.len() {
        shown = (shown + piece).min(bytes.len());
        let Pass { count, fault } = inspector.inspect(&mut bytes[passed..shown]);
        passed += count;
        if fault.is_some() {
            return (passed, fault);
        }
    }
    (passed, None)
}

#[test]
fn fuzz_request_boundaries() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let mut inspector = Inspector::new(MAX_BODY);
        // What the inspector makes of a later minor version is what hyper reads.
        let mut passing = bytes.to_vec();
        let Pass { count, fault } = inspector.inspect(&mut passing);
        match read_again(&passing[..count]) {
            // A fault leaves the state as it was, so it says nothing of what has passed.
            _ if fault.is_some() => {}
            Reading::InBody => {
                assert!(inspector.is_in_body(), "the inspector sees the end of a body too early")
            }
            Reading::Upgrade => assert!(inspector.is_undecided()),
            Reading::Whole => assert!(!inspector.is_in_body() && !inspector.is_undecided()),
        }
        for piece in [1, 7, 64] {
            let (passed, found) = in_pieces(bytes, piece);
            // Of two faults, the one that shows first depends on the pieces. A body passes up to the byte that is
            // wrong, as far as its pieces reach.
            assert_eq!(found.is_some(), fault.is_some(), "in pieces of {piece}");
            assert!(if fault.is_some() { passed >= count } else { passed == count }, "in pieces of {piece}");
        }
    });
}

#[test]
fn fuzz_chunked_bodies() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let whole = Chunks::new().take(bytes, MAX_BODY);
        match whole {
            Ok((taken, true)) => assert_eq!(chunked_end(&bytes[..taken]), Some(taken)),
            Ok((taken, false)) => assert_eq!((taken, chunked_end(bytes)), (bytes.len(), None)),
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
        let whole = Answer::default().read(bytes);
        if whole == Ok(true) {
            assert!(ends_for_httparse(bytes), "httparse sees no end of the head");
        }
        let mut answer = Answer::default();
        let found = bytes.chunks(5).map(|piece| answer.read(piece)).find(|read| *read != Ok(false));
        assert_eq!(found.unwrap_or(Ok(false)), whole);
    });
}

/// Whether httparse reads interim heads and then a final one.
fn ends_for_httparse(mut bytes: &[u8]) -> bool {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut response = httparse::Response::new(&mut fields);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => match response.code {
                Some(100 | 102..=199) => bytes = &bytes[head..],
                _ => return true,
            },
            _ => return false,
        }
    }
}
