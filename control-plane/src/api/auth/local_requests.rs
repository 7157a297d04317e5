//! The check of requests without authentication (`--no-auth`): they must come from this machine, and not from a
//! page of another site in a browser on it. [`local_request`] decides; this module converts from and to HTTP.
//! It must not depend on paths: every route is checked.

use axum::http::HeaderValue;
use axum::http::header::ORIGIN;
use axum::http::request::Parts;
use tidegate_shared::local_request::{self, NotLocal};

use crate::api::error::ApiError;
use crate::api::extract::authority;

/// Rejects a request that a page of another site may have sent.
///
/// # Errors
/// If the host is not this machine, or if the origin is another one.
pub(super) fn check(request: &Parts) -> Result<(), ApiError> {
    let host = authority(&request.uri, &request.headers)?;
    let values = |name| request.headers.get_all(name).iter().map(HeaderValue::as_bytes);
    local_request::check(host.as_str(), values(ORIGIN.as_str()), values("sec-fetch-site")).map_err(
        |foreign| match foreign {
            NotLocal::Host(host) => ApiError::ForeignHost(host),
            NotLocal::Origin(origin) => ApiError::ForeignOrigin(origin),
        },
    )
}
