//! Deployments: requests (sealed, as long as they are needed), progress and results.
//!
//! The request of a running deployment is stored here, so that a process that finds it at its start can resume
//! it.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentPath, Failure};
use crate::audit::Act;
use crate::clock::Millis;

use super::audit::record;
use super::model::{Placement, parse_uuid, text_enum};
use super::{Store, StoreError};

mod run;

pub(crate) use run::{Step, Task};

/// The maximum number of deployments kept for a group, as in ARM. The oldest ended ones are deleted first.
const KEPT: i64 = 800;

text_enum! {
    /// The state of a deployment or of one of its steps.
    DeploymentState {
        /// In progress.
        Running,
        /// Ended successfully.
        Succeeded,
        /// Ended with an error.
        Failed,
        /// Canceled before it ended.
        Canceled,
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    /// The ID of this run: another PUT of the deployment gets a new one. It is also the last segment of the
    /// operation's URL.
    pub(crate) id: Uuid,
    /// The resource ID.
    pub(crate) path: DeploymentPath,
    /// The part of the request that responses show.
    pub(crate) body: Map<String, Value>,
    pub(crate) state: DeploymentState,
    /// The outputs, after success.
    pub(crate) outputs: Option<Value>,
    /// The reason of a failure.
    pub(crate) error: Option<Failure>,
    /// The correlation ID, shared with related requests.
    pub(crate) correlation_id: String,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// A deployment to create.
#[derive(Debug)]
pub(crate) struct NewDeployment {
    /// The ID of this run.
    pub(crate) id: Uuid,
    /// The resource ID.
    pub(crate) path: DeploymentPath,
    /// The complete request.
    pub(crate) request: Secret,
    /// The part of the request that responses show.
    pub(crate) body: Map<String, Value>,
    /// The correlation ID, shared with related requests.
    pub(crate) correlation_id: String,
}

/// Selects the columns that [`deployment`] reads.
macro_rules! select_deployments {
    ($rest:literal) => {
        concat!(
            "SELECT id, subscription, resource_group, name, body, state, outputs, error, correlation_id, author, \
             address, request_id, client, request, started_at, ended_at FROM deployments ",
            $rest
        )
    };
}
use select_deployments;

impl Store {
    /// Stores a deployment, replacing an earlier one of that name. Also returns whether it is new.
    ///
    /// # Errors
    /// If the database fails, if a deployment of that name is running, or if the group does not exist or is
    /// being deleted.
    pub(crate) async fn add_deployment(
        &self,
        act: &Act,
        new: NewDeployment,
    ) -> Result<(Deployment, bool), StoreError> {
        let NewDeployment { id, path, request, body, correlation_id } = new;
        let mut transaction = self.begin().await?;
        let placement = Placement { subscription: &path.subscription, group: &path.group, location: None };
        if let Err(refused) = self.enter_group(&mut transaction, placement, act).await {
            return transaction.end(Err(refused)).await;
        }
        let before = load(&mut transaction, &path).await?;
        let created = before.is_none();
        let path = match inactive(before) {
            Ok(before) => before.map_or(path, |before| before.path),
            Err(active) => return transaction.undo(Err(active)).await,
        };
        prune(&mut transaction, &path).await?;
        let started_at = Millis::now();
        let client = act.author.client.as_ref().map(|client| client.app_id.to_string());
        sqlx::query(
            "INSERT INTO deployments (resource_id, id, subscription, resource_group, name, request, body, state, \
             correlation_id, author, address, request_id, client, started_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, 'Running', ?, ?, ?, ?, ?, ?)",
        )
        .bind(path.to_string())
        .bind(id.to_string())
        .bind(&path.subscription)
        .bind(&path.group)
        .bind(&path.name)
        .bind(self.key.seal(purpose(id).as_bytes(), request.expose()))
        .bind(Value::Object(body.clone()).to_string())
        .bind(&correlation_id)
        .bind(&act.author.name)
        .bind(act.author.address.map(|address| address.to_string()))
        .bind(act.author.request.map(|request| request.to_string()))
        .bind(client)
        .bind(started_at.0)
        .execute(&mut *transaction)
        .await?;
        record(&mut transaction, act, None, None).await?;
        transaction.commit().await?;
        let (state, outputs, error) = (DeploymentState::Running, None, None);
        let deployment =
            Deployment { id, path, body, state, outputs, error, correlation_id, started_at, ended_at: None };
        Ok((deployment, created))
    }

    /// Returns a deployment by its path, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn deployment(&self, path: &DeploymentPath) -> Result<Option<Deployment>, StoreError> {
        let mut view = self.view().await?;
        load(&mut view, path).await
    }

    /// Returns the deployments of a group, newest first.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn deployments(
        &self,
        subscription: &str,
        group: &str,
    ) -> Result<Vec<Deployment>, StoreError> {
        let query =
            select_deployments!("WHERE subscription = ? AND resource_group = ? ORDER BY started_at DESC");
        let rows = sqlx::query(query).bind(subscription).bind(group).fetch_all(&self.readers).await?;
        rows.iter().map(deployment).collect()
    }

    /// Deletes a deployment, but not the resources it has deployed. Returns whether there was one.
    ///
    /// # Errors
    /// If the database fails or the deployment is running.
    pub(crate) async fn delete_deployment(
        &self,
        path: &DeploymentPath,
        act: &Act,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let deployment = match inactive(load(&mut transaction, path).await?) {
            Ok(Some(deployment)) => deployment,
            none_or_active => return transaction.undo(none_or_active.map(|_| false)).await,
        };
        remove(&mut transaction, deployment.id).await?;
        record(&mut transaction, act, None, None).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Cancels a deployment: resources that it has written stay, and no others are written. Returns whether it
    /// was running, or `None` if there is no such deployment.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn cancel_deployment(
        &self,
        path: &DeploymentPath,
        act: &Act,
        error: &Failure,
    ) -> Result<Option<bool>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(deployment) = load(&mut transaction, path).await? else {
            return transaction.undo(Ok(None)).await;
        };
        let running = deployment.state == DeploymentState::Running;
        if running {
            end(&mut transaction, deployment.id, DeploymentState::Canceled, Err(error)).await?;
            record(&mut transaction, act, None, None).await?;
        }
        transaction.commit().await?;
        self.settled();
        Ok(Some(running))
    }
}

