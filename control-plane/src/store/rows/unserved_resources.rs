//! The table `unserved_resources`: resources of types that Tidegate does not serve.

use sqlx::AssertSqlSafe;

use crate::arm::resource_kind::ResourceKind;
use crate::arm::unserved::UnservedPath;
use crate::clock::Millis;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{ResourceRow, UnservedResource};

use super::{IN_PAGE, Summary, damaged, json_text, key, parse_json, rows_of_page, stored_keys, uuid_of};

/// Selects the columns that [`resource`] reads.
const SELECT: &str = "SELECT resource_key, id, resource_id, body, secrets, etag FROM unserved_resources";

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

/// Returns at most `limit` resources below an ID that follow the key `after`, by key: of one type, or of all. Each comes
/// with its key, and may be damaged.
pub(in crate::store) async fn page(
    connection: &mut Connection,
    below: &str,
    kind: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Result<UnservedResource, StoreError>)>, StoreError> {
    let statement = format!("{SELECT} WHERE type_key = $4 AND {IN_PAGE} ORDER BY resource_key LIMIT $3");
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(key(below))
        .bind(key(after))
        .bind(limit)
        .bind(key(kind))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok((row.try_get("resource_key")?, resource(row)))).collect()
}

/// Returns the number of resources of a type below an ID.
pub(in crate::store) async fn count(
    connection: &mut Connection,
    below: &str,
    kind: &str,
) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM unserved_resources WHERE type_key = $1 AND resource_key > $2 || '/' \
         AND resource_key < $2 || '0'",
    )
    .bind(key(kind))
    .bind(key(below))
    .fetch_one(connection)
    .await?;
    Ok(count)
}

/// Returns the path of every resource, by ID. Each may be damaged.
pub(in crate::store) async fn paths(
    connection: &mut Connection,
) -> Result<Vec<Result<UnservedPath, StoreError>>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT resource_id FROM unserved_resources ORDER BY resource_key")
            .fetch_all(connection)
            .await?;
    Ok(ids.iter().map(|id| path(id)).collect())
}

/// Returns the IDs of the resources below an ID.
pub(in crate::store) async fn ids_below(
    connection: &mut Connection,
    resource_id: &str,
) -> Result<Vec<String>, StoreError> {
    let ids = sqlx::query_scalar(
        "SELECT resource_id FROM unserved_resources WHERE resource_key > $1 || '/' AND resource_key < $1 || '0'",
    )
    .bind(key(resource_id))
    .fetch_all(connection)
    .await?;
    Ok(ids)
}

/// Returns those of the keys under which a resource is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "unserved_resources", keys).await
}

/// Returns a page of the resources below an ID, like [`page`], without their secrets.
pub(in crate::store) async fn summaries(
    connection: &mut Connection,
    below: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Summary>, StoreError> {
    let select = "SELECT resource_key, resource_id, body FROM unserved_resources";
    let rows = rows_of_page(connection, select, below, after, limit).await?;
    rows.iter()
        .map(|row| {
            let id: String = row.try_get("resource_id")?;
            let body = parse_json(&id, row.try_get("body")?);
            let summary = path(&id).and_then(|path| {
                let (name, kind) = (path.name, ResourceKind::Unserved(path.kind));
                Ok(ResourceRow { id, name, kind, body: body? })
            });
            Ok((row.try_get("resource_key")?, summary))
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
         type_key, body, secrets, etag, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) \
         ON CONFLICT (resource_key) DO UPDATE SET body = excluded.body, secrets = excluded.secrets, \
         etag = excluded.etag, changed_at = excluded.changed_at",
    )
    .bind(path.key())
    .bind(path.to_string())
    .bind(resource.id.to_string())
    .bind(key(&path.subscription))
    .bind(path.group.as_deref().map(key))
    .bind(key(&path.kind))
    .bind(json_text(&resource.body))
    .bind(resource.sealed_secrets.as_deref())
    .bind(&resource.etag.0)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a resource by its key. Returns whether there was one.
pub(in crate::store) async fn delete(connection: &mut Connection, key: &str) -> Result<bool, StoreError> {
    let deleted = sqlx::query("DELETE FROM unserved_resources WHERE resource_key = $1")
        .bind(key)
        .execute(connection)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

fn resource(row: &Row) -> Result<UnservedResource, StoreError> {
    let id: String = row.try_get("resource_id")?;
    Ok(UnservedResource {
        id: uuid_of(&id, row.try_get("id")?)?,
        path: path(&id)?,
        body: parse_json(&id, row.try_get("body")?)?,
        sealed_secrets: row.try_get("secrets")?,
        etag: Etag(row.try_get("etag")?),
    })
}

fn path(id: &str) -> Result<UnservedPath, StoreError> {
    UnservedPath::parse(id).map_err(|_| damaged(id, "its ID is not that of an unserved resource".to_owned()))
}
