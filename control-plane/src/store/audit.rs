//! The audit log: a row for each change, written with the change.

use sqlx::SqliteConnection;
use tidegate_shared::id::Generation;

use crate::audit::Act;
use crate::clock::Millis;

use super::StoreError;
use super::model::number;

/// How long a row is kept, in milliseconds: ninety days, as the official service keeps its activity log.
const KEPT_MILLIS: i64 = 90 * 24 * 60 * 60 * 1000;

/// Notes a change in the transaction that makes it. The generations are those of the gateway that it is about.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    act: &Act,
    before: Option<Generation>,
    after: Option<Generation>,
) -> Result<(), StoreError> {
    let now = Millis::now().0;
    sqlx::query("DELETE FROM audit WHERE at < ?").bind(now - KEPT_MILLIS).execute(&mut *connection).await?;
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
