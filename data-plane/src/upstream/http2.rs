//! HTTP/2 to backends (RFC 9113): few connections, each with many concurrent requests.
//!
//! With TLS, HTTP/2 is negotiated by ALPN; without TLS, it is used with prior knowledge. A backend without HTTP/2 is
//! unreachable: there is no fallback, because gRPC would not work with it. Requests have the form of HTTP/1.1 up to
//! this module.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use http::header::{EXPECT, HOST, HeaderValue, TE, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Request, Uri, Version, request};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tidegate_http1::{RequestHead, ResponseHead};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::{ConnectError, Key, MAX_IDLE, OpenConnection, Unanswered, Upstreams};
use crate::backend::Backend;
use crate::body::RequestBody;
use crate::body::received::ReceivedBody;
use crate::stream::{self, PEER_TIMEOUT, REQUEST_PEER_TIMEOUT, Stream};
use crate::tls::ALPN_HTTP2;

/// The maximum number of concurrent streams on one connection, even if the backend allows more.
const MAX_STREAMS: usize = 100;
/// The flow-control window of a stream in bytes.
const STREAM_WINDOW: u32 = 128 * 1024;
/// The number of bytes of a request body that hyper buffers per stream before the backend accepts them.
const SEND_BUFFER: usize = 64 * 1024;
/// The maximum size of a decoded header block of a response, in bytes.
const MAX_HEADER_BLOCK: u32 = 64 * 1024;

/// Runs the tasks of hyper's connections on this thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// The HTTP/2 connections of one thread.
#[derive(Debug, Default)]
pub(super) struct Pools(RefCell<HashMap<Key, Pool>>);

/// The connections with the same key.
#[derive(Debug, Default)]
struct Pool {
    connections: Vec<Rc<Http2Connection>>,
    /// Held by the request that opens a connection; others wait and share the connection.
    opening: Rc<Mutex<()>>,
}

/// One connection.
#[derive(Debug)]
struct Http2Connection {
    sender: SendRequest<RequestBody>,
    open: Cell<usize>,
    /// The number of concurrent streams that the backend allows, as currently known.
    limit: Rc<Cell<usize>>,
    since: Cell<Instant>,
    /// True if the connection gets no further requests, because the backend has refused a request or left one without
    /// a response.
    spent: Cell<bool>,
    /// The local port.
    source_port: u16,
}

/// The right to send one request on a connection, returned on drop.
#[derive(Debug)]
pub(crate) struct StreamSlot(Rc<Http2Connection>);

impl Pools {
    /// Takes a slot on an existing connection.
    pub(super) fn take(&self, key: &Key) -> Option<StreamSlot> {
        let mut pools = self.0.borrow_mut();
        let connections = &mut pools.get_mut(key)?.connections;
        connections.retain(|connection| !connection.sender.is_closed() && !connection.spent.get());
        let free = |connection: &&Rc<Http2Connection>| {
            connection.open.get() < connection.limit.get().min(MAX_STREAMS)
        };
        connections.iter().find(free).map(StreamSlot::new)
    }

    fn opening(&self, key: &Key) -> Rc<Mutex<()>> {
        self.0.borrow_mut().entry(key.clone()).or_default().opening.clone()
    }

    fn keep(&self, key: &Key, connection: Rc<Http2Connection>) -> StreamSlot {
        let slot = StreamSlot::new(&connection);
        self.0.borrow_mut().entry(key.clone()).or_default().connections.push(connection);
        slot
    }

    /// Closes the connection that has been idle for the longest time if `most` are idle. The scan of all connections
    /// costs less than opening the one that it makes room for.
    fn make_room(&self, most: usize) {
        let mut pools = self.0.borrow_mut();
        let connections =
            pools.iter().flat_map(|(key, pool)| pool.connections.iter().map(move |one| (key, one)));
        let idle = || connections.clone().filter(|(_, one)| one.open.get() == 0);
        if idle().count() < most {
            return;
        }
        let Some((key, oldest)) = idle().min_by_key(|(_, one)| one.since.get()) else { return };
        let (key, oldest) = (key.clone(), oldest.clone());
        if let Some(pool) = pools.get_mut(&key) {
            pool.connections.retain(|one| !Rc::ptr_eq(one, &oldest));
        }
    }

