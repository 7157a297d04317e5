//! What can go wrong with a request about what gateways stand in and lean on.

use axum::http::StatusCode;
use thiserror::Error;

use crate::code_list::codes;

codes! { CODES;
    /// There is no such subscription: it holds nothing.
    const NO_SUBSCRIPTION: &str = "SubscriptionNotFound";
    /// There is no such resource group, and none is made by the way.
    const NO_GROUP: &str = "ResourceGroupNotFound";
    /// The resource group is being deleted, so nothing can be put into it.
    const GROUP_DELETING: &str = "ResourceGroupBeingDeleted";
    /// A gateway elsewhere refers to something in the resource group, so it cannot be deleted.
    const GROUP_IN_USE: &str = "ResourceGroupDeletionBlocked";
    /// There is no such resource provider.
    const NO_PROVIDER: &str = "InvalidResourceNamespace";
    /// The filter of a list cannot be read, or asks for more than is served.
    const BAD_FILTER: &str = "InvalidFilterInQueryString";
    /// A gateway refers to the subnet, so it cannot be deleted.
    const SUBNET_IN_USE: &str = "InUseSubnetCannotBeDeleted";
    /// A gateway refers to the public IP address, so it cannot be deleted.
    const ADDRESS_IN_USE: &str = "PublicIPAddressCannotBeDeleted";
    /// A gateway refers to the public IP address, so what it is bound to cannot be changed.
    const ADDRESS_SETTLED: &str = "PublicIPAddressInUseCannotBeChanged";
    /// Another gateway has the public IP address.
    const ADDRESS_HELD: &str = "PublicIPAddressInUse";
}

/// Why a request about what gateways stand in and lean on is not answered as wished.
#[derive(Debug, Error)]
pub(in crate::api) enum SurroundingsError {
    #[error("The subscription '{0}' could not be found.")]
    NoSubscription(String),
    #[error("Resource group '{0}' could not be found.")]
    NoGroup(String),
    #[error("The resource group '{0}' is in deprovisioning state and cannot perform this operation.")]
    GroupDeleting(String),
    #[error("The resource group '{group}' cannot be deleted: {} refers to something in it.", .users.join(", "))]
    GroupInUse { group: String, users: Vec<String> },
    #[error("The resource namespace '{0}' is invalid.")]
    NoProvider(String),
    #[error("The filter cannot be read: {0}")]
    BadFilter(String),
    #[error(
        "Subnet {subnet} is in use by {users} and cannot be deleted. In order to delete the subnet, delete all the \
         resources within the subnet."
    )]
    SubnetInUse { subnet: String, users: String },
    #[error(
        "Public IP address {address} can not be deleted since it is still allocated to resource {user}. In order to \
         delete the public IP, disassociate/detach the Public IP address from the resource."
    )]
    AddressInUse { address: String, user: String },
    #[error(
        "Public IP address {address} is in use by {user}: what it is bound to cannot change. Detach it first."
    )]
    AddressSettled { address: String, user: String },
    #[error(
        "Resource {child} is referencing public IP address {address} that is already allocated to resource {holder}."
    )]
    AddressHeld { address: String, child: String, holder: String },
}

impl SurroundingsError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            SurroundingsError::NoSubscription(_)
            | SurroundingsError::NoGroup(_)
            | SurroundingsError::NoProvider(_) => StatusCode::NOT_FOUND,
            SurroundingsError::GroupDeleting(_)
            | SurroundingsError::GroupInUse { .. }
            | SurroundingsError::AddressSettled { .. } => StatusCode::CONFLICT,
            SurroundingsError::BadFilter(_)
            | SurroundingsError::SubnetInUse { .. }
            | SurroundingsError::AddressInUse { .. }
            | SurroundingsError::AddressHeld { .. } => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            SurroundingsError::NoSubscription(_) => NO_SUBSCRIPTION,
            SurroundingsError::NoGroup(_) => NO_GROUP,
            SurroundingsError::GroupDeleting(_) => GROUP_DELETING,
            SurroundingsError::GroupInUse { .. } => GROUP_IN_USE,
            SurroundingsError::NoProvider(_) => NO_PROVIDER,
            SurroundingsError::BadFilter(_) => BAD_FILTER,
            SurroundingsError::SubnetInUse { .. } => SUBNET_IN_USE,
            SurroundingsError::AddressInUse { .. } => ADDRESS_IN_USE,
            SurroundingsError::AddressSettled { .. } => ADDRESS_SETTLED,
            SurroundingsError::AddressHeld { .. } => ADDRESS_HELD,
        }
    }
}
