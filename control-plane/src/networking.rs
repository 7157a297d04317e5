//! Decides about a change of a virtual network, a subnet, a public IP address or a firewall policy from the stored
//! state and the request. Pure.
//!
//! Runs inside the write transaction, like [`crate::edit`] for gateways. The compiled content of a gateway
//! never changes through these decisions: a change that would affect it is rejected while a gateway refers to
//! the resource.

mod firewall_policy;
mod public_address;
mod virtual_network;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::external_refs::ExternalRefs;
use crate::arm::location;
use crate::arm::naming::is_valid_name;
use crate::arm::network::{NetworkKind, NetworkPath, PolicyFacts, PublicAddress};
use crate::arm::normalize::named::invalid_name;
use crate::arm::tags;
use crate::document_rules::{DocumentRules, UnknownProperties};
use crate::etag::{Etag, Preconditions};
use crate::protection;
use crate::store::{NetworkDecision, NetworkResource, NetworkWritten, StoreError, StoredRefs, User};
use crate::violation::{Violations, Warnings, code};

/// A change to a network resource or a subnet.
#[derive(Debug)]
pub(crate) struct NetworkEdit {
    /// The resource.
    pub(crate) path: NetworkPath,
    /// The preconditions on its row.
    pub(crate) preconditions: Preconditions,
    /// The change.
    pub(crate) action: NetworkAction,
}

/// The kind of change.
#[derive(Debug)]
pub(crate) enum NetworkAction {
    /// Create the network or replace it.
    PutVirtualNetwork(Value),
    /// Create the subnet of this name or replace it.
    PutSubnet(String, Value),
    /// Delete the subnet of this name.
    DeleteSubnet(String),
    /// Create the address or replace it.
    PutPublicAddress {
        /// The body as sent.
        body: Value,
        /// The address in responses if none was given. A body that repeats it does not set the address.
        shown: Option<String>,
    },
    /// Create the firewall policy or replace it.
    PutFirewallPolicy(Value),
    /// Replace the tags.
    PatchTags(Value),
    /// Delete the resource.
    Delete,
}

/// The reason why a change is rejected.
#[derive(Debug, Error)]
pub(crate) enum NetworkError {
    /// The resulting body is invalid.
    #[error("{0}")]
    Invalid(Violations),
    /// A precondition on the row does not hold.
    #[error("a precondition does not hold")]
    PreconditionFailed,
    /// The resource does not exist.
    #[error("there is no such resource")]
    NotThere,
    /// The subnet does not exist.
    #[error("there is no such subnet")]
    NoSubnet,
    /// A gateway refers to the subnet.
    #[error("subnet {subnet} is in use by {users}")]
    SubnetInUse {
        /// The name of the subnet.
        subnet: String,
        /// The resource IDs of the referring children, separated by commas.
        users: String,
    },
    /// A gateway refers to the public IP address.
    #[error("{address} is in use by {user}")]
    AddressInUse {
        /// The resource ID of the address.
        address: String,
        /// The resource ID of the frontend that refers to it.
        user: String,
    },
    /// A gateway refers to the public IP address, and the change would bind its frontend elsewhere.
    #[error("{address} is in use by {user} and cannot change")]
    AddressSettled {
        /// The resource ID of the address.
        address: String,
        /// The resource ID of the frontend that refers to it.
        user: String,
    },
    /// A gateway, a listener or a path rule refers to the firewall policy.
    #[error("{policy} is in use by {users}")]
    PolicyInUse {
        /// The resource ID of the policy.
        policy: String,
        /// The resource IDs of the users, separated by commas.
        users: String,
    },
    /// The store failed, or the resource group does not exist.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NetworkEdit {
    /// The name of the ARM operation, for the audit log.
    pub(crate) fn action_name(&self) -> String {
        let kind = self.path.kind.resource_type();
        match &self.action {
            NetworkAction::PutSubnet(..) => format!("{kind}/subnets/write"),
            NetworkAction::DeleteSubnet(_) => format!("{kind}/subnets/delete"),
            NetworkAction::Delete => format!("{kind}/delete"),
            _ => format!("{kind}/write"),
        }
    }

    /// The resource ID of the target.
    pub(crate) fn resource_id(&self) -> String {
        match &self.action {
            NetworkAction::PutSubnet(name, _) | NetworkAction::DeleteSubnet(name) => {
                self.path.subnet_id(name)
            }
            _ => self.path.to_string(),
        }
    }

    /// Decides about the change of a resource to which, or to whose parts, `users` refer. Also returns the warnings
    /// for the author.
    ///
    /// # Errors
    /// The reason of rejection; nothing changes then.
    pub(crate) fn decide(
        &self,
        rules: &DocumentRules,
        stored: Option<&NetworkResource>,
        users: &[User],
    ) -> Result<(NetworkDecision, Warnings), NetworkError> {
        self.check_conditions(stored)?;
        let (decision, mut warnings) = self.decide_alone(rules.unknown_properties, stored, users)?;
        if let NetworkDecision::Replace { body, .. } = &decision {
            warnings.append(self.check_protection(rules, body, users)?);
        }
        Ok((decision, warnings))
    }

