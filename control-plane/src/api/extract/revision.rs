//! Extractor for revisions of gateways.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::api::error::ApiError;
use crate::arm::resource_id::GatewayPath;

use super::names;

/// The revision of a gateway in the path.
#[derive(Debug)]
pub(in crate::api) struct RevisionTarget {
    pub(in crate::api) gateway: GatewayPath,
    pub(in crate::api) name: String,
}

impl<S: Send + Sync> FromRequestParts<S> for RevisionTarget {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<RevisionTarget, ApiError> {
        let mut names = names(parts, state).await?;
        Ok(RevisionTarget { name: names.take("revision")?, gateway: names.gateway()? })
    }
}
