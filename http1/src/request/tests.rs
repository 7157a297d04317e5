//! Tests of requests of every kind, split at every byte: the end of a request never depends on how its bytes
//! arrive.

use super::cases::MAX_BODY;
use super::*;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::tests::is_host;

const LIMITS: Limits = Limits { max_body: MAX_BODY, is_host };

/// Scans the bytes of a connection in two pieces; bytes that were not consumed are shown again.
fn read(bytes: &[u8], cut: usize) -> (usize, Option<Fault>) {
    let mut connection = Connection::new(LIMITS);
    let first = connection.feed(&bytes[..cut]);
    if first.fault.is_some() {
        return (first.count, first.fault);
    }
    let second = connection.feed(&bytes[first.count..]);
    (first.count + second.count, second.fault)
}

#[track_caller]
fn check(bytes: &[u8], count: usize, fault: Option<Fault>) {
    // Long inputs are only split near both ends.
    let cuts = (0..=bytes.len()).filter(|cut| *cut < 200 || bytes.len() - cut < 20);
    for cut in cuts {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
        assert_eq!(read(bytes, cut), (count, fault), "{text:?} cut at {cut}");
    }
}

#[test]
fn proper_requests_pass_whole() {
    cases::proper(|bytes| check(bytes, bytes.len(), None));
}

#[test]
fn what_could_be_taken_for_two_things_passes_not_at_all() {
    let good = b"GET /good HTTP/1.1\r\nHost: a\r\n\r\n";
    cases::refused(|bytes, fault| {
        check(bytes, 0, Some(fault));
        // The message before it is not affected.
        check(&[good.as_slice(), bytes].concat(), good.len(), Some(fault));
    });
    let chunked = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(&[chunked.as_slice(), b"5 \r\n"].concat(), 0), (chunked.len(), Some(Fault::Chunk)));
}

#[test]
fn what_cannot_become_a_request_is_not_waited_for() {
    cases::beginnings(|bytes, fault| {
        for cut in 0..=bytes.len() {
            assert_eq!(read(bytes, cut).1, fault, "{bytes:?} cut at {cut}");
        }
    });
}

#[test]
fn behind_a_wish_for_an_upgrade_nothing_passes_before_it_is_answered() {
    let wish = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
    let bytes = [wish.as_slice(), b"\x81\x05hello"].concat();
    check(&bytes, wish.len(), None);
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
fn every_absolute_target_that_passes_is_one_that_hyper_takes() {
    for host in
        ["a", "a:", "a:99999", "A.test.", "a!$&'()*+,;=~_b", "[::1]:80", "[::2:3:4:5:6:7:8]:80", "1.2.3.4"]
    {
        for rest in ["", "/", "?b", "/a?b=[c]|'^\\", "?'^\\|"] {
            let request = format!("GET http://{host}{rest} HTTP/1.1\r\nHost: a\r\n\r\n");
            let (head, _) = RequestScanner::new(LIMITS).scan(request.as_bytes()).unwrap().unwrap();
            assert_eq!(head.authority(), Some(host));
            assert_eq!(head.path_and_query(), rest);
            let uri = http::Uri::try_from(head.target()).unwrap();
            assert_eq!(uri.authority().unwrap(), host);
        }
    }
}

#[test]
fn of_a_rejected_request_is_repeated_what_can_be() {
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(MAX_REPEATED));
    let cases: &[(&[u8], &str, &str)] = &[
        (b"HEAD /a?b HTTP/1.1\r\nbad", "HEAD", "/a?b"),
        (b"GET / HTTP/1.0\r\n", "GET", "/"),
        (b"PUT http://a/b HTTP/1.1\r\n\n", "PUT", "http://a/b"),
        (b"CONNECT a:1 HTTP/1.1\r\n", "GET", "/"),
        (b"\x16\x03\x01", "GET", "/"),
        (long.as_bytes(), "GET", "/"),
    ];
    for (refused, method, target) in cases {
        assert_eq!(repeatable(refused, is_host), (method.as_bytes(), target.as_bytes()));
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
        check(sent.as_bytes(), sent.len(), None);
        let (head, length) = RequestScanner::new(LIMITS).scan(sent.as_bytes()).unwrap().unwrap();
        let mut written = Vec::new();
        head.write(&mut written);
        assert_eq!(written, &expected.as_bytes()[2..length], "{minor}");
    }
    let old = b"POST / HTTP/1.2\r\nHost: a\r\n\r\n";
    assert_eq!(read(old, 0).1, Some(Fault::LengthMissing));
}
