//! Decides about a change of a resource group from the stored state and the request. Pure; runs inside the
//! write transaction, like [`crate::edit`] for gateways.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::location;
use crate::arm::resource_group::ResourceGroup;
use crate::arm::tags;
use crate::store::{Group, StoreError};
use crate::violation::Violations;

/// A change to a resource group.
#[derive(Debug)]
pub(crate) enum GroupEdit {
    /// Create the group or replace its properties.
    Put(Value),
    /// Replace its tags.
    PatchTags(Value),
}

/// The reason why a change of a resource group is rejected.
#[derive(Debug, Error)]
pub(crate) enum GroupError {
    /// The resulting body is invalid.
    #[error("{0}")]
    Invalid(Violations),
    /// The group does not exist.
    #[error("there is no such resource group")]
    NotThere,
    /// The store failed, or the group is being deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GroupEdit {
    /// Returns the new body of the group.
    ///
    /// # Errors
    /// The reason of rejection.
    pub(crate) fn decide(self, stored: Option<&Group>) -> Result<Map<String, Value>, GroupError> {
        let (body, violations) = match self {
            GroupEdit::Put(sent) => {
                let mut violations = Violations::default();
                let body = ResourceGroup::read(sent, &mut violations);
                let before = stored.map(|group| location::Stored {
                    body: &group.body,
                    name: &group.name,
                    group: &group.name,
                });
                location::check(&body, before, &mut violations);
                (body, violations)
            }
            GroupEdit::PatchTags(patch) => {
                let mut body = stored.ok_or(GroupError::NotThere)?.body.clone();
                let violations = tags::replace(&mut body, patch);
                (body, violations)
            }
        };
        if violations.is_empty() { Ok(body) } else { Err(GroupError::Invalid(violations)) }
    }
}
