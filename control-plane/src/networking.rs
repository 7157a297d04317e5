//! Decides what a request does to a virtual network, a subnet or a public IP address: stored state and request in,
//! decision out. Pure.
//!
//! It runs inside the write transaction, as [`crate::edit`] does for gateways. What a gateway means never changes by
//! what is decided here: whatever would change it is refused while a gateway refers to it.

mod public_address;
mod virtual_network;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::network::NetworkPath;
use crate::arm::tags;
use crate::arm::{location, named::invalid_name, resource_id::is_valid_name};
use crate::etag::{Etag, Preconditions};
use crate::store::{NetworkDecision, NetworkResource, StoreError, User};
use crate::violation::{Violations, code};

/// A change to a virtual network, a subnet or a public IP address.
#[derive(Debug)]
pub struct NetworkEdit {
    /// Which resource.
    pub path: NetworkPath,
    /// Under which conditions on its row.
    pub preconditions: Preconditions,
    /// What to do.
    pub action: NetworkAction,
}

/// What to do with a virtual network, a subnet or a public IP address.
#[derive(Debug)]
pub enum NetworkAction {
    /// Create the network or replace it.
    PutVirtualNetwork(Value),
    /// Create the subnet of that name or replace it.
    PutSubnet(String, Value),
    /// Remove the subnet of that name.
    DeleteSubnet(String),
    /// Create the address or replace it.
    PutPublicAddress {
        /// As sent.
        body: Value,
        /// What answers say of the address where none was given. Sent back, it is not one that was given.
        shown: Option<String>,
    },
    /// Replace the tags.
    PatchTags(Value),
    /// Remove the resource.
    Delete,
}

/// Why a change cannot be made.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// What it would lead to is not valid.
    #[error("{0}")]
    Invalid(Violations),
    /// A condition on the row does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// There is no such resource.
    #[error("there is no such resource")]
    NotThere,
    /// There is no such subnet.
    #[error("there is no such subnet")]
    NoSubnet,
    /// A gateway refers to the subnet.
    #[error("subnet {subnet} is in use by {users}")]
    SubnetInUse {
        /// Its name.
        subnet: String,
        /// The resource IDs of those that refer to it, separated by commas.
        users: String,
    },
    /// A gateway refers to the public IP address.
    #[error("{address} is in use by {user}")]
    AddressInUse {
        /// Its resource ID.
        address: String,
        /// The resource ID of the frontend that refers to it.
        user: String,
    },
    /// A gateway refers to the public IP address, and would be bound elsewhere.
    #[error("{address} is in use by {user} and cannot change")]
    AddressSettled {
        /// Its resource ID.
        address: String,
        /// The resource ID of the frontend that refers to it.
        user: String,
    },
    /// The store failed, or the group is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NetworkEdit {
    /// ARM's name of what is done, for the audit log.
    pub fn action_name(&self) -> String {
        let kind = self.path.kind.resource_type();
        match &self.action {
            NetworkAction::PutSubnet(..) => format!("{kind}/subnets/write"),
            NetworkAction::DeleteSubnet(_) => format!("{kind}/subnets/delete"),
            NetworkAction::Delete => format!("{kind}/delete"),
            _ => format!("{kind}/write"),
        }
    }

    /// The resource ID of what it is done to.
    pub fn resource_id(&self) -> String {
        match &self.action {
            NetworkAction::PutSubnet(name, _) | NetworkAction::DeleteSubnet(name) => {
                self.path.subnet_id(name)
            }
            _ => self.path.to_string(),
        }
    }

    /// Decides what becomes of the resource, where `users` refer to it or to something in it.
    ///
    /// # Errors
    /// Why it cannot be done; then nothing changes.
    pub fn decide(
        &self,
        stored: Option<&NetworkResource>,
        users: &[User],
    ) -> Result<NetworkDecision, NetworkError> {
        self.check_conditions(stored)?;
        match &self.action {
            NetworkAction::PutVirtualNetwork(body) => {
                virtual_network::put(&self.path, body.clone(), stored, users)
            }
            NetworkAction::PutSubnet(name, body) => {
                virtual_network::put_subnet(name, body.clone(), there(stored)?)
            }
            NetworkAction::DeleteSubnet(name) => virtual_network::delete_subnet(name, there(stored)?, users),
            NetworkAction::PutPublicAddress { body, shown } => {
                public_address::put(&self.path, body.clone(), shown.as_deref(), stored, users)
            }
            NetworkAction::PatchTags(patch) => {
                let stored = there(stored)?;
                let mut body = stored.body.clone();
                let violations = tags::replace(&mut body, patch.clone());
                settle(body, Some(stored), violations)
            }
            NetworkAction::Delete => {
                let stored = there(stored)?;
                virtual_network::check_delete(stored, users)?;
                public_address::check_delete(stored, users)?;
                Ok(NetworkDecision::Delete)
            }
        }
    }

    /// The version of a subnet is its network's, but it exists on its own account.
    fn check_conditions(&self, stored: Option<&NetworkResource>) -> Result<(), NetworkError> {
        let stored = match &self.action {
            NetworkAction::PutSubnet(name, _) | NetworkAction::DeleteSubnet(name) => {
                stored.filter(|network| virtual_network::subnet(&network.body, name).is_some())
            }
            _ => stored,
        };
        let etag: Option<&Etag> = stored.map(|stored| &stored.etag);
        if self.preconditions.hold(etag) { Ok(()) } else { Err(NetworkError::PreconditionFailed) }
    }
}

fn there(stored: Option<&NetworkResource>) -> Result<&NetworkResource, NetworkError> {
    stored.ok_or(NetworkError::NotThere)
}

/// Complains of the name of a new resource, and of where it is.
fn check_head(
    path: &NetworkPath,
    body: &Map<String, Value>,
    stored: Option<&NetworkResource>,
    violations: &mut Violations,
) {
    if stored.is_none() && !is_valid_name(&path.name) {
        violations.push(code::INVALID_NAME, "name", invalid_name(&path.name));
    }
    let before = stored.map(|stored| {
        let NetworkPath { group, name, .. } = &stored.path;
        location::Stored { body: &stored.body, name, group }
    });
    location::check(body, before, violations);
}

/// The decision for a body with what was found wrong with it.
fn settle(
    body: Map<String, Value>,
    stored: Option<&NetworkResource>,
    violations: Violations,
) -> Result<NetworkDecision, NetworkError> {
    if !violations.is_empty() {
        return Err(NetworkError::Invalid(violations));
    }
    let same = stored.is_some_and(|stored| stored.body == body);
    Ok(if same { NetworkDecision::Keep } else { NetworkDecision::Replace(body) })
}

#[cfg(test)]
mod tests;
