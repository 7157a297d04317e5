//! API clients: names, roles, scopes, and the hashes of their secrets.

use uuid::Uuid;

use crate::audit::{Activity, Author};
use crate::clock::Millis;

use super::audit::record;
use super::{ApiClient, NameTaken, NewClient, Store, StoreError, rows};

impl Store {
    /// Stores a new client.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_client(
        &self,
        author: Author,
        client: &NewClient,
    ) -> Result<Result<(), NameTaken>, StoreError> {
        let mut transaction = self.begin().await?;
        if !rows::clients::insert(&mut transaction, client, Millis::now()).await? {
            return transaction.undo(Ok(Err(NameTaken(client.name.to_string())))).await;
        }
        record(&mut transaction, &Activity::on_client(author, "write", client.app_id), None, None).await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Returns every client that is not revoked, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn clients(&self) -> Result<Vec<ApiClient>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::clients::list(&mut reader).await
    }

    /// Returns a client that is not revoked, with the hash of its secret.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn client(&self, app_id: Uuid) -> Result<Option<(ApiClient, String)>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::clients::find(&mut reader, app_id).await
    }

    /// Revokes a client together with its tokens. Returns the client, if there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn revoke_client(
        &self,
        author: Author,
        name: &str,
    ) -> Result<Option<ApiClient>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(client) = rows::clients::find_by_name(&mut transaction, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        rows::clients::revoke(&mut transaction, client.app_id, Millis::now()).await?;
        record(&mut transaction, &Activity::on_client(author, "delete", client.app_id), None, None).await?;
        transaction.commit().await?;
        Ok(Some(client))
    }

    /// Gives a client a new secret, which invalidates the old one and the tokens issued for it. Returns the
    /// client, if there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn reset_client(
        &self,
        author: Author,
        name: &str,
        secret_hash: &str,
    ) -> Result<Option<ApiClient>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(client) = rows::clients::find_by_name(&mut transaction, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        rows::clients::replace_secret(&mut transaction, client.app_id, secret_hash).await?;
        let activity = Activity::on_client(author, "resetSecret/action", client.app_id);
        record(&mut transaction, &activity, None, None).await?;
        transaction.commit().await?;
        Ok(Some(client))
    }

    /// Replaces the hash `old` by another hash of the same secret. Has no effect if `old` is not the stored
    /// hash any more.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn rehash_client(&self, app_id: Uuid, old: &str, new: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        rows::clients::replace_hash(&mut transaction, app_id, old, new).await?;
        transaction.commit().await
    }
}
