//! The table `deployments`. The request is stored sealed; callers seal and open it.

use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentPath, Failure};
use crate::audit::Author;
use crate::clock::Millis;

use super::{json_text, key, parse_json, parse_uuid};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{Deployment, DeploymentState};

/// A running deployment, with what is needed to run it.
#[derive(Debug)]
pub(in crate::store) struct RunningDeployment {
    pub(in crate::store) deployment: Deployment,
    /// The sealed request. A running deployment has one unless its row is damaged.
    pub(in crate::store) sealed_request: Option<Vec<u8>>,
    /// The author of the request.
    pub(in crate::store) author: Author,
    /// The ID of the API client that is the author, if any.
    pub(in crate::store) client: Option<Uuid>,
    /// The number of counted starts.
    pub(in crate::store) starts: i64,
}

/// Returns a deployment by path.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    path: &DeploymentPath,
) -> Result<Option<Deployment>, StoreError> {
    let row = sqlx::query(
        "SELECT id, subscription, resource_group, name, body, state, outputs, error, warnings, \
         correlation_id, started_at, ended_at FROM deployments WHERE resource_key = $1",
    )
    .bind(key(&path.to_string()))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(deployment).transpose()
}

/// Returns the ID of a deployment and its sealed template, by path.
pub(in crate::store) async fn find_template(
    connection: &mut Connection,
    path: &DeploymentPath,
) -> Result<Option<(Uuid, Option<Vec<u8>>)>, StoreError> {
    let row = sqlx::query("SELECT id, template FROM deployments WHERE resource_key = $1")
        .bind(key(&path.to_string()))
        .fetch_optional(connection)
        .await?;
    row.map(|row| Ok((parse_uuid(row.try_get("id")?)?, row.try_get("template")?))).transpose()
}

/// Returns the deployments of a group, or those to the subscription itself, newest first. Damaged ones are logged
/// and left out.
pub(in crate::store) async fn list(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
) -> Result<Vec<Deployment>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, subscription, resource_group, name, body, state, outputs, error, warnings, \
         correlation_id, started_at, ended_at FROM deployments WHERE subscription_key = $1 \
         AND resource_group_key IS NOT DISTINCT FROM $2 ORDER BY started_at DESC",
    )
    .bind(key(subscription))
    .bind(group.map(key))
    .fetch_all(connection)
    .await?;
    Ok(rows.iter().filter_map(|row| whole(deployment(row))).collect())
}

/// Returns the IDs of the running deployments that are not nested, oldest first. Damaged ones are logged and left
/// out.
pub(in crate::store) async fn list_running(connection: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM deployments WHERE state = 'Running' AND parent IS NULL ORDER BY started_at",
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.iter().filter_map(|id| whole(parse_uuid(id))).collect())
}

/// Returns the IDs of the running deployments that are nested in another one.
pub(in crate::store) async fn list_running_nested(
    connection: &mut Connection,
    parent: Uuid,
) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> =
        sqlx::query_scalar("SELECT id FROM deployments WHERE state = 'Running' AND parent = $1")
            .bind(parent.to_string())
            .fetch_all(connection)
            .await?;
    Ok(ids.iter().filter_map(|id| whole(parse_uuid(id))).collect())
}

/// Returns the IDs of the running nested deployments around which no deployment runs.
pub(in crate::store) async fn list_orphans(connection: &mut Connection) -> Result<Vec<Uuid>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM deployments WHERE state = 'Running' AND parent IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM deployments AS around WHERE around.id = deployments.parent \
         AND around.state = 'Running')",
    )
    .fetch_all(connection)
    .await?;
    Ok(ids.iter().filter_map(|id| whole(parse_uuid(id))).collect())
}

/// Returns whether there is a running deployment with this ID.
pub(in crate::store) async fn is_running(connection: &mut Connection, id: Uuid) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT 1 FROM deployments WHERE id = $1 AND state = 'Running'")
        .bind(id.to_string())
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

