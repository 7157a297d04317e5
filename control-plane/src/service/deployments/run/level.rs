//! Runs one deployment of a tree: its resources in order, and the deployments that are nested in it.

use std::collections::{BTreeSet, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use uuid::Uuid;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentMode, Failure};
use crate::audit::Author;
use crate::store::{DEPLOYMENT_CANCELED, NewDeployment, StepOperation, StoreError};
use crate::template::{Outputs, Ready, References, Resource};
use crate::violation::Warnings;

use super::super::super::error::FAILED;
use super::super::super::resource_target::ResourceTarget;
use super::super::super::{Service, ServiceError};
use super::super::activity;
use super::super::complete::superfluous;
use super::super::evaluation::{check_readable, evaluate, evaluate_body};
use super::super::export;
use super::super::known::learn_outputs;
use super::super::level::{Level, Tree};
use super::super::links::Links;
use super::super::stage::{Stage, Unwritten};
use super::super::summary::of_nested;
use super::super::write::Write;
use super::{failed, revoked};

/// The outputs of a deployment or the reason of its failure; `None` if it has been cancelled.
pub(super) type Ended = Option<Result<Outputs, Failure>>;

/// A running tree of deployments.
pub(super) struct Run<'a> {
    tree: Tree<'a>,
    correlation_id: String,
    /// The lower-case IDs of the resources of all templates so far.
    deployed: BTreeSet<String>,
    /// The warnings about the resources that were written, for the author.
    pub(super) warnings: Warnings,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        service: &'a Service,
        author: &'a Author,
        links: Links<'a>,
        correlation_id: String,
    ) -> Run<'a> {
        let (deployed, warnings) = (BTreeSet::new(), Warnings::default());
        Run { tree: Tree { service, author, links }, correlation_id, deployed, warnings }
    }

    /// Runs a deployment. `id` is that of its run.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) fn level<'s>(
        &'s mut self,
        id: Uuid,
        level: &'s Level,
    ) -> Pin<Box<dyn Future<Output = Result<Ended, StoreError>> + Send + 's>> {
        let references = Arc::default();
        let steps = level.plan.resources.len();
        Box::pin(LevelRun { run: self, id, level, references, steps }.end())
    }
}

/// One running deployment of the tree.
struct LevelRun<'r, 'a> {
    run: &'r mut Run<'a>,
    id: Uuid,
    level: &'r Level,
    /// The resources that were looked up.
    references: Arc<References>,
    /// The position of the next step after those of the resources.
    steps: usize,
}

impl LevelRun<'_, '_> {
    async fn end(mut self) -> Result<Ended, StoreError> {
        let ids = self.level.plan.resources.iter().map(|resource| resource.id.to_ascii_lowercase());
        self.run.deployed.extend(ids);
        let Some(mut failures) = self.resources().await? else { return Ok(None) };
        if failures.is_empty() && self.level.mode == DeploymentMode::Complete {
            match self.delete_rest().await? {
                Some(of_deletions) => failures = of_deletions,
                None => return Ok(None),
            }
        }
        if failures.is_empty() {
            return self.outputs().await.map(Some);
        }
        let message = "At least one resource could not be deployed. See details, or list the operations of \
                       the deployment.";
        let failure = Failure::new(FAILED, message).because(failures);
        Ok(Some(Err(self.without_secrets(failure))))
    }

    /// Deploys each resource whose dependencies have been deployed, and returns the failures; `None` if the
    /// deployment has been cancelled.
    async fn resources(&mut self) -> Result<Option<Vec<Failure>>, StoreError> {
        let mut deployed = HashSet::new();
        let mut failures = Vec::new();
        let plan = self.level.plan.clone();
        for (at, resource) in plan.resources.iter().enumerate() {
            if !resource.depends_on.iter().all(|other| deployed.contains(other)) {
                continue;
            }
            if self.is_revoked().await? {
                failures.push(revoked());
                break;
            }
            let step = (StepOperation::Create, resource.id.as_str(), resource.kind.as_str());
            if !self.service().store.begin_step(self.id, at, step).await? {
                return Ok(None);
            }
            let written = self.resource(resource).await;
            match self.end_step(at, &resource.id, written).await? {
                None => return Ok(None),
                Some(Ok(())) => drop(deployed.insert(at)),
                Some(Err(failure)) => failures.push(failure),
            }
        }
        Ok(Some(failures))
    }

    /// Deletes the resources of the group that no template of the tree contains, until a deletion fails.
    async fn delete_rest(&mut self) -> Result<Option<Vec<Failure>>, StoreError> {
        let found = superfluous(self.service(), &self.level.path, &self.run.deployed).await;
        let rest = match found {
            Ok(rest) => rest,
            Err(error) => return Ok(Some(vec![failed(error, self.run.tree.author)?])),
        };
        for id in rest {
            if self.is_revoked().await? {
                return Ok(Some(vec![revoked()]));
            }
            let (kind, at) = (type_of(&id), self.steps);
            self.steps += 1;
            if !self.service().store.begin_step(self.id, at, (StepOperation::Delete, &id, &kind)).await? {
                return Ok(None);
            }
            let deleted = match Write::deletion(&id) {
                Ok(deletion) => {
                    deletion.apply(self.service(), self.run.tree.author.clone(), self.id).await.map(drop)
                }
                Err(error) => Err(error.into()),
            };
            match self.end_step(at, &id, deleted).await? {
                None => return Ok(None),
                Some(Ok(())) => {}
                Some(Err(failure)) => return Ok(Some(vec![failure])),
            }
        }
        Ok(Some(Vec::new()))
    }

