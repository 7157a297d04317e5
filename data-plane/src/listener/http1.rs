//! HTTP/1.1 with a client: hyper's framing over a stream, request after request.

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::Connection;
use crate::proxy;
use crate::stream::Stream;

/// How long a client may take to send a whole request head, and how long it may idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest request head, and with it the memory that a client can bind before it has asked for anything.
const MAX_HEAD: usize = 64 * 1024;

/// Serves requests until the connection ends or hands itself to a tunnel; after `close`, no further ones.
pub(super) async fn serve(connection: Rc<Connection>, stream: Stream, close: CancellationToken) {
    let (client, address, own) = (connection.client, connection.address, connection.clone());
    let service = service_fn(move |request| proxy::serve(connection.clone(), request));
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut http = pin!(http);
    let served = tokio::select! {
        biased;
        served = http.as_mut() => served,
        () = close.cancelled() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
    };
    match served {
        Ok(()) => {}
        // Refused by the framing before it was a request: hyper has answered, and there is no record of it.
        Err(error) if error.is_parse() => {
            own.counts.cells().malformed.add(1);
            tracing::info!(%client, %address, %error, "not a request");
        }
        Err(error) => tracing::debug!(%client, %address, %error, "a connection ended early"),
    }
}
