//! One deployment of a tree: the outermost one, or one that is nested in another. A preview and a run come
//! down the tree alike; this module makes the next level, and checks that the author may deploy there.

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::arm::deployment::{DEPLOYMENT_TYPE, DeploymentBody, DeploymentMode, DeploymentPath, Located};
use crate::audit::Author;
use crate::store::Group;
use crate::template::{
    Allowance, Context, Inherited, MAX_NESTED_LEVELS, Nested, Plan, Ready, References, Request, Resource,
};
use crate::violation::code::template as code;
use crate::violation::{Violations, Warnings};

use super::super::{DeploymentError, ResourceGroupError, Service, ServiceError};
use super::evaluation::evaluate;
use super::links::{Linked, Links};
use super::stage::Stage;

/// The location of a group that does not exist yet.
const NOWHERE: &str = "local";

/// A deployment of the tree.
pub(super) struct Level {
    pub(super) path: DeploymentPath,
    pub(super) plan: Arc<Plan>,
    pub(super) mode: DeploymentMode,
    /// The prefix of the paths in its template within the whole request: empty, or the place of the nested
    /// deployment with a dot.
    prefix: String,
    /// The place of its template, if it was linked.
    pub(super) link: Option<Located>,
    allowance: Allowance,
    /// The lower-case IDs of this deployment and of those around it.
    open: Vec<String>,
}

/// What the levels of a tree have in common.
pub(super) struct Tree<'a> {
    pub(super) service: &'a Service,
    pub(super) author: &'a Author,
    pub(super) links: Links<'a>,
}

impl Level {
    /// Plans the outermost deployment.
    ///
    /// # Errors
    /// The violations of its template; [`DeploymentError::Busy`].
    pub(super) async fn outermost(
        service: &Service,
        author: &Author,
        path: DeploymentPath,
        (request, link, mode): (Request, Option<Located>, DeploymentMode),
    ) -> Result<Level, ServiceError> {
        let allowance = Allowance::new();
        let plan = make_plan(service, author, request, &allowance).await?;
        let plan = Arc::new(plan.map_err(DeploymentError::Template)?);
        let open = vec![path.key()];
        Ok(Level { path, plan, mode, prefix: String::new(), link, allowance, open })
    }

    /// The place of a resource, or of another part of the template, in the whole request.
    pub(super) fn place(&self, place: &str) -> String {
        format!("{}{place}", self.prefix)
    }

    /// Returns the warnings about a resource, with paths in the whole request and without secrets.
    pub(super) fn warnings(&self, resource: &Resource, found: Warnings) -> Warnings {
        found.at(&self.place(&resource.target), |text| self.plan.without_secrets_in(text))
    }

    /// Converts violations of this template to an error with places in the whole request.
    pub(super) fn refusal(&self, flaws: Violations) -> ServiceError {
        DeploymentError::Template(prefixed(flaws, &self.prefix)).into()
    }
}

