//! The execution of deployments: the running ones, their requests and their progress.

use serde_json::Value;
use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::clock::Millis;
use crate::store::{DeploymentState, Step, StepOperation, Store, StoreError, Task, rows};

use super::{end, end_orphans, purpose, running_within};

impl Store {
    /// Returns the running deployments, oldest first. Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn running_deployments(&self) -> Result<Vec<Uuid>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::deployments::list_running(&mut reader).await
    }

    /// Cancels the running nested deployments around which no deployment runs, as earlier versions could leave
    /// them.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_orphaned_deployments(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        end_orphans(&mut transaction).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Returns whether a deployment is still running.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn is_running(&self, deployment: Uuid) -> Result<bool, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::deployments::is_running(&mut reader, deployment).await
    }

    /// Returns a deployment with its request, if it is still running. With `counts`, this is a start that is
    /// counted until [`Store::leave_deployment`]. Up to the start `last`, the steps of an earlier run are
    /// deleted, and the nested deployments that it left running; after it they stay, because the deployment
    /// is not run again.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn take_up_deployment(
        &self,
        id: Uuid,
        counts: bool,
        last: i64,
    ) -> Result<Option<Task>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(running) = rows::deployments::find_running(&mut transaction, id).await? else {
            return transaction.undo(Ok(None)).await;
        };
        let starts = running.starts + i64::from(counts);
        if starts <= last {
            rows::deployment_steps::delete_all(&mut transaction, id).await?;
            for nested in running_within(&mut transaction, id).await? {
                rows::deployments::delete(&mut transaction, nested).await?;
            }
        }
        rows::deployments::count_start(&mut transaction, id, i64::from(counts)).await?;
        transaction.commit().await?;
        let damaged =
            |why: &str| StoreError::Damaged { what: format!("deployment {id}"), why: why.to_owned() };
        let sealed = running.sealed_request.ok_or_else(|| damaged("it runs without a request"))?;
        let request = self.key.open(purpose(id).as_bytes(), &sealed).map_err(|e| damaged(&e.to_string()))?;
        let (deployment, author, client) = (running.deployment, running.author, running.client);
        Ok(Some(Task { deployment, request, author, client, starts }))
    }

    /// Records that the process stops in order while a deployment is running: its start does not count.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn leave_deployment(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        rows::deployments::count_start(&mut transaction, id, -1).await?;
        transaction.commit().await
    }

    /// Records that a running deployment begins to write or to delete a resource. Returns whether it is still
    /// running.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn begin_step(
        &self,
        deployment: Uuid,
        position: usize,
        (operation, resource_id, resource_type): (StepOperation, &str, &str),
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let step = Step {
            id: Uuid::new_v4(),
            operation,
            resource_id: resource_id.to_owned(),
            resource_type: resource_type.to_owned(),
            state: DeploymentState::Running,
            error: None,
            started_at: Millis::now(),
            ended_at: None,
        };
        let begun = rows::deployment_steps::insert(&mut transaction, deployment, position, &step).await?;
        transaction.commit().await?;
        Ok(begun)
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
        let (error, now) = (outcome.err(), Millis::now());
        let mut transaction = self.begin().await?;
        rows::deployment_steps::end(&mut transaction, deployment, position, state, error, now).await?;
        transaction.commit().await
    }

    /// Ends a running deployment with its outputs or the reason of its failure, and deletes its request. Nested
    /// ones that an error has left running are cancelled. `warnings` replaces the expected ones, if there are any.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn end_deployment(
        &self,
        id: Uuid,
        outcome: Result<&Value, &Failure>,
        warnings: Option<&Value>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        if let Some(warnings) = warnings {
            rows::deployments::update_warnings(&mut transaction, id, warnings).await?;
        }
        let state = outcome.map_or(DeploymentState::Failed, |_| DeploymentState::Succeeded);
        end(&mut transaction, id, state, outcome).await?;
        end_orphans(&mut transaction).await?;
        transaction.commit().await?;
        self.settled();
        Ok(())
    }

    /// Returns the steps of a deployment, in order.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn deployment_steps(&self, deployment: Uuid) -> Result<Vec<Step>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::deployment_steps::list(&mut reader, deployment).await
    }
}
