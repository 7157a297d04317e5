//! Bodies with a template, which people write in relaxed JSON.

use axum::extract::{FromRequest, Request};
use serde_json::Value;

use crate::api::error::ApiError;
use crate::arm::relaxed_json::strict;

use super::body::body;

/// A body that is an object in relaxed JSON.
#[derive(Debug)]
pub(in crate::api) struct TemplateBody(pub(in crate::api) Value);

impl<S: Sync> FromRequest<S> for TemplateBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<TemplateBody, ApiError> {
        let bytes = body(request).await?;
        let read = serde_json::from_slice(&bytes).or_else(|error| match std::str::from_utf8(&bytes) {
            Ok(text) => serde_json::from_str(&strict(text)),
            Err(_) => Err(error),
        });
        let value: Value = read.map_err(|e| ApiError::BadBody(e.to_string()))?;
        if value.is_object() {
            Ok(TemplateBody(value))
        } else {
            Err(ApiError::BadBody("not an object".into()))
        }
    }
}
