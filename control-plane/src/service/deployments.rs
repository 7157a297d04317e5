//! Deployments of templates.
//!
//! Templates are untrusted: `preview` reports every error that can be found before anything is stored. An
//! accepted deployment runs in the background, in `run`; a later process resumes it.

mod change;
mod complete;
mod evaluation;
mod export;
mod gateway;
mod gateway_preview;
mod group;
mod known;
mod level;
mod links;
mod network;
mod preview;
mod request;
mod run;
mod stage;
mod summary;
mod traffic;
mod unserved;
mod walk;
mod write;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentBody, DeploymentPath, Failure};
use crate::audit::{Activity, Author};
use crate::store::{DEPLOYMENT_CANCELED, Deployment, DeploymentState, NewDeployment, Step};

use super::{DeploymentError, PATIENCE, Service, ServiceError};
use preview::Asked;

pub(crate) use change::{Change, Fate};
pub(super) use gateway_preview::GatewayPreview;
pub(crate) use preview::Preview;
pub(crate) use run::run;
pub(crate) use summary::summary;

impl Service {
    /// Returns the effects of a deployment without making it. `management` is the scheme and host of the API as
    /// the client reached it.
    ///
    /// With `with_rest`, the effects include what becomes of the resources of the group that are not in the
    /// template.
    ///
    /// # Errors
    /// Every error of the template that can be known before anything is written; [`DeploymentError::Elsewhere`]; or
    /// an error of the store.
    pub(crate) async fn preview_deployment(
        &self,
        author: &Author,
        path: &DeploymentPath,
        body: Value,
        (management, with_rest): (&str, bool),
    ) -> Result<Preview, ServiceError> {
        if !path.is_valid() {
            return Err(ServiceError::BadName { what: "deployment", value: path.name.clone() });
        }
        let body = DeploymentBody::read(body).map_err(DeploymentError::Template)?;
        self.check_location(path, body.location.as_deref().filter(|_| path.group.is_none())).await?;
        preview::preview(self, Asked { author, management, with_rest }, path, body).await
    }

    /// Stores a deployment that is then run in the background. Returns it, and whether it is new.
    ///
    /// # Errors
    /// As [`Service::preview_deployment`]; [`DeploymentError::Active`].
    pub(crate) async fn deploy(
        &self,
        author: Author,
        path: DeploymentPath,
        body: Value,
        management: &str,
    ) -> Result<(Deployment, bool), ServiceError> {
        let preview = self.preview_deployment(&author, &path, body, (management, false)).await?;
        let activity = activity(author, &path, "write");
        let new = NewDeployment {
            id: Uuid::new_v4(),
            parent: None,
            path,
            request: Some(preview.request.clone()),
            template: Some(export::of_plan(self, &activity.author, &preview.plan).await?),
            body: summary(&preview),
            warnings: preview.warnings.to_json(),
            correlation_id: correlation_id(&activity.author),
        };
        let added = self.store.add_deployment(&activity, new).await?;
        self.deployments.notify_one();
        Ok(added)
    }

    /// Rejects another location than that of an earlier deployment to the subscription.
    async fn check_location(
        &self,
        path: &DeploymentPath,
        location: Option<&str>,
    ) -> Result<(), ServiceError> {
        let Some(location) = location else { return Ok(()) };
        let stored = self.store.deployment(path).await?;
        let before = stored.as_ref().and_then(|stored| stored.body.get("location")?.as_str());
        match before.filter(|before| !before.eq_ignore_ascii_case(location)) {
            None => Ok(()),
            Some(before) => {
                let (name, location) = (path.name.clone(), before.to_owned());
                Err(DeploymentError::Elsewhere { name, location }.into())
            }
        }
    }

    /// Returns a deployment.
    ///
    /// # Errors
    /// [`DeploymentError::Missing`], or an error of the store.
    pub(crate) async fn deployment(&self, path: &DeploymentPath) -> Result<Deployment, ServiceError> {
        let deployment = self.store.deployment(path).await?;
        Ok(deployment.ok_or_else(|| DeploymentError::Missing(path.name.clone()))?)
    }

    /// Returns the deployments of a resource group, or those to the subscription itself.
    ///
    /// # Errors
    /// An error of the store.
    pub(crate) async fn deployments_of(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<Deployment>, ServiceError> {
        Ok(self.store.deployments(subscription, group).await?)
    }

    /// Returns a deployment and its steps, one for each resource that was begun.
    ///
    /// # Errors
    /// [`DeploymentError::Missing`], or an error of the store.
    pub(crate) async fn deployment_steps(
        &self,
        path: &DeploymentPath,
    ) -> Result<(Deployment, Vec<Step>), ServiceError> {
        let deployment = self.deployment(path).await?;
        let steps = self.store.deployment_steps(deployment.id).await?;
        Ok((deployment, steps))
    }

    /// Returns the deployment with the operation ID `id`. Waits up to [`PATIENCE`] for its end: most
    /// deployments end sooner, and clients that see one in progress sleep for at least a second.
    ///
    /// # Errors
    /// [`ServiceError::NoOperation`], or an error of the store.
    pub(crate) async fn deployment_operation(
        &self,
        path: &DeploymentPath,
        id: &str,
    ) -> Result<Deployment, ServiceError> {
        let unknown = || ServiceError::NoOperation(id.to_owned());
        let parsed: Uuid = id.parse().map_err(|_| unknown())?;
        let mut endings = self.store.endings();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let deployment = self.store.deployment(path).await?.filter(|found| found.id == parsed);
            let deployment = deployment.ok_or_else(unknown)?;
            let ended = deployment.state != DeploymentState::Running;
            if ended || timeout_at(deadline, endings.changed()).await.is_err() {
                return Ok(deployment);
            }
        }
    }

    /// Removes a deployment, but not the resources that it deployed.
    ///
    /// # Errors
    /// [`DeploymentError::Active`], or an error of the store.
    pub(crate) async fn delete_deployment(
        &self,
        author: Author,
        path: &DeploymentPath,
    ) -> Result<(), ServiceError> {
        self.store.delete_deployment(path, &activity(author, path, "delete")).await?;
        Ok(())
    }

    /// Cancels a running deployment. Resources that it has written stay.
    ///
    /// # Errors
    /// [`DeploymentError::Ended`], [`DeploymentError::Missing`], or an error of the store.
    pub(crate) async fn cancel_deployment(
        &self,
        author: Author,
        path: DeploymentPath,
    ) -> Result<(), ServiceError> {
        let message = "The deployment was cancelled. Resources that it had written stay.";
        let error = Failure::new(DEPLOYMENT_CANCELED, message);
        match self.store.cancel_deployment(&path, &activity(author, &path, "cancel/action"), &error).await? {
            Some(true) => Ok(()),
            Some(false) => Err(DeploymentError::Ended(path.name).into()),
            None => Err(DeploymentError::Missing(path.name).into()),
        }
    }
}

fn activity(author: Author, path: &DeploymentPath, verb: &str) -> Activity {
    Activity { author, action: format!("{DEPLOYMENT_TYPE}/{verb}"), resource: path.to_string() }
}

/// The correlation ID of a deployment: the ID of the request that started it.
pub(crate) fn correlation_id(author: &Author) -> String {
    author.request.unwrap_or_else(Uuid::new_v4).to_string()
}
