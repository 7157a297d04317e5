//! Long-running operations: begun with the write they belong to, ended by the rollout, and kept for at least a
//! day.

use std::collections::BTreeMap;

use serde_json::Value;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::clock::Millis;
use crate::violation::code_list::codes;

use super::model::{number, parse_uuid};
use super::retention::{DAY, deleted_before};
use super::{Gateway, Operation, OperationKind, OperationState, Problem, Store, StoreError};

/// The minimum retention of an ended operation, in milliseconds.
const KEPT_MILLIS: i64 = DAY;

/// The number of newest operations kept regardless of their age, because a clock that jumps ahead makes all of
/// them old.
const KEPT_ROWS: i64 = 1000;

/// The maximum number of health operations kept: every reader can create them in quick succession.
const LOOKS_KEPT: i64 = 1000;

/// The maximum total size of their results, in bytes.
const LOOKS_SIZE: i64 = 64 * 1024 * 1024;

codes! { OPERATION_CODES;
    /// A newer write undid the write of this operation before it was applied. Only used as the code of an
    /// operation.
    const SUPERSEDED: &str = "CanceledAndSupersededDueToAnotherOperation";
}

impl Store {
    /// Returns an operation of that subscription.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn operation(
        &self,
        subscription: &str,
        id: Uuid,
    ) -> Result<Option<Operation>, StoreError> {
        let row = sqlx::query(
            "SELECT id, kind, state, code, message, result, started_at, ended_at FROM operations \
             WHERE id = ? AND subscription = ?",
        )
        .bind(id.to_string())
        .bind(subscription)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let problem = match (row.try_get("code")?, row.try_get("message")?) {
            (Some(code), Some(message)) => Some(Problem { code, message }),
            _ => None,
        };
        let result = row.try_get::<Option<&str>, _>("result")?.map(serde_json::from_str).transpose();
        Ok(Some(Operation {
            id: parse_uuid(row.try_get("id")?)?,
            kind: row.try_get::<&str, _>("kind")?.parse()?,
            state: row.try_get::<&str, _>("state")?.parse()?,
            problem,
            result: result.map_err(|e| damaged(id, &e))?,
            started_at: Millis(row.try_get("started_at")?),
            ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
        }))
    }

    /// Returns the number of operations in each state.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn operation_counts(&self) -> Result<BTreeMap<&'static str, u64>, StoreError> {
        let rows = sqlx::query("SELECT state, COUNT(*) FROM operations GROUP BY state");
        let mut counts = BTreeMap::new();
        for row in rows.fetch_all(&self.readers).await? {
            let state: OperationState = row.try_get::<&str, _>(0)?.parse()?;
            counts.insert(state.as_str(), row.try_get::<i64, _>(1)?.unsigned_abs());
        }
        Ok(counts)
    }

    /// Returns the resource ID of an operation, even if the resource no longer exists; `None` if there is no
    /// such operation.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn resource_of_operation(&self, id: Uuid) -> Result<Option<String>, StoreError> {
        let row = sqlx::query("SELECT resource_id FROM operations WHERE id = ?")
            .bind(id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Stores an operation that has ended with a result already.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn ended_operation(
        &self,
        gateway: &Gateway,
        kind: OperationKind,
        result: &Value,
    ) -> Result<Operation, StoreError> {
        let mut transaction = self.begin().await?;
        forget_old_looks(&mut transaction).await?;
        let operation =
            begin_operation(&mut transaction, gateway, None, kind, OperationState::Succeeded, Some(result))
                .await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Stores the operation of an on-demand probe.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_on_demand(&self, gateway: &Gateway) -> Result<Operation, StoreError> {
        let mut transaction = self.begin().await?;
        forget_old_looks(&mut transaction).await?;
        let (kind, state) = (OperationKind::OnDemandHealth, OperationState::InProgress);
        let operation = begin_operation(&mut transaction, gateway, None, kind, state, None).await?;
        transaction.commit().await?;
        Ok(operation)
    }

    /// Stores the outcome of an on-demand probe.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_on_demand(
        &self,
        id: Uuid,
        outcome: Result<&Value, &Problem>,
    ) -> Result<(), StoreError> {
        let state = outcome.map_or(OperationState::Failed, |_| OperationState::Succeeded);
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE operations SET state = ?, code = ?, message = ?, result = ?, ended_at = ? \
             WHERE id = ? AND state = 'InProgress'",
        )
        .bind(state.as_str())
        .bind(outcome.err().map(|problem| problem.code.as_str()))
        .bind(outcome.err().map(|problem| problem.message.as_str()))
        .bind(outcome.ok().map(Value::to_string))
        .bind(Millis::now().0)
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Ends all on-demand probes in progress as failed.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_all_on_demand(&self, problem: &Problem) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE operations SET state = 'Failed', code = ?, message = ?, ended_at = ? \
             WHERE kind = 'OnDemandHealth' AND state = 'InProgress'",
        )
        .bind(&problem.code)
        .bind(&problem.message)
        .bind(Millis::now().0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// Deletes expired operations: at most those of one day, and none of the newest [`KEPT_ROWS`].
pub(super) async fn forget_old(connection: &mut SqliteConnection, now: i64) -> Result<(), StoreError> {
    let (newest, oldest): (Option<i64>, Option<i64>) = sqlx::query_as(
        "SELECT (SELECT MAX(ended_at) FROM operations WHERE ended_at IS NOT NULL), \
         (SELECT MIN(ended_at) FROM operations WHERE ended_at IS NOT NULL)",
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(before) = deleted_before(now, KEPT_MILLIS, newest, oldest) {
        sqlx::query(
            "DELETE FROM operations WHERE ended_at < ? AND rowid <= (SELECT MAX(rowid) FROM operations) - ?",
        )
        .bind(before)
        .bind(KEPT_ROWS)
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn forget_old_looks(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM operations WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER newest AS place, \
         SUM(COALESCE(OCTET_LENGTH(result), 0)) OVER newest AS size FROM operations \
         WHERE kind IN ('BackendHealth', 'OnDemandHealth') AND ended_at IS NOT NULL \
         WINDOW newest AS (ORDER BY ended_at DESC, id)) WHERE place >= ? OR size > ?)",
    )
    .bind(LOOKS_KEPT)
    .bind(LOOKS_SIZE)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores an operation. `target` is the resource ID of the written resource, if the operation belongs to a
/// write.
pub(super) async fn begin_operation(
    connection: &mut SqliteConnection,
    gateway: &Gateway,
    target: Option<&str>,
    kind: OperationKind,
    state: OperationState,
    result: Option<&Value>,
) -> Result<Operation, StoreError> {
    let (id, now) = (Uuid::new_v4(), Millis::now());
    let ended_at = (state != OperationState::InProgress).then_some(now);
    forget_old(connection, now.0).await?;
    sqlx::query(
        "INSERT INTO operations (id, gateway, resource_id, target, subscription, kind, generation, state, result, \
         started_at, ended_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(gateway.id.to_string())
    .bind(gateway.document.path.to_string())
    .bind(target)
    .bind(&gateway.document.path.subscription)
    .bind(kind.as_str())
    .bind(number(gateway.generation))
    .bind(state.as_str())
    .bind(result.map(Value::to_string))
    .bind(now.0)
    .bind(ended_at.map(|at| at.0))
    .execute(connection)
    .await?;
    Ok(Operation { id, kind, state, problem: None, result: result.cloned(), started_at: now, ended_at })
}

/// Cancels all operations in progress of a gateway: a stop, a start or a deletion of it undoes them.
pub(super) async fn supersede_operations(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
) -> Result<(), StoreError> {
    end_operations(connection, gateway, OperationState::Canceled, Some(&superseded())).await
}

/// Cancels one operation, whose write was undone by a newer one before it was applied.
pub(super) async fn cancel_operation(connection: &mut SqliteConnection, id: &str) -> Result<(), StoreError> {
    let problem = superseded();
    sqlx::query("UPDATE operations SET state = 'Canceled', code = ?, message = ?, ended_at = ? WHERE id = ?")
        .bind(&problem.code)
        .bind(&problem.message)
        .bind(Millis::now().0)
        .bind(id)
        .execute(connection)
        .await?;
    Ok(())
}

fn superseded() -> Problem {
    Problem {
        code: SUPERSEDED.to_owned(),
        message: "A newer write to the same gateway undid this one before it was applied.".to_owned(),
    }
}

/// Ends all operations in progress of a gateway, except for on-demand probes.
pub(super) async fn end_operations(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
    state: OperationState,
    problem: Option<&Problem>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operations SET state = ?, code = ?, message = ?, ended_at = ? \
         WHERE gateway = ? AND state = 'InProgress' AND kind <> 'OnDemandHealth'",
    )
    .bind(state.as_str())
    .bind(problem.map(|p| p.code.as_str()))
    .bind(problem.map(|p| p.message.as_str()))
    .bind(Millis::now().0)
    .bind(gateway.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends as failed the operations of a gateway that began no later than `began_by`, except for on-demand probes.
/// Returns whether others are still in progress.
pub(super) async fn end_late_operations(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
    began_by: Millis,
    problem: &Problem,
) -> Result<bool, StoreError> {
    sqlx::query(
        "UPDATE operations SET state = 'Failed', code = ?, message = ?, ended_at = ? \
         WHERE gateway = ? AND state = 'InProgress' AND kind <> 'OnDemandHealth' AND started_at <= ?",
    )
    .bind(&problem.code)
    .bind(&problem.message)
    .bind(Millis::now().0)
    .bind(gateway.to_string())
    .bind(began_by.0)
    .execute(&mut *connection)
    .await?;
    let left = sqlx::query(
        "SELECT 1 FROM operations WHERE gateway = ? AND state = 'InProgress' AND kind <> 'OnDemandHealth'",
    )
    .bind(gateway.to_string())
    .fetch_optional(connection)
    .await?;
    Ok(left.is_some())
}

fn damaged(id: Uuid, why: &serde_json::Error) -> StoreError {
    StoreError::Damaged { what: format!("operation {id}"), why: why.to_string() }
}
