//! Long-running operations: the headers that name them and the two URLs that are polled.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::store::{Gateway, Operation, OperationState, Problem};

use super::Shared;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, SubscriptionScope};

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// Seconds until the next poll of what is still going on. The smallest that clients understand.
pub(super) const POLL_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The segments that the two URLs of an operation differ in.
const STATUS: &str = "operations";
const RESULT: &str = "operationResults";

/// The two URLs of an operation.
#[derive(Debug)]
pub(super) struct Links {
    status: String,
    result: String,
}

impl Links {
    /// Absolute, with the scheme and host that the client used.
    pub(super) fn new(
        base: &BaseUrl,
        version: &ApiVersionParam,
        gateway: &Gateway,
        operation: &Operation,
    ) -> Links {
        let path = OperationPath { location: location(gateway), operation: operation.id.to_string() };
        let subscription = &gateway.document.path.subscription;
        let url = |kind| format!("{}{}?api-version={}", base.0, path.of(subscription, kind), version.text);
        Links { status: url(STATUS), result: url(RESULT) }
    }

    /// For a PUT: its result is the resource itself, so there is no `Location`. When to come back is said at the
    /// polls, not here: clients ask once at once.
    pub(super) fn for_put(&self) -> HeaderMap {
        HeaderMap::from_iter([(ASYNC_OPERATION, value(&self.status))])
    }

    /// For a DELETE or POST.
    pub(super) fn for_the_rest(&self) -> HeaderMap {
        let mut headers = self.for_put();
        headers.insert(LOCATION, value(&self.result));
        headers
    }
}

/// A URL as the value of a header.
pub(super) fn value(url: &str) -> HeaderValue {
    HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The gateway's location as it stands in URLs: `West Europe` is `westeurope`.
fn location(gateway: &Gateway) -> String {
    let location = gateway.document.body.get("location").and_then(Value::as_str).unwrap_or_default();
    let plain: String =
        location.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if plain.is_empty() { "global".to_owned() } else { plain }
}

/// Where an operation stands: always 200, the status is in the body.
pub(super) async fn status(
    State(app): Shared,
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(path): Path<OperationPath>,
) -> Result<Response, ApiError> {
    let operation = app.service.operation(&subscription, &path.operation).await?;
    let mut body = json!({
        "id": path.of(&subscription, STATUS),
        "name": operation.id.to_string(),
        "status": operation.state.as_str(),
        "startTime": operation.started_at.to_string(),
    });
    if let Some(ended) = operation.ended_at {
        body["endTime"] = ended.to_string().into();
    }
    if let Some(problem) = &operation.problem {
        body["error"] = json!({"code": problem.code, "message": problem.message, "details": []});
    }
    let mut headers = HeaderMap::new();
    if operation.state == OperationState::InProgress {
        headers.insert(RETRY_AFTER, POLL_SECONDS);
    }
    Ok((headers, Json(body)).into_response())
}

/// What an operation brought: 202 until it has ended, then what a call without waiting would have answered.
pub(super) async fn result(
    State(app): Shared,
    version: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(path): Path<OperationPath>,
    base: BaseUrl,
) -> Result<Response, ApiError> {
    let operation = app.service.operation(&subscription, &path.operation).await?;
    match operation.state {
        OperationState::InProgress => {
            let again = format!("{}{}?api-version={}", base.0, path.of(&subscription, RESULT), version.text);
            Ok(come_again(value(&again)))
        }
        // What has no result brings `null`, as with the official service: not every client takes a 204 here.
        OperationState::Succeeded => Ok(Json(operation.result.unwrap_or_default()).into_response()),
        OperationState::Failed | OperationState::Canceled => {
            let problem = operation.problem.unwrap_or_else(|| Problem {
                code: "OperationFailed".to_owned(),
                message: "The operation failed.".to_owned(),
            });
            Err(ApiError::OperationFailed(problem))
        }
    }
}

/// The answer to whoever asks for the result of what still goes on.
pub(super) fn come_again(location: HeaderValue) -> Response {
    (StatusCode::ACCEPTED, [(LOCATION, location), (RETRY_AFTER, POLL_SECONDS)]).into_response()
}

/// What the path of an operation says beside its subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationPath {
    location: String,
    operation: String,
}

impl OperationPath {
    /// The path, whatever spelling the client used.
    fn of(&self, subscription: &str, kind: &str) -> String {
        let OperationPath { location, operation } = self;
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/{kind}/{operation}"
        )
    }
}
