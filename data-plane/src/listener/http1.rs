//! HTTP/1.1 with a client: one request after the other, until the connection ends or becomes a tunnel.
//!
//! ```text
//! read a head → serve the request → write the response → the next head
//! ```
//!
//! All of it happens in the task of the connection: while a response is awaited or written, the task also notices a
//! client that goes away.

mod gather;
mod response;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tidegate_http1::{BodyLength, Fault, RequestHead};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::alarm::Alarm;
use crate::body::received::{Http1Body, ReceivedBody};
use crate::downstream::Connection;
use crate::downstream::http1::response_head::Asked;
use crate::downstream::http1::{Http1Client, NextRequest};
use crate::metrics::series::{REQUEST, RESPONSE};
use crate::proxy;
use crate::proxy::request::Request;
use crate::proxy::response_body::Response;
use crate::proxy::tunnel::PendingTunnel;
use crate::stream::Stream;
use response::{Aborted, Written};

/// The time that a connection without a request gets for its first one when its listener closes.
const FIRST_REQUEST: Duration = Duration::from_secs(2);

/// Serves requests until the connection ends or becomes a tunnel. After `close`, no further requests are accepted.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let client = connection.http1.serve(Http1Client::new(stream, &connection.thread));
    let mut closed = pin!(close.cancelled());
    let mut closing = Closing {
        token: &close,
        closed: closed.as_mut(),
        alarm: connection.thread.alarms.alarm(),
        since: None,
    };
    let ended = serve_requests(&connection, &client, &mut closing).await;
    match ended {
        Ended::InOrder => client.close().await,
        Ended::Aborted(aborted) => {
            tracing::debug!(
                client = %connection.client, address = %connection.address, %aborted, "connection ended early"
            );
            aborted.end(&client);
        }
        Ended::Tunnel(tunnel) => {
            // The tunnel is a task of its own, which holds nothing of this one.
            if let Some((stream, early)) = connection.http1.take_socket() {
                tunnel.start(stream.into(), early);
            }
        }
    }
    match client.fault() {
        Some(Fault::SlowBody) => connection.counts().slow[REQUEST].add(1),
        Some(Fault::SlowAnswer) => connection.counts().slow[RESPONSE].add(1),
        _ => {}
    }
}

/// The end of a connection.
enum Ended {
    /// The connection is to be closed.
    InOrder,
    /// The connection has failed, or a response has.
    Aborted(Aborted),
    /// The connection becomes a tunnel.
    Tunnel(Box<PendingTunnel>),
}

async fn serve_requests(
    connection: &Rc<Connection>,
    client: &Rc<Http1Client>,
    closing: &mut Closing<'_, '_>,
) -> Ended {
    let mut has_served = false;
    loop {
        let (asked, request) = match next_request(client, closing, has_served).await {
            NextRequest::Closed => return Ended::InOrder,
            NextRequest::Refused(refusal) => {
                (Asked::by_refused(&refusal.head.method), Request::of_refused(refusal))
            }
            NextRequest::Head(head) => {
                let (asked, body) = (Asked::by(&head), body(&head, client));
                (asked, Request::of_http1(head, body, connection))
            }
        };
        let Some(response) = answer(connection, client, request).await else {
            return Ended::Aborted(Aborted::ClientGone);
        };
        has_served = true;
        let asked = Asked { keep_alive: asked.keep_alive && !closing.token.is_cancelled(), ..asked };
        match response::write(client, response, asked).await {
            Ok(Written { tunnel: Some(tunnel), .. }) => return Ended::Tunnel(tunnel),
            Ok(Written { keep_alive: true, .. }) => {}
            Ok(Written { keep_alive: false, .. }) => return Ended::InOrder,
            Err(aborted) => return Ended::Aborted(aborted),
        }
    }
}

/// Returns the body behind a head, which is read from the client.
fn body(head: &RequestHead, client: &Rc<Http1Client>) -> ReceivedBody {
    match head.framing.body {
        BodyLength::None => ReceivedBody::None,
        _ => ReceivedBody::Http1(Http1Body::of(client.clone())),
    }
}

/// Serves a request; `None` if the client has gone away meanwhile, which ends the request.
async fn answer(
    connection: &Rc<Connection>,
    client: &Http1Client,
    request: Box<Request>,
) -> Option<Response> {
    let mut answered = pin!(proxy::serve(connection.clone(), request));
    poll_fn(|cx| {
        if let Poll::Ready(response) = answered.as_mut().poll(cx) {
            return Poll::Ready(Some(response));
        }
        // Interim responses may wait.
        let is_broken = matches!(client.poll_drain(cx), Poll::Ready(Err(_)));
        if is_broken || client.poll_gone(cx).is_ready() { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// Waits for the next request; for none once the listener closes, unless the client has begun one.
async fn next_request(client: &Http1Client, closing: &mut Closing<'_, '_>, has_served: bool) -> NextRequest {
    poll_fn(|cx| match client.poll_head(cx) {
        Poll::Ready(next) => Poll::Ready(next),
        Poll::Pending if closing.ends_idle(cx, client, has_served) => Poll::Ready(NextRequest::Closed),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// The close of the listener, as one of its connections sees it.
struct Closing<'a, 'c> {
    token: &'c CancellationToken,
    closed: Pin<&'a mut WaitForCancellationFuture<'c>>,
    /// The time at which the close was noticed, without a request.
    since: Option<Instant>,
    alarm: Alarm,
}

impl Closing<'_, '_> {
    /// Returns true if the connection ends, because the listener closes and no request is to be expected: a client that
    /// has begun a request may finish it, because nothing has told it to stop, and a client that has just connected
    /// is about to begin one.
    fn ends_idle(&mut self, cx: &mut Context<'_>, client: &Http1Client, has_served: bool) -> bool {
        if self.since.is_none() && self.closed.as_mut().poll(cx).is_pending() {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let is_expected =
            client.is_within_head() || !has_served && !self.alarm.is_over(cx, since + FIRST_REQUEST);
        !is_expected
    }
}
