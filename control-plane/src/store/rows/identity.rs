//! The table `identity`, which has one row after the first start.

use uuid::Uuid;

use super::parse_uuid;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn};

/// Returns the tenant and the sealed signing key, if there is a row.
pub(in crate::store) async fn find(
    connection: &mut Connection,
) -> Result<Option<(Uuid, Vec<u8>)>, StoreError> {
    let row = sqlx::query("SELECT tenant, signing_key FROM identity").fetch_optional(connection).await?;
    row.map(|row| Ok((parse_uuid(row.try_get("tenant")?)?, row.try_get("signing_key")?))).transpose()
}

/// Inserts the row.
///
/// # Errors
/// [`StoreError::Duplicate`] if there is one already.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    tenant: Uuid,
    sealed_key: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO identity (singleton, tenant, signing_key) VALUES (1, $1, $2)")
        .bind(tenant.to_string())
        .bind(sealed_key)
        .execute(connection)
        .await?;
    Ok(())
}
