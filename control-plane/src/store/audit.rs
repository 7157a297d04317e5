//! The audit log: one row for each change, written in the transaction of the change and read newest first.

use tidegate_shared::id::Generation;

use crate::audit::{Activity, Entry, Filter};
use crate::clock::Millis;

use super::database::Connection;
use super::retention::{AUDIT_KEPT, DAY, deleted_before};
use super::{Store, StoreError, rows};

/// Records a change in the transaction that makes it. `before` and `after` are generations of the gateway
/// concerned.
pub(super) async fn record(
    connection: &mut Connection,
    activity: &Activity,
    before: Option<Generation>,
    after: Option<Generation>,
) -> Result<(), StoreError> {
    let now = Millis::now();
    prune(connection, now).await?;
    rows::audit::insert(connection, activity, before, after, now).await
}

/// Deletes expired entries: together with the first entry of a day, and at most the entries of one day. So a
/// day with a wrong clock costs at most one day of the log.
pub(super) async fn prune(connection: &mut Connection, now: Millis) -> Result<(), StoreError> {
    let (newest, oldest) = rows::audit::newest_and_oldest(connection).await?;
    let is_first_of_day = newest.is_some_and(|newest| newest.div_euclid(DAY) != now.0.div_euclid(DAY));
    match deleted_before(now.0, AUDIT_KEPT, newest, oldest) {
        Some(before) if is_first_of_day => rows::audit::delete_before(connection, Millis(before)).await,
        _ => Ok(()),
    }
}

impl Store {
    /// Records an activity that changes nothing that is stored.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn note_activity(&self, activity: &Activity) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record(&mut transaction, activity, None, None).await?;
        transaction.commit().await
    }

    /// Returns the newest entries that match the filter, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn audit(&self, filter: &Filter, limit: u16) -> Result<Vec<Entry>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::audit::list(&mut reader, filter, limit).await
    }
}
