//! Tests of the client's end with real sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};

use http::Method;
use tidegate_http1::ResponseScanner;
use tokio::net::TcpStream;

use super::*;
use crate::body::chunk::Chunk;
use crate::config::{MinRate, Timeouts};
use crate::tcp::Follows;

const SECOND: Duration = Duration::from_secs(1);
const MAX_BODY: u64 = 1000;

const TIMEOUTS: Timeouts = Timeouts {
    header: SECOND,
    idle: Duration::from_secs(2),
    body: Duration::from_secs(3),
    send: Duration::from_secs(4),
    rate: MinRate { bytes_per_second: 0, grace: SECOND },
};

/// Connects a client; the second value is its own end, which blocks.
fn connect() -> (Rc<Http1Client>, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    own.set_read_timeout(Some(10 * SECOND)).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    accepted.set_nonblocking(true).unwrap();
    let stream = Stream::Plain(TcpStream::from_std(accepted).unwrap().into());
    (Http1Client::new(stream, &Thread::of_test(TIMEOUTS, MAX_BODY)), own)
}

async fn head(client: &Http1Client) -> NextRequest {
    poll_fn(|cx| client.poll_head(cx)).await
}

/// Returns the target of the next request.
async fn target(client: &Http1Client) -> String {
    match head(client).await {
        NextRequest::Head(head) => head.target().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Reads a body to its end, with the names of its trailers.
async fn body(client: &Http1Client) -> Result<(String, Vec<String>), String> {
    let (mut data, mut names, mut buffer) = (Vec::new(), Vec::new(), vec![0; 64]);
    while !client.is_end_stream() {
        let polled = poll_fn(|cx| client.poll_chunk(cx, &mut buffer)).await;
        match polled.transpose().map_err(|error| error.to_string())? {
            Some(Chunk::Trailers(trailers)) => {
                names.extend(trailers.iter().map(|(name, _)| name.as_bytes().escape_ascii().to_string()));
            }
            Some(chunk) => data.extend_from_slice(chunk.bytes(&buffer)),
            None => break,
        }
    }
    Ok((String::from_utf8(data).unwrap(), names))
}

fn read(own: &mut std::net::TcpStream, expected: &str) {
    let mut found = vec![0; expected.len()];
    own.read_exact(&mut found).unwrap();
    assert_eq!(String::from_utf8(found).unwrap(), expected);
}

#[tokio::test]
async fn requests_follow_each_other_however_their_bytes_arrive() {
    let sent = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
                POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
                \r\nPUT /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n\
                GET /4 HTTP/1.1\r\nHost: a\r\n\r\n";
    for piece in [1, 7, 30, sent.len()] {
        let (client, mut own) = connect();
        own.set_nodelay(true).unwrap();
        let writer = std::thread::spawn(move || {
            for piece in sent.as_bytes().chunks(piece) {
                own.write_all(piece).unwrap();
            }
            own
        });
        assert_eq!(target(&client).await, "/1");
        assert!(client.is_end_stream());
        assert_eq!(target(&client).await, "/2");
        assert_eq!(client.size_hint().exact(), Some(5));
        assert_eq!(body(&client).await, Ok(("hello".to_owned(), vec![])), "{piece}");
        assert_eq!(target(&client).await, "/3");
        assert_eq!(body(&client).await, Ok(("abcde".to_owned(), vec!["X-Sum".to_owned()])), "{piece}");
        assert_eq!(target(&client).await, "/4");
        drop(writer.join().unwrap());
        assert!(matches!(head(&client).await, NextRequest::Closed));
    }
}

#[tokio::test]
async fn a_malformed_request_is_described_and_nothing_after_it_is_read() {
    let (client, mut own) = connect();
    own.write_all(b"\r\nHEAD /bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let NextRequest::Refused(refusal) = head(&client).await else { panic!("it was not refused") };
    assert_eq!(
        (refusal.fault, refusal.head.method.clone(), refusal.head.path()),
        (Fault::HostTwice, Method::HEAD, "/bad")
    );
    assert_eq!(client.fault(), Some(Fault::HostTwice));
    assert!(matches!(head(&client).await, NextRequest::Closed));
    assert!(!client.is_between_requests());
}

#[tokio::test]
async fn a_body_with_a_fault_is_an_error_and_the_fault_of_the_connection() {
    let requests = [
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n", Some(Fault::Chunk)),
        ("Transfer-Encoding: chunked\r\n\r\nfff\r\n", Some(Fault::BodyTooLarge)),
        ("Content-Length: 9\r\n\r\nhello", None),
    ];
    for (request, fault) in requests {
        let (client, mut own) = connect();
        own.write_all(format!("PUT / HTTP/1.1\r\nHost: a\r\n{request}").as_bytes()).unwrap();
        own.shutdown(Shutdown::Write).unwrap();
        assert_eq!(target(&client).await, "/");
        assert!(body(&client).await.is_err());
        assert_eq!(client.fault(), fault, "{request}");
    }
}

#[tokio::test]
async fn a_client_is_asked_for_its_body_when_somebody_reads_it_and_hints_come_before_the_response() {
    let (client, mut own) = connect();
    own.write_all(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").unwrap();
    assert_eq!(target(&client).await, "/");
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: x, keep-alive\r\nX: 1\r\n\r\n";
    let (hints, _) = ResponseScanner::new().scan(hints, &Method::GET).unwrap().unwrap();
    client.send_interim(&hints);
    poll_fn(|cx| client.poll_drain(cx)).await.unwrap();
    read(&mut own, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
    let mut buffer = [0; 10];
    assert!(poll_fn(|cx| Poll::Ready(client.poll_chunk(cx, &mut buffer).is_pending())).await);
    read(&mut own, "HTTP/1.1 100 Continue\r\n\r\n");
    own.write_all(b"ok").unwrap();
    assert_eq!(body(&client).await.unwrap().0, "ok");
    assert!(poll_fn(|cx| Poll::Ready(client.begin_response(cx))).await);
    client.send_interim(&hints);
    poll_fn(|cx| Poll::Ready(client.write(cx, &[IoSlice::new(b"HTTP/1.1 200 OK\r\n")], Follows::Unknown)))
        .await
        .unwrap();
    read(&mut own, "HTTP/1.1 200 OK\r\n");

    let (client, mut own) = connect();
    own.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(target(&client).await, "/");
    client.send_interim(&hints);
    poll_fn(|cx| Poll::Ready(client.write(cx, &[IoSlice::new(b"HTTP/1.0 200 OK\r\n")], Follows::Unknown)))
        .await
        .unwrap();
    read(&mut own, "HTTP/1.0 200 OK\r\n");
}

#[tokio::test]
async fn a_client_that_goes_away_is_noticed_and_what_it_sends_early_is_kept() {
    let (client, mut own) = connect();
    own.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(target(&client).await, "/1");
    assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx).is_pending())).await);
    drop(own);
    poll_fn(|cx| client.poll_gone(cx)).await;

    let (client, mut own) = connect();
    own.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2").unwrap();
    assert_eq!(target(&client).await, "/1");
    own.write_all(b" HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx).is_pending())).await);
    assert_eq!(target(&client).await, "/2");
    own.write_all(b"early").unwrap();
    let arrives = |cx: &mut Context<'_>| {
        assert!(client.poll_gone(cx).is_pending());
        if client.is_within_head() { Poll::Ready(()) } else { Poll::Pending }
    };
    poll_fn(arrives).await;
    let (_, early) = client.take_socket().unwrap();
    assert_eq!(early, "early");
}

#[tokio::test]
async fn a_client_that_leaves_behind_early_bytes_is_noticed_too() {
    let (client, mut own) = connect();
    own.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nG").unwrap();
    assert_eq!(target(&client).await, "/1");
    assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx).is_pending())).await);
    drop(own);
    let gone = poll_fn(|cx| client.poll_gone(cx));
    tokio::time::timeout(10 * SECOND, gone).await.expect("it is noticed");
}

