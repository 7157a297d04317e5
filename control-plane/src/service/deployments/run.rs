//! Runs deployments in the background: each resource after those that it depends on, one at a time.
//!
//! The loop has no state of its own: it reads the deployments to run from the store, so that a start of the
//! process, a new deployment and recovery from a database failure are the same case. An interrupted deployment
//! starts over, because PUTs are idempotent. What would fail again in each run, such as a damaged row or a
//! panic, ends the deployment; so do several ends of the process, since a panic ends that of a release.

mod level;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::arm::deployment::Failure;
use crate::audit::Author;
use crate::identity::access::Client;
use crate::store::{Store, StoreError, Task};
use crate::violation::Warnings;

use super::super::error::INTERNAL;
use super::super::{Service, ServiceError};
use super::level::Level;
use super::links::Links;
use super::request::StoredRequest;
use level::{Ended, Run, record_end};

/// The interval of looking for deployments to run, if nothing else wakes the loop.
const TICK: Duration = Duration::from_secs(10);

/// The maximum number of deployments that run at once; others wait.
const AT_ONCE: usize = 16;

/// The maximum number of processes that run a deployment and end without stopping in order.
const MAX_STARTS: i64 = 3;

/// Runs deployments until `stop`. The next process resumes those that have not ended by then.
pub(crate) async fn run(service: Arc<Service>, stop: CancellationToken) {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Dropping the set aborts the running tasks.
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut running: HashMap<task::Id, Uuid> = HashMap::new();
    let mut write_failure = service.store.write_failure();
    let mut has_orphans = true;
    // The deployments whose start in this process is counted.
    let mut counted: HashSet<Uuid> = HashSet::new();
    loop {
        tokio::select! {
            () = service.deployments.notified() => {}
            _ = tick.tick() => {}
            // Deployments that failed because of a full disk are retried as soon as writes succeed again.
            Ok(()) = write_failure.changed() => {}
            Some(ended) = tasks.join_next_with_id() => {
                let task = ended.as_ref().map_or_else(JoinError::id, |(task, ())| *task);
                let is_waited_for = running.len() == AT_ONCE;
                if let (Some(id), Err(error)) = (running.remove(&task), ended) {
                    end_panicked(&service.store, id, &error).await;
                }
                // A deployment that failed because of the database must not be retried at once.
                if !is_waited_for {
                    continue;
                }
            }
            () = stop.cancelled() => break,
        }
        if has_orphans {
            match service.store.end_orphaned_deployments().await {
                Ok(()) => has_orphans = false,
                Err(error) => tracing::error!(%error, "orphaned deployments could not be ended; retrying"),
            }
        }
        match service.store.running_deployments().await {
            Ok(ids) => {
                counted.retain(|id| ids.contains(id));
                for id in ids {
                    if running.len() < AT_ONCE && !running.values().any(|known| *known == id) {
                        let counts = counted.insert(id);
                        let task = tasks.spawn(run_one(service.clone(), id, counts));
                        running.insert(task.id(), id);
                    }
                }
            }
            Err(error) => tracing::error!(%error, "the deployments to run could not be read; retrying"),
        }
    }
    tasks.shutdown().await;
    for id in counted {
        if let Err(error) = service.store.leave_deployment(id).await {
            tracing::warn!(deployment.id = %id, %error, "the interruption of a deployment counts as a failed start");
        }
    }
}

