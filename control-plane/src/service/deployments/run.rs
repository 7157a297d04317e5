//! Runs deployments in the background: each resource after those that it depends on, one at a time.
//!
//! The loop has no state of its own: it reads the deployments to run from the store, so that a start of the
//! process, a new deployment and recovery from a database failure are the same case. An interrupted deployment
//! starts over, because PUTs are idempotent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::{self, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentPath, Failure};
use crate::audit::Author;
use crate::identity::access::Client;
use crate::store::{StoreError, Task};
use crate::template::{Plan, Ready, References, Request, Resource};
use crate::violation::Violations;

use super::super::error::FAILED;
use super::super::{DeploymentError, Service, ServiceError};
use super::preview::{check_readable, evaluate, evaluate_body};
use super::stage::Unwritten;
use super::target::Target;
use super::write::Write;

/// The interval of looking for deployments to run, if nothing else wakes the loop.
const TICK: Duration = Duration::from_secs(10);

/// The maximum number of deployments that run at once; others wait.
const AT_ONCE: usize = 16;

/// Runs deployments until `stop`. The next process resumes those that have not ended by then.
pub(crate) async fn run(service: Arc<Service>, stop: CancellationToken) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Dropping the set aborts the running tasks.
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut running: HashMap<task::Id, Uuid> = HashMap::new();
    let mut write_failure = service.store.write_failure();
    loop {
        tokio::select! {
            () = service.deployments.notified() => {}
            _ = tick.tick() => {}
            // Deployments that failed because of a full disk are retried as soon as writes succeed again.
            Ok(()) = write_failure.changed() => {}
            Some(ended) = tasks.join_next_with_id() => {
                let task = ended.map_or_else(|failed| failed.id(), |(task, ())| task);
                let is_waited_for = running.len() == AT_ONCE;
                running.remove(&task);
                // A deployment that failed because of the database must not be retried at once.
                if !is_waited_for {
                    continue;
                }
            }
            () = stop.cancelled() => return,
        }
        match service.store.running_deployments().await {
            Ok(ids) => {
                for id in ids {
                    if running.len() < AT_ONCE && !running.values().any(|known| *known == id) {
                        let task = tasks.spawn(run_one(service.clone(), id));
                        running.insert(task.id(), id);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the deployments to run could not be read; retrying"),
        }
    }
}

async fn run_one(service: Arc<Service>, id: Uuid) {
    let outcome = async {
        let Some(task) = service.store.take_up_deployment(id).await? else { return Ok(()) };
        let path = task.deployment.path.clone();
        let Some(outcome) = deploy(&service, task).await? else { return Ok(()) };
        match &outcome {
            Ok(_) => tracing::info!(deployment = %path, "deployed"),
            Err(failure) => tracing::warn!(deployment = %path, code = failure.code, "not deployed"),
        }
        service.store.end_deployment(id, outcome.as_ref()).await
    };
    if let Err(error) = outcome.await {
        tracing::error!(deployment.id = %id, %error, "a deployment was interrupted; it will be retried");
    }
}

/// A running deployment.
struct Run<'a> {
    service: &'a Service,
    id: Uuid,
    path: DeploymentPath,
    author: Author,
    plan: Arc<Plan>,
    references: Arc<References>,
}

/// Returns the outputs of a deployment or the reason of its failure; `None` if it has been cancelled.
async fn deploy(service: &Service, task: Task) -> Result<Option<Result<Value, Failure>>, StoreError> {
    let Task { deployment, request, mut author, client } = task;
    if let Some(client) = client {
        let Some((found, _)) = service.store.client(client).await? else { return Ok(Some(Err(revoked()))) };
        author.client = Some(Client { app_id: found.app_id, role: found.role, scopes: found.scopes });
    }
    let request = serde_json::from_slice::<Request>(request.expose()).map_err(|e| StoreError::Damaged {
        what: format!("deployment {}", deployment.id),
        why: e.to_string(),
    })?;
    let plan = match evaluate(service, &author.name, move || Plan::make(request)).await {
        Ok(Ok(plan)) => Arc::new(plan),
        Ok(Err(flaws)) => return Ok(Some(Err(invalid(flaws)))),
        Err(busy) => return Ok(Some(Err(busy.failure(&author)))),
    };
    let references = Arc::default();
    let mut run = Run { service, id: deployment.id, path: deployment.path, author, plan, references };
    let Some(failures) = run.resources().await? else { return Ok(None) };
    if failures.is_empty() {
        return run.outputs().await.map(Some);
    }
    let message =
        "At least one resource could not be deployed. See details, or list the operations of the deployment.";
    let failure = Failure::new(FAILED, message).because(failures);
    Ok(Some(Err(failure.map(&|text| run.plan.without_secrets_in(text)))))
}

fn revoked() -> Failure {
    let message = "The API client that started the deployment has been revoked.";
    Failure::new("AuthorizationFailed", message)
}

fn invalid(flaws: Violations) -> Failure {
    DeploymentError::Template(flaws).failure()
}

impl Run<'_> {
    /// Deploys each resource whose dependencies have been deployed, and returns the failures.
    async fn resources(&mut self) -> Result<Option<Vec<Failure>>, StoreError> {
        let mut deployed = HashSet::new();
        let mut failures = Vec::new();
        for (at, resource) in self.plan.resources.clone().iter().enumerate() {
            if !resource.depends_on.iter().all(|other| deployed.contains(other)) {
                continue;
            }
            // A revoked client loses its rights at once, even during a deployment.
            if let Some(client) = &self.author.client
                && self.service.store.client(client.app_id).await?.is_none()
            {
                failures.push(revoked());
                break;
            }
            if !self.service.store.begin_step(self.id, at, &resource.id, &resource.kind).await? {
                return Ok(None);
            }
            let outcome = match self.resource(resource).await {
                Ok(()) => Ok(()),
                Err(Unwritten::Unwanted) => return Ok(None),
                Err(Unwritten::Failed(problem)) => Err(Failure::new(problem.code, problem.message)),
                Err(Unwritten::Refused(ServiceError::Internal(error) | ServiceError::Unwritable(error))) => {
                    return Err(error);
                }
                Err(Unwritten::Refused(error)) => Err(error.failure(&self.author)),
            };
            let hidden = |text: &str| self.plan.without_secrets_in(text);
            let outcome = outcome.map_err(|failure| failure.map(&hidden));
            self.service.store.end_step(self.id, at, outcome.as_ref().copied()).await?;
            match outcome {
                Ok(()) => drop(deployed.insert(at)),
                Err(failure) => failures.push(Failure { target: Some(resource.id.clone()), ..failure }),
            }
        }
        Ok(Some(failures))
    }

    async fn resource(&mut self, resource: &Resource) -> Result<(), Unwritten> {
        let body = loop {
            match evaluate_body(self.service, &self.author, (&self.plan, resource), &self.references).await? {
                Ok(Ready::Now(body)) => break body,
                Ok(Ready::After(ids)) => self.fetch(ids).await?,
                Err(flaws) => return Err(ServiceError::from(DeploymentError::Template(flaws)).into()),
            }
        };
        let write = Write::new(self.service, &self.author, resource, body).await?;
        write.apply(self.service, self.author.clone(), self.id).await
    }

    async fn outputs(&mut self) -> Result<Result<Value, Failure>, StoreError> {
        loop {
            let (plan, references) = (self.plan.clone(), self.references.clone());
            let outputs = evaluate(self.service, &self.author.name, move || plan.outputs(&references)).await;
            let waits = match outputs {
                Ok(Ok(Ready::Now(outputs))) => return Ok(Ok(Value::Object(outputs))),
                Ok(Ok(Ready::After(ids))) => self.fetch(ids).await,
                Ok(Err(flaws)) => return Ok(Err(invalid(flaws))),
                Err(busy) => Err(busy),
            };
            match waits {
                Ok(()) => {}
                Err(ServiceError::Internal(error) | ServiceError::Unwritable(error)) => return Err(error),
                Err(error) => return Ok(Err(error.failure(&self.author))),
            }
        }
    }

    /// Looks up resources to which expressions refer. Some references are only known now, and the author must
    /// be allowed to read each resource.
    async fn fetch(&mut self, ids: impl IntoIterator<Item = String>) -> Result<(), ServiceError> {
        for id in ids {
            check_readable(&self.author, &self.path, &id)?;
            let found = match Target::of(&id) {
                Some(target) => target.show(self.service).await?,
                None => None,
            };
            let found = found.ok_or_else(|| ServiceError::UnknownPath(id.clone()))?;
            Arc::make_mut(&mut self.references).insert(id, found);
        }
        Ok(())
    }
}
