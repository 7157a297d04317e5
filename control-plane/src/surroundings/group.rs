//! Resource groups.

use serde_json::{Map, Value};

use super::NetworkError;
use crate::arm::location;
use crate::arm::resource_group::ResourceGroup;
use crate::arm::tags;
use crate::store::Group;
use crate::violation::Violations;

/// A change to a resource group.
#[derive(Debug)]
pub enum GroupEdit {
    /// Create it or replace what is said of it.
    Put(Value),
    /// Replace its tags.
    PatchTags(Value),
}

impl GroupEdit {
    /// Decides what is to be stored of the group.
    ///
    /// # Errors
    /// That it is not valid, or not there.
    pub fn decide(self, stored: Option<&Group>) -> Result<Map<String, Value>, NetworkError> {
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
                let mut body = stored.ok_or(NetworkError::NotThere)?.body.clone();
                let violations = tags::replace(&mut body, patch);
                (body, violations)
            }
        };
        if violations.is_empty() { Ok(body) } else { Err(NetworkError::Invalid(violations)) }
    }
}
