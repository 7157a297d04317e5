//! The table `children`: the children of gateways.

use tidegate_shared::id::GatewayId;

use crate::arm::collection::Collection;
use crate::arm::document::Child;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{NewChild, StoredChild};

use super::{damaged, json_text, key, parse_json, stored_keys};

/// Returns the children of a gateway: collection by collection, and within each in the order of the document.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<StoredChild>, StoreError> {
    let rows = sqlx::query(
        "SELECT resource_id, collection, name, properties, secret, etag FROM children \
         WHERE gateway = $1 ORDER BY collection, position",
    )
    .bind(gateway.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(child).collect()
}

/// Returns those of the keys of resource IDs under which a child is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "children", keys).await
}

/// Inserts a child of a gateway, or replaces the one with its resource ID.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    gateway: GatewayId,
    new: &NewChild<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO children (resource_key, resource_id, gateway, collection, position, name, properties, \
         secret, etag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (resource_key) DO UPDATE SET \
         resource_id = excluded.resource_id, position = excluded.position, name = excluded.name, \
         properties = excluded.properties, secret = excluded.secret, etag = excluded.etag",
    )
    .bind(key(&new.resource_id))
    .bind(&new.resource_id)
    .bind(gateway.to_string())
    .bind(new.child.collection.name)
    .bind(new.position)
    .bind(&new.child.name)
    .bind(json_text(&new.child.properties))
    .bind(new.sealed.as_deref())
    .bind(&new.etag.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a child.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    resource_id: &str,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM children WHERE resource_key = $1")
        .bind(key(resource_id))
        .execute(connection)
        .await?;
    Ok(())
}

fn child(row: &Row) -> Result<StoredChild, StoreError> {
    let resource_id: String = row.try_get("resource_id")?;
    let collection = Collection::named(row.try_get("collection")?)
        .ok_or_else(|| damaged(&resource_id, "its collection is not known".to_owned()))?;
    let properties = parse_json(&resource_id, row.try_get("properties")?)?;
    Ok(StoredChild {
        child: Child { collection, name: row.try_get("name")?, properties, secret: None },
        sealed: row.try_get("secret")?,
        etag: Etag(row.try_get("etag")?),
        resource_id,
    })
}
