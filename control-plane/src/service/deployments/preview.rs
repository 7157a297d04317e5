//! The effects of a deployment on the stored state: a plan, the errors of its resources, and the resources as
//! they would be afterwards. Writes nothing.
//!
//! Nested deployments are previewed with the outermost one, as far as they are known: a nested deployment
//! whose request depends on resources that are not deployed yet is left out, and said to be.

use std::sync::Arc;

use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::arm::deployment::{DeploymentBody, DeploymentMode, DeploymentPath, Located};
use crate::audit::Author;
use crate::clock::Millis;
use crate::template::{Context, Inherited, Plan};
use crate::violation::Warnings;

use super::super::traffic::Traffic;
use super::super::{DeploymentError, Service, ServiceError};
use super::change::Change;
use super::level::{Level, Tree, check_body, place_of, request, shown_link};
use super::links::Links;
use super::request::StoredRequest;
use super::stage::Stage;
use super::walk::{Walk, Walked};

/// The plan of a deployment and its effects, before anything is written.
pub(crate) struct Preview {
    /// The evaluated template.
    pub(crate) plan: Arc<Plan>,
    /// What becomes of resources that are not in the template.
    pub(crate) mode: DeploymentMode,
    /// The place of the template, if it was linked.
    pub(crate) link: Option<Located>,
    /// The complete request, for storage.
    pub(super) request: Secret,
    /// The time of the preview.
    pub(crate) now: Millis,
    /// The location of a deployment to a subscription.
    pub(crate) location: Option<String>,
    /// The change of each resource, those of nested deployments included.
    pub(crate) changes: Vec<Change>,
    /// The warnings about the resources, for the author.
    pub(crate) warnings: Warnings,
    /// What becomes of running requests and tunnels of the gateways that are changed or deleted, by their resource IDs.
    pub(crate) traffic: Vec<(String, Traffic)>,
    /// True if the changes are asked for without the resources' content.
    pub(crate) ids_only: bool,
}

/// How a deployment is requested.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) author: &'a Author,
    /// The scheme and host of the API as the client reached it.
    pub(super) management: &'a str,
    /// Whether to find out what becomes of the resources that are not in the template.
    pub(super) with_rest: bool,
}

/// Previews a deployment.
///
/// # Errors
/// Every error that can be found before anything is written.
pub(super) async fn preview(
    service: &Service,
    asked: Asked<'_>,
    path: &DeploymentPath,
    mut body: DeploymentBody,
) -> Result<Preview, ServiceError> {
    let now = Millis::now();
    let author = asked.author;
    check_body(&body, path).map_err(DeploymentError::Template)?;
    let mut links = Links::new(service.body_preparer.fetcher(), &author.name, Default::default());
    let linked = links.complete(&mut body, None).await.map_err(DeploymentError::Template)?;
    let link = linked.link.clone();
    let stage = Stage::default();
    let place = place_of(service, path, body.location.as_deref(), &stage).await?;
    let context = Context {
        subscription: path.subscription.clone(),
        tenant: service.issuer.tenant().to_string(),
        group: None,
        location: String::new(),
        tags: Default::default(),
        deployment: path.name.clone(),
        chance: Uuid::new_v4(),
        now: now.0,
        management: asked.management.to_owned(),
        deployer: author.client.as_ref().map_or(Uuid::nil(), |client| client.app_id),
        mode: body.mode,
        template_link: link.as_ref().map(shown_link),
        key_seed: service.store.unserved_key_seed(),
    };
    let request = request(linked, place.into_context(path, context), Inherited::default());
    let level = Level::outermost(service, author, path.clone(), (request, link, body.mode)).await?;
    let mut walk = Walk::new(Tree { service, author, links }, stage);
    walk.level(&level).await?;
    if asked.with_rest {
        walk.rest(&level).await?;
    }
    let Walked { tree, stage, changes, warnings } = walk.finish(&level)?;
    let traffic = match asked.with_rest {
        true => service.traffic_of_deployment(&stage, &changes).await?,
        false => Vec::new(),
    };
    let stored = StoredRequest {
        request: level.plan.request(),
        mode: level.mode,
        link: level.link.clone(),
        fetched: tree.links.into_known(),
    };
    Ok(Preview {
        request: stored.to_secret(),
        plan: level.plan,
        mode: level.mode,
        link: level.link,
        now,
        location: body.location.filter(|_| path.group.is_none()),
        changes,
        warnings,
        traffic,
        ids_only: body.ids_only,
    })
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({:?})", self.plan)
    }
}
