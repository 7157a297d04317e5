//! The identity of this installation towards API clients: its tenant and signing key, created once.

use sqlx::Row;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use super::model::parse_uuid;
use super::{Store, StoreError};

/// The purpose for which the signing key is sealed.
const PURPOSE: &[u8] = b"identity/signing_key";

/// The tenant and the signing key of its tokens.
#[derive(Clone, Debug)]
pub(crate) struct StoredIdentity {
    /// The tenant's ID.
    pub(crate) tenant: Uuid,
    pub(crate) signing_key: Secret,
}

impl Store {
    /// Returns the identity of this database. The first call creates it with `make`.
    ///
    /// # Errors
    /// If the database fails or the key cannot be opened.
    pub(crate) async fn identity(
        &self,
        make: impl FnOnce() -> StoredIdentity,
    ) -> Result<StoredIdentity, StoreError> {
        let mut transaction = self.begin().await?;
        let row =
            sqlx::query("SELECT tenant, signing_key FROM identity").fetch_optional(&mut *transaction).await?;
        if let Some(row) = row {
            let damaged = |_| StoreError::Damaged {
                what: "signing key".to_owned(),
                why: "it cannot be opened".to_owned(),
            };
            let known = StoredIdentity {
                tenant: parse_uuid(row.try_get("tenant")?)?,
                signing_key: self.key.open(PURPOSE, row.try_get("signing_key")?).map_err(damaged)?,
            };
            return transaction.undo(Ok(known)).await;
        }
        let made = make();
        sqlx::query("INSERT INTO identity (only, tenant, signing_key) VALUES (1, ?, ?)")
            .bind(made.tenant.to_string())
            .bind(self.key.seal(PURPOSE, made.signing_key.expose()))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(made)
    }
}
