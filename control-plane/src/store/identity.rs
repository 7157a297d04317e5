//! The identity of this installation towards API clients: its tenant and signing key, created once.

use tidegate_shared::secret::Secret;
use uuid::Uuid;

use super::{Store, StoreError, rows};

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
    /// Checks that the key opens the signing key, if there is one yet.
    ///
    /// # Errors
    /// [`StoreError::WrongKey`], or an error of the database.
    pub(super) async fn check_key(&self) -> Result<(), StoreError> {
        let mut reader = self.database.reader().await?;
        match rows::identity::find(&mut reader).await? {
            Some((_, sealed_key)) => {
                self.key.open(PURPOSE, &sealed_key).map(drop).map_err(|_| StoreError::WrongKey)
            }
            None => Ok(()),
        }
    }

    /// Returns the identity of this database. The first call creates it with `make`.
    ///
    /// # Errors
    /// If the database fails or the key cannot be opened.
    pub(crate) async fn identity(
        &self,
        make: impl FnOnce() -> StoredIdentity,
    ) -> Result<StoredIdentity, StoreError> {
        let mut transaction = self.begin().await?;
        if let Some((tenant, sealed_key)) = rows::identity::find(&mut transaction).await? {
            let damaged = |_| StoreError::Damaged {
                what: "signing key".to_owned(),
                why: "it cannot be opened".to_owned(),
            };
            let signing_key = self.key.open(PURPOSE, &sealed_key).map_err(damaged)?;
            return transaction.undo(Ok(StoredIdentity { tenant, signing_key })).await;
        }
        let made = make();
        let sealed_key = self.key.seal(PURPOSE, made.signing_key.expose());
        rows::identity::insert(&mut transaction, made.tenant, &sealed_key).await?;
        transaction.commit().await?;
        Ok(made)
    }
}
