//! All stored resources, regardless of their type.

use std::collections::{BTreeSet, HashSet};

use super::database::Connection;
use super::rows::{self, key};
use super::{ResourceRow, Store, StoreError, group_id};

impl Store {
    /// Returns every resource of a subscription, or of one resource group in it, except for deployments, by ID. Damaged
    /// ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn resources(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<ResourceRow>, StoreError> {
        let page = self.page_of_resources(&scope_id(subscription, group), "", usize::MAX).await?;
        Ok(page.rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Returns at most `limit` resources below an ID that follow the key `after`, in the order of their keys, which are
    /// their IDs in lower case. Deployments are none of them. Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn page_of_resources(
        &self,
        below: &str,
        after: &str,
        limit: usize,
    ) -> Result<Page<ResourceRow>, StoreError> {
        let rows = one_more(limit);
        let mut view = self.database.view().await?;
        let mut found = rows::gateways::summaries(&mut view, below, after, rows).await?;
        found.extend(rows::network_resources::summaries(&mut view, below, after, rows).await?);
        found.extend(rows::unserved_resources::summaries(&mut view, below, after, rows).await?);
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Page::of(found, limit))
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

/// A page of a list, which is in the order of keys `K`.
#[derive(Debug)]
pub(crate) struct Page<T, K = String> {
    /// The rows with their keys, without damaged ones.
    pub(crate) rows: Vec<(K, T)>,
    /// The key after which the next page begins; `None` if there are no more rows.
    pub(crate) next: Option<K>,
}

impl<T, K: Clone> Page<T, K> {
    /// Makes a page of at most `limit` rows of what was found, which is one row more if there is one. Damaged rows are
    /// logged and left out.
    pub(super) fn of(mut found: Vec<(K, Result<T, StoreError>)>, limit: usize) -> Page<T, K> {
        let next = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| next).map(|(key, _)| key.clone());
        let log = |error: &StoreError| tracing::error!(%error, "a resource is left out of a list");
        let sound = |(key, row): (K, Result<T, StoreError>)| Some((key, row.inspect_err(log).ok()?));
        Page { rows: found.into_iter().filter_map(sound).collect(), next }
    }
}

/// Returns the limit of a statement for a page of at most that many rows: one more, to know whether there are more.
pub(super) fn one_more(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX).saturating_add(1)
}

/// Returns whether a resource is stored under this ID.
pub(super) async fn is_stored(connection: &mut Connection, id: &str) -> Result<bool, StoreError> {
    Ok(!stored_keys(connection, &[key(id)]).await?.is_empty())
}

/// Returns the ID of a subscription, or of a resource group in it.
fn scope_id(subscription: &str, group: Option<&str>) -> String {
    group.map_or_else(|| format!("/subscriptions/{subscription}"), |group| group_id(subscription, group))
}

async fn stored_keys(connection: &mut Connection, keys: &[String]) -> Result<HashSet<String>, StoreError> {
    let mut stored = HashSet::new();
    stored.extend(rows::gateways::keys_among(connection, keys).await?);
    stored.extend(rows::network_resources::keys_among(connection, keys).await?);
    stored.extend(rows::unserved_resources::keys_among(connection, keys).await?);
    Ok(stored)
}
