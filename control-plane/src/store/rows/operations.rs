//! The table `operations`.
//!
//! Operations of on-demand probes and of closed tunnels end by themselves. Functions for operations of writes leave them
//! out, and say so.

use serde_json::Value;
use sqlx::AssertSqlSafe;
use tidegate_shared::id::{GatewayId, Generation};
use uuid::Uuid;

use crate::clock::Millis;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row, Statement};
use crate::store::model::{
    Ending, Operation, OperationKind, OperationNumber, OperationState, Problem, Subject,
};

use super::{key, number, parse_json, parse_uuid};

/// Returns an operation of that subscription.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    subscription: &str,
    id: Uuid,
) -> Result<Option<Operation>, StoreError> {
    let row = sqlx::query(
        "SELECT id, kind, state, code, message, result, warnings, started_at, ended_at FROM operations \
         WHERE id = $1 AND subscription_key = $2",
    )
    .bind(id.to_string())
    .bind(key(subscription))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(operation).transpose()
}

/// Returns the resource ID of the gateway or group that an operation concerns.
pub(in crate::store) async fn find_resource_id(
    connection: &mut Connection,
    id: Uuid,
) -> Result<Option<String>, StoreError> {
    let resource_id = sqlx::query_scalar("SELECT resource_id FROM operations WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(resource_id)
}

/// Returns the number of operations in each state.
pub(in crate::store) async fn count_by_state(
    connection: &mut Connection,
) -> Result<Vec<(OperationState, u64)>, StoreError> {
    let rows = sqlx::query("SELECT state, COUNT(*) AS operations FROM operations GROUP BY state")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let state = row.try_get::<&str, _>("state")?.parse()?;
            Ok((state, row.try_get::<i64, _>("operations")?.unsigned_abs()))
        })
        .collect()
}

/// Returns the operations in progress of a gateway with their targets, except for those that end by themselves.
pub(in crate::store) async fn list_in_progress(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Vec<(Uuid, Option<String>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, target FROM operations \
         WHERE gateway = $1 AND state = 'InProgress' AND kind NOT IN ('OnDemandHealth', 'CloseTunnels')",
    )
    .bind(gateway.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok((parse_uuid(row.try_get("id")?)?, row.try_get("target")?))).collect()
}

/// Returns the newest operation in progress of a gateway, except for those that end by themselves.
pub(in crate::store) async fn find_newest_in_progress(
    connection: &mut Connection,
    gateway: GatewayId,
) -> Result<Option<OperationNumber>, StoreError> {
    let newest: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(number) FROM operations \
         WHERE gateway = $1 AND state = 'InProgress' AND kind NOT IN ('OnDemandHealth', 'CloseTunnels')",
    )
    .bind(gateway.to_string())
    .fetch_one(connection)
    .await?;
    Ok(newest.map(OperationNumber))
}

/// Returns the latest and the earliest end of operations, in milliseconds since 1970.
pub(in crate::store) async fn newest_and_oldest(
    connection: &mut Connection,
) -> Result<(Option<i64>, Option<i64>), StoreError> {
    // One subselect for each: an engine that looks up a single minimum in an index may scan for two.
    let ends = sqlx::query_as(
        "SELECT (SELECT MAX(ended_at) FROM operations WHERE ended_at IS NOT NULL), \
         (SELECT MIN(ended_at) FROM operations WHERE ended_at IS NOT NULL)",
    );
    Ok(ends.fetch_one(connection).await?)
}

/// Inserts an operation.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    operation: &Operation,
    subject: &Subject<'_>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO operations (id, gateway, resource_id, target, subscription_key, kind, generation, \
         state, code, message, result, started_at, ended_at, warnings) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(operation.id.to_string())
    .bind(subject.id.to_string())
    .bind(subject.resource_id)
    .bind(subject.target)
    .bind(key(subject.subscription))
    .bind(operation.kind.as_str())
    .bind(number(subject.generation))
    .bind(operation.state.as_str())
    .bind(operation.problem.as_ref().map(|problem| &problem.code))
    .bind(operation.problem.as_ref().map(|problem| &problem.message))
    .bind(operation.result.as_ref().map(Value::to_string))
    .bind(operation.started_at.0)
    .bind(operation.ended_at.map(|at| at.0))
    .bind(operation.warnings.as_ref().map(Value::to_string))
    .execute(connection)
    .await?;
    Ok(())
}

