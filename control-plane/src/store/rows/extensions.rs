//! The table `extensions`: the extension documents of gateways.

use tidegate_shared::id::GatewayId;

use crate::arm::extension::{Extension, ExtensionType};
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};

use super::{damaged, json_text, key, parse_json, stored_keys};

/// Returns the extension documents of a gateway with their etags, by type and name.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<(Extension, Etag)>, StoreError> {
    let rows = sqlx::query(
        "SELECT resource_id, type, name, properties, etag FROM extensions WHERE gateway = $1 ORDER BY resource_key",
    )
    .bind(gateway.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(extension).collect()
}

/// Returns those of the keys of resource IDs under which an extension document is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "extensions", keys).await
}

/// Inserts an extension document, or replaces the one with its resource ID.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    gateway: GatewayId,
    (resource_id, extension): (&str, &Extension),
    etag: &Etag,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO extensions (resource_key, resource_id, gateway, type, name, properties, etag) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (resource_key) DO UPDATE SET \
         resource_id = excluded.resource_id, name = excluded.name, properties = excluded.properties, \
         etag = excluded.etag",
    )
    .bind(key(resource_id))
    .bind(resource_id)
    .bind(gateway.to_string())
    .bind(extension.kind.name)
    .bind(&extension.name)
    .bind(json_text(&extension.properties))
    .bind(&etag.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes an extension document.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    resource_id: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM extensions WHERE resource_key = $1")
        .bind(key(resource_id))
        .execute(connection)
        .await?;
    Ok(())
}

fn extension(row: &Row) -> Result<(Extension, Etag), StoreError> {
    let resource_id: String = row.try_get("resource_id")?;
    let kind = ExtensionType::named(row.try_get("type")?)
        .ok_or_else(|| damaged(&resource_id, "its type is not known".to_owned()))?;
    let properties = parse_json(&resource_id, row.try_get("properties")?)?;
    Ok((Extension { kind, name: row.try_get("name")?, properties }, Etag(row.try_get("etag")?)))
}
