//! HTTP/2 from clients (RFC 9113): framing by hyper, one task a stream, and the limits that keep one client from
//! holding more than its share.
//!
//! What a client can make the worker keep is the product of two numbers below: streams at once, and bytes a stream.
//! The connection's own window is that product, so that a stream that nobody reads never holds up its siblings.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Connection;
use crate::proxy;
use crate::stream::Stream;

/// How ALPN names it.
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";

/// Streams that a client may have open at once.
const MAX_STREAMS: u32 = 100;
/// What a client may send on one stream before somebody has read it: the protocol's own default.
const STREAM_WINDOW: u32 = 65_535;
/// What is read of an answer before the client has taken it, for one stream.
const SEND_BUFFER: usize = 64 * 1024;
/// The largest header block, decoded, as RFC 9113, section 10.5.1 counts it: 431 beyond.
const MAX_HEADER_BLOCK: u32 = 16 * 1024;
/// Streams that a client may open and reset again before they were looked at ("rapid reset").
const MAX_PENDING_RESETS: usize = 50;
/// Malformed streams that are reset one by one; the next ends the connection.
const MAX_ERRORS: usize = 100;
/// Requests on one connection, after which the client is asked to open another.
const MAX_REQUESTS: u32 = 1000;
/// How long a connection without a stream is kept.
const IDLE: Duration = Duration::from_secs(180);
/// How long a connection without a stream that was told to end may take to do so.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Serves requests until the connection ends: the client's doing, or after `close`, [`MAX_REQUESTS`] or [`IDLE`], when
/// what runs may finish.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let (client, address) = (connection.client, connection.address);
    if let Err(error) = run(connection, stream, &close).await {
        tracing::debug!(%client, %address, %error, "a connection ended early");
    }
}

async fn run(connection: Rc<Connection>, stream: Stream, close: &CancellationToken) -> hyper::Result<()> {
    let streams = Streams::default();
    let count = streams.0.clone();
    // Names are not looked at before hyper does.
    connection.wire.expect_odd_names();
    let service = service_fn(move |request| {
        count.requests.set(count.requests.get() + 1);
        proxy::serve(connection.clone(), request)
    });
    let mut http = http2::Builder::new(streams.clone());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(STREAM_WINDOW * MAX_STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(MAX_HEADER_BLOCK)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(MAX_ERRORS)
        .enable_connect_protocol();
    let mut http = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        served = http.as_mut() => return served,
        () = close.cancelled() => {}
        () = streams.0.used_up() => {}
    }
    http.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        served = http.as_mut() => served,
        // Whoever does not even answer the farewell is not waited for.
        () = streams.0.empty_for(LAST_WORDS) => Ok(()),
    }
}

/// Runs what the streams of one connection need on this thread, and counts them.
#[derive(Clone, Debug, Default)]
struct Streams(Rc<Count>);

#[derive(Debug)]
struct Count {
    requests: Cell<u32>,
    open: Cell<usize>,
    /// When the last stream was closed, or the connection began.
    since: Cell<Instant>,
    closed: Notify,
}

impl Default for Count {
    fn default() -> Count {
        Count {
            requests: Cell::default(),
            open: Cell::default(),
            since: Cell::new(Instant::now()),
            closed: Notify::new(),
        }
    }
}

impl Count {
    /// Waits until no stream has been open for so long.
    async fn empty_for(&self, time: Duration) {
        loop {
            while self.open.get() > 0 {
                self.closed.notified().await;
            }
            let due = self.since.get() + time;
            if self.open.get() == 0 && due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }

    /// Waits until the connection has served its number of requests, or nobody uses it.
    async fn used_up(&self) {
        let mut idle = pin!(self.empty_for(IDLE));
        while self.requests.get() < MAX_REQUESTS {
            tokio::select! {
                () = idle.as_mut() => return,
                () = self.closed.notified() => {}
            }
        }
    }
}

/// A stream, from its request to the last byte of its answer, or to the end of its tunnel.
#[derive(Debug)]
pub(crate) struct OpenStream {
    count: Rc<Count>,
    /// The task that sends for a tunnel.
    sending: RefCell<Option<AbortHandle>>,
}

impl OpenStream {
    fn new(count: &Rc<Count>) -> OpenStream {
        count.open.set(count.open.get() + 1);
        OpenStream { count: count.clone(), sending: RefCell::new(None) }
    }

    /// That of the running task; none in a task that serves no HTTP/2.
    pub(crate) fn current() -> Option<Rc<OpenStream>> {
        CURRENT.try_with(Rc::clone).ok()
    }

    /// Keeps what is sent on a tunnel's stream from being ended in order: once both of its halves are dropped, the
    /// client gets `RST_STREAM` (RFC 8441, section 5).
    pub(crate) fn reset(&self) {
        if let Some(task) = self.sending.take() {
            task.abort();
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.count.open.set(self.count.open.get() - 1);
        self.count.since.set(Instant::now());
        self.count.closed.notify_waiters();
    }
}

tokio::task_local! {
    /// Which stream a task serves.
    static CURRENT: Rc<OpenStream>;
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Streams {
    fn execute(&self, future: F) {
        match OpenStream::current() {
            None => {
                let stream = Rc::new(OpenStream::new(&self.0));
                tokio::task::spawn_local(CURRENT.scope(stream, future));
            }
            // A stream's own task asks for another when it has become a tunnel: for the one that sends.
            Some(stream) => {
                let task = tokio::task::spawn_local(future);
                stream.sending.replace(Some(task.abort_handle()));
            }
        }
    }
}
