//! Tests that reading and writing a message needs no memory beyond that of the message before it.

use allocation_counter::measure;
use http::Method;

use crate::tests::is_host;
use crate::{BodyDecoder, BodyLength, Known, Limits, RequestScanner, ResponseScanner, write_chunk_size};

const REQUEST: &[u8] = b"GET /users/17?fields=name,mail&page=2 HTTP/1.1\r\n\
    Host: www.example.test:8080\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Connection: keep-alive, X-Hop\r\n\
    X-Hop: 1\r\n\
    Cookie: session=0123456789abcdef; theme=dark\r\n\
    X-Forwarded-For: 192.0.2.7\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: backend/1.0\r\n\
    Date: Sat, 29 Nov 2025 12:00:00 GMT\r\n\
    Content-Type: text/html; charset=utf-8\r\n\
    Transfer-Encoding: chunked\r\n\
    Connection: keep-alive\r\n\
    Set-Cookie: session=0123456789abcdef; Path=/; HttpOnly\r\n\r\n";

const BODY: &[u8] = b"5;x=\"y\"\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";

fn forward_request(scanner: &mut RequestScanner, out: &mut Vec<u8>) {
    let (mut head, _) = scanner.scan(REQUEST).unwrap().unwrap();
    head.fields.remove_nominated(&[Known::Host, Known::ContentLength]);
    head.fields.set(Known::XForwardedFor, b"192.0.2.7, 198.51.100.9:4711");
    head.fields.append(Known::XForwardedProto, b"https");
    head.fields.append_number(Known::XForwardedPort, 443);
    assert!(head.set_target("/people/17").is_ok());
    head.write(out);
    scanner.recycle(head);
}

fn forward_response(scanner: &mut ResponseScanner, out: &mut Vec<u8>) {
    let (mut head, _) = scanner.scan(RESPONSE, &Method::GET).unwrap().unwrap();
    let mut decoder = BodyDecoder::of_response(head.framing.body);
    head.fields.remove_nominated(&[]);
    head.fields.set_body(BodyLength::Chunked);
    head.write(out);
    let mut rest = BODY;
    while !decoder.has_ended() {
        // Without trailers: those need memory of their own.
        let decoded = decoder.decode(rest).unwrap();
        write_chunk_size(decoded.data.len(), out);
        out.extend_from_slice(&rest[decoded.data]);
        rest = &rest[decoded.consumed..];
    }
    scanner.recycle(head);
}

#[test]
fn a_message_behind_another_needs_no_memory_of_its_own() {
    let mut requests = RequestScanner::new(Limits { max_body: 0, is_host });
    let mut responses = ResponseScanner::new();
    let mut out = Vec::with_capacity(16 * 1024);
    for round in 0..4 {
        out.clear();
        let request = measure(|| forward_request(&mut requests, &mut out));
        let response = measure(|| forward_response(&mut responses, &mut out));
        if round > 0 {
            assert_eq!((request.count_total, response.count_total), (0, 0));
        }
    }
}

#[test]
fn a_scan_of_a_first_head_fills_two_lists() {
    let mut scanner = RequestScanner::new(Limits { max_body: 0, is_host });
    let scan = measure(|| drop(scanner.scan(REQUEST)));
    // One list is made in one step, and that of the lines grows to 16 lines from 4.
    assert!(scan.count_total <= 4, "{} allocations", scan.count_total);
}