/// Returns the deployment, or an error if it is running.
fn inactive(deployment: Option<Deployment>) -> Result<Option<Deployment>, StoreError> {
    match deployment {
        Some(deployment) if deployment.state == DeploymentState::Running => {
            Err(StoreError::DeploymentActive(deployment.path.name))
        }
        other => Ok(other),
    }
}

async fn load(
    connection: &mut SqliteConnection,
    path: &DeploymentPath,
) -> Result<Option<Deployment>, StoreError> {
    let query = select_deployments!("WHERE resource_id = ?");
    let row = sqlx::query(query).bind(path.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(deployment).transpose()
}

/// Makes room for a deployment: deletes one of the same name, and the oldest ones over the limit.
async fn prune(connection: &mut SqliteConnection, path: &DeploymentPath) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM deployments WHERE resource_id = ?1 OR id IN (SELECT id FROM deployments \
         WHERE subscription = ?2 AND resource_group = ?3 AND state <> 'Running' \
         ORDER BY started_at DESC LIMIT -1 OFFSET ?4)",
    )
    .bind(path.to_string())
    .bind(&path.subscription)
    .bind(&path.group)
    .bind(KEPT - 1)
    .execute(connection)
    .await?;
    Ok(())
}

async fn remove(connection: &mut SqliteConnection, id: Uuid) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM deployments WHERE id = ?").bind(id.to_string()).execute(connection).await?;
    Ok(())
}

async fn end(
    connection: &mut SqliteConnection,
    id: Uuid,
    state: DeploymentState,
    outcome: Result<&Value, &Failure>,
) -> Result<(), StoreError> {
    let (now, id) = (Millis::now().0, id.to_string());
    sqlx::query(
        "UPDATE deployments SET state = ?, outputs = ?, error = ?, ended_at = ?, request = NULL \
         WHERE id = ? AND state = 'Running'",
    )
    .bind(state.as_str())
    .bind(outcome.ok().map(Value::to_string))
    .bind(outcome.err().map(text))
    .bind(now)
    .bind(&id)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE deployment_steps SET state = 'Canceled', ended_at = ? WHERE deployment = ? AND state = 'Running'",
    )
    .bind(now)
    .bind(&id)
    .execute(connection)
    .await?;
    Ok(())
}

/// The purpose for which a deployment's request is sealed.
fn purpose(id: Uuid) -> String {
    format!("deployment {id}")
}

fn text(failure: &Failure) -> String {
    serde_json::to_string(failure).expect("a failure has a text form")
}

fn deployment(row: &SqliteRow) -> Result<Deployment, StoreError> {
    let id = parse_uuid(row.try_get("id")?)?;
    Ok(Deployment {
        id,
        path: DeploymentPath {
            subscription: row.try_get("subscription")?,
            group: row.try_get("resource_group")?,
            name: row.try_get("name")?,
        },
        body: json(id, Some(row.try_get("body")?))?.unwrap_or_default(),
        state: row.try_get::<&str, _>("state")?.parse()?,
        outputs: json(id, row.try_get("outputs")?)?,
        error: json(id, row.try_get("error")?)?,
        correlation_id: row.try_get("correlation_id")?,
        started_at: Millis(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
    })
}

fn json<T: serde::de::DeserializeOwned>(id: Uuid, text: Option<&str>) -> Result<Option<T>, StoreError> {
    let damaged =
        |e: serde_json::Error| StoreError::Damaged { what: format!("deployment {id}"), why: e.to_string() };
    text.map(serde_json::from_str).transpose().map_err(damaged)
}
