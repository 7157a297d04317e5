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

use super::super::App;
use super::super::error::{ApiError, DeploymentError};
use super::target::{LastRead, Target};
use super::write::{Stage, Write};

/// The location of a group that nobody has made yet.
const NOWHERE: &str = "local";

/// A deployment, looked at from before.
pub(super) struct Preview {
    /// What it means.
    pub(super) plan: Arc<Plan>,
    /// Everything that it takes to run it.
    pub(super) request: Secret,
    /// When it was looked at.
    pub(super) now: Millis,
    /// What would become of each resource of the plan.
    pub(super) changes: Vec<Change>,
}

/// What would become of a resource.
pub(super) struct Change {
    /// What it is, as its GET shows it; none if there is none.
    pub(super) before: Option<Value>,
    /// What it would be; none where that is known only when others are there.
    pub(super) after: Option<Value>,
}

/// Looks at a deployment from before.
///
/// # Errors
/// Everything that can be known to be wrong with it.
pub(super) async fn preview(
    app: &App,
    author: &Author,
    path: &DeploymentPath,
    body: DeploymentBody,
) -> Result<Preview, ApiError> {
    let now = Millis::now();
    let DeploymentBody { template, parameters } = body;
    let context = context(app, path, now).await?;
    let request = Request { template, parameters, context };
    let stored = Secret::new(serde_json::to_vec(&request).expect("a request has a JSON form"));
    let plan = evaluate(app, &author.name, move || Plan::make(request)).await?;
    let plan = Arc::new(plan.map_err(DeploymentError::Template)?);
    let references = Arc::new(foreign(app, author, path, &plan).await?);
    let mut stage = Stage::default();
    let (mut changes, mut failures) = (Vec::new(), Vec::new());
    for resource in &plan.resources {
        let target = Target::of(&resource.id);
        let before = match &target {
            Some(target) => target.show(app).await?,
            None => None,
        };
        let after = match evaluate_body(app, author, (&plan, resource), &references).await? {
            Ok(Ready::After(_)) => None,
            Ok(Ready::Now(body)) => match Write::new(app, author, resource, body).await {
                Ok(write) => match write.dry_run(app, author, &mut stage).await {
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
    app: &App,
    client: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = app.plans.run(&client.to_owned(), work).await;
    done.map_err(|QueueFull| DeploymentError::Busy.into())
}

/// As [`Plan::body`], where it holds up no other request.
pub(super) async fn evaluate_body(
    app: &App,
    author: &Author,
    (plan, resource): (&Arc<Plan>, &Resource),
    references: &Arc<References>,
) -> Result<Result<Ready<Value>, Violations>, ApiError> {
    if let Some(body) = plan.known_body(resource) {
        return Ok(Ok(Ready::Now(body)));
    }
    let (plan, resource, references) = (plan.clone(), resource.clone(), references.clone());
    evaluate(app, &author.name, move || plan.body(&resource, &references)).await
}

/// Where a template is deployed.
async fn context(app: &App, path: &DeploymentPath, now: Millis) -> Result<Context, StoreError> {
    let group = app.store.group(&path.subscription, &path.group).await?;
    let body = group.as_ref().map(|group| group.body.clone()).unwrap_or_default();
    let location = body.get("location").and_then(Value::as_str).unwrap_or(NOWHERE);
    Ok(Context {
        subscription: path.subscription.clone(),
        tenant: app.issuer.tenant().to_string(),
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
    app: &App,
    author: &Author,
    path: &DeploymentPath,
    plan: &Plan,
) -> Result<References, ApiError> {
    let mut references = References::new();
    let mut failures = Vec::new();
    plan.foreign.iter().try_for_each(|id| check_readable(author, path, id))?;
    let targets = || plan.foreign.iter().map(|id| (id, Target::of(id)));
    let named = targets().filter_map(|(_, target)| Some(target?.stored_id())).collect();
    let stored = app.store.stored_among(&named).await?;
    let mut last = LastRead::default();
    for (id, target) in targets() {
        let found = match target.filter(|target| stored.contains(&target.stored_id())) {
            Some(target) => target.show_from(&mut last, app).await?,
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
pub(super) fn check_readable(author: &Author, path: &DeploymentPath, id: &str) -> Result<(), ApiError> {
    match &author.client {
        Some(client) if !client.covers(id) => Err(ApiError::LinkForbidden {
            client: client.app_id,
            action: format!("{DEPLOYMENT_TYPE}/write"),
            scope: path.to_string(),
            linked: id.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn invalid(plan: &Plan, path: &DeploymentPath, failures: Vec<Failure>) -> ApiError {
    let hide = |text: &str| plan.without_secrets_in(text);
    let failures = failures.into_iter().map(|failure| failure.map(&hide)).collect();
    DeploymentError::resources(&path.name, failures).into()
}

/// What is wrong with a resource, its paths those of the template. Our own failures are not the client's.
fn of_resource(place: &str, error: ApiError, author: &Author) -> Result<Failure, ApiError> {
    if error.is_ours() {
        return Err(error);
    }
    let within = matches!(error, ApiError::Invalid(_));
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
        write!(f, "Foreseen({:?})", self.plan)
    }
}
