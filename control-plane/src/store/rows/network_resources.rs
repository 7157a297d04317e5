//! The table `network_resources`: virtual networks with their subnets, public IP addresses and firewall policies.

use std::net::IpAddr;

use serde_json::Map;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::arm::network::{NetworkKind, NetworkPath};
use crate::arm::resource_kind::ResourceKind;
use crate::clock::Millis;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{NetworkResource, ResourceRow};

use super::{Summary, address, json_text, key, network_kind, parse_json, rows_of_page, stored_keys, uuid_of};

/// Selects the columns that [`resource`] reads.
const SELECT: &str = "SELECT id, subscription, resource_group, kind, name, body, etag, allocated_address \
                      FROM network_resources";

/// Returns a resource by its path.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    path: &NetworkPath,
) -> Result<Option<NetworkResource>, StoreError> {
    find_row(connection, path).await?.as_ref().map(resource).transpose()
}

async fn find_row(connection: &mut Connection, path: &NetworkPath) -> Result<Option<Row>, StoreError> {
    let statement = format!("{SELECT} WHERE resource_key = $1");
    Ok(sqlx::query(AssertSqlSafe(statement)).bind(path.key()).fetch_optional(connection).await?)
}

/// Returns a resource by its path. A damaged row is logged, and the body is empty then.
pub(in crate::store) async fn find_with_any_body(
    connection: &mut Connection,
    path: &NetworkPath,
) -> Result<Option<NetworkResource>, StoreError> {
    let Some(row) = find_row(connection, path).await? else { return Ok(None) };
    match resource(&row) {
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(resource = %path, %error, "a resource is damaged");
            let (id, body, etag) = (Uuid::nil(), Map::new(), Etag(row.try_get("etag")?));
            Ok(Some(NetworkResource { id, path: path.clone(), body, etag, allocated: None }))
        }
        found => found.map(Some),
    }
}

/// Returns at most `limit` resources of one kind in a subscription, or in one resource group of it, that
/// follow a group and name, by group and name. Each comes with its own group and name, and may be damaged.
pub(in crate::store) async fn page(
    connection: &mut Connection,
    kind: NetworkKind,
    subscription: &str,
    group: Option<&str>,
    after: (&str, &str),
    limit: i64,
) -> Result<Vec<([String; 2], Result<NetworkResource, StoreError>)>, StoreError> {
    let statement = format!(
        "{SELECT} WHERE kind = $1 AND subscription_key = $2 AND ($3 IS NULL OR resource_group_key = $3) \
         AND (resource_group_key, name_key) > ($4, $5) ORDER BY resource_group_key, name_key LIMIT $6"
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(kind.segment())
        .bind(key(subscription))
        .bind(group.map(key))
        .bind(key(after.0))
        .bind(key(after.1))
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(([row.try_get("resource_group")?, row.try_get("name")?], resource(row))))
        .collect()
}

/// Returns the paths of all resources of a kind, by ID.
pub(in crate::store) async fn paths(
    connection: &mut Connection,
    kind: NetworkKind,
) -> Result<Vec<NetworkPath>, StoreError> {
    let rows = sqlx::query(
        "SELECT subscription, resource_group, name FROM network_resources WHERE kind = $1 ORDER BY resource_key",
    )
    .bind(kind.segment())
    .fetch_all(connection)
    .await?;
    let path = |row: &Row| {
        Ok(NetworkPath {
            subscription: row.try_get("subscription")?,
            group: row.try_get("resource_group")?,
            kind,
            name: row.try_get("name")?,
        })
    };
    rows.iter().map(path).collect()
}

/// Returns those of the keys of resource IDs under which a resource is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "network_resources", keys).await
}

