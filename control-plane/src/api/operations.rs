//! Long-running operations: the headers with their URLs and with the pace of polls, and their two URLs.
//!
//! A write that is complete when it is answered names an operation too, because clients derived from
//! `go-azure-sdk` wait 10 seconds before they look at a resource, but not before they look at an operation.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::store::{Gateway, Operation, OperationKind, OperationState, Problem};

use super::AppState;
use super::error::ApiError;
use super::extract::{ApiVersionParam, BaseUrl, SubscriptionScope};

const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");

/// The seconds until the next poll, the minimum that clients support.
const POLL_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// Tells `go-azure-sdk`, the client of Terraform's azurerm provider, not to wait before a poll.
const SKIP_POLLING_DELAY: HeaderName = HeaderName::from_static("x-go-azure-sdk-skip-polling-delay");

/// The ID of the operation of each write that was complete when it was answered. No row has it: stored
/// operations have random IDs.
const COMPLETE: &str = "00000000-0000-0000-0000-000000000000";

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
        let document = &gateway.document;
        let path = OperationPath::new(&document.body, operation.id.to_string());
        Links::to(base, version, &document.path.subscription, &path)
    }

    /// Creates the URLs of the operation of a write that is already complete. `body` is that of the
    /// resource, for its location.
    pub(super) fn complete(
        base: &BaseUrl,
        version: &ApiVersionParam,
        subscription: &str,
        body: &Map<String, Value>,
    ) -> Links {
        Links::to(base, version, subscription, &OperationPath::new(body, COMPLETE.to_owned()))
    }

    fn to(base: &BaseUrl, version: &ApiVersionParam, subscription: &str, path: &OperationPath) -> Links {
        let url = |kind| format!("{}{}?api-version={}", base.0, path.of(subscription, kind), version.text);
        Links { status: url(STATUS), result: url(RESULT) }
    }

    /// Returns the headers for a write without a result of its own: that of a PUT is the resource itself, so
    /// there is no `Location`.
    pub(super) fn for_put(&self) -> HeaderMap {
        paced(HeaderMap::from_iter([(ASYNC_OPERATION, value(&self.status))]))
    }

    /// Returns the headers for a DELETE or POST.
    pub(super) fn for_the_rest(&self) -> HeaderMap {
        let mut headers = self.for_put();
        headers.insert(LOCATION, value(&self.result));
        headers
    }
}

/// Adds the pace of polls to the headers of a write or of a poll.
///
/// Azure's SDKs for Python and JavaScript and `az` poll immediately and then read `Retry-After` of each poll.
/// `azcore` of Go waits for it before the first poll, too. Without these headers, `go-azure-sdk` waits 10
/// seconds before each poll.
pub(super) fn paced(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(RETRY_AFTER, POLL_SECONDS);
    headers.insert(SKIP_POLLING_DELAY, HeaderValue::from_static("true"));
    headers
}

/// Converts a URL to the value of a header.
pub(super) fn value(url: &str) -> HeaderValue {
    HeaderValue::try_from(url).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Returns the status of an operation, in the body of a response that is always 200.
pub(super) async fn status(
    State(app): AppState,
    _: ApiVersionParam,
    SubscriptionScope(subscription): SubscriptionScope,
    Path(path): Path<OperationPath>,
) -> Result<Response, ApiError> {
    let id = path.of(&subscription, STATUS);
    if path.is_complete() {
        return Ok(Json(json!({"id": id, "name": COMPLETE, "status": "Succeeded"})).into_response());
    }
    let operation = app.service.operation(&subscription, &path.operation).await?;
    let mut body = json!({
        "id": id,
        "name": operation.id.to_string(),
        "status": operation.state.as_str(),
        "startTime": operation.started_at.to_string(),
    });
    if let Some(ended) = operation.ended_at {
        body["endTime"] = ended.to_string().into();
    }
    if let Some(warnings) = &operation.warnings {
        body["properties"] = json!({"warnings": warnings});
    }
    if let (OperationKind::CloseTunnels, Some(result)) = (operation.kind, &operation.result) {
        body["properties"] = result.clone();
    }
    if let Some(problem) = &operation.problem {
        body["error"] = json!({"code": problem.code, "message": problem.message, "details": []});
    }
    let in_progress = operation.state == OperationState::InProgress;
    let headers = if in_progress { paced(HeaderMap::new()) } else { HeaderMap::new() };
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
    if path.is_complete() {
        return Ok(Json(Value::Null).into_response());
    }
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

/// Returns the response of an operation that is polled at `Location` only, while it is in progress.
pub(super) fn come_again(location: HeaderValue) -> Response {
    (StatusCode::ACCEPTED, paced(HeaderMap::from_iter([(LOCATION, location)]))).into_response()
}

/// The parameters in the path of an operation, without the subscription.
#[derive(Debug, serde::Deserialize)]
pub(super) struct OperationPath {
    location: String,
    operation: String,
}

impl OperationPath {
    /// Creates the path of an operation on a resource. The location is written as in URLs: `West Europe`
    /// becomes `westeurope`.
    fn new(resource: &Map<String, Value>, operation: String) -> OperationPath {
        let location = resource.get("location").and_then(Value::as_str).unwrap_or_default();
        let plain: String =
            location.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        OperationPath { location: if plain.is_empty() { "global".to_owned() } else { plain }, operation }
    }

    /// Returns true for the operation of writes that were complete when they were answered.
    fn is_complete(&self) -> bool {
        self.operation == COMPLETE
    }

    /// Returns the path in canonical spelling.
    fn of(&self, subscription: &str, kind: &str) -> String {
        let OperationPath { location, operation } = self;
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/{kind}/{operation}"
        )
    }
}
