//! The templates of stored deployments.

use std::sync::Arc;

use serde_json::Value;
use tidegate_shared::secret::Secret;

use crate::arm::deployment::DeploymentPath;
use crate::audit::Author;
use crate::store::StoreError;
use crate::template::Plan;

use super::super::{DeploymentError, Service, ServiceError};
use super::evaluation::evaluate;

/// Returns the template of a plan without secrets, JSON.
///
/// # Errors
/// [`DeploymentError::Busy`].
pub(super) async fn of_plan(
    service: &Service,
    author: &Author,
    plan: &Arc<Plan>,
) -> Result<Secret, ServiceError> {
    let plan = plan.clone();
    let text = move || Secret::new(plan.exported().to_string().into_bytes());
    evaluate(service, &author.name, text).await
}

impl Service {
    /// Returns the template of a deployment, without secrets.
    ///
    /// # Errors
    /// [`DeploymentError::Missing`]; [`DeploymentError::NoTemplate`]; or an error of the store.
    pub(crate) async fn export_deployment(&self, path: &DeploymentPath) -> Result<Value, ServiceError> {
        let stored = self.store.deployment_template(path).await?;
        let template = stored.ok_or_else(|| DeploymentError::Missing(path.name.clone()))?;
        let template = template.ok_or_else(|| DeploymentError::NoTemplate(path.name.clone()))?;
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            what: format!("template of {path}"),
            why: error.to_string(),
        };
        Ok(serde_json::from_slice(template.expose()).map_err(damaged)?)
    }
}
