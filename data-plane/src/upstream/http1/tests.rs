//! Requests to backends that are scripts, over real sockets: what arrives, what comes back, and whether the connection
//! can be used again.

use std::collections::VecDeque;
use std::time::Duration;

use http::Method;
use http_body::SizeHint;
use tidegate_http1::Fields;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::request::Length;
use super::*;
use crate::alarm::Alarms;
use crate::body::chunk::{Chunk, PolledChunk};
use crate::body::received::{BodySource, Http1Body};
use crate::client_rate::ClientRate;
use crate::read_buffer::ReadBuffer;

/// Returns both ends of a connection: the gateway's state, and the backend's socket.
async fn connection() -> (State, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (State::new(Stream::Plain(near.into())), far)
}

fn request(method: &str) -> RequestHead {
    RequestHead::new(method.parse().unwrap(), "/a").unwrap()
}

/// Reads the final head, and notes the interim ones.
async fn head_after(state: &mut State, interim: &RefCell<Vec<u16>>) -> Result<ResponseHead, UpstreamError> {
    let note = |head: &ResponseHead| interim.borrow_mut().push(head.status.as_u16());
    poll_fn(|cx| state.poll_head(cx, &note)).await
}

async fn head(state: &mut State) -> Result<ResponseHead, UpstreamError> {
    let unexpected = |head: &ResponseHead| panic!("an interim response of status {}", head.status);
    poll_fn(|cx| state.poll_head(cx, &unexpected)).await
}

/// Reads the body to its end. Trailers follow it behind a bar.
async fn body(state: &mut State) -> Result<String, UpstreamError> {
    let (mut text, mut buffer) = (String::new(), ReadBuffer::take());
    while let Some(chunk) = poll_fn(|cx| state.poll_body(cx, &mut buffer)).await.transpose()? {
        text.push_str(std::str::from_utf8(chunk.bytes(&buffer)).unwrap());
        if let Chunk::Trailers(trailers) = chunk {
            for (name, value) in trailers.iter() {
                let (name, value) = (name.as_bytes(), value);
                text.push_str(&format!("|{}={}", name.escape_ascii(), value.escape_ascii()));
            }
        }
    }
    Ok(text)
}

