//! The registered workers, and the one-time tokens with which new ones join.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use thiserror::Error;
use tidegate_shared::id::WorkerId;
use uuid::Uuid;

use crate::audit::{Act, Author};
use crate::clock::Millis;
use crate::pki::{IssuedCertificate, Validity};

use super::audit::record;
use super::model::parse_uuid;
use super::retention::{DAY, deleted_before};
use super::{Store, StoreError};

/// The lifetime of a join token, in milliseconds.
const TOKEN_MILLIS: i64 = DAY;

/// The number of newest join tokens kept regardless of their age, because a clock that jumps ahead makes all of
/// them old.
const KEPT_TOKENS: i64 = 1000;

/// The token was never issued, has been used, or has expired. The message does not distinguish the cases.
#[derive(Debug, Error)]
#[error("the join token is not valid: it may have been used, or be older than a day")]
pub(crate) struct TokenRefused;

/// A registered worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JoinedWorker {
    pub(crate) id: WorkerId,
    /// The time of joining.
    pub(crate) joined_at: Millis,
    /// The newest certificate.
    pub(crate) certificate: Option<KnownCertificate>,
}

/// A worker's certificate, identified by its fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownCertificate {
    pub(crate) worker: WorkerId,
    /// The SHA-256 of the certificate in hexadecimal.
    pub(crate) fingerprint: String,
    /// The SHA-256 of the issuing authority's certificate; empty if unknown.
    pub(crate) issuer: String,
    /// The period of validity.
    pub(crate) validity: Validity,
}

