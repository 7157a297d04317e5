//! Bodies: read whole, within a limit.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use http_body_util::BodyExt;
use serde_json::Value;

use crate::api::error::ApiError;

/// The largest body, in bytes.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// How much of a body that is too large is still read, in bytes.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

/// A body that is a JSON object.
#[derive(Debug)]
pub(in crate::api) struct JsonBody(pub(in crate::api) Value);

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody, ApiError> {
        let bytes = body(request).await?;
        // serde_json refuses what is nested more than 128 levels deep.
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| ApiError::BadBody(e.to_string()))?;
        if value.is_object() { Ok(JsonBody(value)) } else { Err(ApiError::BadBody("not an object".into())) }
    }
}

/// The whole body of a request, unless it announces one that is too large and waits for leave to send it.
pub(super) async fn body(request: Request) -> Result<Vec<u8>, ApiError> {
    let headers = request.headers();
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
    if headers.contains_key(EXPECT) && announced.is_some_and(|length: usize| length > MAX_BODY) {
        return Err(ApiError::BodyTooLarge(MAX_BODY));
    }
    collect(request.into_body()).await
}

/// The whole body. Of one that is too large, the rest is read and thrown away up to a limit: a client that is still
/// sending when the connection is closed would lose the answer.
pub(in crate::api) async fn collect(mut body: Body) -> Result<Vec<u8>, ApiError> {
    let (mut bytes, mut length) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| ApiError::BadBody(e.to_string()))?;
        let Ok(data) = frame.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length <= MAX_BODY {
            bytes.extend_from_slice(&data);
        } else if length > MAX_BODY + MAX_DISCARDED {
            break;
        }
    }
    if length > MAX_BODY { Err(ApiError::BodyTooLarge(MAX_BODY)) } else { Ok(bytes) }
}
