//! The errors of requests: those of use cases, and those of HTTP requests only. `status` chooses their status.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Json;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::identity::token::TokenError;
use crate::service::{ResourceGroupError, ServiceError};
use crate::store::{Problem, StoreError};

mod holders;
mod oauth;
mod own;
mod status;

use self::holders::NamesHolders;
use self::status::status;

pub(super) use self::holders::answer_for;
pub(super) use self::oauth::OAuthError;
pub(super) use self::own::CODES;

/// The `Retry-After` in seconds of a write that can be repeated. ARM clients wait that long after a 503 and
/// repeat the request.
const UNWRITABLE_PAUSE: &str = "1";

/// The reason why a request fails.
#[derive(Debug, Error)]
pub(super) enum ApiError {
    #[error(
        "The request has no bearer token. Send the header 'Authorization: Bearer {{token}}'.{}",
        place_of_token(.0.as_deref())
    )]
    NoToken(Option<PathBuf>),
    #[error(
        "The bearer token is neither the admin token nor an access token of this service.{}",
        place_of_token(.0.as_deref())
    )]
    WrongToken(Option<PathBuf>),
    #[error("This port speaks HTTPS only. Repeat the request with https:// instead of http://.")]
    PlainHttp,
    #[error("The access token was not accepted: {0}.")]
    BadToken(TokenError),
    #[error(
        "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' \
         over scope '{scope}' or the scope is invalid."
    )]
    Forbidden { client: Uuid, action: String, scope: String },
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    #[error("Without authentication only localhost and loopback addresses are served, not '{0}'.")]
    ForeignHost(String),
    #[error(
        "Without authentication requests from pages of other sites are rejected; this one comes from \
         '{0}'. Send it without Origin and Sec-Fetch-Site, or start without --no-auth."
    )]
    ForeignOrigin(String),
    #[error("The method {method} is not allowed for '{path}'. The header Allow names the methods that are.")]
    WrongMethod { method: String, path: String },
    #[error(
        "The api-version query parameter (?api-version=) is required for all requests, in the form YYYY-MM-DD."
    )]
    NoApiVersion,
    #[error("{0}")]
    BadRequest(String),
    #[error("The request content was invalid and could not be read: {0}.")]
    BadBody(String),
    #[error("The request content is larger than {0} bytes.")]
    BodyTooLarge(usize),
    #[error("Too many large requests of this client are waiting already. Send them one after the other.")]
    TooManyLarge,
    #[error("Too many streams of events of this client, or of all clients, are open already.")]
    TooManyStreams,
    #[error("The request was not complete within {0} s.")]
    TooSlow(u64),
    #[error("{}", .0.message)]
    OperationFailed(Problem),
}

/// Returns where the admin token lies, for a client on this machine.
fn place_of_token(file: Option<&Path>) -> String {
    file.map(|file| format!(" The admin token is in the file '{}'.", file.display())).unwrap_or_default()
}

impl ApiError {
    fn code(&self) -> &str {
        match self {
            ApiError::Service(error) => error.code(),
            ApiError::NoToken(_) => own::AUTHENTICATION_FAILED,
            ApiError::WrongToken(_) | ApiError::BadToken(TokenError::Invalid) => own::BAD_TOKEN,
            ApiError::BadToken(TokenError::Expired) => own::OLD_TOKEN,
            ApiError::ForeignHost(_) | ApiError::ForeignOrigin(_) | ApiError::Forbidden { .. } => {
                own::AUTHORIZATION_FAILED
            }
            ApiError::OAuth(error) => error.code(),
            ApiError::WrongMethod { .. } => own::METHOD_NOT_ALLOWED,
            ApiError::NoApiVersion => own::NO_API_VERSION,
            ApiError::BadRequest(_) | ApiError::PlainHttp => own::BAD_REQUEST,
            ApiError::BadBody(_) => own::BAD_BODY,
            ApiError::BodyTooLarge(_) => own::BODY_TOO_LARGE,
            ApiError::TooManyLarge | ApiError::TooManyStreams => own::TOO_MANY,
            ApiError::TooSlow(_) => own::TOO_SLOW,
            ApiError::OperationFailed(problem) => &problem.code,
        }
    }