impl Tree<'_> {
    /// Plans a deployment that is nested in another one, as soon as its request is known.
    ///
    /// # Errors
    /// The violations of its request and its template; if the author may not deploy to its scope.
    pub(super) async fn nested(
        &mut self,
        level: &Level,
        resource: &Resource,
        references: &Arc<References>,
        stage: &Stage,
    ) -> Result<Ready<Level>, ServiceError> {
        let (plan, of, seen) = (level.plan.clone(), resource.clone(), references.clone());
        let nested = evaluate(self.service, &self.author.name, move || plan.nested(&of, &seen)).await?;
        let Nested { body, inherited } = match nested.map_err(|flaws| level.refusal(flaws))? {
            Ready::Now(nested) => nested,
            Ready::After(ids) => return Ok(Ready::After(ids)),
        };
        let prefix = format!("{}.", level.place(&resource.target));
        let refuse = |flaws: Violations| -> ServiceError {
            DeploymentError::Template(prefixed(hidden(&level.plan, flaws), &prefix)).into()
        };
        let path = nested_path(level, resource).map_err(&refuse)?;
        check_scope(self.author, &level.path, &path)?;
        let allowance = level.allowance.of_nested().ok_or_else(|| refuse(too_deep()))?;
        let mut body = DeploymentBody::read(body).map_err(&refuse)?;
        check_body(&body, &path).and_then(|()| check_mode(body.mode)).map_err(&refuse)?;
        let linked = self.links.complete(&mut body, level.link.as_ref()).await.map_err(&refuse)?;
        // Many deployments can link to one content.
        let is_small = |value: &Value| allowance.charge(value);
        if (linked.link.is_some() || linked.has_linked_parameters)
            && !(is_small(&linked.template) && is_small(&linked.parameters))
        {
            return Err(refuse(too_large()));
        }
        let link = linked.link.clone();
        let context = self.context(level, &path, (&body, &linked), stage).await?;
        let request = request(linked, context, inherited);
        let plan = make_plan(self.service, self.author, request, &allowance).await?.map_err(&refuse)?;
        let open = level.open.iter().cloned().chain([path.key()]).collect();
        let mode = body.mode;
        Ok(Ready::Now(Level { path, plan: Arc::new(plan), mode, prefix, link, allowance, open }))
    }

    /// Returns the context of a nested deployment.
    async fn context(
        &self,
        level: &Level,
        path: &DeploymentPath,
        (body, linked): (&DeploymentBody, &Linked),
        stage: &Stage,
    ) -> Result<Context, ServiceError> {
        let around = level.plan.context();
        let chance = Uuid::from_u128(around.chance.as_u128() ^ name_number(&path.key()));
        let place = place_of(self.service, path, body.location.as_deref(), stage).await?;
        Ok(Context {
            deployment: path.name.clone(),
            chance,
            mode: body.mode,
            template_link: linked.link.as_ref().map(shown_link),
            ..place.into_context(path, around.clone())
        })
    }
}

/// Returns the complete request of a deployment.
pub(super) fn request(linked: Linked, context: Context, inherited: Inherited) -> Request {
    let Linked { template, parameters, .. } = linked;
    Request { template, parameters, context, inherited }
}

/// The link to a template as `deployment()` shows it.
pub(super) fn shown_link(link: &Located) -> Value {
    serde_json::json!({"uri": link.uri})
}

/// Checks what a body says against the scope of the deployment.
///
/// # Errors
/// The violations.
pub(super) fn check_body(body: &DeploymentBody, path: &DeploymentPath) -> Result<(), Violations> {
    let mut flaws = Violations::default();
    if path.group.is_none() && body.location.is_none() {
        let why =
            "A deployment to a subscription must have a location, such as {\"location\": \"westeurope\", …}.";
        flaws.push(code::STRUCTURE, "location", why);
    }
    if path.group.is_none() && body.mode == DeploymentMode::Complete {
        let why =
            "The mode 'Complete' is only allowed for a deployment to a resource group. Use 'Incremental'.";
        flaws.push(code::MODE, "properties.mode", why);
    }
    if flaws.is_empty() { Ok(()) } else { Err(flaws) }
}

/// Checks the mode of a nested deployment.
///
/// # Errors
/// The violation.
fn check_mode(mode: DeploymentMode) -> Result<(), Violations> {
    if mode == DeploymentMode::Incremental {
        return Ok(());
    }
    let mut flaws = Violations::default();
    let why = "The mode 'Complete' is only allowed for the outermost deployment. Use 'Incremental'.";
    flaws.push(code::MODE, "properties.mode", why);
    Err(flaws)
}

/// The group of a deployment, or the location of one to the subscription.
pub(super) struct Place {
    group: Option<String>,
    location: String,
    tags: Map<String, Value>,
}

impl Place {
    /// Puts the place into a context.
    pub(super) fn into_context(self, path: &DeploymentPath, context: Context) -> Context {
        let Place { group, location, tags } = self;
        Context { subscription: path.subscription.clone(), group, location, tags, ..context }
    }
}

