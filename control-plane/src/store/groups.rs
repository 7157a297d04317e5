//! Resource groups. A group is created by a request or with the first resource in it, and deleted with its last
//! gateway.

use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::Generation;
use uuid::Uuid;

use crate::arm::resource_group::ResourceGroup;
use crate::arm::resource_id::GatewayPath;
use crate::arm::resource_kind::ResourceKind;
use crate::audit::Act;
use crate::clock::Millis;

use super::audit::record;
use super::model::{Placement, network_kind, parse_uuid};
use super::switch::mark_deleting;
use super::{Operation, OperationKind, OperationState, ProvisioningState, Store, StoreError};

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

impl Store {
    /// Sets whether groups must be created explicitly.
    #[must_use]
    pub(crate) fn with_strict_groups(self, strict_groups: bool) -> Store {
        Store { strict_groups, ..self }
    }

    /// Ensures that there is a group for a resource to be stored.
    ///
    /// # Errors
    /// If the database fails, if the group is being deleted, or if it does not exist and must be created
    /// explicitly.
    pub(super) async fn enter_group(
        &self,
        connection: &mut SqliteConnection,
        placement: Placement<'_>,
        act: &Act,
    ) -> Result<(), StoreError> {
        match load(connection, placement.subscription, placement.group).await? {
            Some(group) if group.state == ProvisioningState::Deleting => {
                return Err(StoreError::GroupDeleting(group.name));
            }
            Some(_) => return Ok(()),
            None if self.strict_groups => return Err(StoreError::NoGroup(placement.group.to_owned())),
            None => {}
        }
        let body = ResourceGroup::implied(placement.location);
        let group = new_group(placement.subscription, placement.group, body);
        upsert(connection, &group).await?;
        record(connection, &Act::on_implied_group(act.author.clone(), group.resource_id()), None, None).await
    }

    /// Returns the subscriptions with at least one resource group.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>, StoreError> {
        let ids = "SELECT min(subscription) FROM resource_groups GROUP BY subscription ORDER BY subscription";
        Ok(sqlx::query_scalar(ids).fetch_all(&self.readers).await?)
    }

    /// Returns a group by name, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn group(&self, subscription: &str, name: &str) -> Result<Option<Group>, StoreError> {
        let mut view = self.view().await?;
        load(&mut view, subscription, name).await
    }

    /// Returns the groups of a subscription, by name.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn groups(&self, subscription: &str) -> Result<Vec<Group>, StoreError> {
        let groups = "SELECT id, subscription, name, body, deleting FROM resource_groups \
                      WHERE subscription = ? ORDER BY name";
        let rows = sqlx::query(groups).bind(subscription).fetch_all(&self.readers).await?;
        rows.iter().map(group).collect()
    }

    /// Reads a group, calls `decide`, and stores the body it returns. Also returns whether the group is new.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group is being deleted.
    pub(crate) async fn write_group<E: From<StoreError>>(
        &self,
        subscription: &str,
        name: &str,
        act: &Act,
        decide: impl FnOnce(Option<&Group>) -> Result<Map<String, Value>, E>,
    ) -> Result<(Group, bool), E> {
        let mut transaction = self.begin().await?;
        let stored = load(&mut transaction, subscription, name).await?;
        if stored.as_ref().is_some_and(|group| group.state == ProvisioningState::Deleting) {
            let deleting = StoreError::GroupDeleting(name.to_owned());
            return transaction.undo(Err(deleting.into())).await;
        }
        let body = match decide(stored.as_ref()) {
            Ok(body) => body,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let created = stored.is_none();
        let group = match stored {
            Some(stored) => Group { body, ..stored },
            None => new_group(subscription, name, body),
        };
        upsert(&mut transaction, &group).await?;
        record(&mut transaction, act, None, None).await?;
        transaction.commit().await?;
        Ok((group, created))
    }

    /// Deletes a group with everything in it: its row when the workers have dropped its last gateway,
    /// everything else at once. A repeated deletion joins the first one. Returns `None` if there is no such
    /// group.
    ///
    /// # Errors
    /// If the database fails, or if a gateway of another group refers to a resource in the group.
    pub(crate) async fn delete_group(
        &self,
        subscription: &str,
        name: &str,
        act: &Act,
    ) -> Result<Option<Operation>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(group) = load(&mut transaction, subscription, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        let users = foreign_users(&mut transaction, &group).await?;
        if !users.is_empty() {
            return transaction.undo(Err(StoreError::GroupInUse { group: group.name, users })).await;
        }
        sqlx::query("UPDATE resource_groups SET deleting = 1 WHERE id = ?")
            .bind(group.id.to_string())
            .execute(&mut *transaction)
            .await?;
        for path in gateways_in(&mut transaction, &group).await? {
            if let Some(gateway) = self.load_head(&mut transaction, &path).await? {
                if gateway.state != ProvisioningState::Deleting {
                    let generation = Some(gateway.generation);
                    note_end(&mut transaction, act, ResourceKind::Gateway, path.to_string(), generation)
                        .await?;
                }
                mark_deleting(&mut transaction, gateway).await?;
            }
        }
        clear(&mut transaction, &group, act).await?;
        let mut operation = begin_deletion(&mut transaction, &group).await?;
        record(&mut transaction, act, None, None).await?;
        if finish_deletions(&mut transaction).await?.contains(&group.id) {
            operation.state = OperationState::Succeeded;
            operation.ended_at = Some(Millis::now());
        }
        transaction.commit().await?;
        self.settled();
        Ok(Some(operation))
    }
}

