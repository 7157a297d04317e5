//! What a deployment would do to what is stored now: a plan, the failure of each resource that would be refused, and
//! what each one would be afterwards. Nothing is written.

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

/// The location of a group that nobody has made yet.
const NOWHERE: &str = "local";

/// The plan of a deployment and its effects, before anything is written.
pub(crate) struct Preview {
    /// What it means.
    pub(crate) plan: Arc<Plan>,
    /// Everything that it takes to run it.
    pub(super) request: Secret,
    /// When it was looked at.
    pub(crate) now: Millis,
    /// What would become of each resource of the plan.
    pub(crate) changes: Vec<Change>,
}

/// What would become of a resource.
pub(crate) struct Change {
    /// What it is, as its GET shows it; none if there is none.
    pub(crate) before: Option<Value>,
    /// What it would be; none where that is known only when others are there.
    pub(crate) after: Option<Value>,
}

/// Looks at a deployment from before.
///
/// # Errors
/// Everything that can be known to be wrong with it.
pub(super) async fn preview(
    service: &Service,
    author: &Author,
    path: &DeploymentPath,
    body: DeploymentBody,
) -> Result<Preview, ServiceError> {
    let now = Millis::now();
    let DeploymentBody { template, parameters } = body;
    let context = context(service, path, now).await?;
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

/// Evaluates a template where it holds up no other request, when the client's turn has come.
///
/// # Errors
/// Too many templates of the client are waiting.
pub(super) async fn evaluate<T: Send + 'static>(
    service: &Service,
    client: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    let done = service.plans.run(&client.to_owned(), work).await;
    done.map_err(|QueueFull| DeploymentError::Busy.into())
}

/// As [`Plan::body`], where it holds up no other request.
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

/// Where a template is deployed.
async fn context(service: &Service, path: &DeploymentPath, now: Millis) -> Result<Context, StoreError> {
    let group = service.store.group(&path.subscription, &path.group).await?;
    let body = group.as_ref().map(|group| group.body.clone()).unwrap_or_default();
    let location = body.get("location").and_then(Value::as_str).unwrap_or(NOWHERE);
    Ok(Context {
        subscription: path.subscription.clone(),
        tenant: service.issuer.tenant().to_string(),
        group: group.as_ref().map_or_else(|| path.group.clone(), |group| group.name.clone()),
        location: location.to_owned(),
        tags: body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default(),
        deployment: path.name.clone(),
        chance: Uuid::new_v4(),
        now: now.0,
    })
}

/// What a template refers to and does not deploy: it must be there, and its author must be allowed to read it.
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
                    format!("The template refers to '{id}', which is not there and not deployed by it.");
                failures.push(Failure::new("ResourceNotFound", message).about(id));
            }
        }
    }
    if failures.is_empty() { Ok(references) } else { Err(invalid(plan, path, failures)) }
}

/// Refuses what a template refers to and its author may not read.
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

/// What is wrong with a resource, its paths those of the template. Our own failures are not the client's.
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
