//! HTTP/2 from clients (RFC 9113): hyper's framing, one task per stream, and the limits for each client.
//!
//! The worker buffers at most the product of two limits of a connection's incoming data: concurrent streams and the
//! window of a stream. The connection's own window is that product, so a stream that is not read never blocks the
//! others.

mod frames;
mod stream_body;

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

use crate::downstream::Connection;
use crate::downstream::http2_streams::{OpenStream, Streams};
use crate::proxy;
use crate::proxy::response_body::Response;
use crate::stream::{SharedConnection, Stream};
use frames::{FrameLimitedStream, Http2State};
use stream_body::StreamBody;

/// The maximum number of concurrent streams of a connection.
const MAX_STREAMS: u32 = 100;
/// The flow-control window of a stream in bytes: the default of the protocol.
const STREAM_WINDOW: u32 = 65_535;
/// The number of bytes of a response that hyper buffers per stream before the client accepts them. The chunk last
/// read from the backend and the buffer of the backend connection come on top.
const SEND_BUFFER: usize = 64 * 1024;
/// The maximum size of a decoded header block, by the count of RFC 9113, section 10.5.1; larger ones get 431.
const MAX_HEADER_BLOCK: u32 = 16 * 1024;
/// The number of streams that a client may open and reset before they were accepted ("rapid reset").
const MAX_PENDING_RESETS: usize = 50;
/// The number of malformed streams that are reset individually; the next one ends the connection.
const MAX_ERRORS: usize = 100;

/// Serves requests until the connection ends. After `close`, or when the connection is used up, running requests may
/// finish.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let (client, address) = (connection.client, connection.address);
    // The connection may carry tunnels. A client that accepts nothing is given up after the send timeout anyway.
    let shared = Rc::new(SharedConnection::of(&stream, connection.thread.timeouts.send));
    let link = Rc::new(Http2State { shared, ..Http2State::default() });
    let served = run(connection.clone(), FrameLimitedStream::new(stream, link.clone()), &link, &close).await;
    if link.is_flooded.get() {
        connection.counts().floods.add(1);
        tracing::debug!(%client, %address, "connection closed: the client sent too many frames without content");
    } else if let Err(error) = served {
        tracing::debug!(%client, %address, %error, "connection ended early");
    }
}

async fn run(
    connection: Rc<Connection>,
    stream: FrameLimitedStream,
    link: &Http2State,
    close: &CancellationToken,
) -> hyper::Result<()> {
    let max_requests = connection.current.load().http2_max_requests;
    let streams = Streams::new(&connection.thread.timeouts, max_requests, link.shared.clone());
    let count = streams.clone();
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
        // A client that does not react to GOAWAY is not waited for.
        () = streams.end_after_goaway() => Ok(()),
    }
}

/// Serves a connection until it has ended. After a CONNECT with a content length, hyper returns as if the connection
/// had ended, but it has only reset the stream and can be polled again for the others.
async fn to_its_end(
    mut http: Pin<&mut impl Future<Output = hyper::Result<()>>>,
    link: &Http2State,
) -> hyper::Result<()> {
    let mut left = MAX_ERRORS;
    poll_fn(|cx| {
        link.shared.watch(cx);
        loop {
            match http.as_mut().poll(cx) {
                Poll::Ready(Ok(())) if !link.is_ended.get() && left > 0 => left -= 1,
                other => return other,
            }
        }
    })
    .await
}

/// Serves one stream, in its own task.
async fn answer(
    connection: Rc<Connection>,
    request: Request<Incoming>,
) -> Result<hyper::Response<StreamBody>, Infallible> {
    let stream = OpenStream::current().expect("the executor has noted which stream this is");
    let has_place = stream.has_place(&connection.thread.connection_limit, connection.client.ip());
    let request = proxy::request::Request::of_http2(request, has_place, &connection);
    let Response { head, body } = proxy::serve(connection.clone(), request).await;
    Ok(hyper::Response::from_parts(head.into(), StreamBody::new(body, stream, connection)))
}
