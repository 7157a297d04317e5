//! Decides about a change of a resource group from the stored state and the request. Pure; runs inside the
//! write transaction, like [`crate::edit`] for gateways.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::location;
use crate::arm::resource_group::ResourceGroup;
use crate::arm::tags;
use crate::document_rules::UnknownProperties;
use crate::store::{Group, StoreError};
use crate::violation::{Violations, Warnings};

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
    /// Returns the new body of the group, and the warnings for the author.
    ///
    /// # Errors
    /// The reason of rejection.
    pub(crate) fn decide(
        self,
        unknown: UnknownProperties,
        stored: Option<&Group>,
    ) -> Result<(Map<String, Value>, Warnings), GroupError> {
        let (body, mut violations) = match self {
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
        unknown.apply(&mut violations);
        if violations.is_empty() { Ok((body, violations.1)) } else { Err(GroupError::Invalid(violations)) }
    }
}
