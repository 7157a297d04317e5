//! HTTP/2 from clients (RFC 9113): framing by hyper, one task a stream, and the limits that keep one client from
//! holding more than its share.
//!
//! What a client can make the worker keep is the product of two numbers below: streams at once, and bytes a stream.
//! The connection's own window is that product, so that a stream that nobody reads never holds up its siblings.

mod frames;
mod sent;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use crate::body::received::ReceivedBody;
use crate::downstream::Connection;
use crate::downstream::http2_streams::{OpenStream, StreamLimitReached, Streams};
use crate::proxy;
use crate::stream::{PEER_TIMEOUT, Stream};
use frames::{Link, Metered};
use sent::Sent;

/// Streams that a client may have open at once.
const MAX_STREAMS: u32 = 100;
/// What a client may send on one stream before somebody has read it: the protocol's own default.
const STREAM_WINDOW: u32 = 65_535;
/// What is handed over of an answer before the client has taken it, for one stream. A piece as read from its backend
/// comes to that, and what its connection holds.
const SEND_BUFFER: usize = 64 * 1024;
/// The largest header block, decoded, as RFC 9113, section 10.5.1 counts it: 431 beyond.
const MAX_HEADER_BLOCK: u32 = 16 * 1024;
/// Streams that a client may open and reset again before they were looked at ("rapid reset").
const MAX_PENDING_RESETS: usize = 50;
/// Malformed streams that are reset one by one; the next ends the connection.
const MAX_ERRORS: usize = 100;

/// Serves requests until the connection ends: the client's doing, or after `close` or when it is used up, when what
/// runs may finish.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let (client, address) = (connection.client, connection.address);
    // It may carry tunnels. A client that takes nothing is given up after the send timeout anyway.
    stream.set_peer_timeout(PEER_TIMEOUT.max(connection.thread.timeouts.send));
    let link = Rc::new(Link::default());
    let served = run(connection.clone(), Metered::new(stream, link.clone()), &link, &close).await;
    if link.is_flooded.get() {
        connection.counts.cells().floods.add(1);
        tracing::debug!(%client, %address, "a connection ended for a flood of frames");
    } else if let Err(error) = served {
        tracing::debug!(%client, %address, %error, "a connection ended early");
    }
}

async fn run(
    connection: Rc<Connection>,
    stream: Metered,
    link: &Link,
    close: &CancellationToken,
) -> hyper::Result<()> {
    let streams = Streams::new(&connection.thread.timeouts);
    let count = streams.clone();
    // Names are not looked at before hyper does.
    connection.wire.expect_odd_names();
    let service = service_fn(move |request| {
        count.begin();
        answer(connection.clone(), request)
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
        served = to_its_end(http.as_mut(), link) => return served,
        () = close.cancelled() => {}
        () = streams.used_up() => {}
    }
    http.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        served = to_its_end(http.as_mut(), link) => served,
        // Whoever does not even answer the farewell is not waited for.
        () = streams.end_after_farewell() => Ok(()),
    }
}

/// Serves a connection until it has ended. hyper returns as if it had when a CONNECT comes with a content length: it has
/// reset that stream, and can be asked to go on with the others.
async fn to_its_end(
    mut http: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    link: &Link,
) -> hyper::Result<()> {
    let mut left = MAX_ERRORS;
    poll_fn(|cx| {
        loop {
            match http.as_mut().poll(cx) {
                Poll::Ready(Ok(())) if !link.is_ended.get() && left > 0 => left -= 1,
                other => return other,
            }
        }
    })
    .await
}

/// One stream, in its own task.
async fn answer(
    connection: Rc<Connection>,
    mut request: Request<Incoming>,
) -> Result<hyper::Response<Sent>, Infallible> {
    let stream = OpenStream::current().expect("the executor has noted which stream this is");
    if !stream.has_place(&connection.thread.connection_limit, connection.client.ip()) {
        request.extensions_mut().insert(StreamLimitReached);
    }
    let response = proxy::serve(connection.clone(), request.map(ReceivedBody::from)).await?;
    Ok(response.map(|body| Sent::new(body, stream, connection)))
}
