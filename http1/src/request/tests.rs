//! Tests of requests of every kind, split at every byte: the end of a request never depends on how its bytes
//! arrive.

use super::*;
use crate::tests::is_host;

/// The documented limit of a body in bytes.
const MAX_BODY: u64 = 4 * 1024 * 1024 * 1024;

const LIMITS: Limits = Limits { max_body: MAX_BODY, is_host };

/// Inspects the bytes of a connection in two pieces, as the connection does: bytes that did not pass are shown
/// again.
fn run(bytes: &[u8], cut: usize) -> (usize, Option<Fault>) {
    let mut inspector = Inspector::new(LIMITS);
    let mut bytes = bytes.to_vec();
    let first = inspector.inspect(&mut bytes[..cut]);
    if first.fault.is_some() {
        return (first.count, first.fault);
    }
    let second = inspector.inspect(&mut bytes[first.count..]);
    (first.count + second.count, second.fault)
}

#[track_caller]
fn check(bytes: &[u8], count: usize, fault: Option<Fault>) {
    // Long inputs are only split near both ends.
    let cuts = (0..=bytes.len()).filter(|cut| *cut < 200 || bytes.len() - cut < 20);
    for cut in cuts {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
        assert_eq!(run(bytes, cut), (count, fault), "{text:?} cut at {cut}");
    }
}

#[test]
fn proper_requests_pass_whole() {
    let cases: &[&str] = &[
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROPFIND /dav HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a HTTP/1.1\r\nHost: b\r\n\r\n",
        "GET HTTPS://A.test.:8443/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://[::1]?y HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%20b?c=d&e=[1]|'^ HTTP/1.1\r\nHost:\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX-Text: caf\u{e9}\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n\n\r\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ];
    for case in cases {
        check(case.as_bytes(), case.len(), None);
    }
}

#[test]
fn what_could_be_taken_for_two_things_passes_not_at_all() {
    let with = |line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\n\r\n").into_bytes();
    let first = |line: &str| format!("{line}\r\nHost: a\r\n\r\n").into_bytes();
    let cases: &[(Vec<u8>, Fault)] = &[
        (b"GET / HTTP/1.1\nHost: a\n\n".to_vec(), Fault::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n".to_vec(), Fault::BareLineFeed),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\n".to_vec(), Fault::BareLineFeed),
        (with("X: a\rb"), Fault::ControlCharacter),
        (with("X: a\0b"), Fault::ControlCharacter),
        (with("X: a\r\n folded"), Fault::Folded),
        (with(" X: a"), Fault::Folded),
        (with("X : a"), Fault::FieldName),
        (with(": a"), Fault::FieldName),
        (with("X\u{e9}: a"), Fault::FieldName),
        (with("Host: b"), Fault::HostTwice),
        (with("hOST: a"), Fault::HostTwice),
        (with("Authorization: a\r\nAuthorization: a"), Fault::AuthorizationTwice),
        (with("Content-Length: 5\r\nTransfer-Encoding: chunked"), Fault::LengthAndCoding),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 5"), Fault::LengthAndCoding),
        (with("Content-Length: 5\r\nContent-Length: 5"), Fault::LengthTwice),
        (with("Content-Length: abc"), Fault::LengthInvalid),
        (with("Content-Length: 005"), Fault::LengthInvalid),
        (with("Content-Length: 00"), Fault::LengthInvalid),
        (with("Transfer-Encoding: chunked, identity"), Fault::Coding),
        (with("Transfer-Encoding: gzip, chunked"), Fault::CodingNotServed),
        (with("Expect: something-else"), Fault::Expectation),
        (with("Content-Length: 4294967297"), Fault::BodyTooLarge),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Fault::HostMissing),
        (b"GET / HTTP/1.1\r\nHosts: a\r\n\r\n".to_vec(), Fault::HostMissing),
        (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), Fault::LengthMissing),
        (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec(), Fault::CodingInOldVersion),
        (first("GET /"), Fault::OldRequest),
        (first("GET"), Fault::FirstLine),
        (first("GET / HTTP/1.10"), Fault::Version),
        (first("GET / HTTP/1."), Fault::Version),
        (first("GET / HTTP/1.x"), Fault::Version),
        (first("GET / HTTP/2.0"), Fault::Version),
        (first("GET / HTTP/0.3"), Fault::Version),
        (first("GET / http/1.1"), Fault::Version),
        (first("GET / HTTP/1.1 "), Fault::Version),
        (first("GET /a b HTTP/1.1"), Fault::Version),
        (first("GET  / HTTP/1.1"), Fault::Version),
        (first("PRI * HTTP/2.0"), Fault::Version),
        (first(" GET / HTTP/1.1"), Fault::Method),
        (first("GET123 / HTTP/1.1"), Fault::Method),
        (first("get / HTTP/1.1"), Fault::Method),
        (first(&format!("{} / HTTP/1.1", "M".repeat(MAX_METHOD + 1))), Fault::Method),
        (first("G\0T / HTTP/1.1"), Fault::Method),
        (first("CONNECT a:443 HTTP/1.1"), Fault::Connect),
        (first("GET ftp://a/ HTTP/1.1"), Fault::Target),
        (first("GET http:///a HTTP/1.1"), Fault::Target),
        (first("GET http://a@b/ HTTP/1.1"), Fault::Target),
        (first("GET http://a..b/ HTTP/1.1"), Fault::Target),
        (first("GET http://a/#b HTTP/1.1"), Fault::Target),
        (first("GET http:/a HTTP/1.1"), Fault::Target),
        (first("GET a HTTP/1.1"), Fault::Target),
        (first("GET * HTTP/1.1"), Fault::Target),
        (first("GET /#a HTTP/1.1"), Fault::Target),
        (first("GET /\u{ab}.doc HTTP/1.1"), Fault::Target),
        (first("GET /\x01 HTTP/1.1"), Fault::Target),
        (first(&format!("GET /{} HTTP/1.1", "a".repeat(MAX_TARGET))), Fault::TargetTooLong),
        (with(&format!("X: {}", "a".repeat(MAX_HEADERS))), Fault::HeadTooLarge),
        (with(&"X: a\r\n".repeat(101)), Fault::TooManyFields),
        ([b"GET /".to_vec(), vec![b'a'; MAX_TARGET + MAX_REST]].concat(), Fault::TargetTooLong),
        ([b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; MAX_HEADERS]].concat(), Fault::HeadTooLarge),
    ];
    let good = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
    for (bytes, fault) in cases {
        check(bytes, 0, Some(*fault));
        // The message before it is not affected.
        check(&[good.as_slice(), bytes].concat(), good.len(), Some(*fault));
    }
    let chunked = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(run(&[chunked.as_slice(), b"5 \r\n"].concat(), 0), (chunked.len(), Some(Fault::Chunk)));
}