/// Returns a deployment by ID, if it is running.
pub(in crate::store) async fn find_running(
    connection: &mut Connection,
    id: Uuid,
) -> Result<Option<RunningDeployment>, StoreError> {
    let row = sqlx::query(
        "SELECT id, subscription, resource_group, name, request, body, state, outputs, error, \
         warnings, correlation_id, author, address, request_id, client, starts, started_at, ended_at \
         FROM deployments WHERE id = $1 AND state = 'Running'",
    )
    .bind(id.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(running).transpose()
}

/// Inserts a deployment with the run in which it is nested, its sealed request and template, and the author of the
/// request.
///
/// # Errors
/// [`StoreError::Duplicate`] if there is one of that path.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    deployment: &Deployment,
    parent: Option<Uuid>,
    (sealed_request, sealed_template): (Option<&[u8]>, Option<&[u8]>),
    author: &Author,
) -> Result<(), StoreError> {
    let path = &deployment.path;
    sqlx::query(
        "INSERT INTO deployments (resource_key, id, subscription_key, subscription, resource_group_key, \
         resource_group, name, request, body, state, correlation_id, author, address, request_id, client, \
         started_at, parent, template, warnings) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, \
         $12, $13, $14, $15, $16, $17, $18, $19)",
    )
    .bind(key(&path.to_string()))
    .bind(deployment.id.to_string())
    .bind(key(&path.subscription))
    .bind(&path.subscription)
    .bind(path.group.as_deref().map(key))
    .bind(path.group.as_deref())
    .bind(&path.name)
    .bind(sealed_request)
    .bind(json_text(&deployment.body))
    .bind(deployment.state.as_str())
    .bind(&deployment.correlation_id)
    .bind(&author.name)
    .bind(author.address.map(|address| address.to_string()))
    .bind(author.request.map(|request| request.to_string()))
    .bind(author.client.as_ref().map(|client| client.app_id.to_string()))
    .bind(deployment.started_at.0)
    .bind(parent.map(|parent| parent.to_string()))
    .bind(sealed_template)
    .bind(deployment.warnings.as_ref().map(Value::to_string))
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds to the counted starts of a deployment.
pub(in crate::store) async fn count_start(
    connection: &mut Connection,
    id: Uuid,
    more: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE deployments SET starts = starts + $1 WHERE id = $2 AND state = 'Running'")
        .bind(more)
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets the templates of the oldest deployments of a group, or of those to the subscription itself, so that
/// the others have at most `bytes` bytes in total.
pub(in crate::store) async fn forget_oldest_templates(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
    bytes: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deployments SET template = NULL WHERE id IN (SELECT id FROM (SELECT id, \
         SUM(OCTET_LENGTH(template)) OVER (ORDER BY started_at DESC, id) AS size FROM deployments \
         WHERE subscription_key = $1 AND resource_group_key IS NOT DISTINCT FROM $2 \
         AND template IS NOT NULL) AS by_age WHERE size > $3)",
    )
    .bind(key(subscription))
    .bind(group.map(key))
    .bind(bytes)
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores the end of a deployment, if it is running, and deletes its request.
pub(in crate::store) async fn end(
    connection: &mut Connection,
    id: Uuid,
    state: DeploymentState,
    outcome: Result<&Value, &Failure>,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deployments SET state = $1, outputs = $2, error = $3, ended_at = $4, request = NULL \
         WHERE id = $5 AND state = 'Running'",
    )
    .bind(state.as_str())
    .bind(outcome.ok().map(Value::to_string))
    .bind(outcome.err().map(failure_text))
    .bind(now.0)
    .bind(id.to_string())
    .execute(connection)
    .await?;
    Ok(())
}

/// Stores the warnings about the resources of a deployment, if it is running.
pub(in crate::store) async fn update_warnings(
    connection: &mut Connection,
    id: Uuid,
    warnings: &Value,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE deployments SET warnings = $1 WHERE id = $2 AND state = 'Running'")
        .bind(warnings.to_string())
        .bind(id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes a deployment, with its steps.
pub(in crate::store) async fn delete(connection: &mut Connection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM deployments WHERE id = $1").bind(id.to_string()).execute(connection).await?;
    Ok(())
}

/// Deletes the deployments of a group. Returns their paths.
pub(in crate::store) async fn delete_in_group(
    connection: &mut Connection,
    subscription: &str,
    group: &str,
) -> Result<Vec<DeploymentPath>, StoreError> {
    let rows = sqlx::query(
        "DELETE FROM deployments WHERE subscription_key = $1 AND resource_group_key = $2 \
         RETURNING subscription, resource_group, name",
    )
    .bind(key(subscription))
    .bind(key(group))
    .fetch_all(connection)
    .await?;
    rows.iter().map(path).collect()
}

/// Deletes the ended deployments of a group, or of those to the subscription itself, except for the newest
/// `kept`.
pub(in crate::store) async fn delete_oldest(
    connection: &mut Connection,
    subscription: &str,
    group: Option<&str>,
    kept: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM deployments WHERE id IN (SELECT ranked.id FROM (SELECT id, \
         ROW_NUMBER() OVER (ORDER BY started_at DESC, id) AS place FROM deployments \
         WHERE subscription_key = $1 AND resource_group_key IS NOT DISTINCT FROM $2 AND state <> 'Running') \
         AS ranked WHERE ranked.place > $3)",
    )
    .bind(key(subscription))
    .bind(group.map(key))
    .bind(kept)
    .execute(connection)
    .await?;
    Ok(())
}

/// Serializes the reason of a failure, of a deployment or of a step.
pub(super) fn failure_text(failure: &Failure) -> String {
    serde_json::to_string(failure).expect("a failure has a text form")
}

/// Reads a column that may contain JSON, of a deployment or of a step.
pub(super) fn optional_json<T: DeserializeOwned>(
    id: Uuid,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| parse_json(&format!("deployment {id}"), text)).transpose()
}

fn running(row: &Row) -> Result<RunningDeployment, StoreError> {
    let name: String = row.try_get("name")?;
    let address: Option<&str> = row.try_get("address")?;
    let uuid_in = |column| row.try_get::<Option<&str>, _>(column)?.map(parse_uuid).transpose();
    Ok(RunningDeployment {
        deployment: deployment(row)?,
        sealed_request: row.try_get("request")?,
        author: Author {
            name: row.try_get("author")?,
            address: address.and_then(|address| address.parse().ok()),
            request: uuid_in("request_id")?,
            client: None,
            reason: Some(format!("Deployment {name}")),
        },
        client: uuid_in("client")?,
        starts: row.try_get("starts")?,
    })
}

/// Returns a value that is not damaged. Damage is logged: one row must not hide the others.
fn whole<T>(found: Result<T, StoreError>) -> Option<T> {
    found.inspect_err(|error| tracing::error!(%error, "a deployment is left out")).ok()
}

fn deployment(row: &Row) -> Result<Deployment, StoreError> {
    let id = parse_uuid(row.try_get("id")?)?;
    Ok(Deployment {
        id,
        path: path(row)?,
        body: parse_json(&format!("deployment {id}"), row.try_get("body")?)?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        outputs: optional_json(id, row.try_get("outputs")?)?,
        error: optional_json(id, row.try_get("error")?)?,
        warnings: warnings(id, row)?,
        correlation_id: row.try_get("correlation_id")?,
        started_at: Millis(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
    })
}

/// Returns the warnings of a deployment. Damaged ones are logged and left out: nothing else depends on them.
fn warnings(id: Uuid, row: &Row) -> Result<Option<Value>, StoreError> {
    let found = optional_json(id, row.try_get("warnings")?);
    let log = |error: &StoreError| tracing::error!(%error, "the warnings of a deployment are left out");
    Ok(found.inspect_err(log).unwrap_or_default())
}

fn path(row: &Row) -> Result<DeploymentPath, StoreError> {
    Ok(DeploymentPath {
        subscription: row.try_get("subscription")?,
        group: row.try_get("resource_group")?,
        name: row.try_get("name")?,
    })
}
