//! What can go wrong with a request, and what that is in HTTP. The only place that chooses a status for a failure.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use thiserror::Error;

use crate::edit::EditError;
use crate::store::{Problem, StoreError};
use crate::violation::{Violation, Violations};

/// Why a request is not answered as wished.
#[derive(Debug, Error)]
pub(super) enum ApiError {
    #[error("The bearer token is missing or not valid.")]
    Unauthenticated,
    #[error("Without a token only localhost and loopback addresses are served, not '{0}'.")]
    ForeignHost(String),
    #[error("There is nothing at '{0}'.")]
    UnknownPath(String),
    #[error("The method {method} is not allowed for '{path}'.")]
    WrongMethod { method: String, path: String },
    #[error(
        "The api-version query parameter (?api-version=) is required for all requests, in the form YYYY-MM-DD."
    )]
    NoApiVersion,
    #[error(
        "The api-version '{0}' is invalid. It is a date from 2015-01-01 on, YYYY-MM-DD or YYYY-MM-DD-preview."
    )]
    BadApiVersion(String),
    #[error("{0}")]
    BadRequest(String),
    #[error("The value '{value}' is not a valid {what}.")]
    BadName { what: &'static str, value: String },
    #[error("The request content was invalid and could not be read: {0}.")]
    BadBody(String),
    #[error("The request content is larger than {0} bytes.")]
    BodyTooLarge(usize),
    #[error("The request was not complete within {0} s.")]
    TooSlow(u64),
    #[error("The Resource '{kind}/{name}' under resource group '{group}' was not found.")]
    NotFound { kind: String, name: String, group: String },
    #[error(
        "The operation '{0}' was not found. Operations are kept for a day after their end, looks at the backends for minutes."
    )]
    NoOperation(String),
    #[error("The worker '{0}' was not found.")]
    NoWorker(String),
    #[error("{0}")]
    Invalid(Violations),
    #[error("A condition of the If-Match or If-None-Match header does not hold: the resource has changed.")]
    PreconditionFailed,
    #[error("The resource is in use and cannot be deleted. It is referenced by {}.", .0.join(", "))]
    InUse(Vec<String>),
    #[error("The application gateway is being deleted. Create it again when that has ended.")]
    Deleting,
    #[error("Frontend address '{address}' and port {port} are already used by {holder}.")]
    PortTaken { address: String, port: u16, holder: String },
    #[error("{}", .0.message)]
    OperationFailed(Problem),
    #[error("The service is not ready.")]
    NotReady(#[source] StoreError),
    #[error("An error occurred.")]
    Internal(#[source] StoreError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            ApiError::Unauthenticated => StatusCode::UNAUTHORIZED,
            ApiError::ForeignHost(_) => StatusCode::FORBIDDEN,
            ApiError::UnknownPath(_)
            | ApiError::NotFound { .. }
            | ApiError::NoOperation(_)
            | ApiError::NoWorker(_) => StatusCode::NOT_FOUND,
            ApiError::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
            ApiError::NoApiVersion
            | ApiError::BadApiVersion(_)
            | ApiError::BadRequest(_)
            | ApiError::BadName { .. }
            | ApiError::BadBody(_)
            | ApiError::Invalid(_)
            | ApiError::InUse(_) => StatusCode::BAD_REQUEST,
            ApiError::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            ApiError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            ApiError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ApiError::Deleting | ApiError::PortTaken { .. } | ApiError::OperationFailed(_) => {
                StatusCode::CONFLICT
            }
            ApiError::NotReady(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &str {
        match self {
            ApiError::Unauthenticated => "AuthenticationFailed",
            ApiError::ForeignHost(_) => "AuthorizationFailed",
            ApiError::UnknownPath(_) => "NotFound",
            ApiError::WrongMethod { .. } => "MethodNotAllowed",
            ApiError::NoApiVersion => "MissingApiVersionParameter",
            ApiError::BadApiVersion(_) => "InvalidApiVersionParameter",
            ApiError::BadRequest(_) => "BadRequest",
            ApiError::BadName { .. } => "InvalidResourceName",
            ApiError::BadBody(_) => "InvalidRequestContent",
            ApiError::BodyTooLarge(_) => "RequestContentTooLarge",
            ApiError::TooSlow(_) => "RequestTimeout",
            ApiError::NotFound { .. } => "ResourceNotFound",
            ApiError::NoOperation(_) => "OperationNotFound",
            ApiError::NoWorker(_) => "WorkerNotFound",
            ApiError::Invalid(violations) => violations.0.first().map_or("InvalidRequestFormat", |v| v.code),
            ApiError::PreconditionFailed => "PreconditionFailed",
            ApiError::InUse(_) => "ResourceInUse",
            ApiError::Deleting => "ResourceIsBeingDeleted",
            ApiError::PortTaken { .. } => "ApplicationGatewayFrontendPortInUse",
            ApiError::OperationFailed(problem) => &problem.code,
            ApiError::NotReady(_) => "ServiceUnavailable",
            ApiError::Internal(_) => "InternalServerError",
        }
    }

    fn body(&self) -> Value {
        let (mut message, mut target) = (self.to_string(), None);
        let mut details = Vec::new();
        match self {
            ApiError::Invalid(Violations(violations)) => {
                if let Some(first) = violations.first() {
                    target = Some(first.target.clone());
                    message = match violations.len() {
                        1 => first.message.clone(),
                        n => format!("{} ({n} errors in all, see details.)", first.message),
                    };
                }
                details = violations.iter().map(detail).collect();
            }
            ApiError::InUse(users) => {
                details = users
                    .iter()
                    .map(|user| json!({"code": self.code(), "message": "Refers to it.", "target": user}))
                    .collect();
            }
            _ => {}
        }
        let mut error = json!({"code": self.code(), "message": message, "details": details});
        if let Some(target) = target {
            error["target"] = target.into();
        }
        json!({"error": error})
    }
}

fn detail(violation: &Violation) -> Value {
    json!({"code": violation.code, "message": violation.message, "target": violation.target})
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::PortClaimed { address, port, holder } => {
                ApiError::PortTaken { address, port, holder }
            }
            error => ApiError::Internal(error),
        }
    }
}

