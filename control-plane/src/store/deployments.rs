//! Deployments: requests (sealed, as long as they are needed), progress and results.
//!
//! The request of a running deployment is stored, so that a process that finds it at its start can resume
//! it.

mod run;

use serde_json::Value;
use tidegate_shared::seal::OpenError;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentPath, Failure};
use crate::audit::Activity;
use crate::clock::Millis;
use crate::violation::code_list::codes;

use super::audit::record;
use super::database::Connection;
use super::model::RequiredGroup;
use super::retention::{DEPLOYMENTS_KEPT, TEMPLATES_SIZE};
use super::{Deployment, DeploymentState, NewDeployment, Store, StoreError, rows};

codes! { DEPLOYMENT_CODES;
    /// The deployment was cancelled. Only used as the code of a deployment.
    pub(crate) const CANCELED: &str = "DeploymentCanceled";
}

impl Store {
    /// Stores a deployment, replacing an earlier one of that name. Also returns whether it is new.
    ///
    /// # Errors
    /// If the database fails, if a deployment of that name is running, or if the group does not exist or is
    /// being deleted.
    pub(crate) async fn add_deployment(
        &self,
        activity: &Activity,
        new: NewDeployment,
    ) -> Result<(Deployment, bool), StoreError> {
        let mut transaction = self.begin().await?;
        let added = self.add(&mut transaction, activity, new).await;
        transaction.end(added).await
    }

    async fn add(
        &self,
        connection: &mut Connection,
        activity: &Activity,
        new: NewDeployment,
    ) -> Result<(Deployment, bool), StoreError> {
        let (subscription, group) = (&new.path.subscription, new.path.group.as_deref());
        if let Some(name) = group {
            let required = RequiredGroup { subscription, name, location: None };
            self.ensure_group(connection, required, activity).await?;
        }
        let before = inactive(rows::deployments::find(connection, &new.path).await?)?;
        if let Some(before) = &before {
            rows::deployments::delete(connection, before.id).await?;
        }
        let kept = DEPLOYMENTS_KEPT - 1;
        rows::deployments::delete_oldest(connection, subscription, group, kept).await?;
        let seal = |request: &Secret| self.key.seal(purpose(new.id).as_bytes(), request.expose());
        let (sealed_request, parent) = (new.request.as_ref().map(seal), new.parent);
        let seal =
            |template: &Secret| self.key.seal(purpose_of_template(new.id).as_bytes(), template.expose());
        let sealed_template = new.template.as_ref().map(seal);
        let created = before.is_none();
        let deployment = begun(new, before);
        let sealed = (sealed_request.as_deref(), sealed_template.as_deref());
        rows::deployments::insert(connection, &deployment, parent, sealed, &activity.author).await?;
        let (subscription, group) = (&deployment.path.subscription, deployment.path.group.as_deref());
        rows::deployments::forget_oldest_templates(connection, subscription, group, TEMPLATES_SIZE).await?;
        // The deployment around it may have been deleted since its run began this one.
        end_orphans(connection).await?;
        record(connection, activity, None, None).await?;
        Ok((deployment, created))
    }

