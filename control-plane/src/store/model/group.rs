//! Resource groups.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::ProvisioningState;

/// A resource group.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// The ID, constant from creation to deletion.
    pub(crate) id: Uuid,
    /// The subscription ID, in its creator's spelling.
    pub(crate) subscription: String,
    /// The name, in its creator's spelling.
    pub(crate) name: String,
    /// The canonical `location` and `tags`.
    pub(crate) body: Map<String, Value>,
    /// The state: `Succeeded` or `Deleting`.
    pub(crate) state: ProvisioningState,
}

impl Group {
    pub(crate) fn resource_id(&self) -> String {
        group_id(&self.subscription, &self.name)
    }
}

/// Returns the resource ID of a group.
pub(crate) fn group_id(subscription: &str, name: &str) -> String {
    format!("/subscriptions/{subscription}/resourceGroups/{name}")
}

/// The resource group that a resource needs in order to be stored.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct RequiredGroup<'a> {
    /// The subscription ID.
    pub(in crate::store) subscription: &'a str,
    /// The group's name.
    pub(in crate::store) name: &'a str,
    /// The location of the resource, which becomes that of an implicitly created group.
    pub(in crate::store) location: Option<&'a str>,
}