/// Deletes the resources of a group other than its gateways.
async fn clear(connection: &mut SqliteConnection, group: &Group, act: &Act) -> Result<(), StoreError> {
    let resources = sqlx::query(
        "DELETE FROM network_resources WHERE subscription = ? AND resource_group = ? RETURNING resource_id, kind",
    )
    .bind(&group.subscription)
    .bind(&group.name)
    .fetch_all(&mut *connection)
    .await?;
    for row in resources {
        let kind = ResourceKind::Network(network_kind(row.try_get("kind")?)?);
        note_end(connection, act, kind, row.try_get("resource_id")?, None).await?;
    }
    let deployments = sqlx::query_scalar(
        "DELETE FROM deployments WHERE subscription = ? AND resource_group = ? RETURNING resource_id",
    )
    .bind(&group.subscription)
    .bind(&group.name)
    .fetch_all(&mut *connection)
    .await?;
    for id in deployments {
        note_end(connection, act, ResourceKind::Deployment, id, None).await?;
    }
    Ok(())
}

/// Records the deletion of a resource together with its group, so that the audit log contains its end.
async fn note_end(
    connection: &mut SqliteConnection,
    act: &Act,
    kind: ResourceKind,
    resource: String,
    generation: Option<Generation>,
) -> Result<(), StoreError> {
    let act = Act::on_member_of_group(act.author.clone(), kind, resource);
    record(connection, &act, generation, generation).await
}