impl ApiError {
    /// An edit's failure; `missing` is the answer where something was not there.
    pub(super) fn from_edit(error: EditError, missing: ApiError) -> ApiError {
        match error {
            EditError::Invalid(violations) => ApiError::Invalid(violations),
            EditError::PreconditionFailed => ApiError::PreconditionFailed,
            EditError::Deleting => ApiError::Deleting,
            EditError::InUse(users) => ApiError::InUse(users),
            EditError::Store(error) => error.into(),
            EditError::NoGateway | EditError::NoChild => missing,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let ApiError::Internal(cause) | ApiError::NotReady(cause) = &self {
            tracing::error!(error = %cause, "a request could not be served");
        }
        let mut response = (self.status(), Json(self.body())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if matches!(self, ApiError::Unauthenticated) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_in_one_answer() {
        let mut violations = Violations::default();
        violations.push("A", "properties.a", "a is wrong.");
        violations.push("B", "properties.b", "b is wrong.");
        let error = ApiError::Invalid(violations);
        assert_eq!(error.status(), StatusCode::BAD_REQUEST);
        let expected = json!({"error": {
            "code": "A",
            "message": "a is wrong. (2 errors in all, see details.)",
            "target": "properties.a",
            "details": [
                {"code": "A", "message": "a is wrong.", "target": "properties.a"},
                {"code": "B", "message": "b is wrong.", "target": "properties.b"},
            ],
        }});
        assert_eq!(error.body(), expected);
    }

    #[test]
    fn our_own_failures_are_not_told() {
        let error = ApiError::from(StoreError::Damaged { what: "row".into(), why: "secret".into() });
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let expected =
            json!({"error": {"code": "InternalServerError", "message": "An error occurred.", "details": []}});
        assert_eq!(error.body(), expected);
    }
}