/// Begins an UPDATE that ends the operations for which a condition holds. The first parameter of the
/// condition is `$6`.
fn end_where(condition: &str, ending: &Ending<'_>) -> Statement {
    let statement = format!(
        "UPDATE operations SET state = $1, code = $2, message = $3, result = $4, ended_at = $5 \
         WHERE {condition}"
    );
    sqlx::query(AssertSqlSafe(statement))
        .bind(ending.state.as_str())
        .bind(ending.problem.map(|problem| problem.code.as_str()))
        .bind(ending.problem.map(|problem| problem.message.as_str()))
        .bind(ending.result.map(Value::to_string))
        .bind(ending.at.0)
}

/// Ends an operation, if it is in progress.
pub(in crate::store) async fn end(
    connection: &mut Connection,
    id: Uuid,
    ending: &Ending<'_>,
) -> Result<(), StoreError> {
    end_where("id = $6 AND state = 'InProgress'", ending).bind(id.to_string()).execute(connection).await?;
    Ok(())
}

/// Ends the operations in progress of a gateway or a resource group, by its ID, except for those that end by themselves.
pub(in crate::store) async fn end_all(
    connection: &mut Connection,
    of: Uuid,
    ending: &Ending<'_>,
) -> Result<(), StoreError> {
    end_where(
        "gateway = $6 AND state = 'InProgress' AND kind NOT IN ('OnDemandHealth', 'CloseTunnels')",
        ending,
    )
    .bind(of.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the operations in progress of a gateway that began no later than `began_by`, except for those that
/// end by themselves.
pub(in crate::store) async fn end_begun_by(
    connection: &mut Connection,
    gateway: GatewayId,
    began_by: Millis,
    ending: &Ending<'_>,
) -> Result<(), StoreError> {
    end_where(
        "gateway = $6 AND state = 'InProgress' AND kind NOT IN ('OnDemandHealth', 'CloseTunnels') AND started_at <= $7",
        ending,
    )
    .bind(gateway.to_string())
    .bind(began_by.0)
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends as succeeded the writes in progress of a gateway up to a generation.
pub(in crate::store) async fn end_writes_up_to(
    connection: &mut Connection,
    gateway: GatewayId,
    generation: Generation,
    at: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE operations SET state = 'Succeeded', ended_at = $1 \
         WHERE gateway = $2 AND state = 'InProgress' AND kind = 'Write' AND generation <= $3",
    )
    .bind(at.0)
    .bind(gateway.to_string())
    .bind(number(generation))
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends all operations in progress of a kind.
pub(in crate::store) async fn end_all_of_kind(
    connection: &mut Connection,
    kind: OperationKind,
    ending: &Ending<'_>,
) -> Result<(), StoreError> {
    end_where("kind = $6 AND state = 'InProgress'", ending).bind(kind.as_str()).execute(connection).await?;
    Ok(())
}

/// Deletes the operations that ended before a time, except for the newest `kept` operations.
pub(in crate::store) async fn delete_ended_before(
    connection: &mut Connection,
    before: Millis,
    kept: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM operations WHERE ended_at < $1 AND number <= (SELECT MAX(number) FROM operations) - $2",
    )
    .bind(before.0)
    .bind(kept)
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the oldest ended health operations, so that fewer than `rows` are left, with results of at most
/// `bytes` bytes in total.
pub(in crate::store) async fn delete_oldest_of_health(
    connection: &mut Connection,
    rows: i64,
    bytes: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM operations WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER newest AS place, \
         SUM(COALESCE(OCTET_LENGTH(result), 0)) OVER newest AS size FROM operations \
         WHERE kind IN ('BackendHealth', 'OnDemandHealth') AND ended_at IS NOT NULL \
         WINDOW newest AS (ORDER BY ended_at DESC, id)) AS by_age WHERE place >= $1 OR size > $2)",
    )
    .bind(rows)
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

fn operation(row: &Row) -> Result<Operation, StoreError> {
    let id = parse_uuid(row.try_get("id")?)?;
    let problem = match (row.try_get("code")?, row.try_get("message")?) {
        (Some(code), Some(message)) => Some(Problem { code, message }),
        _ => None,
    };
    let result: Option<&str> = row.try_get("result")?;
    let warnings: Option<&str> = row.try_get("warnings")?;
    let json = |text: &str| parse_json(&format!("operation {id}"), text);
    Ok(Operation {
        id,
        kind: row.try_get::<&str, _>("kind")?.parse()?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        problem,
        result: result.map(json).transpose()?,
        warnings: warnings.map(json).transpose()?,
        started_at: Millis(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
    })
}
