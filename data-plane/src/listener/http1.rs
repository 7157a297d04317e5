//! HTTP/1.1 with a client: hyper's framing over an inspected stream, request after request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tidegate_http1::Fault;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::body::received::ReceivedBody;
use crate::downstream::Connection;
use crate::downstream::http1_state::RequestGuard;
use crate::downstream::inspected::InspectedStream;
use crate::metrics::series::{REQUEST, RESPONSE};
use crate::proxy;
use crate::proxy::response_body::ResponseBody;
use crate::stream::Stream;

/// The maximum size of hyper's read and write buffers, in bytes: more than the inspector allows for a head.
const BUFFER: usize = 128 * 1024;

/// The time that a connection without a request gets for its first one when its listener closes.
const FIRST_REQUEST: Duration = Duration::from_secs(2);

/// Serves requests until the connection ends or becomes a tunnel. After `close`, no further requests are accepted.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let (client, address, own) = (connection.client, connection.address, connection.clone());
    let (state, thread) = (connection.http1.clone(), &connection.thread);
    let stream = InspectedStream::new(stream, state, thread.timeouts, thread.max_request_body);
    let service = service_fn(move |request: Request<Incoming>| {
        let busy = RequestGuard::new(&connection.http1);
        let answered = proxy::serve(connection.clone(), request.map(ReceivedBody::from));
        async move {
            let response = answered.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                busy.becomes_tunnel();
            }
            Ok::<_, std::convert::Infallible>(response.map(|body| Answered { body, _busy: busy }))
        }
    });
    let http = http1::Builder::new()
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut http = pin!(http);
    let served = tokio::select! {
        biased;
        served = http.as_mut() => served,
        () = close.cancelled() => {
            let mut stopped = false;
            let mut first_request = pin!(sleep(FIRST_REQUEST));
            // A client that has begun a request may finish it, because nothing has told it to stop. A client that has
            // just connected is about to begin one.
            let mut expected = |cx: &mut Context<'_>| {
                own.http1.is_within_head()
                    || !own.http1.has_served() && first_request.as_mut().poll(cx).is_pending()
            };
            poll_fn(|cx| {
                loop {
                    if !stopped && !expected(cx) {
                        stopped = true;
                        http.as_mut().graceful_shutdown();
                    }
                    let served = http.as_mut().poll(cx);
                    if served.is_ready() || stopped || expected(cx) {
                        return served;
                    }
                }
            })
            .await
        }
    };
    match own.http1.fault() {
        Some(Fault::SlowBody) => own.counts.cells().slow[REQUEST].add(1),
        Some(Fault::SlowAnswer) => own.counts.cells().slow[RESPONSE].add(1),
        _ => {}
    }
    match served {
        Ok(()) => {}
        // hyper rejected it before it became a request and has sent the response, so there is no access log line.
        Err(error) if error.is_parse() => {
            own.counts.cells().malformed.add(1);
            tracing::debug!(%client, %address, %error, "not a request");
        }
        Err(error) => tracing::debug!(%client, %address, %error, "connection ended early"),
    }
}

/// The body of a response, with the guard of its request: the request runs until the body has been sent.
#[derive(Debug)]
struct Answered {
    body: ResponseBody,
    _busy: RequestGuard,
}

impl Body for Answered {
    type Data = Bytes;
    type Error = <ResponseBody as Body>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
