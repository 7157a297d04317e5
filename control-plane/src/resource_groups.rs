//! Decides what a request does to a resource group: stored state and request in, what is to be stored out. Pure; it runs
//! inside the write transaction, as [`crate::edit`] does for gateways.

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::location;
use crate::arm::resource_group::ResourceGroup;
use crate::arm::tags;
use crate::store::{Group, StoreError};
use crate::violation::Violations;

/// A change to a resource group.
#[derive(Debug)]
pub enum GroupEdit {
    /// Create it or replace what is said of it.
    Put(Value),
    /// Replace its tags.
    PatchTags(Value),
}

/// Why a change to a resource group cannot be made.
#[derive(Debug, Error)]
pub enum GroupError {
    /// What it would lead to is not valid.
    #[error("{0}")]
    Invalid(Violations),
    /// There is no such group.
    #[error("there is no such resource group")]
    NotThere,
    /// The store failed, or the group is being deleted.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GroupEdit {
    /// Decides what is to be stored of the group.
    ///
    /// # Errors
    /// That it is not valid, or not there.
    pub fn decide(self, stored: Option<&Group>) -> Result<Map<String, Value>, GroupError> {
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
