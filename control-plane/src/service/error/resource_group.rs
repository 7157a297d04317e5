//! The errors of requests about subscriptions, resource groups and providers.

use thiserror::Error;

use crate::violation::code_list::codes;

codes! { CODES;
    /// The subscription does not exist: there is no resource in it.
    const NO_SUBSCRIPTION: &str = "SubscriptionNotFound";
    /// The resource group does not exist and is not created implicitly.
    const NO_GROUP: &str = "ResourceGroupNotFound";
    /// The resource group is being deleted, so no resource can be created in it.
    const GROUP_DELETING: &str = "ResourceGroupBeingDeleted";
    /// A gateway in another group refers to a resource in the group, so it cannot be deleted.
    const GROUP_IN_USE: &str = "ResourceGroupDeletionBlocked";
    /// The resource provider does not exist.
    const NO_PROVIDER: &str = "InvalidResourceNamespace";
    /// The filter of a list is malformed or not supported.
    const BAD_FILTER: &str = "InvalidFilterInQueryString";
}

/// Why a request about subscriptions, resource groups or providers fails.
#[derive(Debug, Error)]
pub(crate) enum ResourceGroupError {
    #[error("The subscription '{0}' could not be found.")]
    NoSubscription(String),
    #[error("Resource group '{0}' could not be found.")]
    NoGroup(String),
    #[error("The resource group '{0}' is in deprovisioning state and cannot perform this operation.")]
    GroupDeleting(String),
    #[error("The resource group '{group}' cannot be deleted: {} refers to a resource in it.", .users.join(", "))]
    GroupInUse { group: String, users: Vec<String> },
    #[error("The resource namespace '{0}' is invalid.")]
    NoProvider(String),
    #[error("The filter cannot be read: {0}")]
    BadFilter(String),
}

impl ResourceGroupError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            ResourceGroupError::NoSubscription(_) => NO_SUBSCRIPTION,
            ResourceGroupError::NoGroup(_) => NO_GROUP,
            ResourceGroupError::GroupDeleting(_) => GROUP_DELETING,
            ResourceGroupError::GroupInUse { .. } => GROUP_IN_USE,
            ResourceGroupError::NoProvider(_) => NO_PROVIDER,
            ResourceGroupError::BadFilter(_) => BAD_FILTER,
        }
    }
}
