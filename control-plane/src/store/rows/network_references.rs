//! The table `network_references`: the subnets, public IP addresses and firewall policies to which gateways, their
//! children and path rules refer.

use tidegate_shared::id::GatewayId;

use crate::arm::network::NetworkPath;
use crate::arm::network::path::NetworkReference;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::User;

use super::{key, parse_uuid};

/// Returns the references of a gateway.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<NetworkReference>, StoreError> {
    let rows = sqlx::query("SELECT target, source FROM network_references WHERE gateway = $1")
        .bind(gateway.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok(NetworkReference { source: row.try_get("source")?, target: row.try_get("target")? }))
        .collect()
}

/// Returns the children that refer to a resource or to a part of it.
pub(in crate::store) async fn list_users(
    connection: &mut Connection,
    path: &NetworkPath,
) -> Result<Vec<User>, StoreError> {
    let resource = path.key();
    // The IDs of parts begin with the resource's ID and a slash; `0` is the character after the slash.
    let (parts, after_parts) = (format!("{resource}/"), format!("{resource}0"));
    let rows = sqlx::query(
        "SELECT gateway, source, target FROM network_references \
         WHERE target_key = $1 OR (target_key > $2 AND target_key < $3) ORDER BY source_key, target_key",
    )
    .bind(resource)
    .bind(parts)
    .bind(after_parts)
    .fetch_all(connection)
    .await?;
    rows.iter().map(user).collect()
}

/// Returns the resource IDs of the children of gateways outside a resource group that refer to a resource in
/// the group.
pub(in crate::store) async fn users_outside_group(
    connection: &mut Connection,
    subscription: &str,
    group: &str,
) -> Result<Vec<String>, StoreError> {
    let users = sqlx::query_scalar(
        "SELECT MIN(source) FROM network_resources AS used \
         JOIN network_references ON target_key = used.resource_key \
         OR (target_key > used.resource_key || '/' AND target_key < used.resource_key || '0') \
         JOIN gateways ON gateways.id = network_references.gateway \
         WHERE used.subscription_key = $1 AND used.resource_group_key = $2 \
         AND NOT (gateways.subscription_key = $1 AND gateways.resource_group_key = $2) \
         GROUP BY source_key ORDER BY source_key",
    )
    .bind(key(subscription))
    .bind(key(group))
    .fetch_all(connection)
    .await?;
    Ok(users)
}

/// Returns the resource ID of a child that refers to a public IP address, if the address is stored.
pub(in crate::store) async fn find_user_of_address(
    connection: &mut Connection,
    address: &str,
) -> Result<Option<String>, StoreError> {
    let user = sqlx::query_scalar(
        "SELECT source FROM network_references JOIN network_resources ON resource_key = target_key \
         WHERE target_key = $1 AND kind = 'publicIPAddresses'",
    )
    .bind(key(address))
    .fetch_optional(connection)
    .await?;
    Ok(user)
}

/// Inserts a reference of a gateway, unless it is stored already.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    gateway: GatewayId,
    reference: &NetworkReference,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO network_references (target_key, target, source_key, source, gateway) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (target_key, source_key) DO NOTHING",
    )
    .bind(key(&reference.target))
    .bind(&reference.target)
    .bind(key(&reference.source))
    .bind(&reference.source)
    .bind(gateway.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes a reference of a gateway.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    gateway: GatewayId,
    reference: &NetworkReference,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM network_references WHERE gateway = $1 AND target_key = $2 AND source_key = $3")
        .bind(gateway.to_string())
        .bind(key(&reference.target))
        .bind(key(&reference.source))
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the references of a gateway.
pub(in crate::store) async fn delete_all(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM network_references WHERE gateway = $1")
        .bind(gateway.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

fn user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        gateway: GatewayId(parse_uuid(row.try_get("gateway")?)?),
        source: row.try_get("source")?,
        target: row.try_get("target")?,
    })
}