#[tokio::test]
async fn no_more_than_a_buffer_of_early_bytes_is_kept() {
    let (client, mut own) = connect();
    own.set_nonblocking(true).unwrap();
    own.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(target(&client).await, "/1");
    let mut sent = 0;
    while let Ok(count) = own.write(&[b'x'; 100_000]) {
        sent += count;
        assert!(poll_fn(|cx| Poll::Ready(client.poll_gone(cx).is_pending())).await);
        tokio::task::yield_now().await;
    }
    let memory = client.socket.borrow().as_ref().map(|socket| socket.input.memory());
    assert!(sent > 100_000 && memory.is_some_and(|memory| memory <= 128 * 1024), "{memory:?} of {sent}");
}

#[tokio::test]
async fn a_client_that_always_ends_within_a_head_is_given_no_more_memory_for_it() {
    let (client, mut own) = connect();
    let rest = format!(" / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\nGET", "x".repeat(8000));
    own.write_all(b"GET").unwrap();
    for _ in 0..100 {
        own.write_all(rest.as_bytes()).unwrap();
        assert_eq!(target(&client).await, "/");
    }
    let memory = client.socket.borrow().as_ref().map(|socket| socket.input.memory());
    assert!(memory.is_some_and(|memory| memory < 4 * rest.len()), "{memory:?}");
}