    /// Closes the connections that have been idle for this time, and returns true if there were any.
    pub(super) fn sweep(&self, idle_for: Duration) -> bool {
        let now = Instant::now();
        let mut some = false;
        self.0.borrow_mut().retain(|_, pool| {
            pool.connections.retain(|connection| {
                let kept = !connection.sender.is_closed()
                    && (connection.open.get() > 0 || now - connection.since.get() < idle_for);
                some |= !kept;
                kept
            });
            !pool.connections.is_empty() || Rc::strong_count(&pool.opening) > 1
        });
        some
    }
}

impl StreamSlot {
    fn new(connection: &Rc<Http2Connection>) -> StreamSlot {
        connection.open.set(connection.open.get() + 1);
        StreamSlot(connection.clone())
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
        self.0.since.set(Instant::now());
    }
}

/// Opens a connection, unless another request has just done so.
pub(super) async fn open(
    upstreams: &Upstreams,
    backend: &Arc<Backend>,
    key: &Key,
    connect: impl Future<Output = Result<Stream, ConnectError>>,
) -> Result<StreamSlot, ConnectError> {
    let opening = upstreams.http2.opening(key);
    let _turn = opening.lock().await;
    if let Some(slot) = upstreams.http2.take(key) {
        return Ok(slot);
    }
    let stream = connect.await?;
    check(&stream)?;
    // Best effort, by the kernel instead of PING: gRPC servers close connections that send PING more often than every
    // five minutes.
    let _ = stream::watch_for_vanished_peer(&SockRef::from(stream.tcp()), PEER_TIMEOUT, REQUEST_PEER_TIMEOUT);
    let source_port = stream.source_port();
    let mut http = http2::Builder::new(OnThisThread);
    http.initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * MAX_STREAMS as u32)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEADER_BLOCK);
    let (sender, connection) =
        http.handshake(TokioIo::new(stream)).await.map_err(|error| ConnectError::Http(error.into()))?;
    if backend.member_state.is_gone() {
        // The command that ends connections to this member has already been executed.
        return Err(ConnectError::Gone);
    }
    let limit = Rc::new(Cell::new(MAX_STREAMS));
    let said = limit.clone();
    let run = async move {
        let mut connection = Box::pin(connection);
        poll_fn(|cx| {
            let ended = connection.as_mut().poll(cx);
            said.set(connection.current_max_send_streams());
            ended
        })
        .await
    };
    let registration =
        upstreams.open.register(OpenConnection { backend: backend.clone(), http1: Weak::new() });
    tokio::task::spawn_local(registration.run(run));
    let shared = Http2Connection {
        sender,
        open: Cell::new(0),
        limit,
        since: Cell::new(Instant::now()),
        spent: Cell::new(false),
        source_port,
    };
    upstreams.http2.make_room(MAX_IDLE);
    Ok(upstreams.http2.keep(key, Rc::new(shared)))
}

/// Checks that a connection uses HTTP/2.
///
/// # Errors
/// The backend did not select HTTP/2 by ALPN.
pub(crate) fn check(stream: &Stream) -> Result<(), ConnectError> {
    match stream {
        Stream::Tls(_) if !stream.chose(ALPN_HTTP2) => {
            Err(ConnectError::Tls(io::Error::other("the backend does not speak HTTP/2")))
        }
        Stream::Tls(_) | Stream::Plain(_) => Ok(()),
    }
}

