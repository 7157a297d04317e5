//! Writes of resources of types that Tidegate does not serve: of one that is stored by itself, and of a member that its
//! parent holds.

use serde_json::{Map, Value};

use crate::arm::location;
use crate::arm::unserved::{UnservedPath, body, members};
use crate::audit::{Activity, Author};
use crate::document_rules::UnservedTypes;
use crate::etag::Preconditions;
use crate::store::{StoreError, UnservedDecision, UnservedResource, UnservedState};
use crate::violation::Violations;

use super::super::error::{UnservedError, not_found};
use super::super::resource_target::ResourceTarget;
use super::super::{Service, ServiceError};
use super::{ShownUnserved, member_of};

/// A change of a resource of an unserved type.
#[derive(Clone, Debug)]
pub(crate) enum UnservedAction {
    /// Create the resource or replace it. The second value has what was taken out of the body because it is secret, by
    /// place.
    Put(Value, Map<String, Value>),
    /// Change properties of it (RFC 7396).
    Patch(Value),
    /// Delete it with its children and extensions.
    Delete,
}

impl Service {
    /// Writes a resource. Returns it, and whether it is new.
    ///
    /// # Errors
    /// The reason of rejection, or an error of the store; nothing changes then.
    pub(crate) async fn write_unserved(
        &self,
        author: Author,
        path: &UnservedPath,
        preconditions: &Preconditions,
        action: UnservedAction,
    ) -> Result<(ShownUnserved, bool), ServiceError> {
        if matches!(action, UnservedAction::Delete) {
            let deleted = self.delete_unserved(author, path, preconditions).await?;
            return Ok((self.shown(deleted), false));
        }
        self.check_writable(path).await?;
        let activity = activity(author, path, "write");
        let mut created = false;
        let decide = |state: &UnservedState| {
            created = stored(state, path).is_none();
            decide(path, state, preconditions, action)
        };
        let written = self.store.write_unserved(path, true, &activity, decide).await?;
        let resource = if is_at(&written, path) { Some(written) } else { member_of(&written, path) };
        let resource = resource.ok_or_else(|| not_found::unserved(path))?;
        if created {
            tracing::warn!(resource = %resource.path, "stored without effect: Tidegate does not serve this type");
        }
        Ok((self.shown(resource), created))
    }

