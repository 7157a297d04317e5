//! Other parsers of HTTP/1.1 for comparison: httparse with a plain implementation of RFC 9112, section 6.3,
//! and hyper's server, which parses what the scanner consumes. Neither uses the scanner.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

/// A request that a parser has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) target: String,
    /// `None` while the body is incomplete.
    pub(super) body: Option<Vec<u8>>,
    /// The names and values in their order; hyper's are left out.
    pub(super) fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The state of a parser after the last byte.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All bytes belong to complete messages.
    Whole,
    /// The body of the last message is incomplete.
    InBody,
    /// The last message asks for an upgrade.
    Upgrade,
}

/// Returns the messages that httparse finds in bytes that have passed.
pub(super) fn by_httparse(mut bytes: &[u8]) -> (Vec<Message>, End) {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        let head = request.parse(bytes).expect("httparse takes what has passed");
        let httparse::Status::Complete(head) = head else { panic!("a head that is not whole has passed") };
        let value = |name: &str| {
            let mut of_name = request.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
            let value = of_name.next().map(|field| field.value);
            assert!(
                of_name.next().is_none() || name == "upgrade",
                "two fields of the name {name} have passed"
            );
            value
        };
        let (length, coding) = (value("content-length"), value("transfer-encoding"));
        assert!(length.is_none() || coding.is_none(), "two lengths have passed");
        let upgrade = value("upgrade").is_some() && request.version == Some(1);
        let (method, target) = (request.method.unwrap().to_owned(), request.path.unwrap().to_owned());
        let fields = pairs(request.headers);
        bytes = &bytes[head..];
        let body = if coding.is_some() {
            chunked(bytes)
        } else {
            let length = length.map_or(0, |digits| std::str::from_utf8(digits).unwrap().parse().unwrap());
            bytes.get(..length).map(|body| (length, body.to_vec()))
        };
        let Some((taken, body)) = body else {
            messages.push(Message { method, target, body: None, fields });
            return (messages, End::InBody);
        };
        let upgrades = coding.is_none() && taken == 0 && upgrade;
        messages.push(Message { method, target, body: Some(body), fields });
        bytes = &bytes[taken..];
        if upgrades {
            assert!(bytes.is_empty(), "bytes behind an upgrade have passed");
            return (messages, End::Upgrade);
        }
    }
    (messages, End::Whole)
}

/// Returns the length of a chunked body and its data, parsed line by line; `None` if it is incomplete.
pub(super) fn chunked(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (mut at, data) = chunks(bytes)?;
    loop {
        let line = memchr::memchr(b'\n', &bytes[at..])?;
        assert_eq!(bytes[at + line - 1], b'\r', "a trailer with a bare line feed has passed");
        at += line + 1;
        if line == 1 {
            return Some((at, data));
        }
    }
}

/// Returns the trailers of a complete chunked body.
pub(super) fn trailers_of(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (at, _) = chunks(bytes).expect("the body is complete");
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let trailers = httparse::parse_headers(&bytes[at..], &mut fields).expect("httparse takes them too");
    let httparse::Status::Complete((length, trailers)) = trailers else { panic!("trailers without an end") };
    assert_eq!(length, bytes.len() - at, "the trailers end elsewhere");
    pairs(trailers)
}

/// Returns the length of all chunks with the last one, and their data; `None` if they are incomplete.
fn chunks(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let (mut at, mut data) = (0, Vec::new());
    loop {
        let line = at + memchr::memchr(b'\n', &bytes[at..])? + 1;
        let size = httparse::parse_chunk_size(&bytes[at..line]).expect("httparse takes the size too");
        let httparse::Status::Complete((read, size)) = size else { panic!("a size without an end") };
        assert_eq!(read, line - at, "the line of a chunk's size ends elsewhere");
        at = line;
        if size == 0 {
            return Some((at, data));
        }
        let end = at + usize::try_from(size).expect("it is below the limit");
        if bytes.len() < end + 2 {
            return None;
        }
        assert_eq!(&bytes[end..end + 2], b"\r\n", "data that does not end has passed");
        data.extend(&bytes[at..end]);
        at = end + 2;
    }
}

fn pairs(headers: &[httparse::Header<'_>]) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers.iter().map(|field| (field.name.as_bytes().to_vec(), field.value.to_vec())).collect()
}

/// Returns the length of the response head that httparse finds, with its fields.
pub(super) fn fields_of_response(bytes: &[u8]) -> Option<(usize, Vec<(Vec<u8>, Vec<u8>)>)> {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => Some((length, pairs(response.headers))),
        _ => None,
    }
}

/// Returns true if httparse finds interim heads followed by a final one.
pub(super) fn ends_for_httparse(mut bytes: &[u8]) -> bool {
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

/// Returns the messages that hyper's server finds in the bytes of a client that then closes, and true if
/// hyper has closed the connection.
pub(super) fn by_hyper(bytes: &[u8]) -> (Vec<Message>, bool) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let (mut client, server) = tokio::io::duplex(bytes.len() + 64 * 1024);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut context = Context::from_waker(&waker);
    assert!(pin!(client.write_all(bytes)).poll(&mut context).is_ready(), "the buffer holds all bytes");
    let service = service_fn(|request| answer(request, found.clone()));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(server), service));
    let closed = loop {
        woken.0.store(false, Ordering::Relaxed);
        match connection.as_mut().poll(&mut context) {
            Poll::Ready(_) => break true,
            Poll::Pending if woken.0.load(Ordering::Relaxed) => {}
            Poll::Pending => break false,
        }
    };
    let found = std::mem::take(&mut *found.lock().unwrap());
    (found, closed)
}

async fn answer(
    request: Request<Incoming>,
    found: Arc<Mutex<Vec<Message>>>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let (method, target) = (request.method().to_string(), request.uri().to_string());
    found.lock().unwrap().push(Message { method, target, body: None, fields: Vec::new() });
    let body = request.into_body().collect().await.ok();
    if let Some(message) = found.lock().unwrap().last_mut() {
        message.body = body.map(|body| body.to_bytes().to_vec());
    }
    Ok(Response::new(Empty::new()))
}

/// Records whether a future has asked to be polled again.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