/// Sends the response in pieces, and returns what came of it.
async fn exchange(method: &str, response: &str, piece: usize) -> String {
    let (mut state, mut far) = connection().await;
    state.begin(&mut request(method), &mut RequestBody::Absent, Length::None, None);
    let backend = async {
        far.set_nodelay(true).unwrap();
        let mut head = [0; 1024];
        assert!(far.read(&mut head).await.unwrap() > 0);
        for piece in response.as_bytes().chunks(piece) {
            far.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        far.shutdown().await.unwrap();
    };
    let interim = RefCell::default();
    let gateway = async {
        let head = head_after(&mut state, &interim).await?;
        Ok::<_, UpstreamError>(format!("{} {}", head.status.as_u16(), body(&mut state).await?))
    };
    let ((), answer) = tokio::join!(backend, gateway);
    let kept = if state.is_idle() { "kept" } else { "closed" };
    let answer = answer.unwrap_or_else(|error| error.to_string());
    format!("{:?} {answer} {kept}", interim.into_inner())
}

#[tokio::test]
async fn a_response_is_the_same_however_it_is_cut() {
    const CLOSED: &str = "[] connection closed before message completed closed";
    let cases = [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "[] 200 hello kept"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "[] 200  kept"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "[] 200  kept"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", "[] 204  kept"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "[] 304  kept"),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhe\r\n1\r\nl\r\n2\r\nlo\r\n0\r\n\r\n",
            "[] 200 hello kept",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
            "[] 200 hello|X-Sum=1 kept",
        ),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: 1\r\n\r\n", "[] 200 |X=1 kept"),
        ("GET", "HTTP/1.1 200 OK\r\n\r\nto the end", "[] 200 to the end closed"),
        ("GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "[] 200 ok closed"),
        ("GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "[] 200 ok kept"),
        ("GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "[] 200 ok closed"),
        (
            "GET",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n\
             HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            "[103, 102] 200 ok kept",
        ),
        ("GET", "", CLOSED),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Le", CLOSED),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", CLOSED),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", CLOSED),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "[] connection error: a chunk is malformed closed",
        ),
        (
            "GET",
            "HTTP/1.1 200 OK\nContent-Length: 5\n\n",
            "[] connection error: a line ends without a carriage return closed",
        ),
    ];
    for (method, response, expected) in cases {
        for piece in [1, 2, 3, 7, response.len().max(1)] {
            assert_eq!(exchange(method, response, piece).await, expected, "{response:?} by {piece}");
        }
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_end_the_connection() {
    for (method, response) in [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx"),
    ] {
        assert!(exchange(method, response, response.len()).await.ends_with("closed"), "{response}");
    }
}

#[tokio::test]
async fn an_idle_connection_is_quiet_until_the_backend_sends_or_closes() {
    for ending in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
        let (mut state, mut far) = connection().await;
        let stream = state.stream.as_mut().unwrap();
        assert!(is_quiet(stream));
        far.write_all(ending.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        stream.tcp().readable().await.unwrap();
        assert!(!is_quiet(stream), "{ending:?}");
    }
}

#[tokio::test]
async fn an_unasked_response_to_a_request_that_may_have_been_two_is_found_before_its_event() {
    let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    for (methods, response, is_doubtful) in [
        (["GET", "POST"], OK, true),
        (["GET", "HEAD"], OK, true),
        (["GET", "GET"], &whole[..], false),
        (["POST", "GET"], whole, true),
        (["GET", "GET"], OK, true),
        (["GET", "GET"], b"HTTP/1.1 204 No Content\r\n\r\n", true),
        (["GET", "GET"], b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", true),
    ] {
        let (mut state, mut far) = connection().await;
        for method in methods {
            state.begin(&mut request(method), &mut RequestBody::Absent, Length::None, None);
            let response = if method == "GET" { response } else { OK };
            let backend = async { far.write_all(response).await.unwrap() };
            let ((), answer) = tokio::join!(backend, head(&mut state));
            answer.unwrap();
            body(&mut state).await.unwrap();
        }
        let stream = state.stream.as_mut().unwrap();
        assert!(is_quiet(stream) && is_empty(stream));
        // The driver is not asked before the next wait.
        far.write_all(OK).await.unwrap();
        assert!(is_quiet(stream) && !is_empty(stream));
        assert!(state.is_idle() && state.is_doubtful == is_doubtful, "{methods:?}");
    }
}

/// The body of a request: pieces, then trailers or an error.
#[derive(Debug)]
struct Script {
    pieces: RefCell<VecDeque<Result<Chunk, &'static str>>>,
    length: Option<u64>,
}

impl BodySource for Script {
    /// An owned piece is read into the buffer, behind a gap, if it fits.
    fn poll_chunk(&self, _: &mut Context<'_>, buffer: &mut [u8]) -> PolledChunk {
        Poll::Ready(self.pieces.borrow_mut().pop_front().map(|piece| match piece? {
            Chunk::Owned(bytes) if bytes.len() + 3 <= buffer.len() => {
                buffer[3..3 + bytes.len()].copy_from_slice(&bytes);
                Ok(Chunk::Read(3..3 + bytes.len()))
            }
            other => Ok(other),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.borrow().is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }

    fn release(&self) {}
}

fn upload(pieces: impl IntoIterator<Item = Result<Chunk, &'static str>>, length: Option<u64>) -> RequestBody {
    let source = Script { pieces: RefCell::new(pieces.into_iter().collect()), length };
    let body = ReceivedBody::Http1(Http1Body::of(Rc::new(source)));
    RequestBody::new(body, u64::MAX, || ClientRate::UNLIMITED)
}

fn owned(text: &str) -> Result<Chunk, &'static str> {
    Ok(Chunk::Owned(Bytes::copy_from_slice(text.as_bytes())))
}

fn begin(state: &mut State, body: &mut RequestBody, expecting: Option<Pause>) {
    let length = Length::of(body);
    state.begin(&mut request(Method::PUT.as_str()), body, length, expecting);
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn a_body_is_framed_by_its_length_or_in_chunks() {
    let trailers = || {
        let mut trailers = Fields::new();
        trailers.append("x-sum", b"1");
        Ok(Chunk::Trailers(trailers))
    };
    let (large, frame) = ("x".repeat(100_000), "186a0");
    let cases = [
        (vec![owned("hel"), owned("lo")], Some(5), "content-length: 5\r\n\r\nhello".to_owned()),
        (
            vec![owned("hel"), owned("lo")],
            None,
            "transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n".to_owned(),
        ),
        (
            vec![owned("hello"), owned(""), trailers()],
            None,
            "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n".to_owned(),
        ),
        (vec![owned("")], None, "transfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned()),
        (
            vec![owned(&large)],
            None,
            format!("transfer-encoding: chunked\r\n\r\n{frame}\r\n{large}\r\n0\r\n\r\n"),
        ),
        (vec![owned(&large), owned("y")], Some(100_001), format!("content-length: 100001\r\n\r\n{large}y")),
    ];
    for (pieces, length, framed) in cases {
        let (mut state, mut far) = connection().await;
        begin(&mut state, &mut upload(pieces, length), None);
        let expected = format!("PUT /a HTTP/1.1\r\n{framed}");
        let backend = async {
            let mut received = vec![0; expected.len()];
            far.read_exact(&mut received).await.unwrap();
            far.write_all(OK).await.unwrap();
            assert!(String::from_utf8(received).unwrap() == expected, "{}", &expected[..60]);
        };
        let ((), answer) = tokio::join!(backend, head(&mut state));
        answer.unwrap();
        assert!(state.is_idle(), "{}", &expected[..60]);
    }
}

#[tokio::test]
async fn a_body_that_fails_is_neither_whole_nor_sent_again() {
    for (pieces, length) in [
        (vec![owned("hel"), Err("broken")], Some(5)),
        (vec![Err("broken")], None),
        (vec![owned("hel")], Some(5)),
        (vec![owned("hello!")], Some(5)),
    ] {
        let (mut state, mut far) = connection().await;
        begin(&mut state, &mut upload(pieces, length), None);
        let failed = head(&mut state).await.unwrap_err();
        assert!(matches!(failed, UpstreamError::RequestBody(_)), "{failed}");
        assert!(state.fail().0.is_none() && !state.is_idle());
        drop(state);
        let mut received = String::new();
        far.read_to_string(&mut received).await.unwrap();
        assert!(!received.ends_with("0\r\n\r\n") && !received.ends_with("hello"), "{received}");
    }
}

#[tokio::test]
async fn a_backend_may_answer_before_it_has_the_whole_body() {
    let pieces = (0..200).map(|_| owned(&"x".repeat(60_000)));
    let (mut state, mut far) = connection().await;
    begin(&mut state, &mut upload(pieces, Some(200 * 60_000)), None);
    let (answered, wait) = tokio::sync::oneshot::channel();
    let backend = async {
        far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe").await.unwrap();
        wait.await.unwrap();
        let (mut left, mut piece) =
            (200 * 60_000 + "PUT /a HTTP/1.1\r\ncontent-length: 12000000\r\n\r\n".len(), vec![0; 65536]);
        while left > 0 {
            left -= far.read(&mut piece).await.unwrap();
        }
        far.write_all(b"llo").await.unwrap();
    };
    let gateway = async {
        head(&mut state).await.unwrap();
        assert!(!state.is_idle());
        answered.send(()).unwrap();
        assert_eq!(body(&mut state).await.unwrap(), "hello");
    };
    tokio::join!(backend, gateway);
    assert!(state.is_idle());
}

#[tokio::test]
async fn a_response_counts_although_the_backend_took_no_more_of_the_body() {
    let pieces = (0..200).map(|_| owned(&"x".repeat(60_000)));
    let (mut state, mut far) = connection().await;
    begin(&mut state, &mut upload(pieces, Some(200 * 60_000)), None);
    far.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
    // It closes with bytes unread, so that the kernel resets the connection.
    let mut first = [0];
    let (read, answer) = tokio::join!(far.read(&mut first), head(&mut state));
    drop(far);
    assert_eq!((read.unwrap(), answer.unwrap().status.as_u16()), (1, 413));
    assert_eq!(body(&mut state).await.unwrap(), "no");
    assert!(!state.is_idle());
}

#[tokio::test]
async fn a_body_waits_until_the_backend_wants_it() {
    const HEAD: &str = "PUT /a HTTP/1.1\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n";
    for (answer, is_sent) in
        [("HTTP/1.1 100 Continue\r\n\r\n", true), ("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n", false)]
    {
        let (mut state, mut far) = connection().await;
        begin(&mut state, &mut upload([owned("hello")], Some(5)), Some(Alarms::default().pause()));
        let backend = async {
            let mut received = [0; HEAD.len()];
            far.read_exact(&mut received).await.unwrap();
            assert_eq!(received, HEAD.as_bytes());
            far.write_all(answer.as_bytes()).await.unwrap();
            if is_sent {
                far.read_exact(&mut received[..5]).await.unwrap();
                far.write_all(OK).await.unwrap();
            }
        };
        let ((), answered) = tokio::join!(backend, head(&mut state));
        assert_eq!((answered.unwrap().status == 200, state.is_idle()), (is_sent, is_sent));
        drop(state);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert!(rest.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_backend_that_does_not_know_the_expectation_gets_the_body_after_a_second() {
    let (mut state, mut far) = connection().await;
    let began = Instant::now();
    begin(&mut state, &mut upload([owned("hello")], Some(5)), Some(Alarms::default().pause()));
    let backend = async {
        let mut received = [0; 1024];
        assert!(far.read(&mut received).await.unwrap() > 0);
        far.read_exact(&mut received[..5]).await.unwrap();
        far.write_all(OK).await.unwrap();
    };
    let ((), answered) = tokio::join!(backend, head(&mut state));
    answered.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1) && state.is_idle());
}

#[tokio::test]
async fn a_request_of_which_nothing_was_sent_is_whole() {
    let (mut state, far) = connection().await;
    far.set_zero_linger().unwrap();
    drop(far);
    state.stream.as_ref().unwrap().tcp().readable().await.unwrap();
    let mut sent = upload([owned("hello")], Some(5));
    begin(&mut state, &mut sent, Some(Alarms::default().pause()));
    let failed = head(&mut state).await.unwrap_err();
    let (untouched, is_unseen) = state.fail();
    assert!(failed.is_cut_off() && is_unseen && untouched.is_some(), "{failed}");
}
