//! The walk of a preview down the tree of deployments. Writes nothing: the results that resources would have
//! are kept in the stage for later resources.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentMode, Failure};
use crate::audit::Author;
use crate::template::{FilledBody, Outputs, Ready, References, Resource};
use crate::violation::Warnings;

use super::super::resource_target::ResourceTarget;
use super::super::{DeploymentError, ServiceError};
use super::change::{Change, Fate};
use super::complete::superfluous;
use super::evaluation::evaluate_body;
use super::known::{foreign, learn_outputs, outcome};
use super::level::{Level, Tree};
use super::stage::Stage;
use super::write::Write;

/// A preview in progress.
pub(super) struct Walk<'a> {
    tree: Tree<'a>,
    stage: Stage,
    /// The resources as they would be shown after their writes. What only a write makes, such as an address,
    /// is missing in them.
    expected: References,
    changes: Vec<Change>,
    failures: Vec<Failure>,
    /// The warnings about the resources, for the author.
    warnings: Warnings,
}

/// The results of a preview.
pub(super) struct Walked<'a> {
    pub(super) tree: Tree<'a>,
    /// The resources as they would be afterwards.
    pub(super) stage: Stage,
    pub(super) changes: Vec<Change>,
    /// The warnings about the resources, for the author.
    pub(super) warnings: Warnings,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tree: Tree<'a>, stage: Stage) -> Walk<'a> {
        Walk {
            tree,
            stage,
            expected: References::new(),
            changes: Vec::new(),
            failures: Vec::new(),
            warnings: Warnings::default(),
        }
    }

    /// Previews the resources of a deployment. Returns the references that its outputs may use.
    ///
    /// # Errors
    /// Errors of templates and of the store. The failures of resources are collected.
    pub(super) fn level<'s>(
        &'s mut self,
        level: &'s Level,
    ) -> Pin<Box<dyn Future<Output = Result<Arc<References>, ServiceError>> + Send + 's>> {
        Box::pin(async move {
            let Tree { service, author, .. } = self.tree;
            let (references, missing) = foreign(service, author, level, &self.stage).await?;
            self.fail(level, missing);
            let mut references = Arc::new(references);
            for resource in &level.plan.resources {
                if resource.kind == DEPLOYMENT_TYPE {
                    self.nested(level, resource, &mut references).await?;
                } else {
                    self.resource(level, resource, &references).await?;
                }
                self.stage.ids.insert(resource.id.to_ascii_lowercase());
            }
            Ok(references)
        })
    }

    async fn nested(
        &mut self,
        level: &Level,
        resource: &Resource,
        references: &mut Arc<References>,
    ) -> Result<(), ServiceError> {
        let nested = match self.plan_nested(level, resource, references).await? {
            Ready::Now(nested) => nested,
            Ready::After(ids) => {
                self.stage.has_gaps = true;
                let on: Vec<String> = ids.into_iter().take(3).collect();
                let why = format!(
                    "The nested deployment cannot be analyzed before the deployment, because its parameters \
                     or its template depend on the state of {}.",
                    on.join(", ")
                );
                self.change(level, resource, Fate::Unknown(why), (None, None));
                return Ok(());
            }
        };
        let seen = self.level(&nested).await?;
        if let Some((shown, outputs)) = self.outcome(&nested, seen).await? {
            learn_outputs(level, &nested, references, outputs);
            Arc::make_mut(references).insert(resource.id.to_ascii_lowercase(), shown);
        }
        Ok(())
    }

    /// Plans a nested deployment. If its request depends on resources that are not deployed yet, it is
    /// planned as these are expected to be; what does not fit them is not known to be wrong.
    async fn plan_nested(
        &mut self,
        level: &Level,
        resource: &Resource,
        references: &Arc<References>,
    ) -> Result<Ready<Level>, ServiceError> {
        let planned = self.tree.nested(level, resource, references, &self.stage).await?;
        let Ready::After(ids) = planned else { return Ok(planned) };
        let (mut guess, mut missing) = (references.clone(), ids.clone());
        while self.expect(&mut guess, &missing) {
            let planned = self.tree.nested(level, resource, &guess, &self.stage).await;
            // The limits of links are those of the whole deployment, so that guesses make no more requests.
            let planned = match self.tree.links.is_exhausted() {
                true => Some(planned?),
                false => known(planned)?,
            };
            match planned {
                Some(Ready::After(more)) => missing = more,
                Some(planned) => return Ok(planned),
                None => break,
            }
        }
        Ok(Ready::After(ids))
    }

    /// Returns a nested deployment as it is expected to be after its end, if its outputs can be known.
    async fn outcome(
        &self,
        nested: &Level,
        mut references: Arc<References>,
    ) -> Result<Option<(Value, Outputs)>, ServiceError> {
        let (service, author) = (self.tree.service, self.tree.author);
        let mut missing = match outcome(service, author, nested, &references).await? {
            Ready::Now(shown) => return Ok(Some(shown)),
            Ready::After(ids) => ids,
        };
        while self.expect(&mut references, &missing) {
            match known(outcome(service, author, nested, &references).await)? {
                Some(Ready::After(more)) => missing = more,
                Some(Ready::Now(shown)) => return Ok(Some(shown)),
                None => break,
            }
        }
        Ok(None)
    }

    /// Adds resources as they are expected to be. Returns whether there was one to add.
    fn expect(&self, references: &mut Arc<References>, missing: &BTreeSet<String>) -> bool {
        let new = |id: &&String| !references.contains_key(*id);
        let found = missing.iter().filter(new).filter_map(|id| self.expected.get_key_value(id));
        let found: Vec<(String, Value)> = found.map(|(id, shown)| (id.clone(), shown.clone())).collect();
        let any = !found.is_empty();
        Arc::make_mut(references).extend(found);
        any
    }

    async fn resource(
        &mut self,
        level: &Level,
        resource: &Resource,
        references: &Arc<References>,
    ) -> Result<(), ServiceError> {
        let Tree { service, author, .. } = self.tree;
        let before = match ResourceTarget::of(&resource.id) {
            Some(target) => target.show(service).await?,
            None => None,
        };
        let body = evaluate_body(service, author, (&level.plan, resource), references).await?;
        let after = match body.map_err(|flaws| level.refusal(flaws))? {
            Ready::Now(body) => match self.dry_run(level, resource, body).await {
                Ok(after) => Some(after),
                Err(error) => {
                    let failure = of_resource(&level.place(&resource.target), error, author)?;
                    self.fail(level, vec![failure]);
                    None
                }
            },
            // What does not fit the expected resources is not known to be wrong.
            Ready::After(ids) => match self.expected_body(level, resource, (references, ids)).await? {
                Some(body) => match self.dry_run(level, resource, body).await {
                    Err(error) if error.is_ours() => return Err(error),
                    after => after.ok(),
                },
                None => None,
            },
        };
        self.change(level, resource, Fate::Written, (before, after));
        Ok(())
    }

    /// Returns a resource as it would be shown after its write, and keeps it for later resources.
    async fn dry_run(
        &mut self,
        level: &Level,
        resource: &Resource,
        body: FilledBody,
    ) -> Result<Value, ServiceError> {
        let Tree { service, author, .. } = self.tree;
        let write = Write::new(service, author, resource, body).await?;
        let after = write.dry_run(service, author, &mut self.stage).await;
        let found = std::mem::take(&mut self.stage.warnings);
        self.warnings.append(level.warnings(resource, found));
        let after = after?;
        self.expected.insert(resource.id.to_ascii_lowercase(), after.clone());
        Ok(after)
    }

    /// Returns the body of a resource with the resources that it depends on as these are expected to be, if it
    /// can be known.
    async fn expected_body(
        &self,
        level: &Level,
        resource: &Resource,
        (references, mut missing): (&Arc<References>, BTreeSet<String>),
    ) -> Result<Option<FilledBody>, ServiceError> {
        let mut guess = references.clone();
        while self.expect(&mut guess, &missing) {
            let of = (&level.plan, resource);
            match evaluate_body(self.tree.service, self.tree.author, of, &guess).await? {
                Ok(Ready::Now(body)) => return Ok(Some(body)),
                Ok(Ready::After(more)) => missing = more,
                Err(_) => break,
            }
        }
        Ok(None)
    }

    /// Adds the resources of the group that are not in the template.
    ///
    /// # Errors
    /// An error of the store.
    pub(super) async fn rest(&mut self, level: &Level) -> Result<(), ServiceError> {
        let fate = match level.mode {
            DeploymentMode::Incremental => Fate::Ignored,
            DeploymentMode::Complete if self.stage.has_gaps => Fate::Unknown(
                "It is deleted unless a nested deployment that is not known yet contains it.".to_owned(),
            ),
            DeploymentMode::Complete => Fate::Deleted,
        };
        let service = self.tree.service;
        for id in superfluous(service, &level.path, &self.stage.ids).await? {
            let before = match ResourceTarget::of(&id) {
                Some(target) => target.show(service).await?,
                None => None,
            };
            let plan = level.plan.clone();
            self.changes.push(Change { id, fate: fate.clone(), before, after: None, plan });
        }
        Ok(())
    }

    /// Returns the changes, and the warnings for the author.
    ///
    /// # Errors
    /// The failures of all resources.
    pub(super) fn finish(self, outermost: &Level) -> Result<Walked<'a>, ServiceError> {
        if self.failures.is_empty() {
            let Walk { tree, stage, changes, warnings, .. } = self;
            return Ok(Walked { tree, stage, changes, warnings });
        }
        Err(DeploymentError::resources(&outermost.path.name, self.failures).into())
    }

    fn change(
        &mut self,
        level: &Level,
        resource: &Resource,
        fate: Fate,
        (before, after): (Option<Value>, Option<Value>),
    ) {
        let (id, plan) = (resource.id.clone(), level.plan.clone());
        self.changes.push(Change { id, fate, before, after, plan });
    }

    fn fail(&mut self, level: &Level, failures: Vec<Failure>) {
        let hide = |text: &str| level.plan.without_secrets_in(text);
        self.failures.extend(failures.into_iter().map(|failure| failure.map(&hide)));
    }
}

/// Returns what was found, or `None` if the template does not fit what was only expected.
fn known<T>(found: Result<T, ServiceError>) -> Result<Option<T>, ServiceError> {
    match found {
        Err(ServiceError::Deployment(DeploymentError::Template(_))) => Ok(None),
        other => other.map(Some),
    }
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
