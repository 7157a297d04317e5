//! The table `gateways`. A gateway that is read here has no children, no extension documents and no bound addresses yet.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;
use tidegate_shared::id::{Digest, GatewayId};

use crate::arm::document::Document;
use crate::arm::private_addresses::PrivateAddresses;
use crate::arm::resource_id::GatewayPath;
use crate::arm::resource_kind::ResourceKind;
use crate::clock::Millis;
use crate::etag::Etag;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{
    DesiredState, Gateway, OperationNumber, OperationalState, Progress, ProvisioningState, ResourceRow,
};

use super::{Summary, generation, json_text, key, number, parse_json, parse_uuid, rows_of_page, stored_keys};

/// Selects the columns that [`gateway`] reads.
const SELECT: &str = "SELECT id, resource_id, subscription, resource_group, name, body, etag, generation, \
                      config_digest, provisioning_state, state_reason, operational_state FROM gateways";

/// Returns a gateway by its path.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    path: &GatewayPath,
) -> Result<Option<Gateway>, StoreError> {
    let row = find_row(connection, path).await?;
    row.as_ref().map(gateway).transpose()
}

/// Returns a gateway by its path, with an empty body if the stored one is damaged.
pub(in crate::store) async fn find_with_any_body(
    connection: &mut Connection,
    path: &GatewayPath,
) -> Result<Option<Gateway>, StoreError> {
    let row = find_row(connection, path).await?;
    row.as_ref().map(|row| gateway_with(row, body(row).unwrap_or_default())).transpose()
}

async fn find_row(connection: &mut Connection, path: &GatewayPath) -> Result<Option<Row>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE resource_key = $1")))
        .bind(key(&path.to_string()))
        .fetch_optional(connection)
        .await?;
    Ok(row)
}

/// Returns a gateway by its ID.
pub(in crate::store) async fn find_by_id(
    connection: &mut Connection,
    id: GatewayId,
) -> Result<Option<Gateway>, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE id = $1")))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(gateway).transpose()
}

/// Returns at most `limit` gateways of a subscription, or of one resource group in it, that follow a group
/// and name, by group and name. Each comes with its own group and name, and may be damaged.
pub(in crate::store) async fn page(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
    after: [&str; 2],
    limit: i64,
) -> Result<Vec<([String; 2], Result<Gateway, StoreError>)>, StoreError> {
    let statement = format!(
        "{SELECT} WHERE subscription_key = $1 AND ($2 IS NULL OR resource_group_key = $2) \
         AND (resource_group_key, name_key) > ($3, $4) ORDER BY resource_group_key, name_key LIMIT $5"
    );
    let rows = sqlx::query(AssertSqlSafe(statement))
        .bind(key(subscription))
        .bind(group.map(key))
        .bind(key(after[0]))
        .bind(key(after[1]))
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(([row.try_get("resource_group")?, row.try_get("name")?], gateway(row))))
        .collect()
}

/// Returns the paths of the gateways in a group.
pub(in crate::store) async fn paths_in_group(
    connection: &mut Connection,
    subscription: &str,
    group: &str,
) -> Result<Vec<GatewayPath>, StoreError> {
    let rows = sqlx::query(
        "SELECT subscription, resource_group, name FROM gateways \
         WHERE subscription_key = $1 AND resource_group_key = $2 ORDER BY name_key",
    )
    .bind(key(subscription))
    .bind(key(group))
    .fetch_all(connection)
    .await?;
    rows.iter().map(path).collect()
}

/// Returns the resource IDs of all gateways.
pub(in crate::store) async fn resource_ids(
    connection: &mut Connection,
) -> Result<BTreeMap<GatewayId, String>, StoreError> {
    let rows = sqlx::query("SELECT id, resource_id FROM gateways").fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok((GatewayId(parse_uuid(row.try_get("id")?)?), row.try_get("resource_id")?)))
        .collect()
}