#[test]
fn what_cannot_become_a_request_is_not_waited_for() {
    let cases: &[(&[u8], Option<Fault>)] = &[
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", Some(Fault::Method)),
        (b"SSH-2.0-client", Some(Fault::Method)),
        (b"\r\n\r\n\0", Some(Fault::Method)),
        (b"\0", Some(Fault::Method)),
        (b"{\"json\"", Some(Fault::Method)),
        (b"GET /what is this", None),
        (b"GET /", None),
        (b"GET", None),
        (b"\r\n", None),
        (b"\r", None),
        (b"GET\r", None),
    ];
    for (bytes, fault) in cases {
        for cut in 0..=bytes.len() {
            assert_eq!(run(bytes, cut).1, *fault, "{bytes:?} cut at {cut}");
        }
    }
}

#[test]
fn behind_a_wish_for_an_upgrade_nothing_passes_before_it_is_answered() {
    let wish = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
    let bytes = [wish.as_slice(), b"\x81\x05hello"].concat();
    check(&bytes, wish.len(), None);
    let mut inspector = Inspector::new(LIMITS);
    assert_eq!(inspector.inspect(&mut wish.to_vec()).count, wish.len());
    assert!(inspector.is_undecided());
    inspector.resume();
    assert_eq!(inspector.inspect(&mut b"nonsense\r\n".to_vec()).fault, Some(Fault::FirstLine));
}

#[test]
fn every_target_that_passes_is_one_that_hyper_takes() {
    for byte in 0..=255_u8 {
        for target in [vec![b'/', byte], vec![b'/', b'?', byte]] {
            if is_target(b"GET", &target) {
                let uri = http::Uri::try_from(target.as_slice());
                assert!(
                    uri.is_ok_and(|uri| uri.path_and_query().unwrap().as_str().as_bytes() == target),
                    "{byte}"
                );
            }
        }
    }
}

#[test]
fn the_stand_in_repeats_what_it_can() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_REPEATED));
    let cases: &[(&[u8], &[u8])] = &[
        (b"HEAD /a?b HTTP/1.1\r\nbad", b"HEAD /a?b HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.0\r\n", b"GET / HTTP/1.1\r\n\r\n"),
        (b"CONNECT a:1 HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n\r\n"),
        (b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"),
        (long.as_bytes(), b"GET / HTTP/1.1\r\n\r\n"),
    ];
    for (refused, expected) in cases {
        assert_eq!(substitute(refused, is_host), *expected);
    }
}

#[test]
fn a_later_minor_version_is_read_as_1_1() {
    let other = "GET /a HTTP/1.0\r\n\r\n";
    for minor in 2..=9 {
        let request =
            |minor| format!("\r\nGET /?HTTP/1.{minor} HTTP/1.{minor}\r\nHost: HTTP/1.{minor}\r\n\r\n{other}");
        let sent = request(minor);
        let expected = sent.replacen(&format!(" HTTP/1.{minor}\r\nHost"), " HTTP/1.1\r\nHost", 1);
        for cut in 0..=sent.len() {
            let (mut bytes, mut inspector) = (sent.clone().into_bytes(), Inspector::new(LIMITS));
            let first = inspector.inspect(&mut bytes[..cut]);
            let second = inspector.inspect(&mut bytes[first.count..]);
            assert_eq!(
                (first.count + second.count, second.fault),
                (sent.len(), None),
                "{minor} cut at {cut}"
            );
            assert_eq!(String::from_utf8(bytes).unwrap(), expected, "{minor} cut at {cut}");
        }
    }
    let old = b"POST / HTTP/1.2\r\nHost: a\r\n\r\n";
    assert_eq!(run(old, 0).1, Some(Fault::LengthMissing));
}
