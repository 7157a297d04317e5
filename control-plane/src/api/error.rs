//! What can go wrong with a request, and what that is in HTTP. The only place that chooses a status for a failure.

use std::sync::Arc;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::audit::Author;
use crate::edit::EditError;
use crate::identity::token::TokenError;
use crate::networking::NetworkError;
use crate::resource_groups::GroupError;
use crate::store::{Problem, StoreError};
use crate::violation::{Violation, Violations, code};

mod deployment;
mod holders;
mod network;
mod oauth;
mod own;
mod resource_group;

use self::holders::NamesHolders;

pub(super) use self::deployment::CODES as DEPLOYMENT_CODES;
pub(super) use self::deployment::{CANCELED, DeploymentError, FAILED};
pub(super) use self::holders::answer_for;
pub(super) use self::network::{CODES as NETWORK_CODES, NetworkUseError};
pub(super) use self::oauth::OAuthError;
pub(super) use self::own::CODES;
pub(super) use self::resource_group::{CODES as RESOURCE_GROUP_CODES, ResourceGroupError};

/// How many seconds a client is asked to wait where the database cannot be used. ARM's clients wait that long after a
/// 503 and repeat the request themselves.
const UNWRITABLE_PAUSE: &str = "1";

/// Why a request is not answered as wished.
#[derive(Debug, Error)]
pub(super) enum ApiError {
    #[error("The bearer token is missing or not valid.")]
    Unauthenticated,
    #[error("The access token was not accepted: {0}.")]
    BadToken(TokenError),
    #[error(
        "The client '{client}' with object id '{client}' does not have authorization to perform action '{action}' \
         over scope '{scope}' or the scope is invalid."
    )]
    Forbidden { client: Uuid, action: String, scope: String },
    #[error(
        "The client '{client}' has permission to perform action '{action}' on scope '{scope}'; however, it does not \
         have permission to use the linked scope '{linked}'."
    )]
    LinkForbidden { client: Uuid, action: String, scope: String, linked: String },
    #[error(transparent)]
    Deployment(#[from] DeploymentError),
    #[error(transparent)]
    ResourceGroup(#[from] ResourceGroupError),
    #[error(transparent)]
    NetworkUse(#[from] NetworkUseError),
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    #[error("Without a token only localhost and loopback addresses are served, not '{0}'.")]
    ForeignHost(String),
    #[error(
        "Without a token no request of a page of another site is served; this one comes from '{0}'. Send it without \
         Origin and Sec-Fetch-Site, or start without --no-auth."
    )]
    ForeignOrigin(String),
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
    #[error("Too many large requests of this client are waiting already. Send them one after the other.")]
    TooManyLarge,
    #[error("The request was not complete within {0} s.")]
    TooSlow(u64),
    #[error("The Resource '{kind}/{name}' under resource group '{group}' was not found.")]
    NotFound { kind: String, name: String, group: String },
    #[error("The operation '{0}' was not found. Operations are kept for a day after their end.")]
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
    #[error(
        "The database cannot be used at present: {}. Nothing was changed; the request can be repeated.",
        .0.unwritable().unwrap_or_default()
    )]
    Unwritable(#[source] StoreError),
    #[error("An error occurred.")]
    Internal(#[source] StoreError),
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            ApiError::Invalid(violations)
                if violations.leading().is_some_and(|leading| leading.code == code::LOCATION_CHANGED) =>
            {
                StatusCode::CONFLICT
            }
            ApiError::Unauthenticated | ApiError::BadToken(_) => StatusCode::UNAUTHORIZED,
            ApiError::ForeignHost(_)
            | ApiError::ForeignOrigin(_)
            | ApiError::Forbidden { .. }
            | ApiError::LinkForbidden { .. } => StatusCode::FORBIDDEN,
            ApiError::Deployment(error) => error.status(),
            ApiError::ResourceGroup(error) => error.status(),
            ApiError::NetworkUse(error) => error.status(),
            ApiError::OAuth(error) => error.status(),
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
            ApiError::TooManyLarge => StatusCode::TOO_MANY_REQUESTS,
            ApiError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            ApiError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ApiError::Deleting | ApiError::PortTaken { .. } | ApiError::OperationFailed(_) => {
                StatusCode::CONFLICT
            }
            ApiError::NotReady(_) | ApiError::Unwritable(_) => StatusCode::SERVICE_UNAVAILABLE,
            ApiError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &str {
        match self {
            ApiError::Unauthenticated => own::AUTHENTICATION_FAILED,
            ApiError::BadToken(TokenError::Invalid) => own::BAD_TOKEN,
            ApiError::BadToken(TokenError::Expired) => own::OLD_TOKEN,
            ApiError::ForeignHost(_) | ApiError::ForeignOrigin(_) | ApiError::Forbidden { .. } => {
                own::AUTHORIZATION_FAILED
            }
            ApiError::LinkForbidden { .. } => own::LINK_FORBIDDEN,
            ApiError::Deployment(error) => error.code(),
            ApiError::ResourceGroup(error) => error.code(),
            ApiError::NetworkUse(error) => error.code(),
            ApiError::OAuth(error) => error.code(),
            ApiError::UnknownPath(_) => own::NOT_FOUND,
            ApiError::WrongMethod { .. } => own::METHOD_NOT_ALLOWED,
            ApiError::NoApiVersion => own::NO_API_VERSION,
            ApiError::BadApiVersion(_) => own::BAD_API_VERSION,
            ApiError::BadRequest(_) => own::BAD_REQUEST,
            ApiError::BadName { .. } => code::INVALID_NAME,
            ApiError::BadBody(_) => own::BAD_BODY,
            ApiError::BodyTooLarge(_) => own::BODY_TOO_LARGE,
            ApiError::TooManyLarge => own::TOO_MANY,
            ApiError::TooSlow(_) => own::TOO_SLOW,
            ApiError::NotFound { .. } => own::RESOURCE_NOT_FOUND,
            ApiError::NoOperation(_) => own::OPERATION_NOT_FOUND,
            ApiError::NoWorker(_) => own::WORKER_NOT_FOUND,
            ApiError::Invalid(violations) => match violations.leading() {
                Some(leading) if !leading.is_unparsed() => leading.code,
                _ => code::INVALID_FORMAT,
            },
            ApiError::PreconditionFailed => own::PRECONDITION_FAILED,
            ApiError::InUse(_) => own::IN_USE,
            ApiError::Deleting => own::DELETING,
            ApiError::PortTaken { .. } => own::PORT_TAKEN,
            ApiError::OperationFailed(problem) => &problem.code,
            ApiError::NotReady(_) => own::NOT_READY,
            ApiError::Unwritable(_) => own::UNWRITABLE,
            ApiError::Internal(_) => own::INTERNAL,
        }
    }

    fn body(&self) -> Value {
        let (mut message, mut target) = (self.to_string(), None);
        let mut details = Vec::new();
        match self {
            ApiError::Invalid(violations) => {
                if let Some(leading) = violations.leading() {
                    target = Some(leading.target.clone());
                    message = leading.message.clone();
                    if leading.is_unparsed() {
                        message = format!("Cannot parse the request. {message}");
                    }
                    if violations.0.len() > 1 {
                        let count = violations.0.len();
                        message = format!("{message} ({count} errors in all, see details.)");
                    }
                }
                details = violations.0.iter().map(detail).collect();
            }
            ApiError::Deployment(error) => return json!({"error": error.failure()}),
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
            StoreError::DeploymentActive(name) => DeploymentError::Active(name).into(),
            StoreError::NoGroup(name) => ResourceGroupError::NoGroup(name).into(),
            StoreError::GroupDeleting(name) => ResourceGroupError::GroupDeleting(name).into(),
            StoreError::GroupInUse { group, users } => ResourceGroupError::GroupInUse { group, users }.into(),
            StoreError::AddressHeld { address, child, holder } => {
                NetworkUseError::AddressHeld { address, child, holder }.into()
            }
            error if error.unwritable().is_some() => ApiError::Unwritable(error),
            error => ApiError::Internal(error),
        }
    }
}

impl ApiError {
    /// Whether the request was not at fault.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, ApiError::Internal(_) | ApiError::NotReady(_) | ApiError::Unwritable(_))
    }

    /// All of it as it would be shown to that author, to stand in an answer to another request.
    pub(super) fn failure(&self, author: &Author) -> Failure {
        let seen = author.client.as_ref().and_then(|client| self.seen_by(client));
        seen.as_ref().unwrap_or(self).whole_failure()
    }

    fn whole_failure(&self) -> Failure {
        let shown = self.body().get_mut("error").map(Value::take).unwrap_or_default();
        serde_json::from_value(shown).unwrap_or_else(|_| Failure::new(self.code(), self.to_string()))
    }

    /// The failure of a change to a resource group; `missing` is the answer where it was not there.
    pub(super) fn from_group(error: GroupError, missing: ApiError) -> ApiError {
        match error {
            GroupError::Invalid(violations) => ApiError::Invalid(violations),
            GroupError::Store(error) => error.into(),
            GroupError::NotThere => missing,
        }
    }

    /// The failure of a change to a network or an address; `missing` is the answer where it was not there.
    pub(super) fn from_network(error: NetworkError, missing: ApiError) -> ApiError {
        match error {
            NetworkError::Invalid(violations) => ApiError::Invalid(violations),
            NetworkError::PreconditionFailed => ApiError::PreconditionFailed,
            NetworkError::SubnetInUse { subnet, users } => {
                NetworkUseError::SubnetInUse { subnet, users }.into()
            }
            NetworkError::AddressInUse { address, user } => {
                NetworkUseError::AddressInUse { address, user }.into()
            }
            NetworkError::AddressSettled { address, user } => {
                NetworkUseError::AddressSettled { address, user }.into()
            }
            NetworkError::Store(error) => error.into(),
            NetworkError::NotThere | NetworkError::NoSubnet => missing,
        }
    }

    /// An edit's failure; `missing` is the answer where something was not there.
    pub(super) fn from_edit(error: EditError, missing: ApiError) -> ApiError {
        match error {
            EditError::Invalid(violations) => ApiError::Invalid(violations),
            EditError::PreconditionFailed => ApiError::PreconditionFailed,
            EditError::Deleting => ApiError::Deleting,
            EditError::InUse(users) => ApiError::InUse(users),
            EditError::LinkForbidden { client, action, resource, linked } => {
                ApiError::LinkForbidden { client: client.app_id, action, scope: resource, linked }
            }
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
        if let ApiError::OAuth(error) = &self {
            return error.into_response();
        }
        let mut response = (self.status(), Json(self.body())).into_response();
        let is_busy = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if matches!(self, ApiError::Unauthenticated) {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self, ApiError::Unwritable(_)) || is_busy {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(UNWRITABLE_PAUSE));
        }
        if matches!(self, ApiError::BadToken(_)) {
            let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.names_holders() {
            response.extensions_mut().insert(NamesHolders(Arc::new(self)));
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
    fn a_body_that_cannot_be_parsed_says_so_as_a_whole() {
        let mut violations = Violations::default();
        violations.push(code::INVALID_JSON, "properties.a", "It must be a number.");
        let body = ApiError::Invalid(violations.clone()).body();
        assert_eq!(body["error"]["code"], "InvalidRequestFormat");
        assert_eq!(body["error"]["message"], "Cannot parse the request. It must be a number.");
        assert_eq!(body["error"]["details"][0]["code"], "InvalidJson");
        violations.push(code::LOCATION_CHANGED, "location", "It is elsewhere.");
        let error = ApiError::Invalid(violations);
        assert_eq!((error.status(), error.code()), (StatusCode::CONFLICT, "InvalidResourceLocation"));
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
