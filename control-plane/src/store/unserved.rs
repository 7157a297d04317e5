//! Resources of types that Tidegate does not serve: read, written and deleted whole.

mod secrets;
mod stored;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arm::resource_kind::ResourceKind;
use crate::arm::unserved::{UnservedPath, members};
use crate::audit::Activity;
use crate::clock::Millis;
use crate::etag::Etag;

use super::audit::record;
use super::database::Connection;
use super::model::RequiredGroup;
use super::resources::{Page, one_more};
use super::rows::key;
use super::{Store, StoreError, UnservedResource, rows};
use stored::is_stored;

/// The maximum number of resources of one type in a resource group, or of a subscription itself, as in ARM. Members that
/// their parent holds do not count.
pub(crate) const MAX_OF_TYPE: u32 = 800;

/// The stored state for which a write of a resource is decided.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnservedState {
    /// The resource itself.
    pub(crate) own: Option<UnservedResource>,
    /// Its parent, if that is of an unserved type too.
    pub(crate) container: Option<UnservedResource>,
    /// True if what the resource needs is stored: its parent, or what it extends. Always true for a resource
    /// that needs nothing, and for a deletion.
    pub(crate) has_parent: bool,
}

/// The decision about a resource of an unserved type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum UnservedDecision {
    /// Store this body, and create the resource if it is new.
    Replace {
        body: Map<String, Value>,
        /// The new secrets of the resource; `None` to keep them.
        secrets: Option<Map<String, Value>>,
    },
    /// Store this body of the parent, which holds the resource, or does not any more.
    ReplaceContainer {
        body: Map<String, Value>,
        /// The new secrets of the member; `None` to keep them.
        secrets: Option<Map<String, Value>>,
    },
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

    /// Returns at most `limit` resources of a type below an ID that follow the key `after`, by key. Damaged ones are
    /// logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn page_of_unserved(
        &self,
        below: &str,
        kind: &str,
        after: &str,
        limit: usize,
    ) -> Result<Page<UnservedResource>, StoreError> {
        let mut reader = self.database.reader().await?;
        let rows = one_more(limit);
        Ok(Page::of(rows::unserved_resources::page(&mut reader, below, kind, after, rows).await?, limit))
    }

    /// Returns the path of every resource of an unserved type, by ID. Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn unserved_paths(&self) -> Result<Vec<UnservedPath>, StoreError> {
        let paths = rows::unserved_resources::paths(&mut *self.database.reader().await?).await?;
        let log = |error: &StoreError| tracing::error!(%error, "a resource is left out of a list");
        Ok(paths.into_iter().filter_map(|path| path.inspect_err(log).ok()).collect())
    }

    /// Reads a resource and its parent, calls `decide` with them, and stores the decision atomically. With
    /// `needs_parent`, what the resource belongs to is looked for in the same transaction, so that it cannot
    /// be deleted at the same time. `activity` is recorded in the audit log in that transaction too. Returns
    /// what was written, or what was deleted, as it was: the resource, or its parent if that holds it.
    ///
    /// `decide` may return [`UnservedDecision::Delete`] only for an existing resource, and
    /// [`UnservedDecision::ReplaceContainer`] only for one with an existing parent.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group does not exist, is being deleted, or has too many
    /// resources of the type.
    pub(crate) async fn write_unserved<E: From<StoreError>>(
        &self,
        path: &UnservedPath,
        needs_parent: bool,
        activity: &Activity,
        decide: impl FnOnce(&UnservedState) -> Result<UnservedDecision, E>,
    ) -> Result<UnservedResource, E> {
        let mut transaction = self.begin().await?;
        let state = match read_state(&mut transaction, path, needs_parent).await {
            Ok(state) => state,
            Err(error) => return transaction.undo(Err(error.into())).await,
        };
        let decision = match decide(&state) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let written = self.apply_unserved(&mut transaction, path, state, decision, activity).await;
        transaction.end(written).await.map_err(E::from)
    }

    /// Deletes a resource whose row is damaged, with its children and extensions. Returns whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn delete_damaged_unserved(
        &self,
        path: &UnservedPath,
        activity: &Activity,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let deleted = delete(&mut transaction, path, activity).await;
        transaction.end(deleted).await
    }

    async fn apply_unserved(
        &self,
        connection: &mut Connection,
        path: &UnservedPath,
        state: UnservedState,
        decision: UnservedDecision,
        activity: &Activity,
    ) -> Result<UnservedResource, StoreError> {
        let UnservedState { own, container, .. } = state;
        match (decision, own, container) {
            (UnservedDecision::Replace { body, secrets }, own, _) => {
                if let Some(group) = &path.group {
                    let location = body.get("location").and_then(Value::as_str);
                    let required = RequiredGroup { subscription: &path.subscription, name: group, location };
                    self.ensure_group(connection, required, activity).await?;
                }
                let stored = match own {
                    Some(own) => own,
                    None => new(connection, path).await?,
                };
                let sealed_secrets = self.sealed_secrets(&stored, None, secrets);
                replace(connection, stored, (body, sealed_secrets), activity).await
            }
            (UnservedDecision::ReplaceContainer { body, secrets }, own, Some(container)) => {
                if own.is_some() {
                    rows::unserved_resources::delete(connection, &path.key()).await?;
                }
                let sealed_secrets = self.sealed_secrets(&container, Some(path), secrets);
                replace(connection, container, (body, sealed_secrets), activity).await
            }
            (UnservedDecision::Delete, Some(own), _) => {
                delete(connection, &own.path, activity).await?;
                Ok(own)
            }
            _ => Err(StoreError::Damaged {
                what: "decision".to_owned(),
                why: "there is nothing to delete or to change".to_owned(),
            }),
        }
    }
}