impl StreamSlot {
    /// Sends a request and waits for the head of the response. If a timeout ends the wait, the caller sets `given_up`
    /// first, and the connection gets no further requests.
    pub(super) async fn send(
        &self,
        head: &RequestHead,
        body: &mut RequestBody,
        secure: bool,
        given_up: &Cell<bool>,
    ) -> Result<(ResponseHead, ReceivedBody), Unanswered> {
        let _waiting = Waiting { connection: &self.0, given_up };
        // A backend may state that it has not processed the request, so a body is sent again if that is possible.
        let again = body.again();
        let sent = translate(head, std::mem::replace(body, RequestBody::empty()), secure);
        let mut failed = match self.0.sender.clone().try_send_request(sent).await {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                return Ok((ResponseHead::from_http(&parts), body.into()));
            }
            Err(failed) => failed,
        };
        let unsent = failed.take_message().map(Request::into_body);
        let error = failed.into_error();
        let is_unseen = unsent.is_some() || is_unseen(&error);
        if is_unseen {
            self.0.spent.set(true);
        }
        let whole = unsent.or(again);
        let is_whole = whole.is_some();
        if let Some(whole) = whole {
            *body = whole;
        }
        Err(Unanswered { is_whole, is_unseen, error: error.into() })
    }

    pub(super) fn source_port(&self) -> u16 {
        self.0.source_port
    }
}

/// A request that waits for its response.
struct Waiting<'a> {
    connection: &'a Http2Connection,
    given_up: &'a Cell<bool>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.given_up.get() {
            self.connection.spent.set(true);
        }
    }
}

/// Returns true if the backend states that it has not processed the request: it refused the stream, or its GOAWAY
/// named an earlier stream as the last (RFC 9113, section 8.7).
fn is_unseen(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    cause.is_some_and(|cause| {
        cause.is_remote() && (cause.is_go_away() || cause.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

/// Converts a request to the form of HTTP/2. `TE: trailers` is always true for this gateway, and gRPC requires it.
fn translate<B>(head: &RequestHead, body: B, secure: bool) -> Request<B> {
    let mut request = Request::from_parts(request::Parts::from(head.clone()), body);
    let host = request.headers_mut().remove(HOST);
    let authority = host.as_ref().and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let mut parts = http::uri::Parts::default();
    match authority {
        Some(authority) => {
            parts.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
            parts.authority = Some(authority);
        }
        None => {
            request.headers_mut().extend(host.map(|host| (HOST, host)));
        }
    }
    parts.path_and_query = Some(path);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(TRANSFER_ENCODING);
    // The body is not held back: whether the backend wants it is not asked over HTTP/2.
    request.headers_mut().remove(EXPECT);
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[tokio::test]
    async fn where_too_many_are_idle_the_one_that_has_been_for_longest_is_closed() {
        let pools = Pools::default();
        let open = async |number: u64| {
            let (near, far) = tokio::io::duplex(1024);
            let (sender, _) = http2::handshake(OnThisThread, TokioIo::new(near)).await.unwrap();
            let (since, source_port) = (Cell::new(Instant::now()), 0);
            let (limit, spent) = (Rc::new(Cell::new(MAX_STREAMS)), Cell::new(false));
            let shared = Http2Connection { sender, open: Cell::new(0), limit, since, spent, source_port };
            let key = Key { backend: number, losses: 0, server_name: None };
            pools.make_room(2);
            (pools.keep(&key, Rc::new(shared)), far)
        };
        let scenario = async {
            let _busy = open(0).await;
            for number in 1..=3 {
                open(number).await;
            }
            let pools = pools.0.borrow();
            let kept = pools.iter().filter(|(_, pool)| !pool.connections.is_empty());
            let mut kept: Vec<u64> = kept.map(|(key, _)| key.backend).collect();
            kept.sort_unstable();
            assert_eq!(kept, [0, 2, 3]);
        };
        tokio::task::LocalSet::new().run_until(scenario).await;
    }

    #[test]
    fn a_request_takes_the_shape_of_http_2() {
        for (target, host, secure, expected) in [
            ("/a?b", "a.test", false, "http://a.test/a?b"),
            ("/", "a.test:8443", true, "https://a.test:8443/"),
            ("*", "[::1]", false, "http://[::1]*"),
        ] {
            let mut head = RequestHead::new(Method::GET, target).unwrap();
            for (name, value) in
                [("host", host), ("transfer-encoding", "chunked"), ("expect", "100-continue")]
            {
                head.fields.append(name, value.as_bytes());
            }
            let sent = translate(&head, (), secure);
            assert_eq!(sent.uri(), expected);
            assert_eq!(sent.headers()[TE], "trailers");
            assert_eq!(sent.headers().len(), 1, "{:?}", sent.headers());
        }
    }
}
