//! The published description of the API, made once.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::openapi;

use super::routes::routes;

static DOCUMENT: LazyLock<String> = LazyLock::new(description);

/// The document as it is committed and served: for people to read and for tools to compare.
pub(crate) fn description() -> String {
    let routes = routes();
    let document = openapi::document(routes.iter().map(|route| &route.operation));
    format!("{document:#}\n")
}

pub(super) async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], DOCUMENT.as_str())
}
