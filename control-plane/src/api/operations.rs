//! Long-running operations: the headers with their URLs, and the two URLs that clients poll.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::store::{Gateway, Operation, OperationState, Problem};

use super::AppState;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, SubscriptionScope};

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// The seconds until the next poll of an operation in progress, the minimum that clients support.
pub(super) const POLL_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The segments that distinguish the two URLs of an operation.
const STATUS: &str = "operations";
const RESULT: &str = "operationResults";

/// The two URLs of an operation.
#[derive(Debug)]
pub(super) struct Links {
    status: String,
    result: String,
}

impl Links {
    /// Creates absolute URLs, with the scheme and host that the client used.
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

    /// Returns the headers for a PUT: its result is the resource itself, so there is no `Location`. Polls
    /// return `Retry-After`, this response does not: clients poll immediately first.
    pub(super) fn for_put(&self) -> HeaderMap {
        HeaderMap::from_iter([(ASYNC_OPERATION, value(&self.status))])
    }

    /// Returns the headers for a DELETE or POST.
    pub(super) fn for_the_rest(&self) -> HeaderMap {
        let mut headers = self.for_put();
        headers.insert(LOCATION, value(&self.result));
        headers
    }
}

/// Converts a URL to the value of a header.
pub(super) fn value(url: &str) -> HeaderValue {
    HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Returns the gateway's location as in URLs: `West Europe` becomes `westeurope`.
fn location(gateway: &Gateway) -> String {
    let location = gateway.document.body.get("location").and_then(Value::as_str).unwrap_or_default();
    let plain: String =
        location.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    if plain.is_empty() { "global".to_owned() } else { plain }
}

/// Returns the status of an operation, in the body of a response that is always 200.
pub(super) async fn status(
    State(app): AppState,
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

/// Returns the result of an operation: 202 until it has ended, then the response of the call itself.
pub(super) async fn result(
    State(app): AppState,
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
        // An operation without a result returns `null`, as in Azure: not every client accepts a 204 here.
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

/// Returns the response to a request for the result of an operation in progress.
pub(super) fn come_again(location: HeaderValue) -> Response {
    (StatusCode::ACCEPTED, [(LOCATION, location), (RETRY_AFTER, POLL_SECONDS)]).into_response()
}

/// The parameters in the path of an operation, without the subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationPath {
    location: String,
    operation: String,
}

impl OperationPath {
    /// Returns the path in canonical spelling.
    fn of(&self, subscription: &str, kind: &str) -> String {
        let OperationPath { location, operation } = self;
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/{kind}/{operation}"
        )
    }
}
