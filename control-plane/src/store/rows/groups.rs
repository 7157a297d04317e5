//! The table `resource_groups`.

use uuid::Uuid;

use crate::clock::Millis;

use super::{json_text, key, parse_json, parse_uuid};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{Group, ProvisioningState};

/// Returns the subscriptions of all groups, each in the spelling of one of its groups.
pub(in crate::store) async fn subscriptions(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let ids =
        "SELECT MIN(subscription) FROM resource_groups GROUP BY subscription_key ORDER BY subscription_key";
    Ok(sqlx::query_scalar(ids).fetch_all(connection).await?)
}

/// Returns a group by name.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    subscription: &str,
    name: &str,
) -> Result<Option<Group>, StoreError> {
    let row = sqlx::query(
        "SELECT id, subscription, name, body, deleting FROM resource_groups \
         WHERE subscription_key = $1 AND name_key = $2",
    )
    .bind(key(subscription))
    .bind(key(name))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(group).transpose()
}

/// Returns the groups of a subscription, by name.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    subscription: &str,
) -> Result<Vec<Group>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, subscription, name, body, deleting FROM resource_groups \
         WHERE subscription_key = $1 ORDER BY name_key",
    )
    .bind(key(subscription))
    .fetch_all(connection)
    .await?;
    rows.iter().map(group).collect()
}

/// Inserts a group, or replaces the body of the one with its ID.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    group: &Group,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO resource_groups (id, subscription_key, subscription, name_key, name, body, created_at, \
         changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) \
         ON CONFLICT (id) DO UPDATE SET body = excluded.body, changed_at = excluded.changed_at",
    )
    .bind(group.id.to_string())
    .bind(key(&group.subscription))
    .bind(&group.subscription)
    .bind(key(&group.name))
    .bind(&group.name)
    .bind(json_text(&group.body))
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Marks a group as deleting.
pub(in crate::store) async fn mark_deleting(connection: &mut Connection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("UPDATE resource_groups SET deleting = TRUE WHERE id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the groups that are deleting and hold no gateway. Returns their IDs.
pub(in crate::store) async fn delete_emptied(connection: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "DELETE FROM resource_groups WHERE deleting = TRUE AND NOT EXISTS (SELECT 1 FROM gateways \
         WHERE gateways.subscription_key = resource_groups.subscription_key \
         AND gateways.resource_group_key = resource_groups.name_key) RETURNING id",
    )
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| parse_uuid(id)).collect()
}

fn group(row: &Row) -> Result<Group, StoreError> {
    let deleting: bool = row.try_get("deleting")?;
    Ok(Group {
        id: parse_uuid(row.try_get("id")?)?,
        subscription: row.try_get("subscription")?,
        name: row.try_get("name")?,
        body: parse_json("resource group", row.try_get("body")?)?,
        state: if deleting { ProvisioningState::Deleting } else { ProvisioningState::Succeeded },
    })
}
