//! The published description of the API, made once.

use std::sync::LazyLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::violation::code_list::Code;
use crate::{on_demand, openapi, rollout, store, violation};

use super::error;
use super::routes::routes;

static DOCUMENT: LazyLock<String> = LazyLock::new(description);

/// The document as it is committed and served: for people to read and for tools to compare.
fn description() -> String {
    let routes = routes();
    let document = openapi::document(routes.iter().map(|route| &route.operation), &codes());
    format!("{document:#}\n")
}

/// Every list of the codes that an answer or an operation may have.
fn codes() -> [&'static [Code]; 11] {
    [
        error::CODES,
        error::DEPLOYMENT_CODES,
        error::RESOURCE_GROUP_CODES,
        error::NETWORK_CODES,
        violation::code::CODES,
        violation::code::limit::CODES,
        violation::code::OWN_CODES,
        violation::code::template::CODES,
        rollout::CODES,
        on_demand::CODES,
        store::OPERATION_CODES,
    ]
}

pub(super) async fn show() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], DOCUMENT.as_str())
}

#[cfg(test)]
mod tests;
