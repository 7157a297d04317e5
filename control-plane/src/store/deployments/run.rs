//! The execution of deployments: the running ones, their requests and their progress.

use serde_json::Value;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::audit::Author;
use crate::clock::Millis;

use super::{
    Deployment, DeploymentState, deployment, end, json, parse_uuid, purpose, select_deployments, text,
};
use crate::store::{Store, StoreError};

/// The operation of a deployment on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The ID of the step.
    pub(crate) id: Uuid,
    pub(crate) resource_id: String,
    pub(crate) resource_type: String,
    pub(crate) state: DeploymentState,
    /// The reason of a failure.
    pub(crate) error: Option<Failure>,
    /// The start time.
    pub(crate) started_at: Millis,
    /// The end time.
    pub(crate) ended_at: Option<Millis>,
}

/// A deployment to run.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) deployment: Deployment,
    /// The complete request, from [`NewDeployment::request`](crate::store::NewDeployment::request).
    pub(crate) request: Secret,
    /// The author of the request.
    pub(crate) author: Author,
    /// The API client that is the author, if any, whose rights are looked up again.
    pub(crate) client: Option<Uuid>,
}

impl Store {
    /// Returns the running deployments, oldest first.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn running_deployments(&self) -> Result<Vec<Uuid>, StoreError> {
        let ids = sqlx::query_scalar::<_, String>(
            "SELECT id FROM deployments WHERE state = 'Running' ORDER BY started_at",
        );
        ids.fetch_all(&self.readers).await?.iter().map(|id| parse_uuid(id)).collect()
    }

    /// Returns whether a deployment is still running.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn is_running(&self, deployment: Uuid) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM deployments WHERE id = ? AND state = 'Running'")
            .bind(deployment.to_string())
            .fetch_optional(&self.readers)
            .await?;
        Ok(row.is_some())
    }

    /// Returns a deployment with its request, if it is still running. Deletes the steps of an earlier run.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn take_up_deployment(&self, id: Uuid) -> Result<Option<Task>, StoreError> {
        let mut transaction = self.begin().await?;
        let query = select_deployments!("WHERE id = ? AND state = 'Running'");
        let Some(row) = sqlx::query(query).bind(id.to_string()).fetch_optional(&mut *transaction).await?
        else {
            return transaction.undo(Ok(None)).await;
        };
        sqlx::query("DELETE FROM deployment_steps WHERE deployment = ?")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let damaged =
            |why: &str| StoreError::Damaged { what: format!("deployment {id}"), why: why.to_owned() };
        let sealed: Option<Vec<u8>> = row.try_get("request")?;
        let sealed = sealed.ok_or_else(|| damaged("it runs without a request"))?;
        let request = self.key.open(purpose(id).as_bytes(), &sealed).map_err(|e| damaged(&e.to_string()))?;
        let address: Option<&str> = row.try_get("address")?;
        let uuid = |column| row.try_get::<Option<&str>, _>(column)?.map(parse_uuid).transpose();
        let author = Author {
            name: row.try_get("author")?,
            address: address.and_then(|address| address.parse().ok()),
            request: uuid("request_id")?,
            client: None,
        };
        Ok(Some(Task { deployment: deployment(&row)?, request, author, client: uuid("client")? }))
    }

    /// Records that a running deployment begins with a resource. Returns whether it is still running.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_step(
        &self,
        deployment: Uuid,
        position: usize,
        resource_id: &str,
        resource_type: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let begun = sqlx::query(
            "INSERT INTO deployment_steps (deployment, position, id, resource_id, resource_type, state, started_at) \
             SELECT id, ?, ?, ?, ?, 'Running', ? FROM deployments WHERE id = ? AND state = 'Running'",
        )
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .bind(Uuid::new_v4().to_string())
        .bind(resource_id)
        .bind(resource_type)
        .bind(Millis::now().0)
        .bind(deployment.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(begun.rows_affected() > 0)
    }

    /// Records the end of a step.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_step(
        &self,
        deployment: Uuid,
        position: usize,
        outcome: Result<(), &Failure>,
    ) -> Result<(), StoreError> {
        let state = outcome.map_or(DeploymentState::Failed, |()| DeploymentState::Succeeded);
        let mut transaction = self.begin().await?;
        sqlx::query(
            "UPDATE deployment_steps SET state = ?, error = ?, ended_at = ? \
             WHERE deployment = ? AND position = ? AND state = 'Running'",
        )
        .bind(state.as_str())
        .bind(outcome.err().map(text))
        .bind(Millis::now().0)
        .bind(deployment.to_string())
        .bind(i64::try_from(position).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Ends a running deployment with its outputs or the reason of its failure, and deletes its request.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_deployment(
        &self,
        id: Uuid,
        outcome: Result<&Value, &Failure>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let state = outcome.map_or(DeploymentState::Failed, |_| DeploymentState::Succeeded);
        end(&mut transaction, id, state, outcome).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Returns the steps of a deployment, in order.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn deployment_steps(&self, deployment: Uuid) -> Result<Vec<Step>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, resource_id, resource_type, state, error, started_at, ended_at FROM deployment_steps \
             WHERE deployment = ? ORDER BY position",
        )
        .bind(deployment.to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(step).collect()
    }
}

fn step(row: &SqliteRow) -> Result<Step, StoreError> {
    let id = parse_uuid(row.try_get("id")?)?;
    Ok(Step {
        id,
        resource_id: row.try_get("resource_id")?,
        resource_type: row.try_get("resource_type")?,
        state: row.try_get::<&str, _>("state")?.parse()?,
        error: json(id, row.try_get("error")?)?,
        started_at: Millis(row.try_get("started_at")?),
        ended_at: row.try_get::<Option<i64>, _>("ended_at")?.map(Millis),
    })
}
