//! Resources of types that Tidegate does not serve: read, written and deleted whole.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arm::resource_kind::ResourceKind;
use crate::arm::unserved::UnservedPath;
use crate::audit::Activity;
use crate::clock::Millis;
use crate::etag::Etag;

use super::audit::record;
use super::database::Connection;
use super::model::RequiredGroup;
use super::resources::is_stored;
use super::{Store, StoreError, UnservedResource, rows};

/// The decision about a resource of an unserved type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UnservedDecision {
    /// Store this body, and create the resource if it is new.
    Replace(Map<String, Value>),
    /// Delete the resource, its children and its extensions.
    Delete,
}

impl Store {
    /// Returns a resource by its path, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn unserved_resource(
        &self,
        path: &UnservedPath,
    ) -> Result<Option<UnservedResource>, StoreError> {
        rows::unserved_resources::find(&mut *self.database.reader().await?, path).await
    }

    /// Returns the resources of a subscription, or of one resource group in it, by ID: of one type, or of all.
    /// Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn unserved_resources(
        &self,
        subscription: &str,
        group: Option<&str>,
        kind: Option<&str>,
    ) -> Result<Vec<UnservedResource>, StoreError> {
        let mut reader = self.database.reader().await?;
        let found = rows::unserved_resources::list(&mut reader, subscription, group, kind).await?;
        let log = |error: &StoreError| tracing::error!(%error, "a resource is left out of a list");
        Ok(found.into_iter().filter_map(|resource| resource.inspect_err(log).ok()).collect())
    }

    /// Returns the path of every resource of an unserved type, by ID.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn unserved_paths(&self) -> Result<Vec<UnservedPath>, StoreError> {
        rows::unserved_resources::paths(&mut *self.database.reader().await?).await
    }

    /// Reads a resource, calls `decide` with it and with whether a resource is stored under the ID `parent`, if any, and
    /// stores the decision atomically. `activity` is recorded in the audit log in the
    /// same transaction. Returns the resource after the write, or before its deletion, and whether it is new.
    ///
    /// `decide` may return [`UnservedDecision::Delete`] only for an existing resource.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group does not exist or is being deleted.
    pub(crate) async fn write_unserved<E: From<StoreError>>(
        &self,
        path: &UnservedPath,
        parent: Option<&str>,
        activity: &Activity,
        decide: impl FnOnce(Option<&UnservedResource>, bool) -> Result<UnservedDecision, E>,
    ) -> Result<(UnservedResource, bool), E> {
        let mut transaction = self.begin().await?;
        let stored = rows::unserved_resources::find(&mut transaction, path).await?;
        let has_parent = match parent {
            Some(parent) => is_stored(&mut transaction, parent).await?,
            None => true,
        };
        let decision = match decide(stored.as_ref(), has_parent) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let created = stored.is_none();
        let written = self.apply_unserved(&mut transaction, path, stored, decision, activity).await;
        Ok((transaction.end(written).await?, created))
    }

    async fn apply_unserved(
        &self,
        connection: &mut Connection,
        path: &UnservedPath,
        stored: Option<UnservedResource>,
        decision: UnservedDecision,
        activity: &Activity,
    ) -> Result<UnservedResource, StoreError> {
        let resource = match (decision, stored) {
            (UnservedDecision::Replace(body), stored) => {
                if let Some(group) = &path.group {
                    let location = body.get("location").and_then(Value::as_str);
                    let required = RequiredGroup { subscription: &path.subscription, name: group, location };
                    self.ensure_group(connection, required, activity).await?;
                }
                let (id, path) = match stored {
                    Some(stored) => (stored.id, stored.path),
                    None => (Uuid::new_v4(), path.clone()),
                };
                let resource = UnservedResource { id, path, body, etag: Etag::fresh() };
                rows::unserved_resources::upsert(connection, &resource, Millis::now()).await?;
                resource
            }
            (UnservedDecision::Delete, Some(stored)) => {
                rows::unserved_resources::delete(connection, stored.id).await?;
                delete_below(connection, &stored.path.to_string(), activity).await?;
                stored
            }
            (UnservedDecision::Delete, None) => {
                return Err(StoreError::Damaged {
                    what: "decision".to_owned(),
                    why: "there is nothing to delete".to_owned(),
                });
            }
        };
        record(connection, activity, None, None).await?;
        Ok(resource)
    }
}

/// Deletes the children and extensions of unserved types that belong to a resource or a group, together with it.
pub(super) async fn delete_below(
    connection: &mut Connection,
    resource_id: &str,
    activity: &Activity,
) -> Result<(), StoreError> {
    for path in rows::unserved_resources::delete_below(connection, resource_id).await? {
        let kind = ResourceKind::Unserved(path.kind.clone());
        let deletion = Activity::on_member_of_group(activity.author.clone(), &kind, path.to_string());
        record(connection, &deletion, None, None).await?;
    }
    Ok(())
}
