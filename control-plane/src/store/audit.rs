//! The audit log: a row for each change, written with the change; read the newest first.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::Generation;

use crate::audit::{Act, Author, Entry, Filter};
use crate::clock::Millis;

use super::model::{generation, number, parse_uuid};
use super::{Store, StoreError};

/// How long a row is kept, in milliseconds: ninety days, as the official service keeps its activity log.
const KEPT_MILLIS: i64 = 90 * 24 * 60 * 60 * 1000;

/// The newest rows stay however old they are: a clock that jumps ahead must not empty the log.
const KEPT_ROWS: i64 = 10_000;

/// Notes a change in the transaction that makes it. The generations are those of the gateway that it is about.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    act: &Act,
    before: Option<Generation>,
    after: Option<Generation>,
) -> Result<(), StoreError> {
    let now = Millis::now().0;
    sqlx::query("DELETE FROM audit WHERE at < ? AND id <= (SELECT MAX(id) FROM audit) - ?")
        .bind(now - KEPT_MILLIS)
        .bind(KEPT_ROWS)
        .execute(&mut *connection)
        .await?;
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

impl Store {
    /// The newest entries that the filter lets through, `limit` at most.
    ///
    /// # Errors
    /// The database's.
    pub async fn audit(&self, filter: &Filter, limit: u16) -> Result<Vec<Entry>, StoreError> {
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
