//! The table `unserved_resources`: resources of types that Tidegate does not serve.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::arm::resource_kind::ResourceKind;
use crate::arm::unserved::UnservedPath;
use crate::clock::Millis;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{ResourceRow, UnservedResource};

use super::{damaged, json_text, key, parse_json, parse_uuid, stored_keys};

/// Selects the columns that [`resource`] reads.
const SELECT: &str = "SELECT id, resource_id, body, etag FROM unserved_resources";

/// Returns a resource by its path.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    path: &UnservedPath,
) -> Result<Option<UnservedResource>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE resource_key = $1")))
        .bind(path.key())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(resource).transpose()
}

/// Returns the resources of a subscription, or of one resource group in it, by ID: of one type, or of all. Each may be
/// damaged.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
    kind: Option<&str>,
) -> Result<Vec<Result<UnservedResource, StoreError>>, StoreError> {
    let statement = format!(
        "{SELECT} WHERE subscription_key = $1 AND ($2 IS NULL OR resource_group_key = $2) \
         AND ($3 IS NULL OR type_key = $3) ORDER BY resource_key"
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(key(subscription))
        .bind(group.map(key))
        .bind(kind.map(key))
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(resource).collect())
}

/// Returns the path of every resource, by ID.
pub(in crate::store) async fn paths(connection: &mut Connection) -> Result<Vec<UnservedPath>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT resource_id FROM unserved_resources ORDER BY resource_key")
            .fetch_all(connection)
            .await?;
    ids.iter().map(|id| path(id)).collect()
}

/// Returns those of the keys under which a resource is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "unserved_resources", keys).await
}

/// Returns the resources of a subscription, or of one resource group in it. Each may be damaged.
pub(in crate::store) async fn summaries(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
) -> Result<Vec<Result<ResourceRow, StoreError>>, StoreError> {
    let rows = sqlx::query(
        "SELECT resource_id, body FROM unserved_resources \
         WHERE subscription_key = $1 AND ($2 IS NULL OR resource_group_key = $2)",
    )
    .bind(key(subscription))
    .bind(group.map(key))
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("resource_id")?;
            let body = parse_json(&id, row.try_get("body")?);
            Ok(path(&id).and_then(|path| {
                let (name, kind) = (path.name, ResourceKind::Unserved(path.kind));
                Ok(ResourceRow { id, name, kind, body: body? })
            }))
        })
        .collect()
}

/// Inserts a resource, or replaces the body of the one with its path.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    resource: &UnservedResource,
    now: Millis,
) -> Result<(), StoreError> {
    let path = &resource.path;
    sqlx::query(
        "INSERT INTO unserved_resources (resource_key, resource_id, id, subscription_key, resource_group_key, \
         type_key, body, etag, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) \
         ON CONFLICT (resource_key) DO UPDATE SET body = excluded.body, etag = excluded.etag, \
         changed_at = excluded.changed_at",
    )
    .bind(path.key())
    .bind(path.to_string())
    .bind(resource.id.to_string())
    .bind(key(&path.subscription))
    .bind(path.group.as_deref().map(key))
    .bind(key(&path.kind))
    .bind(json_text(&resource.body))
    .bind(&resource.etag.0)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a resource by its ID.
pub(in crate::store) async fn delete(connection: &mut Connection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM unserved_resources WHERE id = $1")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the children and extensions of a resource, whose IDs begin with its own. Returns them.
pub(in crate::store) async fn delete_below(
    connection: &mut Connection,
    resource_id: &str,
) -> Result<Vec<UnservedPath>, StoreError> {
    // `0` is the character after the slash.
    let ids: Vec<String> = sqlx::query_scalar(
        "DELETE FROM unserved_resources WHERE resource_key > $1 || '/' AND resource_key < $1 || '0' \
         RETURNING resource_id",
    )
    .bind(key(resource_id))
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| path(id)).collect()
}

fn resource(row: &Row) -> Result<UnservedResource, StoreError> {
    let id: String = row.try_get("resource_id")?;
    Ok(UnservedResource {
        id: parse_uuid(row.try_get("id")?)?,
        path: path(&id)?,
        body: parse_json(&id, row.try_get("body")?)?,
        etag: Etag(row.try_get("etag")?),
    })
}

fn path(id: &str) -> Result<UnservedPath, StoreError> {
    UnservedPath::parse(id).map_err(|_| damaged(id, "its ID is not that of an unserved resource".to_owned()))
}