    /// Records the end of a step. Returns its outcome, or `None` if the deployment has been cancelled.
    async fn end_step(
        &self,
        at: usize,
        resource: &str,
        outcome: Result<(), Unwritten>,
    ) -> Result<Option<Result<(), Failure>>, StoreError> {
        let outcome = match outcome {
            Ok(()) => Ok(()),
            Err(Unwritten::Unwanted) => return Ok(None),
            Err(Unwritten::Failed(problem)) => Err(Failure::new(problem.code, problem.message)),
            Err(Unwritten::Nested(failure)) => Err(failure),
            Err(Unwritten::Refused(error)) => Err(failed(error, self.run.tree.author)?),
        };
        let outcome = outcome.map_err(|failure| self.without_secrets(failure));
        self.service().store.end_step(self.id, at, outcome.as_ref().copied()).await?;
        Ok(Some(outcome.map_err(|failure| Failure { target: Some(resource.to_owned()), ..failure })))
    }

    async fn resource(&mut self, resource: &Resource) -> Result<(), Unwritten> {
        if resource.kind == DEPLOYMENT_TYPE {
            return self.nested(resource).await;
        }
        let (service, author) = (self.run.tree.service, self.run.tree.author);
        let body = loop {
            let body = evaluate_body(service, author, (&self.level.plan, resource), &self.references).await?;
            match body.map_err(|flaws| self.level.refusal(flaws))? {
                Ready::Now(body) => break body,
                Ready::After(ids) => self.fetch(ids).await?,
            }
        };
        let write = Write::new(service, author, resource, body).await?;
        let found = write.apply(service, author.clone(), self.id).await?;
        self.run.warnings.append(self.level.warnings(resource, found));
        Ok(())
    }

    /// Runs a nested deployment as a deployment of its own.
    async fn nested(&mut self, resource: &Resource) -> Result<(), Unwritten> {
        let stage = Stage::default();
        let level = loop {
            match self.run.tree.nested(self.level, resource, &self.references, &stage).await? {
                Ready::Now(level) => break level,
                Ready::After(ids) => self.fetch(ids).await?,
            }
        };
        let new = NewDeployment {
            id: Uuid::new_v4(),
            parent: Some(self.id),
            path: level.path.clone(),
            request: None,
            template: Some(export::of_plan(self.run.tree.service, self.run.tree.author, &level.plan).await?),
            body: of_nested(&level),
            warnings: None,
            correlation_id: self.run.correlation_id.clone(),
        };
        let store = &self.run.tree.service.store;
        let (stored, _) =
            store.add_deployment(&activity(self.run.tree.author.clone(), &level.path, "write"), new).await?;
        match self.run.level(stored.id, &level).await? {
            Some(outcome) => {
                record_end(self.run.tree.service, stored.id, &outcome, None).await?;
                let outputs = outcome.map_err(Unwritten::Nested)?;
                learn_outputs(self.level, &level, &mut self.references, outputs);
                Ok(())
            }
            None if store.is_running(self.id).await? => {
                let message = format!("The nested deployment '{}' was cancelled.", level.path.name);
                Err(Unwritten::Nested(Failure::new(DEPLOYMENT_CANCELED, message)))
            }
            None => Err(Unwritten::Unwanted),
        }
    }

    async fn outputs(&mut self) -> Result<Result<Outputs, Failure>, StoreError> {
        loop {
            let (plan, references) = (self.level.plan.clone(), self.references.clone());
            let author = self.run.tree.author;
            let outputs = evaluate(self.service(), &author.name, move || plan.outputs(&references)).await;
            let waits = match outputs {
                Ok(Ok(Ready::Now(outputs))) => return Ok(Ok(outputs)),
                Ok(Ok(Ready::After(ids))) => self.fetch(ids).await,
                Ok(Err(flaws)) => Err(self.level.refusal(flaws)),
                Err(busy) => Err(busy),
            };
            if let Err(error) = waits {
                return Ok(Err(failed(error, author)?));
            }
        }
    }

    /// Looks up resources to which expressions refer. Some references are only known now, and the author must
    /// be allowed to read each resource.
    async fn fetch(&mut self, ids: impl IntoIterator<Item = String>) -> Result<(), ServiceError> {
        for id in ids {
            check_readable(self.run.tree.author, &self.level.path, &id)?;
            let found = match ResourceTarget::of(&id) {
                Some(target) => target.show(self.service()).await?,
                None => None,
            };
            let found = found.ok_or_else(|| ServiceError::UnknownPath(id.clone()))?;
            Arc::make_mut(&mut self.references).insert(id, found);
        }
        Ok(())
    }

    /// Returns whether the author has been revoked: a client loses its rights at once, even during a
    /// deployment.
    async fn is_revoked(&self) -> Result<bool, StoreError> {
        match &self.run.tree.author.client {
            Some(client) => Ok(self.service().store.client(client.app_id).await?.is_none()),
            None => Ok(false),
        }
    }

    fn service(&self) -> &Service {
        self.run.tree.service
    }

    fn without_secrets(&self, failure: Failure) -> Failure {
        failure.map(&|text| self.level.plan.without_secrets_in(text))
    }
}

/// Stores the end of a deployment, and the warnings about its resources.
pub(super) async fn record_end(
    service: &Service,
    id: Uuid,
    outcome: &Result<Outputs, Failure>,
    warnings: Option<&Value>,
) -> Result<(), StoreError> {
    let shown = outcome.as_ref().map(|outputs| Value::Object(outputs.shown.clone()));
    service.store.end_deployment(id, shown.as_ref().map_err(|failure| *failure), warnings).await
}

/// Returns the type of a resource that has no parent.
fn type_of(id: &str) -> String {
    let provided = id.rsplit("/providers/").next().unwrap_or_default();
    provided.split('/').take(2).collect::<Vec<_>>().join("/")
}