/// Returns the ETag of each gateway.
pub(in crate::store) async fn etags(
    connection: &mut Connection,
) -> Result<BTreeMap<GatewayId, String>, StoreError> {
    let rows = sqlx::query("SELECT id, etag FROM gateways").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((GatewayId(parse_uuid(row.try_get("id")?)?), row.try_get("etag")?))).collect()
}

/// Returns those of the keys of resource IDs under which a gateway is stored.
pub(in crate::store) async fn keys_among(
    connection: &mut Connection,
    keys: &[String],
) -> Result<Vec<String>, StoreError> {
    stored_keys(connection, "gateways", keys).await
}

/// Returns at most `limit` resources below an ID that follow the key `after`, by key.
pub(in crate::store) async fn summaries(
    connection: &mut Connection,
    below: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Summary>, StoreError> {
    let select = "SELECT resource_key, resource_id, name, body FROM gateways";
    let rows = rows_of_page(connection, select, below, after, limit).await?;
    rows.iter()
        .map(|row| {
            let (id, name) = (row.try_get("resource_id")?, row.try_get("name")?);
            let summary = body(row).map(|body| ResourceRow { id, name, kind: ResourceKind::Gateway, body });
            Ok((row.try_get("resource_key")?, summary))
        })
        .collect()
}

/// Returns every gateway with its operations in progress, the longest unchanged first. Operations of
/// on-demand probes do not count.
pub(in crate::store) async fn desired_states(
    connection: &mut Connection,
) -> Result<Vec<DesiredState>, StoreError> {
    let rows = sqlx::query(
        "SELECT gateways.id, gateways.generation, config_digest, provisioning_state, operational_state, \
         MIN(started_at) AS waiting_since, MIN(operations.generation) AS oldest_waited_for, \
         MAX(operations.number) AS newest_operation \
         FROM gateways LEFT JOIN operations ON operations.gateway = gateways.id \
         AND operations.state = 'InProgress' AND kind NOT IN ('OnDemandHealth', 'CloseTunnels') \
         GROUP BY gateways.id ORDER BY changed_at, gateways.id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(wanted_gateway).collect()
}

fn wanted_gateway(row: &Row) -> Result<DesiredState, StoreError> {
    let waited_for: Option<i64> = row.try_get("oldest_waited_for")?;
    Ok(DesiredState {
        gateway: GatewayId(parse_uuid(row.try_get("id")?)?),
        generation: generation(row.try_get("generation")?)?,
        digest: Digest(row.try_get("config_digest")?),
        state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
        operational: row.try_get::<&str, _>("operational_state")?.parse()?,
        waiting_since: row.try_get::<Option<i64>, _>("waiting_since")?.map(Millis),
        oldest_waited_for: waited_for.map(generation).transpose()?,
        newest_operation: row.try_get::<Option<i64>, _>("newest_operation")?.map(OperationNumber),
    })
}

/// Returns the resource IDs of the failed gateways, with the reasons.
pub(in crate::store) async fn failures(
    connection: &mut Connection,
) -> Result<Vec<(String, String)>, StoreError> {
    let failures = "SELECT resource_id, state_reason FROM gateways WHERE state_reason IS NOT NULL \
                    ORDER BY resource_key";
    Ok(sqlx::query_as(failures).fetch_all(connection).await?)
}

/// Returns how far a gateway has come.
pub(in crate::store) async fn progress(
    connection: &mut Connection,
    id: GatewayId,
) -> Result<Option<Progress>, StoreError> {
    let row =
        sqlx::query("SELECT generation, provisioning_state, operational_state FROM gateways WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(connection)
            .await?;
    let progress = |row: Row| {
        Ok(Progress {
            generation: generation(row.try_get("generation")?)?,
            state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
            operational: row.try_get::<&str, _>("operational_state")?.parse()?,
        })
    };
    row.map(progress).transpose()
}

/// Inserts a gateway.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    gateway: &Gateway,
    now: Millis,
) -> Result<(), StoreError> {
    let path = &gateway.document.path;
    let resource_id = path.to_string();
    sqlx::query(
        "INSERT INTO gateways (id, resource_key, resource_id, subscription_key, subscription, \
         resource_group_key, resource_group, name_key, name, body, etag, generation, config_digest, \
         provisioning_state, operational_state, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16)",
    )
    .bind(gateway.id.to_string())
    .bind(key(&resource_id))
    .bind(&resource_id)
    .bind(key(&path.subscription))
    .bind(&path.subscription)
    .bind(key(&path.group))
    .bind(&path.group)
    .bind(key(&path.name))
    .bind(&path.name)
    .bind(json_text(&gateway.document.body))
    .bind(&gateway.etag.0)
    .bind(number(gateway.generation))
    .bind(&gateway.config_digest.0)
    .bind(gateway.state.as_str())
    .bind(gateway.operational.as_str())
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Updates the body, the etag, the generation and the digest of a gateway, and the time of its last change.
pub(in crate::store) async fn update_configuration(
    connection: &mut Connection,
    gateway: &Gateway,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE gateways SET body = $1, etag = $2, generation = $3, config_digest = $4, changed_at = $5 \
         WHERE id = $6",
    )
    .bind(json_text(&gateway.document.body))
    .bind(&gateway.etag.0)
    .bind(number(gateway.generation))
    .bind(&gateway.config_digest.0)
    .bind(now.0)
    .bind(gateway.id.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Updates the body and the etag of a gateway, and nothing else.
pub(in crate::store) async fn update_body(
    connection: &mut Connection,
    gateway: &Gateway,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE gateways SET body = $1, etag = $2 WHERE id = $3")
        .bind(json_text(&gateway.document.body))
        .bind(&gateway.etag.0)
        .bind(gateway.id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Updates the states of a gateway, and the reason of a failure.
pub(in crate::store) async fn update_states(
    connection: &mut Connection,
    id: GatewayId,
    state: ProvisioningState,
    reason: Option<&str>,
    operational: OperationalState,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE gateways SET provisioning_state = $1, state_reason = $2, operational_state = $3 \
         WHERE id = $4",
    )
    .bind(state.as_str())
    .bind(reason)
    .bind(operational.as_str())
    .bind(id.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a gateway that is deleting, with the rows of other tables that belong to it. Returns whether there
/// was one.
pub(in crate::store) async fn delete_deleting(
    connection: &mut Connection,
    id: GatewayId,
) -> Result<bool, StoreError> {
    let deleted = sqlx::query("DELETE FROM gateways WHERE id = $1 AND provisioning_state = 'Deleting'")
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(deleted.rows_affected() > 0)
}

fn gateway(row: &Row) -> Result<Gateway, StoreError> {
    gateway_with(row, body(row)?)
}

fn gateway_with(row: &Row, body: Map<String, Value>) -> Result<Gateway, StoreError> {
    Ok(Gateway {
        id: GatewayId(parse_uuid(row.try_get("id")?)?),
        document: Document { path: path(row)?, body, children: Vec::new(), extensions: Vec::new() },
        etag: Etag(row.try_get("etag")?),
        child_etags: Vec::new(),
        extension_etags: Vec::new(),
        generation: generation(row.try_get("generation")?)?,
        config_digest: Digest(row.try_get("config_digest")?),
        state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
        reason: row.try_get("state_reason")?,
        operational: row.try_get::<&str, _>("operational_state")?.parse()?,
        bound_addresses: PrivateAddresses::default(),
    })
}

fn path(row: &Row) -> Result<GatewayPath, StoreError> {
    Ok(GatewayPath {
        subscription: row.try_get("subscription")?,
        group: row.try_get("resource_group")?,
        name: row.try_get("name")?,
    })
}

fn body(row: &Row) -> Result<Map<String, Value>, StoreError> {
    parse_json(row.try_get("resource_id")?, row.try_get("body")?)
}
