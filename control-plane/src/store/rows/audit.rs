//! The table `audit`.

use tidegate_shared::id::Generation;

use crate::audit::{Activity, Author, Entry, Filter};
use crate::clock::Millis;

use super::{generation, key, number, parse_uuid};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};

/// Inserts an entry. `before` and `after` are generations of the gateway concerned.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    activity: &Activity,
    before: Option<Generation>,
    after: Option<Generation>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (at, author_key, author, address, request_id, action, resource_key, resource_id, \
         generation_before, generation_after) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(now.0)
    .bind(key(&activity.author.name))
    .bind(&activity.author.name)
    .bind(activity.author.address.map(|address| address.to_string()))
    .bind(activity.author.request.map(|id| id.to_string()))
    .bind(&activity.action)
    .bind(key(&activity.resource))
    .bind(&activity.resource)
    .bind(before.map(number))
    .bind(after.map(number))
    .execute(connection)
    .await?;
    Ok(())
}

/// Returns the newest entries that match a filter, at most `limit`, newest first.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    filter: &Filter,
    limit: u16,
) -> Result<Vec<Entry>, StoreError> {
    let resource = filter.resource.as_deref().map(|id| key(id.trim_end_matches('/')));
    // What is below a resource begins with its key and a slash; `0` is the character after the slash.
    let below = resource.as_ref().map(|resource| (format!("{resource}/"), format!("{resource}0")));
    let (first_below, after_below) = below.unzip();
    let rows = sqlx::query(
        "SELECT id, at, author, address, request_id, action, resource_id, generation_before, generation_after \
         FROM audit WHERE ($1 IS NULL OR resource_key = $1 OR (resource_key >= $2 AND resource_key < $3)) \
         AND ($4 IS NULL OR author_key = $4) AND ($5 IS NULL OR at >= $5) AND ($6 IS NULL OR at <= $6) \
         AND ($7 IS NULL OR id < $7) ORDER BY id DESC LIMIT $8",
    )
    .bind(resource)
    .bind(first_below)
    .bind(after_below)
    .bind(filter.author.as_deref().map(key))
    .bind(filter.from.map(|at| at.0))
    .bind(filter.to.map(|at| at.0))
    .bind(filter.before)
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(entry).collect()
}

/// Returns the time of the newest entry and the earliest time of all entries, in milliseconds since 1970.
///
/// The newest entry is the one with the greatest ID: after a clock that was ahead has been set back, the
/// latest time is not that of the newest entry.
pub(in crate::store) async fn newest_and_oldest(
    connection: &mut Connection,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let times =
        "SELECT (SELECT at FROM audit ORDER BY id DESC LIMIT 1), (SELECT at FROM audit ORDER BY at LIMIT 1)";
    Ok(sqlx::query_as(times).fetch_one(connection).await?)
}

/// Deletes the entries from before a time.
pub(in crate::store) async fn delete_before(
    connection: &mut Connection,
    before: Millis,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM audit WHERE at < $1").bind(before.0).execute(connection).await?;
    Ok(())
}

fn entry(row: &Row) -> Result<Entry, StoreError> {
    let address: Option<&str> = row.try_get("address")?;
    let request: Option<&str> = row.try_get("request_id")?;
    let generation_in = |column| row.try_get::<Option<i64>, _>(column)?.map(generation).transpose();
    Ok(Entry {
        id: row.try_get("id")?,
        at: Millis(row.try_get("at")?),
        activity: Activity {
            author: Author {
                name: row.try_get("author")?,
                address: address.and_then(|address| address.parse().ok()),
                request: request.map(parse_uuid).transpose()?,
                client: None,
                reason: None,
            },
            action: row.try_get("action")?,
            resource: row.try_get("resource_id")?,
        },
        before: generation_in("generation_before")?,
        after: generation_in("generation_after")?,
    })
}
