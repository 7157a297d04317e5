//! Reads and writes of resources of types that Tidegate does not serve. A write is complete when it returns, and has no
//! effect on any worker.

use serde_json::{Map, Value};

use crate::arm::unserved::{NOT_ENFORCED, NotUnserved, UnservedPath, body, list_result, made_key, show};
use crate::audit::{Activity, Author};
use crate::document_rules::UnservedTypes;
use crate::etag::{Etag, Preconditions};
use crate::store::{UnservedDecision, UnservedResource};
use crate::violation::Violations;

use super::error::UnservedError;
use super::resource_target::ResourceTarget;
use super::{Service, ServiceError};

/// A resource that has no effect, or whose protection has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NotEnforced {
    /// The resource ID.
    pub(crate) id: String,
    /// The ARM type.
    pub(crate) kind: String,
    /// The reason, as a sentence.
    pub(crate) reason: String,
}

/// A resource of an unserved type as GET shows it.
#[derive(Debug)]
pub(crate) struct ShownUnserved {
    pub(crate) shown: Value,
    pub(crate) etag: Etag,
}

/// A change of a resource of an unserved type.
#[derive(Debug)]
pub(crate) enum UnservedAction {
    /// Create the resource or replace it.
    Put(Value),
    /// Change properties of it (RFC 7396).
    Patch(Value),
    /// Delete it with its children and extensions.
    Delete,
}

impl Service {
    /// Parses the resource ID of an unserved type.
    ///
    /// # Errors
    /// [`ServiceError::UnknownPath`] for text that is no resource ID, [`UnservedError::UnknownType`] for a misspelt type.
    pub(crate) fn unserved_path(id: &str) -> Result<UnservedPath, ServiceError> {
        match UnservedPath::parse(id) {
            Ok(path) => Ok(path),
            Err(NotUnserved::Misspelt { kind, nearest }) => {
                Err(UnservedError::UnknownType { kind, nearest }.into())
            }
            Err(NotUnserved::NoId | NotUnserved::Served) => Err(ServiceError::UnknownPath(id.to_owned())),
        }
    }

    /// Returns a resource.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or an error of the store.
    pub(crate) async fn unserved(&self, path: &UnservedPath) -> Result<ShownUnserved, ServiceError> {
        let stored = self.store.unserved_resource(path).await?.ok_or_else(|| not_found(path))?;
        Ok(self.shown(stored))
    }