/// Returns the place of a deployment. `stage` has the groups of earlier resources of a preview.
///
/// # Errors
/// [`ResourceGroupError::NoGroup`] if groups must be created explicitly, or an error of the store.
pub(super) async fn place_of(
    service: &Service,
    path: &DeploymentPath,
    location: Option<&str>,
    stage: &Stage,
) -> Result<Place, ServiceError> {
    let Some(name) = &path.group else {
        let location = location.unwrap_or(NOWHERE).to_owned();
        return Ok(Place { group: None, location, tags: Map::new() });
    };
    let stored = match stage.groups.get(&path.scope_id().to_ascii_lowercase()) {
        Some(group) => Some(group.clone()),
        None => service.store.group(&path.subscription, name).await?,
    };
    // A nested deployment that is not known yet may create the group.
    if stored.is_none() && !stage.has_gaps && service.store.has_strict_groups() {
        return Err(ResourceGroupError::NoGroup(name.clone()).into());
    }
    let (name, body) = match stored {
        Some(Group { name, body, .. }) => (name, body),
        None => (name.clone(), Map::new()),
    };
    let location = body.get("location").and_then(Value::as_str).unwrap_or(NOWHERE).to_owned();
    let tags = body.get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
    Ok(Place { group: Some(name), location, tags })
}

/// Plans on a blocking thread.
async fn make_plan(
    service: &Service,
    author: &Author,
    request: Request,
    allowance: &Allowance,
) -> Result<Result<Plan, Violations>, ServiceError> {
    let allowance = allowance.clone();
    evaluate(service, &author.name, move || Plan::make(request, allowance)).await
}

fn nested_path(level: &Level, resource: &Resource) -> Result<DeploymentPath, Violations> {
    let mut flaws = Violations::default();
    let path = DeploymentPath::parse(&resource.id).filter(DeploymentPath::is_valid);
    let Some(path) = path else {
        let why = format!("'{:.200}' is not a valid name of a deployment.", resource.name.join("/"));
        flaws.push(code::RESOURCE, "name", why);
        return Err(flaws);
    };
    if level.open.contains(&path.key()) {
        let why = format!("The deployment '{path}' is nested in itself. Give it another name.");
        flaws.push(code::RESOURCE, "name", why);
        return Err(flaws);
    }
    Ok(path)
}

fn too_large() -> Violations {
    let mut flaws = Violations::default();
    let why = "The linked templates and parameters of the deployment are too large together.";
    flaws.push(code::LIMIT, "properties", why);
    flaws
}

fn too_deep() -> Violations {
    let mut flaws = Violations::default();
    let why = format!("Deployments can be nested at most {MAX_NESTED_LEVELS} levels deep.");
    flaws.push(code::LIMIT, "properties.template", why);
    flaws
}

/// Rejects a nested deployment to a scope in which the author may not write.
fn check_scope(
    author: &Author,
    around: &DeploymentPath,
    nested: &DeploymentPath,
) -> Result<(), ServiceError> {
    let scope = nested.scope_id();
    match &author.client {
        Some(client) if !client.covers(&scope) => Err(ServiceError::LinkForbidden {
            client: client.app_id,
            action: format!("{DEPLOYMENT_TYPE}/write"),
            scope: around.to_string(),
            linked: scope,
        }),
        _ => Ok(()),
    }
}

fn hidden(plan: &Plan, mut flaws: Violations) -> Violations {
    flaws.0.iter_mut().for_each(|flaw| flaw.message = plan.without_secrets_in(&flaw.message));
    flaws
}

fn prefixed(mut flaws: Violations, prefix: &str) -> Violations {
    flaws.0.iter_mut().for_each(|flaw| flaw.target = format!("{prefix}{}", flaw.target));
    flaws
}

/// Returns a number that depends on a text (FNV-1a, 128 bits).
fn name_number(text: &str) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}
