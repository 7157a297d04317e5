//! The table `deployment_steps`.

use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::clock::Millis;

use super::deployments::{failure_text, optional_json};
use super::parse_uuid;
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{DeploymentState, Step};

/// Returns the steps of a deployment, in order.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    deployment: Uuid,
) -> Result<Vec<Step>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, operation, resource_id, resource_type, state, error, started_at, ended_at \
         FROM deployment_steps WHERE deployment = $1 ORDER BY position",
    )
    .bind(deployment.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter().map(step).collect()
}

/// Inserts a running step, if its deployment is running. Returns whether the deployment is running.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    deployment: Uuid,
    position: usize,
    step: &Step,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO deployment_steps (deployment, position, id, resource_id, resource_type, state, \
         started_at, operation) SELECT id, $1, $2, $3, $4, $5, $6, $8 FROM deployments \
         WHERE id = $7 AND state = 'Running'",
    )
    .bind(number(position))
    .bind(step.id.to_string())
    .bind(&step.resource_id)
    .bind(&step.resource_type)
    .bind(step.state.as_str())
    .bind(step.started_at.0)
    .bind(deployment.to_string())
    .bind(step.operation.as_str())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Stores the end of a step, if it is running.
pub(in crate::store) async fn end(
    connection: &mut Connection,
    deployment: Uuid,
    position: usize,
    state: DeploymentState,
    error: Option<&Failure>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = $1, error = $2, ended_at = $3 \
         WHERE deployment = $4 AND position = $5 AND state = 'Running'",
    )
    .bind(state.as_str())
    .bind(error.map(failure_text))
    .bind(now.0)
    .bind(deployment.to_string())
    .bind(number(position))
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores that the running steps of a deployment are canceled.
pub(in crate::store) async fn cancel_running(
    connection: &mut Connection,
    deployment: Uuid,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deployment_steps SET state = 'Canceled', ended_at = $1 \
         WHERE deployment = $2 AND state = 'Running'",
    )
    .bind(now.0)
    .bind(deployment.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the steps of a deployment.
pub(in crate::store) async fn delete_all(
    connection: &mut Connection,
    deployment: Uuid,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM deployment_steps WHERE deployment = $1")
        .bind(deployment.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Converts to the database's integer type. A template has fewer than 2^63 resources.
fn number(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn step(row: &Row) -> Result<Step, StoreError> {
    let id = parse_uuid(row.try_get("id")?)?;
    Ok(Step {
        id,
        operation: row.try_get::<&str, _>("operation")?.parse()?,
        resource_id: row.try_get("resource_id")?,
        resource_type: row.try_get("resource_type")?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        error: optional_json(id, row.try_get("error")?)?,
        started_at: Millis(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
    })
}
