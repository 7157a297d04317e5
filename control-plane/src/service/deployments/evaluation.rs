//! Evaluation of templates on blocking threads, in fair shares of the clients, and reads of the resources to
//! which they refer.

use std::sync::Arc;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentPath};
use crate::audit::Author;
use crate::fair_share::QueueFull;
use crate::template::{FilledBody, Plan, Ready, References, Resource};
use crate::violation::Violations;

use super::super::{DeploymentError, Service, ServiceError};

/// Evaluates a template on a blocking thread, when it is the client's turn.
///
/// # Errors
/// If too many templates of the client are waiting.
pub(super) async fn evaluate<T: Send + 'static>(
    service: &Service,
    client: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let done = service.plans.run(&client.to_owned(), work).await;
    done.map_err(|QueueFull| DeploymentError::Busy.into())
}

/// Calls [`Plan::body`] on a blocking thread.
pub(super) async fn evaluate_body(
    service: &Service,
    author: &Author,
    (plan, resource): (&Arc<Plan>, &Resource),
    references: &Arc<References>,
) -> Result<Result<Ready<FilledBody>, Violations>, ServiceError> {
    if let Some(body) = plan.known_body(resource) {
        return Ok(Ok(Ready::Now(body)));
    }
    let (plan, resource, references) = (plan.clone(), resource.clone(), references.clone());
    evaluate(service, &author.name, move || plan.body(&resource, &references)).await
}

/// Rejects a reference to a resource that the author may not read.
pub(super) fn check_readable(author: &Author, path: &DeploymentPath, id: &str) -> Result<(), ServiceError> {
    match &author.client {
        Some(client) if !client.covers(id) => Err(ServiceError::LinkForbidden {
            client: client.app_id,
            action: format!("{DEPLOYMENT_TYPE}/write"),
            scope: path.to_string(),
            linked: id.to_owned(),
        }),
        _ => Ok(()),
    }
}