/// Runs a deployment. With `counts`, this is its first run in this process.
async fn run_one(service: Arc<Service>, id: Uuid, counts: bool) {
    let outcome = async {
        let Some(task) = service.store.take_up_deployment(id, counts, MAX_STARTS).await? else {
            return Ok(());
        };
        let path = task.deployment.path.clone();
        if task.starts > MAX_STARTS {
            tracing::error!(deployment = %path, starts = task.starts, "a deployment fails, because it was begun too often");
            return service.store.end_deployment(id, Err(&begun_too_often()), None).await;
        }
        let (ended, warnings) = deploy(&service, task).await?;
        let Some(outcome) = ended else { return Ok(()) };
        match &outcome {
            Ok(_) => tracing::info!(deployment = %path, "deployed"),
            Err(failure) => tracing::warn!(deployment = %path, code = failure.code, "not deployed"),
        }
        record_end(&service, id, &outcome, warnings.to_json().as_ref()).await
    };
    match outcome.await {
        Ok(()) => {}
        Err(error @ StoreError::Damaged { .. }) => {
            tracing::error!(deployment.id = %id, %error, "a deployment fails, because a row is damaged");
            fail(&service.store, id).await;
        }
        Err(error) => {
            tracing::error!(deployment.id = %id, %error, "a deployment was interrupted; it will be retried");
        }
    }
}

/// Ends a deployment whose task panicked: the next run would do the same.
async fn end_panicked(store: &Store, id: Uuid, error: &JoinError) {
    if error.is_panic() {
        tracing::error!(deployment.id = %id, "a deployment fails, because its task panicked");
        fail(store, id).await;
    }
}

/// Ends a deployment with an internal error, if it is running.
async fn fail(store: &Store, id: Uuid) {
    if let Err(error) = store.end_deployment(id, Err(&internal()), None).await {
        tracing::error!(deployment.id = %id, %error, "the end of a deployment could not be stored; retrying");
    }
}

/// The reason of a failure that is not the author's. Only the log has the cause.
fn internal() -> Failure {
    let message = "An internal error occurred. The log of the control plane has the cause.";
    Failure::new(INTERNAL, message)
}

fn begun_too_often() -> Failure {
    let message = format!(
        "The control plane ended unexpectedly {MAX_STARTS} times while it ran this deployment, so the deployment \
         is not run again. Resources that it had written stay. The log of the control plane has the cause of \
         each end."
    );
    Failure::new(INTERNAL, message)
}

/// Runs a deployment with all that are nested in it. Also returns the warnings about its resources.
async fn deploy(service: &Service, task: Task) -> Result<(Ended, Warnings), StoreError> {
    let refused = |failure: Failure| Ok((Some(Err(failure)), Warnings::default()));
    let Task { deployment, request, mut author, client, starts: _ } = task;
    if let Some(client) = client {
        let Some((found, _)) = service.store.client(client).await? else { return refused(revoked()) };
        author.client = Some(Client { app_id: found.app_id, role: found.role, scopes: found.scopes });
    }
    let request: StoredRequest = serde_json::from_slice(request.expose()).map_err(|error| {
        StoreError::Damaged { what: format!("deployment {}", deployment.id), why: error.to_string() }
    })?;
    let StoredRequest { request, mode, link, fetched } = request;
    let links = Links::new(service.body_preparer.fetcher(), &author.name, fetched);
    let level = match Level::outermost(service, &author, deployment.path, (request, link, mode)).await {
        Ok(level) => level,
        Err(error) => return refused(failed(error, &author)?),
    };
    let mut run = Run::new(service, &author, links, deployment.correlation_id);
    let ended = run.level(deployment.id, &level).await?;
    Ok((ended, run.warnings))
}

fn revoked() -> Failure {
    let message = "The API client that started the deployment has been revoked.";
    Failure::new("AuthorizationFailed", message)
}

/// Converts an error to the reason of a failure.
///
/// # Errors
/// An error of the store, after which the deployment is run again. A damaged row would be met again.
fn failed(error: ServiceError, author: &Author) -> Result<Failure, StoreError> {
    match error {
        ServiceError::Internal(error @ StoreError::Damaged { .. }) => {
            tracing::error!(%error, "a part of a deployment fails, because a row is damaged");
            Ok(internal())
        }
        ServiceError::Internal(error) | ServiceError::Unwritable(error) => Err(error),
        error => Ok(error.failure(author)),
    }
}

#[cfg(test)]
mod tests;
