//! The table `private_addresses`: the addresses of the private pool that stand for private addresses of gateways.

use std::net::IpAddr;

use tidegate_shared::id::GatewayId;

use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn};

use super::address;

/// Returns the addresses of a gateway: those in its document, each with the one that is bound.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<(IpAddr, IpAddr)>, StoreError> {
    let rows = sqlx::query("SELECT address, bound FROM private_addresses WHERE gateway = $1")
        .bind(gateway.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let (from, bound): (&str, &str) = (row.try_get("address")?, row.try_get("bound")?);
            Ok((address(from)?, address(bound)?))
        })
        .collect()
}

/// Inserts an address of a gateway.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    gateway: GatewayId,
    (from, bound): (IpAddr, IpAddr),
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO private_addresses (bound, address, gateway) VALUES ($1, $2, $3)")
        .bind(bound.to_string())
        .bind(from.to_string())
        .bind(gateway.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes the addresses of a gateway.
pub(in crate::store) async fn delete_all(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM private_addresses WHERE gateway = $1")
        .bind(gateway.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