impl Store {
    /// Stores a new join token by the hash of its secret.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_join_token(&self, author: Author, hash: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now = Millis::now().0;
        forget_expired_tokens(&mut transaction, now).await?;
        sqlx::query("INSERT INTO join_tokens (hash, expires_at) VALUES (?, ?)")
            .bind(hash)
            .bind(now + TOKEN_MILLIS)
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_join_token(author), None, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Returns whether a token is valid now. Checked before any work is done for an unauthenticated peer.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn is_join_token(&self, hash: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM join_tokens WHERE hash = ? AND expires_at > ?")
            .bind(hash)
            .bind(Millis::now().0)
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// Binds a token to a worker and to the key (the SHA-256 of its public key) of its future certificate.
    /// Until that worker has connected, the same key gets the same worker again, because the response to the
    /// first request may have been lost.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn join(
        &self,
        author: Author,
        hash: &str,
        key: &str,
    ) -> Result<Result<WorkerId, TokenRefused>, StoreError> {
        let mut transaction = self.begin().await?;
        let now = Millis::now().0;
        let row = sqlx::query("SELECT worker, key FROM join_tokens WHERE hash = ? AND expires_at > ?")
            .bind(hash)
            .bind(now)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return transaction.undo(Ok(Err(TokenRefused))).await };
        if let Some(joined) = row.try_get::<Option<&str>, _>("worker")? {
            let is_same = row.try_get::<Option<&str>, _>("key")? == Some(key);
            let worker = WorkerId(parse_uuid(joined)?);
            return transaction.undo(Ok(if is_same { Ok(worker) } else { Err(TokenRefused) })).await;
        }
        let worker = WorkerId(Uuid::new_v4());
        sqlx::query("INSERT INTO workers (id, joined_at) VALUES (?, ?)")
            .bind(worker.to_string())
            .bind(now)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("UPDATE join_tokens SET worker = ?, key = ? WHERE hash = ?")
            .bind(worker.to_string())
            .bind(key)
            .bind(hash)
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_worker(author, "write", worker), None, None).await?;
        transaction.commit().await?;
        Ok(Ok(worker))
    }

    /// Stores a certificate issued to a worker, in addition to the one that the worker presents (`present`), if
    /// any: both are valid until the worker presents the new one. An earlier one that was never presented
    /// becomes invalid. Returns whether the worker is registered.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_certificate(
        &self,
        worker: WorkerId,
        issued: &IssuedCertificate,
        present: Option<&str>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM worker_certificates WHERE worker = ? AND fingerprint IS NOT ?")
            .bind(worker.to_string())
            .bind(present)
            .execute(&mut *transaction)
            .await?;
        let added = sqlx::query(
            "INSERT INTO worker_certificates (fingerprint, worker, issuer, issued_at, expires_at) \
             SELECT ?, id, ?, ?, ? FROM workers WHERE id = ?",
        )
        .bind(&issued.fingerprint)
        .bind(&issued.issuer)
        .bind(issued.validity.issued_at.0)
        .bind(issued.validity.expires_at.0)
        .bind(worker.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(added.rows_affected() > 0)
    }

    /// Records that a worker has presented this certificate, which invalidates the earlier ones and its join
    /// token. Writes only if there is a change.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn confirm_certificate(&self, certificate: &KnownCertificate) -> Result<(), StoreError> {
        let worker = certificate.worker.to_string();
        let pending = sqlx::query(
            "SELECT 1 FROM worker_certificates WHERE worker = ?1 AND fingerprint <> ?2 \
             UNION ALL SELECT 1 FROM join_tokens WHERE worker = ?1",
        )
        .bind(&worker)
        .bind(&certificate.fingerprint)
        .fetch_optional(&self.readers)
        .await?;
        if pending.is_none() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        sqlx::query("DELETE FROM worker_certificates WHERE worker = ? AND fingerprint <> ?")
            .bind(&worker)
            .bind(&certificate.fingerprint)
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM join_tokens WHERE worker = ?")
            .bind(&worker)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Returns the certificate with that fingerprint, if it belongs to a registered worker.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn worker_certificate(
        &self,
        fingerprint: &str,
    ) -> Result<Option<KnownCertificate>, StoreError> {
        let row = sqlx::query("SELECT * FROM worker_certificates WHERE fingerprint = ?")
            .bind(fingerprint)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(known_certificate).transpose()
    }

    /// Returns the workers that have a certificate of another authority than this one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn workers_without_certificate_of(
        &self,
        issuer: &str,
    ) -> Result<Vec<WorkerId>, StoreError> {
        let rows = sqlx::query(
            "SELECT id FROM workers WHERE id IN (SELECT worker FROM worker_certificates WHERE issuer <> ?1) \
             ORDER BY id",
        )
        .bind(issuer)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok(WorkerId(parse_uuid(row.try_get("id")?)?))).collect()
    }

    /// Records a change of the certificate authority in the audit log.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn note_rotation(&self, author: Author, verb: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record(&mut transaction, &Act::on_authority(author, verb), None, None).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Removes a worker and thereby its certificates. Returns whether it was registered.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remove_worker(&self, author: Author, worker: WorkerId) -> Result<bool, StoreError> {
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

    /// Returns all registered workers with the time of joining and their newest certificate. A worker whose
    /// joining was interrupted has none.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn workers(&self) -> Result<Vec<JoinedWorker>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, joined_at, fingerprint, worker, issuer, issued_at, expires_at FROM workers \
             LEFT JOIN worker_certificates ON worker = id \
             AND fingerprint = (SELECT fingerprint FROM worker_certificates WHERE worker = id \
             ORDER BY issued_at DESC, fingerprint LIMIT 1) ORDER BY joined_at, id",
        )
        .fetch_all(&self.readers)
        .await?;
        let read = |row: &SqliteRow| {
            let certificate = match row.try_get::<Option<&str>, _>("fingerprint")? {
                Some(_) => Some(known_certificate(row)?),
                None => None,
            };
            let id = WorkerId(parse_uuid(row.try_get("id")?)?);
            Ok(JoinedWorker { id, joined_at: Millis(row.try_get("joined_at")?), certificate })
        };
        rows.iter().map(read).collect()
    }
}

fn known_certificate(row: &SqliteRow) -> Result<KnownCertificate, StoreError> {
    let (issued_at, expires_at) = (row.try_get("issued_at")?, row.try_get("expires_at")?);
    Ok(KnownCertificate {
        worker: WorkerId(parse_uuid(row.try_get("worker")?)?),
        fingerprint: row.try_get("fingerprint")?,
        issuer: row.try_get("issuer")?,
        validity: Validity { issued_at: Millis(issued_at), expires_at: Millis(expires_at) },
    })
}

/// Deletes join tokens that expired more than a day ago: at most those of one day, and none of the newest
/// [`KEPT_TOKENS`]. An expired token could become valid again only if the clock was ahead and is set back.
pub(super) async fn forget_expired_tokens(
    connection: &mut SqliteConnection,
    now: i64,
) -> Result<(), StoreError> {
    let (newest, oldest): (Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT MAX(expires_at), MIN(expires_at) FROM join_tokens")
            .fetch_one(&mut *connection)
            .await?;
    if let Some(before) = deleted_before(now, DAY, newest, oldest) {
        sqlx::query(
            "DELETE FROM join_tokens WHERE expires_at < ? \
             AND rowid <= (SELECT MAX(rowid) FROM join_tokens) - ?",
        )
        .bind(before)
        .bind(KEPT_TOKENS)
        .execute(connection)
        .await?;
    }
    Ok(())
}
