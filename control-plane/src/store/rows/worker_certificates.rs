//! The table `worker_certificates`.

use tidegate_shared::id::WorkerId;

use crate::clock::Millis;
use crate::pki::{IssuedCertificate, Validity};

use super::parse_uuid;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::KnownCertificate;

/// Returns the certificate with a fingerprint.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    fingerprint: &str,
) -> Result<Option<KnownCertificate>, StoreError> {
    let row = sqlx::query(
        "SELECT fingerprint, worker, issuer, issued_at, expires_at FROM worker_certificates \
         WHERE fingerprint = $1",
    )
    .bind(fingerprint)
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(certificate).transpose()
}

/// Inserts a certificate of a worker, if the worker is registered. Returns whether it is.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    worker: WorkerId,
    issued: &IssuedCertificate,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO worker_certificates (fingerprint, worker, issuer, issued_at, expires_at) \
         SELECT $1, id, $2, $3, $4 FROM workers WHERE id = $5",
    )
    .bind(&issued.fingerprint)
    .bind(&issued.issuer)
    .bind(issued.validity.issued_at.0)
    .bind(issued.validity.expires_at.0)
    .bind(worker.to_string())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Deletes the certificates of a worker except for the one with the fingerprint `kept`, if any.
pub(in crate::store) async fn delete_others(
    connection: &mut Connection,
    worker: WorkerId,
    kept: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM worker_certificates WHERE worker = $1 AND fingerprint IS DISTINCT FROM $2")
        .bind(worker.to_string())
        .bind(kept)
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns whether a worker has another certificate than this one, or a join token.
pub(in crate::store) async fn has_other_credentials(
    connection: &mut Connection,
    certificate: &KnownCertificate,
) -> Result<bool, StoreError> {
    let other = sqlx::query(
        "SELECT 1 FROM worker_certificates WHERE worker = $1 AND fingerprint <> $2 \
         UNION ALL SELECT 1 FROM join_tokens WHERE worker = $1",
    )
    .bind(certificate.worker.to_string())
    .bind(&certificate.fingerprint)
    .fetch_optional(connection)
    .await?;
    Ok(other.is_some())
}

/// Reads the columns `fingerprint`, `worker`, `issuer`, `issued_at` and `expires_at`.
pub(super) fn certificate(row: &Row) -> Result<KnownCertificate, StoreError> {
    let (issued_at, expires_at) = (row.try_get("issued_at")?, row.try_get("expires_at")?);
    Ok(KnownCertificate {
        worker: WorkerId(parse_uuid(row.try_get("worker")?)?),
        fingerprint: row.try_get("fingerprint")?,
        issuer: row.try_get("issuer")?,
        validity: Validity { issued_at: Millis(issued_at), expires_at: Millis(expires_at) },
    })
}
