//! The errors of requests about virtual networks and public IP addresses that gateways use.

use std::net::IpAddr;

use thiserror::Error;

use crate::violation::code_list::codes;

codes! { CODES;
    /// A gateway refers to the subnet, so it cannot be deleted.
    const SUBNET_IN_USE: &str = "InUseSubnetCannotBeDeleted";
    /// A gateway refers to the public IP address, so it cannot be deleted.
    const ADDRESS_IN_USE: &str = "PublicIPAddressCannotBeDeleted";
    /// A gateway uses the public IP address, so the address it binds to cannot be changed.
    const ADDRESS_SETTLED: &str = "PublicIPAddressInUseCannotBeChanged";
    /// A gateway refers to the firewall policy, so it cannot be deleted.
    const POLICY_IN_USE: &str = "ApplicationGatewayFirewallPolicyInUseCannotBeDeleted";
    /// Every address of the pool of public IP addresses is taken.
    const POOL_EXHAUSTED: &str = "PublicIPAddressPoolExhausted";
    /// Another public IP address has got this address of the pool.
    const ADDRESS_ALLOCATED: &str = "PublicIPAddressAllocated";
    /// Another gateway uses the public IP address.
    const ADDRESS_HELD: &str = "PublicIPAddressInUse";
}

/// The reason why a resource cannot be changed or used because of a gateway.
#[derive(Debug, Error)]
pub(crate) enum NetworkUseError {
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
        "Public IP address {address} is in use by {user}: its address cannot be changed. Detach it first."
    )]
    AddressSettled { address: String, user: String },
    #[error(
        "Web application firewall policy {policy} is in use by {users} and cannot be deleted. In order to delete the \
         policy, remove the references to it."
    )]
    PolicyInUse { policy: String, users: String },
    #[error(
        "Resource {child} is referencing public IP address {address} that is already allocated to resource {holder}."
    )]
    AddressHeld { address: String, child: String, holder: String },
    #[error(
        "No address of --public-pool {pool} is free: {taken} are taken. Start Tidegate with a larger --public-pool, delete a \
         public IP address, or set 'properties.ipAddress'."
    )]
    PoolExhausted { pool: String, taken: usize },
    #[error(
        "The address '{address}' in 'properties.ipAddress' belongs to {holder}, which got it of --public-pool. Use another \
         address, or none, to get one of the pool."
    )]
    AddressAllocated { address: IpAddr, holder: String },
}

impl NetworkUseError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            NetworkUseError::SubnetInUse { .. } => SUBNET_IN_USE,
            NetworkUseError::AddressInUse { .. } => ADDRESS_IN_USE,
            NetworkUseError::AddressSettled { .. } => ADDRESS_SETTLED,
            NetworkUseError::PolicyInUse { .. } => POLICY_IN_USE,
            NetworkUseError::AddressHeld { .. } => ADDRESS_HELD,
            NetworkUseError::PoolExhausted { .. } => POOL_EXHAUSTED,
            NetworkUseError::AddressAllocated { .. } => ADDRESS_ALLOCATED,
        }
    }
}
