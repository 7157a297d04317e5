//! The reasons why a change of a gateway is rejected.

use thiserror::Error;

use crate::identity::access::Client;
use crate::store::StoreError;
use crate::violation::Violations;

/// The reason why a change is rejected.
#[derive(Debug, Error)]
pub(crate) enum EditError {
    /// The resulting document is invalid.
    #[error("{0}")]
    Invalid(Violations),
    /// A precondition on the row does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// The gateway does not exist.
    #[error("there is no such gateway")]
    NoGateway,
    /// The child, member or extension document does not exist.
    #[error("there is no such child")]
    NoChild,
    /// The gateway is being deleted.
    #[error("the gateway is being deleted")]
    Deleting,
    /// The client may write the gateway but not use a resource to which it refers.
    #[error("{} may not use {linked}", .client.app_id)]
    LinkForbidden {
        client: Client,
        /// The name of the ARM operation.
        action: String,
        /// The resource ID of the target of the operation.
        resource: String,
        /// The resource ID of the referenced resource.
        linked: String,
    },
    /// Other children refer to the child.
    #[error("it is used by {}", .0.join(", "))]
    InUse(Vec<String>),
    /// The store failed, or another gateway holds a port or address.
    #[error(transparent)]
    Store(#[from] StoreError),
}
