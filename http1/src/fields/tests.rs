//! Edits of fields, and heads that are written again.

use tokio::time::Instant;

use super::*;
use crate::head::RequestHead;
use crate::limits::Limits;
use crate::{BodyLength, RequestScanner};

fn scanned(lines: &str) -> RequestHead {
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let limits = Limits { max_body: 100, is_host: |_| false };
    RequestScanner::new(limits).scan(text.as_bytes()).unwrap().unwrap().0
}

fn written(fields: &Fields) -> String {
    let mut out = Vec::new();
    fields.write(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn lines_are_found_by_their_names_without_case() {
    let head = scanned("X-A: 1\r\naccept: b\r\nx-a: 2\r\nCOOKIE: c=d\r\nCookie: e=f\r\nX-Empty: \r\n");
    let fields = &head.fields;
    let all = |name: &'static str| fields.get_all(name).map(String::from_utf8_lossy).collect::<Vec<_>>();
    assert_eq!(all("X-a"), ["1", "2"]);
    assert_eq!(all("cookie"), ["c=d", "e=f"]);
    assert_eq!(all("x-b"), [""; 0]);
    assert_eq!(all("server"), [""; 0]);
    assert_eq!(fields.get(Known::Host), Some(b"a".as_slice()));
    assert_eq!(fields.get(&http::header::ACCEPT), Some(b"b".as_slice()));
    assert_eq!(fields.get("x-empty"), Some(b"".as_slice()));
    assert!(fields.has(Known::Cookie) && !fields.has(Known::Server));
    assert!(fields.contains("ACCEPT") && !fields.contains("accep"));
    assert_eq!((fields.len(), fields.is_empty()), (7, false));
    let names: Vec<_> = fields.iter().map(|(name, _)| String::from_utf8_lossy(name.as_bytes())).collect();
    assert_eq!(names, ["Host", "X-A", "accept", "x-a", "COOKIE", "Cookie", "X-Empty"]);
}

#[test]
fn items_are_those_of_all_lines() {
    let head = scanned("Connection: close , x,,\r\nConnection:\r\nconnection:\ty\r\n");
    let items: Vec<_> = head.fields.list(Known::Connection).collect();
    assert_eq!(items, [b"close".as_slice(), b"x", b"y"]);
}

#[test]
fn edits_leave_the_other_lines_as_they_were() {
    let edits: &[(fn(&mut Fields), &str)] = &[
        (|_| {}, "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\n\r\n"),
        (|f| assert!(f.remove("X-A")), "Host: a\r\nVia: v\r\nTE: t\r\n\r\n"),
        (|f| assert!(f.remove(Known::Te)), "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\n\r\n"),
        (|f| assert!(!f.remove("nothing")), "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\n\r\n"),
        (|f| f.set("x-A", b"3"), "Host: a\r\nx-A: 3\r\nVia: v\r\nTE: t\r\n\r\n"),
        (|f| f.set(Known::Via, b"w"), "Host: a\r\nX-A: 1\r\nvia: w\r\nx-a: 2\r\nTE: t\r\n\r\n"),
        (
            |f| f.set(Known::Server, b"s"),
            "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\nserver: s\r\n\r\n",
        ),
        (|f| f.remove_each(&[Known::Te, Known::Server, Known::Via]), "Host: a\r\nX-A: 1\r\nx-a: 2\r\n\r\n"),
        (|f| f.join("x-A", b", ", None), "Host: a\r\nx-A: 1, 2\r\nVia: v\r\nTE: t\r\n\r\n"),
        (|f| f.join("x-A", b"; ", Some(b"3")), "Host: a\r\nx-A: 1; 2; 3\r\nVia: v\r\nTE: t\r\n\r\n"),
        (|f| f.join(Known::Te, b", ", None), "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\n\r\n"),
        (
            |f| f.join(Known::Server, b", ", Some(b"s")),
            "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\nserver: s\r\n\r\n",
        ),
        (
            |f| {
                f.append_copy("X-B", Known::Via);
                f.append_copy("X-C", Known::Server);
            },
            "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\nX-B: v\r\n\r\n",
        ),
        (
            |f| {
                let mut others = Fields::new();
                others.append(Known::Server, b"s");
                others.append("X-B", b"4");
                f.append_all(&others);
                f.set("x-b", b"5");
            },
            "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\nserver: s\r\nx-b: 5\r\n\r\n",
        ),
        (
            |f| {
                f.append("X-B", b"4");
                f.append_number("X-C", 0);
                f.remove("x-b");
                f.append_number("X-D", u64::MAX);
            },
            "Host: a\r\nX-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\nX-C: 0\r\nX-D: 18446744073709551615\r\n\r\n",
        ),
        (|f| f.retain(|name, value| name == Known::Host || value == b"2"), "Host: a\r\nx-a: 2\r\n\r\n"),
        (|f| f.retain(|_, _| false), "\r\n"),
        (Fields::clear, "\r\n"),
    ];
    for (edit, expected) in edits {
        let mut head = scanned("X-A: 1\r\nVia: v\r\nx-a: 2\r\nTE: t\r\n");
        edit(&mut head.fields);
        assert_eq!(written(&head.fields), *expected);
        let lines = expected.matches("\r\n").count() - 1;
        assert_eq!(head.fields.len(), lines);
        for known in [Known::Host, Known::Via, Known::Te, Known::Server] {
            let is_there = expected.to_lowercase().contains(&format!("{}: ", known.as_str()));
            assert_eq!(head.fields.has(known), is_there, "{known:?}");
            assert_eq!(head.fields.contains(known), is_there, "{known:?}");
        }
    }
}

#[test]
fn unusual_white_space_is_not_passed_on() {
    let head = scanned("A:1\r\nB:\t2\r\nC:  3\r\nD: 4 \r\nE: 5\t6\r\nF:\r\nG: \r\nH:  \r\nI: 7\r\n");
    let expected = "Host: a\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\t6\r\nF: \r\nG: \r\nH: \r\nI: 7\r\n\r\n";
    assert_eq!(written(&head.fields), expected);
}

#[test]
fn what_is_added_stays_one_line() {
    let mut fields = Fields::new();
    fields.append("x-a", b"1\r\nX-B: 2\0\x7f");
    fields.append("x b\r\nc:", b"  3\t4 ");
    fields.append("", b"");
    assert_eq!(written(&fields), "x-a: 1  X-B: 2  \r\nx_b__c_: 3\t4\r\n_: \r\n\r\n");
    assert_eq!((fields.len(), fields.get("x-a")), (3, Some(b"1  X-B: 2  ".as_slice())));
    assert!(fields.has_odd_names());
}

#[test]
fn odd_names_are_noticed() {
    for (lines, odd) in [("X-A: 1\r\n", false), ("X_A: 1\r\n", true), ("X.A: 1\r\n", true)] {
        assert_eq!(scanned(lines).fields.has_odd_names(), odd, "{lines}");
    }
}

#[test]
fn the_framing_is_replaced_as_a_whole() {
    use BodyLength::{Bytes, Chunked, None, UntilClose};
    let cases = [
        ("", None, ""),
        ("Content-Length: 5\r\n", None, ""),
        ("Content-Length: 5\r\n", UntilClose, ""),
        ("Content-Length: 5\r\n", Bytes(5), "Content-Length: 5\r\n"),
        ("Content-Length: 5\r\n", Bytes(6), "content-length: 6\r\n"),
        ("", Bytes(0), "content-length: 0\r\n"),
        ("Content-Length: 5\r\n", Chunked, "transfer-encoding: chunked\r\n"),
        ("Transfer-Encoding: chunked\r\n", Chunked, "Transfer-Encoding: chunked\r\n"),
        ("Transfer-Encoding: CHUNKED\r\n", Chunked, "transfer-encoding: chunked\r\n"),
        ("Transfer-Encoding: chunked\r\n", Bytes(7), "content-length: 7\r\n"),
    ];
    for (lines, body, expected) in cases {
        let mut head = scanned(lines);
        head.fields.set_body(body);
        assert_eq!(written(&head.fields), format!("Host: a\r\n{expected}\r\n"), "{lines:?} {body:?}");
    }
}

#[test]
fn what_connection_names_goes_with_it() {
    let cases = [
        ("", ""),
        ("Connection: keep-alive\r\n", ""),
        ("X-A: 1\r\nConnection: x-a, X-B\r\nx-b: 2\r\nX-C: 3\r\n", "X-C: 3\r\n"),
        ("X-A: 1\r\nConnection: x-a\r\nX-B: 2\r\nConnection: x-b,\r\n", ""),
        ("Connection: connection, ,x-a\r\nX-A: 1\r\nVia: 2\r\nConnection: via\r\n", ""),
        ("Connection: host, Via, content-length\r\nContent-Length: 5\r\nvia: a\r\n", "Content-Length: 5\r\n"),
        ("Connection: \u{fc}, x-a\r\nX-A: 1\r\n", ""),
        ("X-AB: 1\r\nX-B: 2\r\nConnection: x-c, X-B, x-aa, x-a\r\n", "X-AB: 1\r\n"),
    ];
    for (lines, expected) in cases {
        let mut head = scanned(lines);
        head.fields.remove_nominated(&[Known::Host, Known::ContentLength]);
        assert_eq!(written(&head.fields), format!("Host: a\r\n{expected}\r\n"), "{lines:?}");
        assert!(!head.fields.has(Known::Connection) && !head.fields.has(Known::Via));
    }
}

#[test]
fn the_time_for_a_long_list_of_names_is_not_multiplied_by_the_number_of_lines() {
    let items: Vec<String> = (0..20_000).map(|item| format!("x-gone-{item:09}")).collect();
    let time = |count: usize| {
        let lines: String = (0..count).map(|line| format!("X-Kept-{line:09}: 1\r\n")).collect();
        let attempts = (0..3).map(|_| {
            let mut head = scanned(&lines);
            head.fields.append(Known::Connection, items.join(",").as_bytes());
            head.fields.append("X-Gone-000019999", b"1");
            let before = Instant::now();
            head.fields.remove_nominated(&[]);
            let time = before.elapsed();
            assert_eq!(written(&head.fields), format!("Host: a\r\n{lines}\r\n"));
            time
        });
        attempts.min().unwrap()
    };
    let (one, many) = (time(1), time(90));
    assert!(many < 4 * one, "{one:?} for one line, {many:?} for many");
}

#[test]
fn an_item_of_a_list_is_found_without_case_in_whichever_line_it_stands() {
    let mut fields = Fields::new();
    assert!(!fields.lists(Known::Connection, b"close"));
    fields.append(Known::Connection, b"keep-alive");
    fields.append(Known::Connection, b"x-close, , CLOSE");
    assert!(fields.lists(Known::Connection, b"close") && fields.lists(Known::Connection, b"Keep-Alive"));
    assert!(!fields.lists(Known::Connection, b"alive") && !fields.lists(Known::Te, b"close"));
}
