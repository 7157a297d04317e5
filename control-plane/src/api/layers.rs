//! The layers that all requests pass.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::{Instant, timeout};
use tracing::Instrument;
use uuid::Uuid;

use super::error::ApiError;

/// The time limit of a request from its head to its response, including slow uploads.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The maximum length of a client's request ID that is returned, in characters.
const MAX_CLIENT_ID: usize = 128;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
const CORRELATION_ID: HeaderName = HeaderName::from_static("x-ms-correlation-request-id");
const CLIENT_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETURN_CLIENT_ID: HeaderName = HeaderName::from_static("x-ms-return-client-request-id");

/// Rejects requests that exceed the time limit.
pub(super) async fn limit_time(request: Request, next: Next) -> Response {
    timeout(REQUEST_TIMEOUT, next.run(request))
        .await
        .unwrap_or_else(|_| ApiError::TooSlow(REQUEST_TIMEOUT.as_secs()).into_response())
}

/// The ID of a request, as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestId(pub(super) Uuid);

/// Gives each request an ID, for its log line and its response.
pub(super) async fn identify(mut request: Request, next: Next) -> Response {
    let id = Uuid::new_v4();
    request.extensions_mut().insert(RequestId(id));
    let ids = answer_ids(request.headers(), id);
    let (method, path, began) = (request.method().clone(), request.uri().path().to_owned(), Instant::now());
    let span = tracing::info_span!("request", request.id = %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    span.in_scope(|| {
        let status = response.status().as_u16();
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if method.is_safe() {
            tracing::debug!(%method, path, status, duration_ms, "answered");
        } else {
            tracing::info!(%method, path, status, duration_ms, "answered");
        }
    });
    response.headers_mut().extend(ids);
    // Responses that must not be stored set `no-store` themselves.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

fn answer_ids(asked: &HeaderMap, id: Uuid) -> HeaderMap {
    let own = HeaderValue::try_from(id.to_string()).expect("a UUID is a header value");
    let short = |value: &&HeaderValue| value.len() <= MAX_CLIENT_ID;
    let correlation = asked.get(&CORRELATION_ID).filter(short).unwrap_or(&own);
    let mut ids = HeaderMap::new();
    ids.insert(CORRELATION_ID, correlation.clone());
    let wants_its_own =
        asked.get(&RETURN_CLIENT_ID).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    if let Some(client) = asked.get(&CLIENT_ID).filter(short).filter(|_| wants_its_own) {
        ids.insert(CLIENT_ID, client.clone());
    }
    ids.insert(REQUEST_ID, own);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_comes_back_only_when_asked_for() {
        let id = Uuid::nil();
        let mut asked = HeaderMap::new();
        asked.insert(CLIENT_ID, HeaderValue::from_static("mine"));
        let ids = answer_ids(&asked, id);
        assert_eq!(ids[REQUEST_ID], id.to_string());
        assert_eq!(ids[CORRELATION_ID], id.to_string());
        assert!(!ids.contains_key(CLIENT_ID));
        asked.insert(RETURN_CLIENT_ID, HeaderValue::from_static("True"));
        asked.insert(CORRELATION_ID, HeaderValue::from_static("thread"));
        let ids = answer_ids(&asked, id);
        assert_eq!(ids[CLIENT_ID], "mine");
        assert_eq!(ids[CORRELATION_ID], "thread");
    }
}