    fn body(&self) -> Value {
        match self {
            ApiError::Service(error) => error.body(),
            _ => json!({"error": {"code": self.code(), "message": self.to_string(), "details": []}}),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        ServiceError::from(error).into()
    }
}

impl From<ResourceGroupError> for ApiError {
    fn from(error: ResourceGroupError) -> ApiError {
        ServiceError::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let ApiError::Service(ServiceError::Internal(cause) | ServiceError::NotReady(cause)) = &self {
            tracing::error!(error = %cause, "a request could not be served");
        }
        if let ApiError::OAuth(error) = &self {
            return token_response(error);
        }
        let mut response = (status(&self), Json(self.body())).into_response();
        let is_busy = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if matches!(self, ApiError::NoToken(_)) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let is_brief =
            matches!(self, ApiError::Service(ServiceError::Unwritable(_) | ServiceError::TunnelUnknown(_)));
        if is_brief || is_busy {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(UNWRITABLE_PAUSE));
        }
        if matches!(self, ApiError::BadToken(_) | ApiError::WrongToken(_)) {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let ApiError::Service(error) = self
            && error.names_holders()
        {
            response.extensions_mut().insert(NamesHolders(Arc::new(error)));
        }
        response
    }
}

/// Returns the response to a failed request for a token, in the shape of RFC 6749, section 5.2.
fn token_response(error: &OAuthError) -> Response {
    let body = json!({"error": error.code(), "error_description": error.to_string()});
    let mut response = (status::of_token(error), Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match error {
        OAuthError::InvalidClient { by_header: true } => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"tidegate\""));
        }
        OAuthError::Busy => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        _ => {}
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::{Violations, code};

    #[test]
    fn all_violations_are_in_one_answer() {
        let mut violations = Violations::default();
        violations.push("A", "properties.a", "a is wrong.");
        violations.push("B", "properties.b", "b is wrong.");
        let error = ApiError::from(ServiceError::Invalid(violations));
        assert_eq!(status(&error), StatusCode::BAD_REQUEST);
        let expected = json!({"error": {
            "code": "A",
            "message": "a is wrong. (2 errors in total, see details.)",
            "target": "properties.a",
            "details": [
                {"code": "A", "message": "a is wrong.", "target": "properties.a"},
                {"code": "B", "message": "b is wrong.", "target": "properties.b"},
            ],
        }});
        assert_eq!(error.body(), expected);
    }

    #[test]
    fn a_body_that_cannot_be_parsed_says_so_as_a_whole() {
        let mut violations = Violations::default();
        violations.push(code::INVALID_JSON, "properties.a", "It must be a number.");
        let body = ApiError::from(ServiceError::Invalid(violations.clone())).body();
        assert_eq!(body["error"]["code"], "InvalidRequestFormat");
        assert_eq!(body["error"]["message"], "Cannot parse the request. It must be a number.");
        assert_eq!(body["error"]["details"][0]["code"], "InvalidJson");
        violations.push(code::LOCATION_CHANGED, "location", "It is elsewhere.");
        let error = ApiError::from(ServiceError::Invalid(violations));
        assert_eq!((status(&error), error.code()), (StatusCode::CONFLICT, "InvalidResourceLocation"));
    }

    #[test]
    fn a_failure_that_may_pass_can_be_repeated() {
        for (error, reason) in [
            (StoreError::Unwritable("disk full".into()), "The database is unavailable: disk full."),
            (StoreError::Duplicate, "Another request has changed the same resource at the same time."),
            (StoreError::Conflict, "Another request has changed the same resource at the same time."),
        ] {
            let error = ApiError::from(error);
            assert_eq!(
                (status(&error), error.code()),
                (StatusCode::SERVICE_UNAVAILABLE, "StorageUnavailable")
            );
            assert!(error.to_string().starts_with(reason), "{error}");
            assert_eq!(error.into_response().headers()[RETRY_AFTER], UNWRITABLE_PAUSE);
        }
    }

    #[test]
    fn our_own_failures_are_not_told() {
        let error = ApiError::from(StoreError::Damaged { what: "row".into(), why: "secret".into() });
        assert_eq!(status(&error), StatusCode::INTERNAL_SERVER_ERROR);
        let body = error.body();
        assert_eq!(
            (&body["error"]["code"], &body["error"]["details"]),
            (&json!("InternalServerError"), &json!([]))
        );
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains("is damaged") && !message.contains("secret"), "{message}");
        let other = ApiError::from(StoreError::Io(std::io::Error::other("secret")));
        assert_eq!(other.body()["error"]["message"], "An error occurred.");
    }
}
