//! The table `join_tokens`. Times are those of expiry.

use tidegate_shared::id::WorkerId;

use crate::clock::Millis;

use super::parse_uuid;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn};

/// A token, as far as it has been used.
#[derive(Debug)]
pub(in crate::store) struct JoinToken {
    /// The worker that has joined with the token, if one has.
    pub(in crate::store) worker: Option<WorkerId>,
    /// The SHA-256 of that worker's public key, in hexadecimal.
    pub(in crate::store) key: Option<String>,
}

/// Inserts a token, by the hash of its secret.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    hash: &str,
    expires_at: Millis,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO join_tokens (hash, expires_at) VALUES ($1, $2)")
        .bind(hash)
        .bind(expires_at.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns a token that has not expired, by the hash of its secret.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    hash: &str,
    now: Millis,
) -> Result<Option<JoinToken>, StoreError> {
    let row = sqlx::query("SELECT worker, key FROM join_tokens WHERE hash = $1 AND expires_at > $2")
        .bind(hash)
        .bind(now.0)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    let worker: Option<&str> = row.try_get("worker")?;
    let worker = worker.map(parse_uuid).transpose()?.map(WorkerId);
    Ok(Some(JoinToken { worker, key: row.try_get("key")? }))
}

/// Binds a token to a worker and its public key, unless it is bound. Returns whether it was bound now.
pub(in crate::store) async fn bind(
    connection: &mut Connection,
    hash: &str,
    worker: WorkerId,
    key: &str,
) -> Result<bool, StoreError> {
    let bound =
        sqlx::query("UPDATE join_tokens SET worker = $1, key = $2 WHERE hash = $3 AND worker IS NULL")
            .bind(worker.to_string())
            .bind(key)
            .bind(hash)
            .execute(connection)
            .await?;
    Ok(bound.rows_affected() > 0)
}

/// Deletes the token with which a worker has joined.
pub(in crate::store) async fn delete_of_worker(
    connection: &mut Connection,
    worker: WorkerId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM join_tokens WHERE worker = $1")
        .bind(worker.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the latest and the earliest time of all tokens, in milliseconds since 1970.
pub(in crate::store) async fn newest_and_oldest(
    connection: &mut Connection,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    let times = "SELECT MAX(expires_at), MIN(expires_at) FROM join_tokens";
    Ok(sqlx::query_as(times).fetch_one(connection).await?)
}

/// Deletes the tokens that expired before a time, but none of the newest `kept`.
pub(in crate::store) async fn delete_expired(
    connection: &mut Connection,
    before: Millis,
    kept: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM join_tokens WHERE expires_at < $1 \
         AND number <= (SELECT MAX(number) FROM join_tokens) - $2",
    )
    .bind(before.0)
    .bind(kept)
    .execute(connection)
    .await?;
    Ok(())
}