/// Deletes the groups in state `Deleting` without gateways and ends their operations. Returns their IDs.
pub(super) async fn finish_deletions(connection: &mut SqliteConnection) -> Result<Vec<Uuid>, StoreError> {
    let empty = sqlx::query_scalar::<_, String>(
        "DELETE FROM resource_groups WHERE deleting AND NOT EXISTS (SELECT 1 FROM gateways \
         WHERE gateways.subscription = resource_groups.subscription AND gateways.resource_group = resource_groups.name) \
         RETURNING id",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut gone = Vec::with_capacity(empty.len());
    for id in empty {
        let id = parse_uuid(&id)?;
        sqlx::query(
            "UPDATE operations SET state = 'Succeeded', ended_at = ? WHERE gateway = ? AND state = 'InProgress'",
        )
        .bind(Millis::now().0)
        .bind(id.to_string())
        .execute(&mut *connection)
        .await?;
        gone.push(id);
    }
    Ok(gone)
}

/// Stores the operation of a deletion, with the group's ID in place of a gateway's.
async fn begin_deletion(connection: &mut SqliteConnection, group: &Group) -> Result<Operation, StoreError> {
    let operation = Operation {
        id: Uuid::new_v4(),
        kind: OperationKind::Delete,
        state: OperationState::InProgress,
        problem: None,
        result: None,
        started_at: Millis::now(),
        ended_at: None,
    };
    sqlx::query(
        "INSERT INTO operations (id, gateway, resource_id, subscription, kind, generation, state, started_at) \
         VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
    )
    .bind(operation.id.to_string())
    .bind(group.id.to_string())
    .bind(group_id(&group.subscription, &group.name))
    .bind(&group.subscription)
    .bind(operation.kind.as_str())
    .bind(operation.state.as_str())
    .bind(operation.started_at.0)
    .execute(connection)
    .await?;
    Ok(operation)
}

fn new_group(subscription: &str, name: &str, body: Map<String, Value>) -> Group {
    Group {
        id: Uuid::new_v4(),
        subscription: subscription.to_owned(),
        name: name.to_owned(),
        body,
        state: ProvisioningState::Succeeded,
    }
}

async fn upsert(connection: &mut SqliteConnection, group: &Group) -> Result<(), StoreError> {
    let now = Millis::now().0;
    sqlx::query(
        "INSERT INTO resource_groups (id, subscription, name, body, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at",
    )
    .bind(group.id.to_string())
    .bind(&group.subscription)
    .bind(&group.name)
    .bind(Value::Object(group.body.clone()).to_string())
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn load(
    connection: &mut SqliteConnection,
    subscription: &str,
    name: &str,
) -> Result<Option<Group>, StoreError> {
    let row = sqlx::query(
        "SELECT id, subscription, name, body, deleting FROM resource_groups WHERE subscription = ? AND name = ?",
    )
    .bind(subscription)
    .bind(name)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(group).transpose()
}

fn group(row: &SqliteRow) -> Result<Group, StoreError> {
    let deleting: bool = row.try_get("deleting")?;
    let damaged = |why: String| StoreError::Damaged { what: "resource group".to_owned(), why };
    Ok(Group {
        id: parse_uuid(row.try_get("id")?)?,
        subscription: row.try_get("subscription")?,
        name: row.try_get("name")?,
        body: serde_json::from_str(row.try_get("body")?).map_err(|e| damaged(e.to_string()))?,
        state: if deleting { ProvisioningState::Deleting } else { ProvisioningState::Succeeded },
    })
}

async fn gateways_in(
    connection: &mut SqliteConnection,
    group: &Group,
) -> Result<Vec<GatewayPath>, StoreError> {
    let rows = sqlx::query(
        "SELECT subscription, resource_group, name FROM gateways WHERE subscription = ? AND resource_group = ?",
    )
    .bind(&group.subscription)
    .bind(&group.name)
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(GatewayPath {
                subscription: row.try_get("subscription")?,
                group: row.try_get("resource_group")?,
                name: row.try_get("name")?,
            })
        })
        .collect()
}

/// Returns the children of other groups' gateways that refer to a resource of a group.
async fn foreign_users(connection: &mut SqliteConnection, group: &Group) -> Result<Vec<String>, StoreError> {
    let users = sqlx::query_scalar(
        "SELECT DISTINCT network_references.source FROM network_resources AS resource JOIN network_references ON target = resource.resource_id \
         OR (target > resource.resource_id || '/' AND target < resource.resource_id || '0') \
         JOIN gateways ON gateways.id = network_references.gateway \
         WHERE resource.subscription = ?1 AND resource.resource_group = ?2 \
         AND NOT (gateways.subscription = ?1 AND gateways.resource_group = ?2) ORDER BY network_references.source",
    )
    .bind(&group.subscription)
    .bind(&group.name)
    .fetch_all(connection)
    .await?;
    Ok(users)
}