    /// Returns a resource as GET shows it; `None` if it does not exist.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn show_unserved(&self, path: &UnservedPath) -> Result<Option<Value>, ServiceError> {
        let stored = self.store.unserved_resource(path).await?;
        Ok(stored.map(|stored| self.shown(stored).shown))
    }

    /// Returns the resources of one type, or of all types, in a subscription or in one resource group of it, by ID.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn unserved_of_type(
        &self,
        subscription: &str,
        group: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Vec<Value>, ServiceError> {
        let found = self.store.unserved_resources(subscription, group, kind).await?;
        Ok(found.into_iter().map(|resource| self.shown(resource).shown).collect())
    }

    /// Returns what is not enforced: every gateway that relies on protection that no worker provides, once for each
    /// reason, and every resource of an unserved type.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn not_enforced(&self) -> Result<Vec<NotEnforced>, ServiceError> {
        let mut found = self.unprotected_gateways().await?;
        let unserved = self.store.unserved_paths().await?.into_iter();
        found.extend(unserved.map(|path| NotEnforced {
            id: path.to_string(),
            kind: path.kind,
            reason: NOT_ENFORCED.to_owned(),
        }));
        Ok(found)
    }

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
        let is_delete = matches!(action, UnservedAction::Delete);
        let stored_parent = if is_delete { None } else { self.check_writable(path).await? };
        let verb = if is_delete { "delete" } else { "write" };
        let activity =
            Activity { author, action: format!("{}/{verb}", path.kind), resource: path.to_string() };
        let decide = |stored: Option<&UnservedResource>, has_parent: bool| {
            if has_parent { decide(path, stored, preconditions, action) } else { Err(no_parent(path)) }
        };
        let written = self.store.write_unserved(path, stored_parent.as_deref(), &activity, decide).await;
        let (resource, created) = written?;
        if created {
            tracing::warn!(resource = %resource.path, "stored without effect: Tidegate does not serve this type");
        }
        Ok((self.shown(resource), created))
    }

    /// Returns the resource as it would be shown after a PUT; stores nothing.
    ///
    /// # Errors
    /// The error with which the PUT would fail.
    pub(crate) async fn preview_unserved(
        &self,
        path: &UnservedPath,
        sent: Value,
    ) -> Result<Value, ServiceError> {
        self.check_stored(path)?;
        let body = read(path, sent)?;
        let stored = self.store.unserved_resource(path).await?;
        let (id, path) = match stored {
            Some(stored) => (stored.id, stored.path),
            None => (uuid::Uuid::nil(), path.clone()),
        };
        Ok(show(&path, id, &body, self.issuer.tenant()))
    }

    /// Returns the result of a `list*` action, such as `listKeys`.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`UnservedError::NoAction`], or an error of the store.
    pub(crate) async fn list_of_unserved(
        &self,
        path: &UnservedPath,
        function: &str,
    ) -> Result<Value, ServiceError> {
        let stored = self.store.unserved_resource(path).await?.ok_or_else(|| not_found(path))?;
        let seed = self.store.unserved_key_seed();
        let key = |label: &str| made_key(&seed, &stored.path, label);
        list_result(&stored.path, function, key).map_err(|why| UnservedError::NoAction(why).into())
    }

    /// Checks that resources of unserved types are stored, and that the parent of a child or the scope of an extension
    /// exists. Returns the ID under which the parent is stored, for the check within the transaction.
    async fn check_writable(&self, path: &UnservedPath) -> Result<Option<String>, ServiceError> {
        self.check_stored(path)?;
        let Some(parent) = &path.parent else { return Ok(None) };
        let target = ResourceTarget::of(parent).ok_or_else(|| no_parent(path))?;
        if target.show(self).await?.is_none() {
            return Err(no_parent(path));
        }
        Ok(target.is_indexed().then(|| target.stored_id()))
    }

    /// Checks that the operator lets resources of unserved types be stored.
    ///
    /// # Errors
    /// [`UnservedError::UnknownType`].
    fn check_stored(&self, path: &UnservedPath) -> Result<(), ServiceError> {
        match self.rules.unserved_types {
            UnservedTypes::Store => Ok(()),
            UnservedTypes::Refuse => {
                Err(UnservedError::UnknownType { kind: path.kind.clone(), nearest: None }.into())
            }
        }
    }

    fn shown(&self, resource: UnservedResource) -> ShownUnserved {
        let UnservedResource { id, path, body, etag } = resource;
        ShownUnserved { shown: show(&path, id, &body, self.issuer.tenant()), etag }
    }
}

fn decide(
    path: &UnservedPath,
    stored: Option<&UnservedResource>,
    preconditions: &Preconditions,
    action: UnservedAction,
) -> Result<UnservedDecision, ServiceError> {
    if !preconditions.hold(stored.map(|stored| &stored.etag)) {
        return Err(ServiceError::PreconditionFailed);
    }
    let there = || stored.ok_or_else(|| not_found(path));
    Ok(match action {
        UnservedAction::Put(sent) => UnservedDecision::Replace(read(path, sent)?),
        UnservedAction::Patch(patch) => {
            let mut violations = Violations::default();
            let merged = body::patch(&path.kind, &there()?.body, patch, &mut violations);
            checked(merged, violations).map(UnservedDecision::Replace)?
        }
        UnservedAction::Delete => {
            there()?;
            UnservedDecision::Delete
        }
    })
}

fn no_parent(path: &UnservedPath) -> ServiceError {
    let parent = path.parent.clone().unwrap_or_default();
    UnservedError::NoParent { resource: path.to_string(), parent }.into()
}

fn read(path: &UnservedPath, sent: Value) -> Result<Map<String, Value>, ServiceError> {
    let mut violations = Violations::default();
    let read = body::read(&path.kind, sent, &mut violations);
    checked(read, violations)
}

fn checked(body: Map<String, Value>, violations: Violations) -> Result<Map<String, Value>, ServiceError> {
    if violations.is_empty() { Ok(body) } else { Err(ServiceError::Invalid(violations)) }
}

fn not_found(path: &UnservedPath) -> ServiceError {
    ServiceError::NotFound {
        kind: path.kind.clone(),
        name: path.name.clone(),
        group: path.group.clone().unwrap_or_default(),
    }
}
