//! The status of each failure. No other place of the control plane chooses one.

use axum::http::StatusCode;

use super::{ApiError, OAuthError};
use crate::service::{DeploymentError, NetworkUseError, ResourceGroupError, ServiceError, UnservedError};
use crate::violation::{Violations, code};

/// Returns the status of a failure.
pub(super) fn status(error: &ApiError) -> StatusCode {
    match error {
        ApiError::NoToken(_) | ApiError::WrongToken(_) | ApiError::BadToken(_) => StatusCode::UNAUTHORIZED,
        ApiError::ForeignHost(_) | ApiError::ForeignOrigin(_) | ApiError::Forbidden { .. } => {
            StatusCode::FORBIDDEN
        }
        ApiError::WrongMethod { .. } => StatusCode::METHOD_NOT_ALLOWED,
        ApiError::NoApiVersion | ApiError::BadRequest(_) | ApiError::BadBody(_) | ApiError::PlainHttp => {
            StatusCode::BAD_REQUEST
        }
        ApiError::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        ApiError::TooManyLarge | ApiError::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
        ApiError::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
        ApiError::OperationFailed(_) => StatusCode::CONFLICT,
        ApiError::OAuth(error) => of_token(error),
        ApiError::Service(error) => of_service(error),
    }
}

/// Returns the status of a request for a token that fails (RFC 6749, section 5.2).
pub(super) fn of_token(error: &OAuthError) -> StatusCode {
    match error {
        OAuthError::InvalidClient { .. } => StatusCode::UNAUTHORIZED,
        OAuthError::Busy => StatusCode::TOO_MANY_REQUESTS,
        OAuthError::InvalidRequest(_) | OAuthError::UnsupportedGrant | OAuthError::UnknownTenant(_) => {
            StatusCode::BAD_REQUEST
        }
    }
}

fn of_service(error: &ServiceError) -> StatusCode {
    match error {
        ServiceError::Invalid(violations) if is_elsewhere(violations) => StatusCode::CONFLICT,
        ServiceError::Invalid(_)
        | ServiceError::BadApiVersion { .. }
        | ServiceError::UnsupportedApiVersion { .. }
        | ServiceError::BadSubscription(_)
        | ServiceError::BadName { .. }
        | ServiceError::InUse(_) => StatusCode::BAD_REQUEST,
        ServiceError::LinkForbidden { .. } => StatusCode::FORBIDDEN,
        ServiceError::UnknownPath(_)
        | ServiceError::NotFound { .. }
        | ServiceError::NoOperation(_)
        | ServiceError::NoTunnel(_)
        | ServiceError::NoWorker(_) => StatusCode::NOT_FOUND,
        ServiceError::NoClosing(_) => StatusCode::CONFLICT,
        ServiceError::TunnelUnknown(_) => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ServiceError::Deleting | ServiceError::PortTaken { .. } => StatusCode::CONFLICT,
        ServiceError::Deployment(error) => of_deployment(error),
        ServiceError::ResourceGroup(error) => of_resource_group(error),
        ServiceError::NetworkUse(error) => of_network_use(error),
        ServiceError::Unserved(error) => of_unserved(error),
        ServiceError::NotReady(_) | ServiceError::Unwritable(_) => StatusCode::SERVICE_UNAVAILABLE,
        ServiceError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Returns true if the resource exists at another location, which is the only violation that is a conflict.
fn is_elsewhere(violations: &Violations) -> bool {
    violations.leading().is_some_and(|leading| leading.code == code::LOCATION_CHANGED)
}

fn of_deployment(error: &DeploymentError) -> StatusCode {
    match error {
        DeploymentError::Template(_) | DeploymentError::Resources(_) | DeploymentError::NoSuchScope => {
            StatusCode::BAD_REQUEST
        }
        DeploymentError::Busy => StatusCode::TOO_MANY_REQUESTS,
        DeploymentError::Missing(_) | DeploymentError::NoTemplate(_) => StatusCode::NOT_FOUND,
        DeploymentError::Active(_) | DeploymentError::Ended(_) | DeploymentError::Elsewhere { .. } => {
            StatusCode::CONFLICT
        }
    }
}

fn of_resource_group(error: &ResourceGroupError) -> StatusCode {
    match error {
        ResourceGroupError::NoSubscription(_)
        | ResourceGroupError::NoGroup(_)
        | ResourceGroupError::NoProvider(_) => StatusCode::NOT_FOUND,
        ResourceGroupError::GroupDeleting(_) | ResourceGroupError::GroupInUse { .. } => StatusCode::CONFLICT,
        ResourceGroupError::BadFilter(_) => StatusCode::BAD_REQUEST,
    }
}

fn of_unserved(error: &UnservedError) -> StatusCode {
    match error {
        UnservedError::UnknownType { .. } | UnservedError::NoParent { .. } => StatusCode::NOT_FOUND,
        UnservedError::TooMany { .. } => StatusCode::CONFLICT,
        UnservedError::NoAction(_) => StatusCode::BAD_REQUEST,
    }
}

fn of_network_use(error: &NetworkUseError) -> StatusCode {
    match error {
        NetworkUseError::SubnetInUse { .. }
        | NetworkUseError::AddressInUse { .. }
        | NetworkUseError::PolicyInUse { .. }
        | NetworkUseError::AddressHeld { .. } => StatusCode::BAD_REQUEST,
        NetworkUseError::AddressSettled { .. }
        | NetworkUseError::PoolExhausted { .. }
        | NetworkUseError::AddressAllocated { .. } => StatusCode::CONFLICT,
    }
}