    /// Checks whether the new body is protection of a gateway that no worker provides. Returns the warnings.
    fn check_protection(
        &self,
        rules: &DocumentRules,
        body: &Map<String, Value>,
        users: &[User],
    ) -> Result<Warnings, NetworkError> {
        let sources = users.iter().map(|user| (user.source.as_str(), user.target.as_str()));
        let gaps = protection::of_resource(&self.path, body, sources);
        let mut found = Violations::default();
        match &self.action {
            // A change of other labels or subnets changes nothing about the protection.
            NetworkAction::PatchTags(_) | NetworkAction::DeleteSubnet(_) => return Ok(Warnings::default()),
            NetworkAction::PutSubnet(name, _) => {
                let at = virtual_network::place(body, name).unwrap_or_default();
                let target = format!("properties.subnets[{at}]");
                let own: Vec<_> = gaps.into_iter().filter(|gap| gap.is_within(&target)).collect();
                rules.unserved_protection.judge(&own, &mut found);
                found = found.seen_from(&target);
            }
            _ => rules.unserved_protection.judge(&gaps, &mut found),
        }
        if found.is_empty() { Ok(found.1) } else { Err(NetworkError::Invalid(found)) }
    }

    /// Decides about the change regardless of gateways that rely on it.
    fn decide_alone(
        &self,
        unknown: UnknownProperties,
        stored: Option<&NetworkResource>,
        users: &[User],
    ) -> Result<(NetworkDecision, Warnings), NetworkError> {
        match &self.action {
            NetworkAction::PutVirtualNetwork(body) => {
                virtual_network::put(&self.path, body.clone(), unknown, stored, users)
            }
            NetworkAction::PutSubnet(name, body) => {
                virtual_network::put_subnet(name, body.clone(), unknown, there(stored)?)
            }
            NetworkAction::DeleteSubnet(name) => {
                let decision = virtual_network::delete_subnet(name, there(stored)?, users)?;
                Ok((decision, Warnings::default()))
            }
            NetworkAction::PutPublicAddress { body, shown } => {
                public_address::put(&self.path, (body.clone(), shown.as_deref()), unknown, stored, users)
            }
            NetworkAction::PutFirewallPolicy(body) => {
                firewall_policy::put(&self.path, body.clone(), unknown, stored)
            }
            NetworkAction::PatchTags(patch) => {
                let stored = there(stored)?;
                let mut body = stored.body.clone();
                let violations = tags::replace(&mut body, patch.clone());
                settle(body, Some(stored), unknown, violations)
            }
            NetworkAction::Delete => {
                let stored = there(stored)?;
                virtual_network::check_delete(stored, users)?;
                public_address::check_delete(stored, users)?;
                firewall_policy::check_delete(stored, users)?;
                Ok((NetworkDecision::Delete, Warnings::default()))
            }
        }
    }

    /// Checks the preconditions. A subnet has the etag of its network, but exists independently of it.
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

/// Checks the name of a new resource, and the location.
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

/// Returns the decision for a body with these violations.
fn settle(
    body: Map<String, Value>,
    stored: Option<&NetworkResource>,
    unknown: UnknownProperties,
    mut violations: Violations,
) -> Result<(NetworkDecision, Warnings), NetworkError> {
    unknown.apply(&mut violations);
    if !violations.is_empty() {
        return Err(NetworkError::Invalid(violations));
    }
    let same = stored.is_some_and(|stored| stored.body == body);
    let decision = if same { NetworkDecision::Keep } else { replacement(body) };
    Ok((decision, violations.1))
}

fn replacement(body: Map<String, Value>) -> NetworkDecision {
    let location = body.get("location").and_then(Value::as_str).map(str::to_owned);
    NetworkDecision::Replace { body, location, wish: None }
}

/// Returns true if a write added a subnet: after a write of one subnet, if that is new.
pub(crate) fn has_new_subnet(written: &NetworkWritten) -> bool {
    let before = written.before.as_ref().map_or(0, |before| virtual_network::subnets(&before.body).count());
    virtual_network::subnets(&written.resource.body).count() > before
}

/// Reads the stored resources that a gateway or a request refers to.
pub(crate) fn external_refs(stored: &StoredRefs) -> ExternalRefs {
    let (pages, private) = (stored.pages.clone(), stored.private.clone());
    let mut refs = ExternalRefs { pages, private, ..ExternalRefs::default() };
    for NetworkResource { path, body, allocated, .. } in &stored.resources {
        match path.kind {
            NetworkKind::PublicAddress => {
                let address = PublicAddress::of(body, *allocated).mapped(&stored.private.map);
                refs.addresses.insert(path, address);
            }
            NetworkKind::FirewallPolicy => refs.policies.insert(path, PolicyFacts::of(body)),
            NetworkKind::VirtualNetwork => refs.subnet_groups.insert(path, body),
        }
    }
    refs
}

#[cfg(test)]
mod tests;
