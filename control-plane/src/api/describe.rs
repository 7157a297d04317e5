//! The published description of the API, as it is served.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use super::AppState;

pub(super) async fn show(State(app): AppState) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], app.description.clone())
}