    /// Returns a deployment by its path, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn deployment(&self, path: &DeploymentPath) -> Result<Option<Deployment>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::deployments::find(&mut reader, path).await
    }

    /// Returns the template of a deployment, JSON without secrets: `None` without the deployment, and
    /// `Some(None)` if the template is not kept.
    ///
    /// # Errors
    /// If the database fails or the row is damaged.
    pub(crate) async fn deployment_template(
        &self,
        path: &DeploymentPath,
    ) -> Result<Option<Option<Secret>>, StoreError> {
        let mut reader = self.database.reader().await?;
        let Some((id, sealed)) = rows::deployments::find_template(&mut reader, path).await? else {
            return Ok(None);
        };
        let purpose = purpose_of_template(id);
        let opened = sealed.map(|sealed| self.key.open(purpose.as_bytes(), &sealed)).transpose();
        let damaged =
            |error: OpenError| StoreError::Damaged { what: purpose.clone(), why: error.to_string() };
        opened.map(Some).map_err(damaged)
    }

    /// Returns the deployments of a group, or those to the subscription itself, newest first. Damaged ones are
    /// logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn deployments(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<Deployment>, StoreError> {
        let mut reader = self.database.reader().await?;
        rows::deployments::list(&mut reader, subscription, group).await
    }

    /// Deletes a deployment, but not the resources it has deployed. Returns whether there was one.
    ///
    /// # Errors
    /// If the database fails or the deployment is running.
    pub(crate) async fn delete_deployment(
        &self,
        path: &DeploymentPath,
        activity: &Activity,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin().await?;
        let deployment = match inactive(rows::deployments::find(&mut transaction, path).await?) {
            Ok(Some(deployment)) => deployment,
            none_or_active => return transaction.undo(none_or_active.map(|_| false)).await,
        };
        rows::deployments::delete(&mut transaction, deployment.id).await?;
        end_orphans(&mut transaction).await?;
        record(&mut transaction, activity, None, None).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Cancels a deployment and those nested in it: resources that they have written stay, and no others are
    /// written. Returns whether
    /// it was running, or `None` if there is no such deployment.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn cancel_deployment(
        &self,
        path: &DeploymentPath,
        activity: &Activity,
        error: &Failure,
    ) -> Result<Option<bool>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(deployment) = rows::deployments::find(&mut transaction, path).await? else {
            return transaction.undo(Ok(None)).await;
        };
        let running = deployment.state == DeploymentState::Running;
        if running {
            for nested in running_within(&mut transaction, deployment.id).await? {
                end(&mut transaction, nested, DeploymentState::Canceled, Err(error)).await?;
            }
            end(&mut transaction, deployment.id, DeploymentState::Canceled, Err(error)).await?;
            record(&mut transaction, activity, None, None).await?;
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

/// Returns a new deployment as it is at its start. It keeps the spelling of an earlier one of its name.
fn begun(new: NewDeployment, before: Option<Deployment>) -> Deployment {
    Deployment {
        id: new.id,
        path: before.map_or(new.path, |before| before.path),
        body: new.body,
        state: DeploymentState::Running,
        outputs: None,
        error: None,
        warnings: new.warnings,
        correlation_id: new.correlation_id,
        started_at: Millis::now(),
        ended_at: None,
    }
}

/// Returns the running deployments that are nested in another one, at any level.
async fn running_within(connection: &mut Connection, outer: Uuid) -> Result<Vec<Uuid>, StoreError> {
    let mut found = rows::deployments::list_running_nested(connection, outer).await?;
    let mut next = 0;
    while let Some(one) = found.get(next).copied() {
        found.extend(rows::deployments::list_running_nested(connection, one).await?);
        next += 1;
    }
    Ok(found)
}

/// Cancels the running nested deployments around which no deployment runs any more: nothing would end them. To be
/// called in each transaction that deletes deployments or ends one.
pub(super) async fn end_orphans(connection: &mut Connection) -> Result<(), StoreError> {
    let message =
        "The deployment around this one ended or was deleted. Resources that this one had written stay.";
    let error = Failure::new(CANCELED, message);
    loop {
        let orphans = rows::deployments::list_orphans(connection).await?;
        if orphans.is_empty() {
            return Ok(());
        }
        // Each may have others nested in it.
        for id in orphans {
            end(connection, id, DeploymentState::Canceled, Err(&error)).await?;
        }
    }
}

/// Ends a deployment, if it is running, and cancels its running steps.
async fn end(
    connection: &mut Connection,
    id: Uuid,
    state: DeploymentState,
    outcome: Result<&Value, &Failure>,
) -> Result<(), StoreError> {
    let now = Millis::now();
    rows::deployments::end(connection, id, state, outcome, now).await?;
    rows::deployment_steps::cancel_running(connection, id, now).await
}

/// The purpose for which a deployment's request is sealed.
fn purpose(id: Uuid) -> String {
    format!("deployment {id}")
}

/// The purpose for which a deployment's template is sealed.
fn purpose_of_template(id: Uuid) -> String {
    format!("template of deployment {id}")
}
