//! Errors that name the holder of a port, an address or a subnet, in responses to a client that may not see the
//! holder.
//!
//! An error becomes a response where the client is unknown. So the response carries the error as an extension,
//! and the layer that knows the client renders it again.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};

use super::ApiError;
use crate::identity::access::Client;
use crate::service::ServiceError;

/// The error of a response that names holders, as an extension of the response.
#[derive(Clone, Debug)]
pub(super) struct NamesHolders(pub(super) Arc<ServiceError>);

/// Returns the answer as that client may see it.
pub(in crate::api) fn answer_for(client: &Client, mut response: Response) -> Response {
    let named = response.extensions_mut().remove::<NamesHolders>();
    match named.and_then(|named| named.0.seen_by(client)) {
        Some(error) => ApiError::from(error).into_response(),
        None => response,
    }
}
