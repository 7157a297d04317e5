//! The table `workers`.

use std::collections::BTreeSet;

use tidegate_shared::id::WorkerId;

use crate::clock::Millis;

use super::{parse_uuid, worker_certificates};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::JoinedWorker;

/// Returns the workers in the order of joining, each with its newest certificate, if it has one.
pub(in crate::store) async fn list(connection: &mut Connection) -> Result<Vec<JoinedWorker>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, joined_at, seen_at, fingerprint, worker, issuer, issued_at, expires_at FROM workers \
         LEFT JOIN worker_certificates ON worker = id \
         AND fingerprint = (SELECT newest.fingerprint FROM worker_certificates AS newest \
         WHERE newest.worker = workers.id ORDER BY newest.issued_at DESC, newest.fingerprint LIMIT 1) \
         ORDER BY joined_at, id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(worker).collect()
}

/// Returns the workers that have a certificate of another authority than this one, by ID.
pub(in crate::store) async fn list_with_certificate_not_of(
    connection: &mut Connection,
    issuer: &str,
) -> Result<Vec<WorkerId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM workers WHERE id IN (SELECT worker FROM worker_certificates WHERE issuer <> $1) \
         ORDER BY id",
    )
    .bind(issuer)
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| Ok(WorkerId(parse_uuid(id)?))).collect()
}

/// Inserts a worker, without a certificate.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    worker: WorkerId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO workers (id, joined_at) VALUES ($1, $2)")
        .bind(worker.to_string())
        .bind(now.0)
        .execute(connection)
        .await?;
    Ok(())
}

/// Sets whether a worker is to be drained. Returns whether there is such a worker.
pub(in crate::store) async fn set_drained(
    connection: &mut Connection,
    worker: WorkerId,
    drained: bool,
) -> Result<bool, StoreError> {
    let updated = sqlx::query("UPDATE workers SET drained = $1 WHERE id = $2")
        .bind(drained)
        .bind(worker.to_string())
        .execute(connection)
        .await?;
    Ok(updated.rows_affected() > 0)
}

/// Sets the time at which a worker was last connected.
pub(in crate::store) async fn set_seen(
    connection: &mut Connection,
    worker: WorkerId,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE workers SET seen_at = $1 WHERE id = $2")
        .bind(now.0)
        .bind(worker.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Returns the workers that are to be drained.
pub(in crate::store) async fn drained(connection: &mut Connection) -> Result<BTreeSet<WorkerId>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM workers WHERE drained").fetch_all(connection).await?;
    ids.iter().map(|id| Ok(WorkerId(parse_uuid(id)?))).collect()
}

/// Deletes a worker, with its certificates and its join token. Returns whether there was one.
pub(in crate::store) async fn delete(
    connection: &mut Connection,
    worker: WorkerId,
) -> Result<bool, StoreError> {
    let deleted =
        sqlx::query("DELETE FROM workers WHERE id = $1").bind(worker.to_string()).execute(connection).await?;
    Ok(deleted.rows_affected() > 0)
}

fn worker(row: &Row) -> Result<JoinedWorker, StoreError> {
    let fingerprint: Option<&str> = row.try_get("fingerprint")?;
    Ok(JoinedWorker {
        id: WorkerId(parse_uuid(row.try_get("id")?)?),
        joined_at: Millis(row.try_get("joined_at")?),
        seen_at: Millis(row.try_get("seen_at")?),
        certificate: fingerprint.map(|_| worker_certificates::certificate(row)).transpose()?,
    })
}
