//! Who may connect: the workers that joined, and the one-time tokens to join with.

use sqlx::Row;
use thiserror::Error;
use tidegate_shared::id::WorkerId;

use crate::audit::{Act, Author};
use crate::clock::Millis;

use super::audit::record;
use super::model::parse_uuid;
use super::{Store, StoreError};

/// How long a join token is good for, in milliseconds.
const TOKEN_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The token was never given out, was used before, or is too old. Which of these is nobody's business.
#[derive(Debug, Error)]
#[error("the join token is not valid: it may have been used, or be older than a day")]
pub struct TokenRefused;

impl Store {
    /// Notes a new join token by the hash of its secret.
    ///
    /// # Errors
    /// The database's.
    pub async fn add_join_token(&self, author: Author, hash: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now = Millis::now().0;
        sqlx::query("DELETE FROM join_tokens WHERE expires_at <= ?")
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO join_tokens (hash, expires_at) VALUES (?, ?)")
            .bind(hash)
            .bind(now + TOKEN_MILLIS)
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_join_token(author), None, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Whether a token could be used now: asked before any work is done for a stranger.
    ///
    /// # Errors
    /// The database's.
    pub async fn is_join_token(&self, hash: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM join_tokens WHERE hash = ? AND expires_at > ?")
            .bind(hash)
            .bind(Millis::now().0)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// Uses a token up for a new worker, known by its certificate from now on.
    ///
    /// # Errors
    /// The database's.
    pub async fn join(
        &self,
        author: Author,
        hash: &str,
        worker: WorkerId,
        fingerprint: &str,
    ) -> Result<Result<(), TokenRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        let now = Millis::now().0;
        let used = sqlx::query("DELETE FROM join_tokens WHERE hash = ? AND expires_at > ?")
            .bind(hash)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        if used.rows_affected() == 0 {
            return transaction.undo(Ok(Err(TokenRefused))).await;
        }
        sqlx::query("INSERT INTO workers (id, fingerprint, joined_at) VALUES (?, ?, ?)")
            .bind(worker.to_string())
            .bind(fingerprint)
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_worker(author, "write", worker), None, None).await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Whose certificate this is.
    ///
    /// # Errors
    /// The database's.
    pub async fn worker_by_fingerprint(&self, fingerprint: &str) -> Result<Option<WorkerId>, StoreError> {
        let row = sqlx::query("SELECT id FROM workers WHERE fingerprint = ?")
            .bind(fingerprint)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| Ok(WorkerId(parse_uuid(row.try_get("id")?)?))).transpose()
    }

    /// Forgets a worker: its certificate is good for nothing any more. Whether it was known.
    ///
    /// # Errors
    /// The database's.
    pub async fn remove_worker(&self, author: Author, worker: WorkerId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let removed = sqlx::query("DELETE FROM workers WHERE id = ?")
            .bind(worker.to_string())
            .execute(&mut *transaction)
            .await?;
        let known = removed.rows_affected() > 0;
        if known {
            record(&mut transaction, &Act::on_worker(author, "delete", worker), None, None).await?;
        }
        transaction.commit().await?;
        Ok(known)
    }

    /// Every worker that joined and was not removed, with the time that it did.
    ///
    /// # Errors
    /// The database's.
    pub async fn workers(&self) -> Result<Vec<(WorkerId, Millis)>, StoreError> {
        let rows = sqlx::query("SELECT id, joined_at FROM workers ORDER BY joined_at, id")
            .fetch_all(&self.readers)
            .await?;
        rows.iter()
            .map(|row| Ok((WorkerId(parse_uuid(row.try_get("id")?)?), Millis(row.try_get("joined_at")?))))
            .collect()
    }
}
