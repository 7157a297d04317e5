//! Backends that violate HTTP: their client gets an error, and no other request is affected.

use tidegate_harness::{Backend, Behaviour, Gateway, Then};

use crate::tidegate;

#[tokio::test]
async fn a_head_that_breaks_a_rule_is_502_and_its_connection_is_never_used_again() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let interim = format!(
        "{}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(20)
    );
    let lines = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(200));
    let large = format!("HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n", "y".repeat(100_000));
    let with = |line: &str| format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\nok");
    let cases = [
        ("nonsense\r\n\r\n".to_owned(), "first line"),
        ("<html>hello</html>\n".to_owned(), "carriage return"),
        ("\0\0\u{6}\u{4}\0\0\0\0\0\0\u{3}\0\0\0\n".to_owned(), "carriage return"),
        ("HTTP/2 200 OK\r\n\r\n".to_owned(), "first line"),
        ("HTTP/1.1 2000 OK\r\n\r\n".to_owned(), "first line"),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nok".to_owned(), "carriage return"),
        (
            with("Content-Length: 2\r\nTransfer-Encoding: chunked"),
            "both Content-Length and Transfer-Encoding",
        ),
        (with("Content-Length: 2\r\nContent-Length: 2"), "several Content-Length"),
        (with("Content-Length: 2\r\nContent-Length: 3"), "several Content-Length"),
        (with("Content-Length: -2"), "not a number"),
        (with("Content-Length: 2, 2"), "not a number"),
        (with("Transfer-Encoding: gzip, chunked"), "transfer coding"),
        (with("Transfer-Encoding: chunked, chunked"), "repeated"),
        (with("X: a\r\n b\r\nContent-Length: 2"), "folded"),
        (with("X : a\r\nContent-Length: 2"), "name of a header"),
        (with("X: a\0b\r\nContent-Length: 2"), "control character"),
        (with("X: a\rSet-Cookie: b\r\nContent-Length: 2"), "control character"),
        (interim, "interim"),
        (lines, "100 header lines"),
        (large, "larger than"),
    ];
    for (number, (answer, reason)) in cases.iter().enumerate() {
        let path = format!("/lie/{number}");
        let before = backend.connections();
        backend.behave(Behaviour::literal(answer.clone(), Then::Next));
        let shown = &answer[..answer.len().min(80)];
        assert_eq!(gateway.get(&path).await.status, 502, "{shown:?}");
        gateway.access_log().line_with(&[&path, reason]).await;
        backend.behave(Behaviour::Serve);
        gateway.get("/honest").await.expect(200);
        // The next request uses a new connection.
        assert!(backend.connections() > before, "{shown:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_its_head_is_502() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for answer in ["", "HTT", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 100 Continue\r\n\r\n"] {
        backend.behave(Behaviour::literal(answer, Then::Close));
        gateway.get("/head").await.expect(502);
    }
    backend.behave(Behaviour::literal(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        Then::Next,
    ));
    gateway.get("/unasked").await.expect(502);
    backend.behave(Behaviour::Serve);
    gateway.get("/honest").await.expect(200);
}

#[tokio::test]
async fn an_answer_that_breaks_off_in_its_body_does_so_for_the_client() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let cases = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", Then::Close),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Then::Close),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n", Then::Next),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", Then::Next),
    ];
    for (answer, then) in cases {
        backend.behave(Behaviour::literal(answer, then));
        let whole = gateway.client().await.try_send("GET", "/body", &[], "").await;
        assert!(whole.is_err(), "{answer:?} was taken for whole");
        backend.behave(Behaviour::Serve);
        gateway.get("/honest").await.expect(200);
    }
}

#[tokio::test]
async fn what_follows_an_answer_is_not_the_answer_to_another_request() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    let stolen = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen";
    let cases = [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{stolen}"),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more than was said".to_owned(),
        format!("HTTP/1.1 204 No Content\r\n\r\n{stolen}"),
        format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n{stolen}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{stolen}"),
    ];
    for answer in cases {
        backend.behave(Behaviour::literal(answer.clone(), Then::Next));
        assert!(gateway.get("/first").await.text().len() <= 2, "{answer}");
        backend.behave(Behaviour::Serve);
        let next = gateway.get("/next").await.expect(200);
        assert!(next.text().contains("/next"), "{answer}: {}", next.text());
    }
}

#[tokio::test]
async fn a_length_with_leading_zeros_passes_without_them() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    for (sent, passed) in [("005", "5"), ("5", "5"), ("0000000000000000000000005", "5")] {
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {sent}\r\n\r\nhello");
        backend.behave(Behaviour::literal(answer, Then::Next));
        let answer = gateway.get("/padded").await.expect(200);
        assert_eq!(
            (answer.header("content-length"), answer.text().as_str()),
            (Some(passed), "hello"),
            "{sent}"
        );
    }
    backend.behave(Behaviour::literal("HTTP/1.1 200 OK\r\nContent-Length: 000\r\n\r\n", Then::Next));
    assert_eq!(gateway.get("/empty").await.expect(200).header("content-length"), Some("0"));
}

#[tokio::test]
async fn hints_before_an_answer_do_no_harm_to_a_client_that_ignores_them() {
    let backend = Backend::start().await;
    let gateway = Gateway::start(tidegate(), &[backend.ip()]).await;
    backend.behave(Behaviour::literal(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        Then::Next,
    ));
    assert_eq!(gateway.get("/hints").await.expect(200).text(), "ok");
}
