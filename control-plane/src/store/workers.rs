//! The registered workers, and the one-time tokens with which new ones join.

use std::collections::BTreeSet;

use tidegate_shared::id::WorkerId;
use uuid::Uuid;

use crate::audit::{Activity, Author};
use crate::clock::Millis;
use crate::pki::IssuedCertificate;

use super::audit::record;
use super::database::Connection;
use super::retention::{DAY, JOIN_TOKENS_KEPT, NEWEST_JOIN_TOKENS_KEPT, deleted_before};
use super::{JoinedWorker, KnownCertificate, Store, StoreError, TokenRefused, rows};

/// The lifetime of a join token, in milliseconds.
const TOKEN_LIFETIME: i64 = DAY;

impl Store {
    /// Stores a new join token by the hash of its secret.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_join_token(&self, author: Author, hash: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let now = Millis::now();
        prune_join_tokens(&mut transaction, now).await?;
        rows::join_tokens::insert(&mut transaction, hash, Millis(now.0 + TOKEN_LIFETIME)).await?;
        record(&mut transaction, &Activity::on_join_token(author), None, None).await?;
        transaction.commit().await
    }

    /// Returns whether a token is valid now. Checked before any work is done for an unauthenticated peer.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn is_join_token(&self, hash: &str) -> Result<bool, StoreError> {
        let mut reader = self.database.reader().await?;
        Ok(rows::join_tokens::find(&mut reader, hash, Millis::now()).await?.is_some())
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
        let now = Millis::now();
        let Some(token) = rows::join_tokens::find(&mut transaction, hash, now).await? else {
            return transaction.undo(Ok(Err(TokenRefused))).await;
        };
        if let Some(joined) = token.worker {
            let is_same = token.key.as_deref() == Some(key);
            return transaction.undo(Ok(if is_same { Ok(joined) } else { Err(TokenRefused) })).await;
        }
        let worker = WorkerId(Uuid::new_v4());
        rows::workers::insert(&mut transaction, worker, now).await?;
        if !rows::join_tokens::bind(&mut transaction, hash, worker, key).await? {
            return transaction.undo(Err(StoreError::Conflict)).await;
        }
        record(&mut transaction, &Activity::on_worker(author, "write", worker), None, None).await?;
        transaction.commit().await?;
        Ok(Ok(worker))
    }

    /// Stores a certificate issued to a worker, in addition to the one that the worker presents (`present`),
    /// if any: both are valid until the worker presents the new one. An earlier one that was never presented
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
        rows::worker_certificates::delete_others(&mut transaction, worker, present).await?;
        let added = rows::worker_certificates::insert(&mut transaction, worker, issued).await?;
        transaction.commit().await?;
        Ok(added)
    }

    /// Records that a worker has presented this certificate, which invalidates the earlier ones and its join
    /// token. Writes only if there is a change.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn confirm_certificate(&self, certificate: &KnownCertificate) -> Result<(), StoreError> {
        let mut reader = self.database.reader().await?;
        let is_pending = rows::worker_certificates::has_other_credentials(&mut reader, certificate).await?;
        drop(reader);
        if !is_pending {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        let (worker, presented) = (certificate.worker, certificate.fingerprint.as_str());
        rows::worker_certificates::delete_others(&mut transaction, worker, Some(presented)).await?;
        rows::join_tokens::delete_of_worker(&mut transaction, worker).await?;
        transaction.commit().await
    }

    /// Returns the certificate with that fingerprint, if it belongs to a registered worker.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn worker_certificate(
        &self,
        fingerprint: &str,
    ) -> Result<Option<KnownCertificate>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::worker_certificates::find(&mut reader, fingerprint).await
    }

    /// Returns the workers that have a certificate of another authority than this one.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn workers_without_certificate_of(
        &self,
        issuer: &str,
    ) -> Result<Vec<WorkerId>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::workers::list_with_certificate_not_of(&mut reader, issuer).await
    }

    /// Records a change of the certificate authority in the audit log.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn record_rotation(&self, author: Author, verb: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        record(&mut transaction, &Activity::on_authority(author, verb), None, None).await?;
        transaction.commit().await
    }

    /// Removes a worker and thereby its certificates. Returns whether it was registered.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn remove_worker(&self, author: Author, worker: WorkerId) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let known = rows::workers::delete(&mut transaction, worker).await?;
        if known {
            record(&mut transaction, &Activity::on_worker(author, "delete", worker), None, None).await?;
        }
        transaction.commit().await?;
        Ok(known)
    }

    /// Stores whether a worker is to be drained. Returns whether it is registered.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn set_drained(
        &self,
        author: Author,
        worker: WorkerId,
        drained: bool,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let known = rows::workers::set_drained(&mut transaction, worker, drained).await?;
        if known {
            let verb = if drained { "drain/action" } else { "resume/action" };
            record(&mut transaction, &Activity::on_worker(author, verb, worker), None, None).await?;
        }
        transaction.commit().await?;
        Ok(known)
    }

    /// Notes that these workers are connected, or were until now.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn workers_seen(&self, workers: &[WorkerId], now: Millis) -> Result<(), StoreError> {
        if workers.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        for worker in workers {
            rows::workers::set_seen(&mut transaction, *worker, now).await?;
        }
        transaction.commit().await
    }

    /// Returns the workers that are to be drained.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn drained_workers(&self) -> Result<BTreeSet<WorkerId>, StoreError> {
        rows::workers::drained(&mut *self.database.reader().await?).await
    }

    /// Returns all registered workers with the time of joining and their newest certificate. A worker whose
    /// joining was interrupted has none.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn workers(&self) -> Result<Vec<JoinedWorker>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::workers::list(&mut reader).await
    }
}

/// Deletes expired join tokens: at most those of one day, and none of the newest [`NEWEST_JOIN_TOKENS_KEPT`].
pub(super) async fn prune_join_tokens(connection: &mut Connection, now: Millis) -> Result<(), StoreError> {
    let (newest, oldest) = rows::join_tokens::newest_and_oldest(connection).await?;
    match deleted_before(now.0, JOIN_TOKENS_KEPT, newest, oldest) {
        Some(before) => {
            rows::join_tokens::delete_expired(connection, Millis(before), NEWEST_JOIN_TOKENS_KEPT).await
        }
        None => Ok(()),
    }
}
