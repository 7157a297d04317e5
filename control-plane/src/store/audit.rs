//! The audit log: one row for each change, written in the transaction of the change and read newest first.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::Generation;

use crate::audit::{Act, Author, Entry, Filter};
use crate::clock::Millis;

use super::model::{generation, number, parse_uuid};
use super::retention::{DAY, deleted_before};
use super::{Store, StoreError};

/// The minimum retention of a row in milliseconds: 90 days, like Azure's activity log.
const KEPT_MILLIS: i64 = 90 * DAY;

/// Records a change in the transaction that makes it. `before` and `after` are generations of the gateway
/// concerned.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    act: &Act,
    before: Option<Generation>,
    after: Option<Generation>,
) -> Result<(), StoreError> {
    let now = Millis::now().0;
    forget_old(connection, now).await?;
    sqlx::query(
        "INSERT INTO audit (at, author, address, request_id, action, resource_id, generation_before, \
         generation_after) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(now)
    .bind(&act.author.name)
    .bind(act.author.address.map(|address| address.to_string()))
    .bind(act.author.request.map(|id| id.to_string()))
    .bind(&act.action)
    .bind(&act.resource)
    .bind(before.map(number))
    .bind(after.map(number))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes expired rows: together with the first row of a day, and at most the rows of one day. So a day with a
/// wrong clock costs at most one day of the log.
pub(super) async fn forget_old(connection: &mut SqliteConnection, now: i64) -> Result<(), StoreError> {
    // The newest row by ID: after a clock that was ahead has been set back, the latest time is not that of the
    // newest row.
    let (newest, oldest): (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT at FROM audit ORDER BY id DESC LIMIT 1), (SELECT at FROM audit ORDER BY at LIMIT 1)",
    )
    .fetch_one(&mut *connection)
    .await?;
    let is_first_of_day = newest.is_some_and(|newest| newest.div_euclid(DAY) != now.div_euclid(DAY));
    let Some(before) = deleted_before(now, KEPT_MILLIS, newest, oldest).filter(|_| is_first_of_day) else {
        return Ok(());
    };
    sqlx::query("DELETE FROM audit WHERE at < ?").bind(before).execute(connection).await?;
    Ok(())
}

impl Store {
    /// Returns the newest entries that match the filter, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn audit(&self, filter: &Filter, limit: u16) -> Result<Vec<Entry>, StoreError> {
        let resource = filter.resource.as_deref().map(|id| id.trim_end_matches('/'));
        let rows = sqlx::query(
            "SELECT id, at, author, address, request_id, action, resource_id, generation_before, generation_after \
             FROM audit WHERE (?1 IS NULL OR resource_id = ?1 \
             OR substr(resource_id, 1, length(?1) + 1) = (?1 || '/') COLLATE NOCASE) \
             AND (?2 IS NULL OR author = ?2 COLLATE NOCASE) AND (?3 IS NULL OR at >= ?3) \
             AND (?4 IS NULL OR at <= ?4) AND (?5 IS NULL OR id < ?5) ORDER BY id DESC LIMIT ?6",
        )
        .bind(resource)
        .bind(&filter.author)
        .bind(filter.from.map(|at| at.0))
        .bind(filter.to.map(|at| at.0))
        .bind(filter.before)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(entry).collect()
    }
}

fn entry(row: &SqliteRow) -> Result<Entry, StoreError> {
    let address: Option<&str> = row.try_get("address")?;
    let request: Option<&str> = row.try_get("request_id")?;
    let number = |column| row.try_get::<Option<i64>, _>(column)?.map(generation).transpose();
    Ok(Entry {
        id: row.try_get("id")?,
        at: Millis(row.try_get("at")?),
        act: Act {
            author: Author {
                name: row.try_get("author")?,
                address: address.and_then(|address| address.parse().ok()),
                request: request.map(parse_uuid).transpose()?,
                client: None,
            },
            action: row.try_get("action")?,
            resource: row.try_get("resource_id")?,
        },
        before: number("generation_before")?,
        after: number("generation_after")?,
    })
}
