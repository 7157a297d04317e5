//! The table `frontend_claims`: the ports on which gateways listen.

use tidegate_shared::id::GatewayId;

use crate::store::StoreError;
use crate::store::database::Connection;
use crate::store::model::Claim;

/// Inserts the claim of a gateway, unless the port is claimed already. Returns whether the gateway has taken
/// the port.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    gateway: GatewayId,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO frontend_claims (address, port, gateway) VALUES ($1, $2, $3) \
         ON CONFLICT (address, port) DO NOTHING",
    )
    .bind(&claim.address)
    .bind(i32::from(claim.port))
    .bind(gateway.to_string())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Returns the resource ID of the gateway that holds a port.
pub(in crate::store) async fn find_holder(
    connection: &mut Connection,
    claim: &Claim,
) -> Result<Option<String>, StoreError> {
    let holder = sqlx::query_scalar(
        "SELECT gateways.resource_id FROM frontend_claims \
         JOIN gateways ON gateways.id = frontend_claims.gateway WHERE address = $1 AND port = $2",
    )
    .bind(&claim.address)
    .bind(i32::from(claim.port))
    .fetch_optional(connection)
    .await?;
    Ok(holder)
}

/// Returns the addresses on which a gateway holds ports.
pub(in crate::store) async fn list_addresses(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<String>, StoreError> {
    let claims = "SELECT DISTINCT address FROM frontend_claims WHERE gateway = $1 ORDER BY address";
    Ok(sqlx::query_scalar(claims).bind(gateway.to_string()).fetch_all(connection).await?)
}

/// Deletes the claims of a gateway.
pub(in crate::store) async fn delete_all(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM frontend_claims WHERE gateway = $1")
        .bind(gateway.to_string())
        .execute(connection)
        .await?;
    Ok(())
}
