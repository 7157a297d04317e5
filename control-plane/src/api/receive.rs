//! Reads small bodies before anything is decided about their requests.
//!
//! A request that is rejected before its body has arrived costs its connection, because HTTP/1 cannot continue
//! after a body that is not read. A client that sends head and body in two writes, such as Python's, would
//! notice only when its next request fails. So a small body is read first in any case; after the rejection of a
//! larger one the response announces the end of the connection (RFC 9112, section 9.6).

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

use super::error::ApiError;

/// The maximum size, in bytes, of a body that is read before its request is examined.
const SMALL: u64 = 64 * 1024;

pub(super) async fn receive(request: Request, next: Next) -> Response {
    let is_small = request.body().size_hint().exact().is_some_and(|length| length <= SMALL);
    if is_small {
        let (head, body) = request.into_parts();
        return match body.collect().await {
            Ok(body) => next.run(Request::from_parts(head, Body::from(body.to_bytes()))).await,
            Err(error) => ApiError::BadBody(error.to_string()).into_response(),
        };
    }
    // HTTP/2 ends only the stream, and reports it.
    let is_http1 = request.version() < Version::HTTP_2;
    let mut response = next.run(request).await;
    let is_refusal = response.status().is_client_error() || response.status().is_server_error();
    if is_refusal && is_http1 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