async fn read_state(
    connection: &mut Connection,
    path: &UnservedPath,
    needs_parent: bool,
) -> Result<UnservedState, StoreError> {
    let own = rows::unserved_resources::find(connection, path).await?;
    let container = match path.container() {
        Some(container) => rows::unserved_resources::find(connection, &container).await?,
        None => None,
    };
    let has_parent = match path.parent.as_deref().filter(|_| needs_parent) {
        Some(parent) => is_stored(connection, parent).await?,
        None => true,
    };
    Ok(UnservedState { own, container, has_parent })
}

/// Returns a new resource without content, if there may be another one of its type.
async fn new(connection: &mut Connection, path: &UnservedPath) -> Result<UnservedResource, StoreError> {
    let count = rows::unserved_resources::count(connection, &path.scope_id(), &path.kind).await?;
    if count >= i64::from(MAX_OF_TYPE) {
        return Err(StoreError::TooManyOfType { kind: path.kind.clone(), limit: MAX_OF_TYPE });
    }
    let (id, etag) = (Uuid::new_v4(), Etag(String::new()));
    Ok(UnservedResource { id, path: path.clone(), body: Map::new(), sealed_secrets: None, etag })
}

/// Stores a resource with its new body and sealed secrets. What is stored below it and has no place in the new body is
/// deleted.
async fn replace(
    connection: &mut Connection,
    mut stored: UnservedResource,
    (body, sealed_secrets): (Map<String, Value>, Option<Vec<u8>>),
    activity: &Activity,
) -> Result<UnservedResource, StoreError> {
    let before = std::mem::take(&mut stored.body);
    let resource = UnservedResource { body, sealed_secrets, etag: Etag::fresh(), ..stored };
    rows::unserved_resources::upsert(connection, &resource, Millis::now()).await?;
    let is_gone = |rest: &str| members::supersedes(&before, &resource.body, rest);
    delete_gone(connection, &resource.path.to_string(), activity, is_gone).await?;
    record(connection, activity, None, None).await?;
    Ok(resource)
}

async fn delete(
    connection: &mut Connection,
    path: &UnservedPath,
    activity: &Activity,
) -> Result<bool, StoreError> {
    if !rows::unserved_resources::delete(connection, &path.key()).await? {
        return Ok(false);
    }
    delete_below(connection, &path.to_string(), activity).await?;
    record(connection, activity, None, None).await?;
    Ok(true)
}

/// Deletes the children and extensions of unserved types that belong to a resource or a group, together with it.
pub(super) async fn delete_below(
    connection: &mut Connection,
    resource_id: &str,
    activity: &Activity,
) -> Result<(), StoreError> {
    delete_gone(connection, resource_id, activity, |_| true).await
}

/// Deletes what is stored below a resource and belongs to a part of it that is gone. `is_gone` gets the rest of an ID
/// after that of the resource and a slash.
pub(super) async fn delete_gone(
    connection: &mut Connection,
    resource_id: &str,
    activity: &Activity,
    is_gone: impl Fn(&str) -> bool,
) -> Result<(), StoreError> {
    for id in rows::unserved_resources::ids_below(connection, resource_id).await? {
        if id.get(resource_id.len() + 1..).is_some_and(&is_gone) {
            rows::unserved_resources::delete(connection, &key(&id)).await?;
            // A row of which an earlier version knew another type can be deleted too.
            let kind = UnservedPath::parse(&id).map(|path| path.kind).unwrap_or_default();
            let kind = ResourceKind::Unserved(kind);
            let deletion = Activity::on_member_of_group(activity.author.clone(), &kind, id);
            record(connection, &deletion, None, None).await?;
        }
    }
    Ok(())
}