#[tokio::test]
async fn a_body_that_nobody_reads_ends_the_connection_unless_it_is_here() {
    for (sent, expected) in [("hello", true), ("hell", false)] {
        let (client, mut own) = connect();
        let request = format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{sent}");
        own.write_all(request.as_bytes()).unwrap();
        assert_eq!(target(&client).await, "/");
        client.release();
        assert_eq!(poll_fn(|cx| Poll::Ready(client.begin_response(cx))).await, expected, "{sent}");
        if expected {
            own.write_all(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            assert_eq!(target(&client).await, "/next");
        } else {
            own.shutdown(Shutdown::Write).unwrap();
            client.close().await;
            assert_eq!(own.read(&mut [0]).unwrap(), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_wait_for_a_client_has_its_own_time() {
    let began = tokio::time::Instant::now();
    let waited = || began.elapsed().as_secs();
    let (client, _own) = connect();
    assert!(matches!(head(&client).await, NextRequest::Closed));
    assert_eq!(waited(), 1, "a new connection");

    let (client, mut own) = connect();
    own.write_all(b"GET /slow HTTP/1.1\r\n").unwrap();
    let NextRequest::Refused(refusal) = head(&client).await else { panic!("it was not refused") };
    assert_eq!((refusal.fault, refusal.head.path(), waited()), (Fault::HeadTimeout, "/slow", 2));

    let (client, mut own) = connect();
    own.write_all(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no").unwrap();
    assert_eq!(target(&client).await, "/");
    assert!(body(&client).await.is_err());
    assert_eq!((client.fault(), waited()), (Some(Fault::BodyTimeout), 5));

    let (client, mut own) = connect();
    own.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(target(&client).await, "/");
    assert!(matches!(head(&client).await, NextRequest::Closed));
    assert_eq!((client.fault(), waited()), (None, 7), "between two requests");

    let (client, _own) = connect();
    let written = loop {
        let written = poll_fn(|cx| {
            let drained = client.poll_drain(cx);
            drained.map(|drained| {
                drained.and_then(|()| client.write(cx, &[IoSlice::new(&[b'x'; 64 * 1024])], Follows::Unknown))
            })
        });
        if let Err(error) = written.await {
            break error;
        }
    };
    assert_eq!(written.kind(), io::ErrorKind::TimedOut);
    assert_eq!((client.fault(), waited()), (Some(Fault::SendTimeout), 11));
}
