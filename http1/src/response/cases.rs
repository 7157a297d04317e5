//! Heads of backends: whether the final head is complete, or the fault.

use super::rules::MAX_HEAD;
use crate::fault::Fault;

/// Shows each case to a reader.
pub(super) fn for_each(check: impl Fn(&str, Result<bool, Fault>)) {
    let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(17);
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(MAX_HEAD));
    let cases: &[(&str, Result<bool, Fault>)] = &[
        ("HTTP/1.1 200 OK\r\n\r\n", Ok(true)),
        ("HTTP/1.1 200\r\n\r\n", Ok(true)),
        ("HTTP/1.0 404 Not Found\r\nContent-Length: 3\r\n\r\nabc\n\0", Ok(true)),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Ok(true)),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x7f\x05", Ok(true)),
        ("HTTP/1.1 200 OK\r\nContent-Le", Ok(false)),
        ("HTTP/1.1 100 Continue\r\n\r\n", Ok(false)),
        ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", Err(Fault::BareLineFeed)),
        ("HTTP/1.1 200 OK\r\nA: b\n\r\n", Err(Fault::BareLineFeed)),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", Err(Fault::Folded)),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", Err(Fault::FieldName)),
        ("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", Err(Fault::ControlCharacter)),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", Err(Fault::ControlCharacter)),
        ("HTTP/1.1 200 O\0K\r\n\r\n", Err(Fault::FirstLine)),
        ("HTTP/2 200\r\n\r\n", Err(Fault::FirstLine)),
        ("HTTP/1.1 20 OK\r\n\r\n", Err(Fault::FirstLine)),
        ("HTTP/1.1 2000 OK\r\n\r\n", Err(Fault::FirstLine)),
        ("HTTP/1.1 +20 OK\r\n\r\n", Err(Fault::FirstLine)),
        ("<html>\r\n", Err(Fault::FirstLine)),
        ("\r\nHTTP/1.1 200 OK\r\n", Err(Fault::FirstLine)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Err(Fault::LengthTwice)),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Err(Fault::LengthInvalid)),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            Err(Fault::LengthAndCoding),
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Err(Fault::CodingNotServed)),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Err(Fault::CodingInOldVersion)),
        (&flood, Err(Fault::Interim)),
        (&large, Err(Fault::HeadTooLarge)),
    ];
    for (text, expected) in cases {
        check(text, *expected);
    }
}