/// Returns at most `limit` resources below an ID that follow the key `after`, by key.
pub(in crate::store) async fn summaries(
    connection: &mut Connection,
    below: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Summary>, StoreError> {
    let select = "SELECT resource_key, resource_id, kind, name, body FROM network_resources";
    let rows = rows_of_page(connection, select, below, after, limit).await?;
    rows.iter()
        .map(|row| {
            let (id, name): (String, String) = (row.try_get("resource_id")?, row.try_get("name")?);
            let kind = ResourceKind::Network(network_kind(row.try_get("kind")?)?);
            let body = parse_json(&id, row.try_get("body")?);
            Ok((row.try_get("resource_key")?, body.map(|body| ResourceRow { id, name, kind, body })))
        })
        .collect()
}

/// Returns the resource ID of the public IP address that has got an address of the pool.
pub(in crate::store) async fn find_holder(
    connection: &mut Connection,
    address: IpAddr,
) -> Result<Option<String>, StoreError> {
    let holder = "SELECT resource_id FROM network_resources WHERE allocated_address = $1";
    Ok(sqlx::query_scalar(holder).bind(address.to_string()).fetch_optional(connection).await?)
}

/// Returns the addresses that are given, allocated or claimed, as texts.
pub(in crate::store) async fn taken_addresses(
    connection: &mut Connection,
) -> Result<Vec<String>, StoreError> {
    let taken = "SELECT given_address FROM network_resources WHERE given_address IS NOT NULL \
                 UNION SELECT allocated_address FROM network_resources WHERE allocated_address IS NOT NULL \
                 UNION SELECT bound FROM private_addresses UNION SELECT address FROM frontend_claims";
    Ok(sqlx::query_scalar(taken).fetch_all(connection).await?)
}

/// Updates the address that the document of a resource gives, and the one of the pool.
pub(in crate::store) async fn update_addresses(
    connection: &mut Connection,
    resource: &NetworkResource,
    given: Option<IpAddr>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE network_resources SET given_address = $2, allocated_address = $3 WHERE resource_key = $1",
    )
    .bind(resource.path.key())
    .bind(given.map(|address| address.to_string()))
    .bind(resource.allocated.map(|address| address.to_string()))
    .execute(connection)
    .await?;
    Ok(())
}

/// Inserts a resource, or replaces the body of the one with its ID. [`update_addresses`] stores its addresses.
pub(in crate::store) async fn upsert(
    connection: &mut Connection,
    resource: &NetworkResource,
    now: Millis,
) -> Result<(), StoreError> {
    let path = &resource.path;
    sqlx::query(
        "INSERT INTO network_resources (id, resource_key, resource_id, subscription_key, subscription, \
         resource_group_key, resource_group, kind, name_key, name, body, etag, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT (id) DO UPDATE SET \
         body = excluded.body, etag = excluded.etag, changed_at = excluded.changed_at",
    )
    .bind(resource.id.to_string())
    .bind(path.key())
    .bind(path.to_string())
    .bind(key(&path.subscription))
    .bind(&path.subscription)
    .bind(key(&path.group))
    .bind(&path.group)
    .bind(path.kind.segment())
    .bind(key(&path.name))
    .bind(&path.name)
    .bind(json_text(&resource.body))
    .bind(&resource.etag.0)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a resource by its path.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    path: &NetworkPath,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM network_resources WHERE resource_key = $1")
        .bind(path.key())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the resources of a resource group. Returns their kinds and resource IDs.
pub(in crate::store) async fn delete_in_group(
    connection: &mut Connection,
    subscription: &str,
    group: &str,
) -> Result<Vec<(NetworkKind, String)>, StoreError> {
    let rows = sqlx::query(
        "DELETE FROM network_resources WHERE subscription_key = $1 AND resource_group_key = $2 \
         RETURNING resource_id, kind",
    )
    .bind(key(subscription))
    .bind(key(group))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((network_kind(row.try_get("kind")?)?, row.try_get("resource_id")?))).collect()
}

fn resource(row: &Row) -> Result<NetworkResource, StoreError> {
    let path = NetworkPath {
        subscription: row.try_get("subscription")?,
        group: row.try_get("resource_group")?,
        kind: network_kind(row.try_get("kind")?)?,
        name: row.try_get("name")?,
    };
    Ok(NetworkResource {
        id: uuid_of(&path.to_string(), row.try_get("id")?)?,
        body: parse_json(&path.to_string(), row.try_get("body")?)?,
        path,
        etag: Etag(row.try_get("etag")?),
        allocated: row.try_get::<Option<String>, _>("allocated_address")?.map(address).transpose()?,
    })
}
