//! The reasons why a use case fails. Each has a code and a message for the client; only the API gives it a status.

use serde_json::{Value, json};
use thiserror::Error;
use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::arm::extension::API_VERSIONS;
use crate::audit::Author;
use crate::edit::{Edit, EditError};
use crate::networking::{NetworkEdit, NetworkError};
use crate::resource_groups::GroupError;
use crate::store::StoreError;
use crate::violation::code_list::Code;
use crate::violation::{Violation, Violations, code};

mod codes;
mod deployment;
mod holders;
mod network;
pub(crate) mod not_found;
mod resource_group;
mod unserved;

pub(super) use self::codes::{EXPORT_INCOMPLETE, INTERNAL, RESOURCE_NOT_FOUND, SECRET_LEFT_OUT};
pub(crate) use self::deployment::DeploymentError;
pub(super) use self::deployment::FAILED;
pub(crate) use self::network::NetworkUseError;
pub(crate) use self::resource_group::ResourceGroupError;
pub(crate) use self::unserved::UnservedError;

/// Every list of the codes that a failed use case may have, except for those of violations.
pub(crate) fn code_lists() -> [&'static [Code]; 5] {
    [codes::CODES, deployment::CODES, resource_group::CODES, network::CODES, unserved::CODES]
}

/// The reason why a use case fails.
#[derive(Debug, Error)]
pub(crate) enum ServiceError {
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
    Unserved(#[from] UnservedError),
    #[error("The path '{0}' does not exist.")]
    UnknownPath(String),
    #[error(
        "The api-version '{text}' is invalid. It must be a date from 2015-01-01 to {last}-12-31, as YYYY-MM-DD or \
         YYYY-MM-DD-preview."
    )]
    BadApiVersion {
        text: String,
        /// The last year of which versions are accepted.
        last: i16,
    },
    #[error(
        "The api-version '{text}' is not supported for the type '{kind}'. The supported api-versions are '{}'.",
        API_VERSIONS.join("', '")
    )]
    UnsupportedApiVersion { text: String, kind: String },
    #[error("The value '{value}' is not a valid {what}.")]
    BadName { what: &'static str, value: String },
    #[error(
        "'{0}' is not a subscription ID. Use a GUID for new resources, such as the default one, \
         '00000000-0000-0000-0000-000000000000'."
    )]
    BadSubscription(String),
    #[error("The Resource '{kind}/{name}' under resource group '{group}' was not found.")]
    NotFound { kind: String, name: String, group: String },
    #[error("The operation '{0}' was not found. Operations are kept for a day after their end.")]
    NoOperation(String),
    #[error("The worker '{0}' was not found.")]
    NoWorker(String),
    #[error("The tunnel '{0}' was not found. Tunnels that have ended are kept for an hour at most.")]
    NoTunnel(String),
    #[error("The worker of the tunnel '{0}' does not answer. Retry the request.")]
    TunnelUnknown(String),
    #[error("The operation '{0}' closes no tunnels, or has ended.")]
    NoClosing(String),
    #[error("{0}")]
    Invalid(Violations),
    #[error("A condition of the If-Match or If-None-Match header does not hold: the resource has changed.")]
    PreconditionFailed,
    #[error("The resource is in use and cannot be deleted. It is referenced by {}.", .0.join(", "))]
    InUse(Vec<String>),
    #[error("The application gateway is being deleted. Create it again after the deletion.")]
    Deleting,
    #[error("Frontend address '{address}' and port {port} are already used by {holder}.")]
    PortTaken { address: String, port: u16, holder: String },
    #[error("The service is not ready.")]
    NotReady(#[source] StoreError),
    #[error("{}. Nothing was changed; the request can be repeated.", unwritten(.0))]
    Unwritable(#[source] StoreError),
    #[error("{}", internal(.0))]
    Internal(#[source] StoreError),
}

impl ServiceError {
    /// Returns the code, as it is sent.
    pub(crate) fn code(&self) -> &str {
        match self {
            ServiceError::LinkForbidden { .. } => codes::LINK_FORBIDDEN,
            ServiceError::Deployment(error) => error.code(),
            ServiceError::ResourceGroup(error) => error.code(),
            ServiceError::NetworkUse(error) => error.code(),
            ServiceError::Unserved(error) => error.code(),
            ServiceError::UnknownPath(_) => codes::NOT_FOUND,
            ServiceError::BadApiVersion { .. } => codes::BAD_API_VERSION,
            ServiceError::UnsupportedApiVersion { .. } => codes::UNSUPPORTED_API_VERSION,
            ServiceError::BadName { .. } => code::INVALID_NAME,
            ServiceError::BadSubscription(_) => codes::BAD_SUBSCRIPTION,
            ServiceError::NotFound { .. } => codes::RESOURCE_NOT_FOUND,
            ServiceError::NoOperation(_) => codes::OPERATION_NOT_FOUND,
            ServiceError::NoWorker(_) => codes::WORKER_NOT_FOUND,
            ServiceError::NoTunnel(_) => codes::TUNNEL_NOT_FOUND,
            ServiceError::TunnelUnknown(_) => codes::TUNNEL_UNKNOWN,
            ServiceError::NoClosing(_) => codes::NO_CLOSING,
            ServiceError::Invalid(violations) => match violations.leading() {
                Some(leading) if !leading.is_unparsed() => leading.code,
                _ => code::INVALID_FORMAT,
            },
            ServiceError::PreconditionFailed => codes::PRECONDITION_FAILED,
            ServiceError::InUse(_) => codes::IN_USE,
            ServiceError::Deleting => codes::DELETING,
            ServiceError::PortTaken { .. } => codes::PORT_TAKEN,
            ServiceError::NotReady(_) => codes::NOT_READY,
            ServiceError::Unwritable(_) => codes::UNWRITABLE,
            ServiceError::Internal(_) => codes::INTERNAL,
        }
    }

    /// Returns the error in ARM's shape.
    pub(crate) fn body(&self) -> Value {
        let (mut message, mut target) = (self.to_string(), None);
        let mut details = Vec::new();
        match self {
            ServiceError::Invalid(violations) => {
                if let Some(leading) = violations.leading() {
                    target = Some(leading.target.clone());
                    message = leading.message.clone();
                    if leading.is_unparsed() {
                        message = format!("Cannot parse the request. {message}");
                    }
                    if violations.0.len() > 1 {
                        let count = violations.0.len();
                        message = format!("{message} ({count} errors in total, see details.)");
                    }
                }
                details = violations.0.iter().map(detail).collect();
            }
            ServiceError::Deployment(error) => return json!({"error": error.failure()}),
            ServiceError::InUse(users) => {
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

/// Returns what a client may know of an error that is not its own: only the log has the reason.
fn internal(error: &StoreError) -> &'static str {
    if matches!(error, StoreError::Damaged { .. }) {
        "What is stored of the resource, or of one that the request needs, is damaged. The log of the control plane \
         has the place. A damaged resource can be deleted."
    } else {
        "An error occurred."
    }
}

/// Returns the reason why nothing was written.
fn unwritten(error: &StoreError) -> String {
    let other = || "Another request has changed the same resource at the same time".to_owned();
    error.unwritable().map_or_else(other, |reason| format!("The database is unavailable: {reason}"))
}

fn detail(violation: &Violation) -> Value {
    json!({"code": violation.code, "message": violation.message, "target": violation.target})
}

impl ServiceError {
    /// Returns true if the request was not at fault.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, ServiceError::Internal(_) | ServiceError::NotReady(_) | ServiceError::Unwritable(_))
    }

    /// Returns the error as that author may see it, for the state of a deployment.
    pub(super) fn failure(&self, author: &Author) -> Failure {
        let seen = author.client.as_ref().and_then(|client| self.seen_by(client));
        seen.as_ref().unwrap_or(self).whole_failure()
    }

    fn whole_failure(&self) -> Failure {
        let shown = self.body().get_mut("error").map(Value::take).unwrap_or_default();
        serde_json::from_value(shown).unwrap_or_else(|_| Failure::new(self.code(), self.to_string()))
    }

    pub(super) fn from_group(error: GroupError, name: &str) -> ServiceError {
        match error {
            GroupError::Invalid(violations) => ServiceError::Invalid(violations),
            GroupError::Store(error) => error.into(),
            GroupError::NotThere => ResourceGroupError::NoGroup(name.to_owned()).into(),
        }
    }

    pub(super) fn from_network(error: NetworkError, edit: &NetworkEdit) -> ServiceError {
        match error {
            NetworkError::Invalid(violations) => ServiceError::Invalid(violations),
            NetworkError::PreconditionFailed => ServiceError::PreconditionFailed,
            NetworkError::SubnetInUse { subnet, users } => {
                NetworkUseError::SubnetInUse { subnet, users }.into()
            }
            NetworkError::AddressInUse { address, user } => {
                NetworkUseError::AddressInUse { address, user }.into()
            }
            NetworkError::AddressSettled { address, user } => {
                NetworkUseError::AddressSettled { address, user }.into()
            }
            NetworkError::PolicyInUse { policy, users } => {
                NetworkUseError::PolicyInUse { policy, users }.into()
            }
            NetworkError::Store(error) => error.into(),
            NetworkError::NotThere => not_found::network(&edit.path),
            NetworkError::NoSubnet => not_found::part_of_network(edit),
        }
    }

    pub(super) fn from_edit(error: EditError, edit: &Edit) -> ServiceError {
        match error {
            EditError::Invalid(violations) => ServiceError::Invalid(violations),
            EditError::PreconditionFailed => ServiceError::PreconditionFailed,
            EditError::Deleting => ServiceError::Deleting,
            EditError::InUse(users) => ServiceError::InUse(users),
            EditError::LinkForbidden { client, action, resource, linked } => {
                ServiceError::LinkForbidden { client: client.app_id, action, scope: resource, linked }
            }
            EditError::Store(error) => error.into(),
            EditError::NoGateway => not_found::gateway(&edit.path),
            EditError::NoChild => not_found::part_of_gateway(edit),
        }
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> ServiceError {
        match error {
            StoreError::PortClaimed { address, port, holder } => {
                ServiceError::PortTaken { address, port, holder }
            }
            StoreError::DeploymentActive(name) => DeploymentError::Active(name).into(),
            StoreError::TooManyOfType { kind, limit } => UnservedError::TooMany { kind, limit }.into(),
            StoreError::NoGroup(name) => ResourceGroupError::NoGroup(name).into(),
            StoreError::GroupDeleting(name) => ResourceGroupError::GroupDeleting(name).into(),
            StoreError::GroupInUse { group, users } => ResourceGroupError::GroupInUse { group, users }.into(),
            StoreError::AddressHeld { address, child, holder } => {
                NetworkUseError::AddressHeld { address, child, holder }.into()
            }
            StoreError::PoolExhausted { pool, taken } => {
                NetworkUseError::PoolExhausted { pool, taken }.into()
            }
            StoreError::AddressAllocated { address, holder } => {
                NetworkUseError::AddressAllocated { address, holder }.into()
            }
            error if error.is_retryable() => ServiceError::Unwritable(error),
            error => ServiceError::Internal(error),
        }
    }
}