    /// Deletes a resource. One whose row is damaged is deleted too, regardless of conditions. Returns it as it was.
    async fn delete_unserved(
        &self,
        author: Author,
        path: &UnservedPath,
        preconditions: &Preconditions,
    ) -> Result<UnservedResource, ServiceError> {
        let activity = activity(author, path, "delete");
        let mut before = None;
        let decide = |state: &UnservedState| {
            before = stored(state, path);
            decide(path, state, preconditions, UnservedAction::Delete)
        };
        match self.store.write_unserved(path, false, &activity, decide).await {
            Ok(written) => Ok(before.unwrap_or(written)),
            Err(ServiceError::Internal(error @ StoreError::Damaged { .. })) => {
                tracing::error!(resource = %path, %error, "a damaged resource is deleted");
                match self.store.delete_damaged_unserved(path, &activity).await? {
                    true => Ok(nothing(path)),
                    false => Err(not_found::unserved(path)),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Checks that resources of unserved types are stored, and that the parent of a child or the scope of an extension
    /// exists. The store looks for it again within the transaction.
    async fn check_writable(&self, path: &UnservedPath) -> Result<(), ServiceError> {
        self.check_unserved_types(path)?;
        let Some(parent) = &path.parent else { return Ok(()) };
        let target = ResourceTarget::of(parent).ok_or_else(|| no_parent(path))?;
        target.show(self).await?.map(drop).ok_or_else(|| no_parent(path))
    }

    /// Checks that the operator lets resources of unserved types be stored.
    ///
    /// # Errors
    /// [`UnservedError::UnknownType`].
    pub(in super::super) fn check_unserved_types(&self, path: &UnservedPath) -> Result<(), ServiceError> {
        match self.rules.unserved_types {
            UnservedTypes::Store => Ok(()),
            UnservedTypes::Refuse => {
                Err(UnservedError::UnknownType { kind: path.kind.clone(), nearest: None }.into())
            }
        }
    }
}

/// Decides about a change. Pure.
///
/// # Errors
/// The reason of rejection; nothing changes then.
pub(in super::super) fn decide(
    path: &UnservedPath,
    state: &UnservedState,
    preconditions: &Preconditions,
    action: UnservedAction,
) -> Result<UnservedDecision, ServiceError> {
    if !state.has_parent {
        return Err(no_parent(path));
    }
    let stored = stored(state, path);
    let decision = decide_alone(path, stored.as_ref(), preconditions, action)?;
    let Some(container) = state.container.as_ref().filter(|found| members::holds(&found.body, path)) else {
        return Ok(decision);
    };
    let mut whole = container.body.clone();
    let secrets = match decision {
        UnservedDecision::Replace { body, secrets } => {
            members::put(&mut whole, path, body);
            let mut violations = Violations::default();
            body::check_size(&whole, &mut violations);
            checked((), violations)?;
            secrets
        }
        UnservedDecision::Delete => {
            members::remove(&mut whole, path);
            Some(Map::new())
        }
        other @ UnservedDecision::ReplaceContainer { .. } => return Ok(other),
    };
    Ok(UnservedDecision::ReplaceContainer { body: whole, secrets })
}

/// Decides about a change of a resource, wherever it is stored.
fn decide_alone(
    path: &UnservedPath,
    stored: Option<&UnservedResource>,
    preconditions: &Preconditions,
    action: UnservedAction,
) -> Result<UnservedDecision, ServiceError> {
    if !preconditions.hold(stored.map(|stored| &stored.etag)) {
        return Err(ServiceError::PreconditionFailed);
    }
    let there = || stored.ok_or_else(|| not_found::unserved(path));
    let mut violations = Violations::default();
    let (mut body, secrets) = match action {
        UnservedAction::Put(sent, secrets) => (body::read(&path.kind, sent, &mut violations), Some(secrets)),
        UnservedAction::Patch(patch) => {
            (body::patch(&path.kind, &there()?.body, patch, &mut violations), None)
        }
        UnservedAction::Delete => return there().map(|_| UnservedDecision::Delete),
    };
    if let Some(UnservedResource { body: before, path: spelled, .. }) = stored {
        let group = path.group.as_deref().unwrap_or_default();
        let before = location::Stored { body: before, name: &spelled.name, group };
        location::check_unchanged(&body, before, &mut violations);
        location::keep(&mut body, before.body);
    }
    checked(UnservedDecision::Replace { body, secrets }, violations)
}

/// Returns the resource: the member that its parent holds, or the stored one.
fn stored(state: &UnservedState, path: &UnservedPath) -> Option<UnservedResource> {
    let member = state.container.as_ref().and_then(|container| member_of(container, path));
    member.or_else(|| state.own.clone())
}

/// The error for a resource without the one to which it belongs.
pub(in super::super) fn no_parent(path: &UnservedPath) -> ServiceError {
    let parent = path.parent.clone().unwrap_or_default();
    UnservedError::NoParent { resource: path.to_string(), parent }.into()
}

fn activity(author: Author, path: &UnservedPath, verb: &str) -> Activity {
    Activity { author, action: format!("{}/{verb}", path.kind), resource: path.to_string() }
}

fn checked<T>(value: T, violations: Violations) -> Result<T, ServiceError> {
    if violations.is_empty() { Ok(value) } else { Err(ServiceError::Invalid(violations)) }
}

fn is_at(resource: &UnservedResource, path: &UnservedPath) -> bool {
    resource.path.key() == path.key()
}

/// Stands for a resource whose content cannot be read.
fn nothing(path: &UnservedPath) -> UnservedResource {
    UnservedResource {
        id: uuid::Uuid::nil(),
        path: path.clone(),
        body: Map::new(),
        sealed_secrets: None,
        etag: crate::etag::Etag(String::new()),
    }
}
