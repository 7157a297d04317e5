//! The effects of a deployment on the stored state: a plan, the errors of its resources, and the resources as
//! they would be afterwards. Writes nothing.

use std::sync::Arc;

use serde_json::Value;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentBody, DeploymentPath, Failure};
use crate::audit::Author;
use crate::clock::Millis;
use crate::fair_share::QueueFull;
use crate::store::StoreError;
use crate::template::{Context, Plan, Ready, References, Request, Resource};
use crate::violation::Violations;

use super::super::{DeploymentError, Service, ServiceError};
use super::stage::Stage;
use super::target::{LastRead, Target};
use super::write::Write;

/// The location of a group that does not exist yet.
const NOWHERE: &str = "local";

/// The plan of a deployment and its effects, before anything is written.
pub(crate) struct Preview {
    /// The evaluated template.
    pub(crate) plan: Arc<Plan>,
    /// The complete request, for storage.
    pub(super) request: Secret,
    /// The time of the preview.
    pub(crate) now: Millis,
    /// The change of each resource of the plan.
    pub(crate) changes: Vec<Change>,
}

/// The change of a resource.
pub(crate) struct Change {
    /// The resource as GET shows it now; `None` if it does not exist.
    pub(crate) before: Option<Value>,
    /// The resource as GET would show it; `None` if that depends on other resources.
    pub(crate) after: Option<Value>,
}

/// Previews a deployment.
///
/// # Errors
/// Every error that can be found before anything is written.
pub(super) async fn preview(
    service: &Service,
    author: &Author,
    path: &DeploymentPath,
    body: DeploymentBody,
    management: &str,
) -> Result<Preview, ServiceError> {
    let now = Millis::now();
    let DeploymentBody { template, parameters } = body;
    let context = context(service, author, path, now, management).await?;
    let request = Request { template, parameters, context };
    let stored = Secret::new(serde_json::to_vec(&request).expect("a request has a JSON form"));
    let plan = evaluate(service, &author.name, move || Plan::make(request)).await?;
    let plan = Arc::new(plan.map_err(DeploymentError::Template)?);
    let references = Arc::new(foreign(service, author, path, &plan).await?);
    let mut stage = Stage::default();
    let (mut changes, mut failures) = (Vec::new(), Vec::new());
    for resource in &plan.resources {
        let target = Target::of(&resource.id);
        let before = match &target {
            Some(target) => target.show(service).await?,
            None => None,
        };
        let after = match evaluate_body(service, author, (&plan, resource), &references).await? {
            Ok(Ready::After(_)) => None,
            Ok(Ready::Now(body)) => match Write::new(service, author, resource, body).await {
                Ok(write) => match write.dry_run(service, author, &mut stage).await {
                    Ok(after) => Some(after),
                    Err(error) => {
                        failures.push(of_resource(&resource.target, error, author)?);
                        None
                    }
                },
                Err(error) => {
                    failures.push(of_resource(&resource.target, error, author)?);
                    None
                }
            },
            Err(flaws) => return Err(DeploymentError::Template(flaws).into()),
        };
        changes.push(Change { before, after });
    }
    if failures.is_empty() {
        return Ok(Preview { plan, request: stored, now, changes });
    }
    Err(invalid(&plan, path, failures))
}

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
) -> Result<Result<Ready<Value>, Violations>, ServiceError> {
    if let Some(body) = plan.known_body(resource) {
        return Ok(Ok(Ready::Now(body)));
    }
    let (plan, resource, references) = (plan.clone(), resource.clone(), references.clone());
    evaluate(service, &author.name, move || plan.body(&resource, &references)).await
}

/// Returns the context of the deployment. `management` is the scheme and host of the API.
async fn context(
    service: &Service,
    author: &Author,
    path: &DeploymentPath,
    now: Millis,
    management: &str,
) -> Result<Context, StoreError> {
    let group = service.store.group(&path.subscription, &path.group).await?;
    let body = group.as_ref().map(|group| group.body.clone()).unwrap_or_default();
    let location = body.get("location").and_then(Value::as_str).unwrap_or(NOWHERE);
    Ok(Context {
        subscription: path.subscription.clone(),
        tenant: service.issuer.tenant().to_string(),
        group: Some(group.as_ref().map_or_else(|| path.group.clone(), |group| group.name.clone())),
        location: location.to_owned(),
        tags: body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default(),
        deployment: path.name.clone(),
        chance: Uuid::new_v4(),
        now: now.0,
        management: management.to_owned(),
        deployer: author.client.as_ref().map_or(Uuid::nil(), |client| client.app_id),
        template_link: None,
    })
}

/// Looks up the referenced resources that the template does not deploy. Each must exist and be readable by the
/// author.
async fn foreign(
    service: &Service,
    author: &Author,
    path: &DeploymentPath,
    plan: &Plan,
) -> Result<References, ServiceError> {
    let mut references = References::new();
    let mut failures = Vec::new();
    plan.foreign.iter().try_for_each(|id| check_readable(author, path, id))?;
    let targets = || plan.foreign.iter().map(|id| (id, Target::of(id)));
    let named = targets().filter_map(|(_, target)| Some(target?.stored_id())).collect();
    let stored = service.store.stored_among(&named).await?;
    let mut last = LastRead::default();
    for (id, target) in targets() {
        let found = match target.filter(|target| stored.contains(&target.stored_id())) {
            Some(target) => target.show_from(&mut last, service).await?,
            None => None,
        };
        match found {
            Some(found) => drop(references.insert(id.clone(), found)),
            None => {
                let message =
                    format!("The template refers to '{id}', which does not exist and is not deployed by it.");
                failures.push(Failure::new("ResourceNotFound", message).about(id));
            }
        }
    }
    if failures.is_empty() { Ok(references) } else { Err(invalid(plan, path, failures)) }
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

fn invalid(plan: &Plan, path: &DeploymentPath, failures: Vec<Failure>) -> ServiceError {
    let hide = |text: &str| plan.without_secrets_in(text);
    let failures = failures.into_iter().map(|failure| failure.map(&hide)).collect();
    DeploymentError::resources(&path.name, failures).into()
}

/// Returns the error of a resource, with its paths relative to the template. Errors of the service itself are
/// returned as such.
fn of_resource(place: &str, error: ServiceError, author: &Author) -> Result<Failure, ServiceError> {
    if error.is_ours() {
        return Err(error);
    }
    let within = matches!(error, ServiceError::Invalid(_));
    let mut failure = error.failure(author);
    if within {
        let rebase = |target: Option<String>| match target.as_deref() {
            None | Some(crate::violation::ROOT) => Some(place.to_owned()),
            Some(target) => Some(format!("{place}.{target}")),
        };
        failure.target = rebase(failure.target);
        for detail in &mut failure.details {
            detail.target = rebase(detail.target.take());
        }
    } else if failure.target.is_none() {
        failure.target = Some(place.to_owned());
    }
    Ok(failure)
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({:?})", self.plan)
    }
}
