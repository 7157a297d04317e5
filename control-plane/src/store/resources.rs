//! All stored resources, regardless of their type.

use std::collections::{BTreeSet, HashSet};

use super::database::Connection;
use super::rows::{self, key};
use super::{ResourceRow, Store, StoreError};

impl Store {
    /// Returns every resource of a subscription, or of one resource group in it, except for deployments,
    /// unordered. Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn resources(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<ResourceRow>, StoreError> {
        let mut view = self.database.view().await?;
        let mut found = rows::gateways::summaries(&mut view, subscription, group).await?;
        found.extend(rows::network_resources::summaries(&mut view, subscription, group).await?);
        found.extend(rows::unserved_resources::summaries(&mut view, subscription, group).await?);
        let log = |error: &StoreError| tracing::error!(%error, "a resource is left out of a list");
        Ok(found.into_iter().filter_map(|resource| resource.inspect_err(log).ok()).collect())
    }

    /// Returns those of the IDs under which a resource is stored, compared ignoring case, in the spelling of `ids`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn stored_among(&self, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
        let keys: Vec<String> = ids.iter().map(|id| key(id)).collect();
        let stored = stored_keys(&mut *self.database.view().await?, &keys).await?;
        Ok(ids.iter().filter(|id| stored.contains(&key(id))).cloned().collect())
    }
}

/// Returns whether a resource is stored under an ID.
pub(super) async fn is_stored(connection: &mut Connection, id: &str) -> Result<bool, StoreError> {
    Ok(!stored_keys(connection, &[key(id)]).await?.is_empty())
}

async fn stored_keys(connection: &mut Connection, keys: &[String]) -> Result<HashSet<String>, StoreError> {
    let mut stored = HashSet::new();
    stored.extend(rows::gateways::keys_among(connection, keys).await?);
    stored.extend(rows::network_resources::keys_among(connection, keys).await?);
    stored.extend(rows::unserved_resources::keys_among(connection, keys).await?);
    Ok(stored)
}
