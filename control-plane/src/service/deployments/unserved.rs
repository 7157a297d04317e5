//! Resources of types that Tidegate does not serve in templates: dry run and write.

use serde_json::Value;
use uuid::Uuid;

use crate::arm::extension::ExtensionPath;
use crate::arm::unserved::{UnservedPath, maker_of, members, show};
use crate::audit::Author;
use crate::etag::{Etag, Preconditions};
use crate::store::{ProvisioningState, UnservedDecision, UnservedResource, UnservedState};
use crate::violation::Warnings;

use super::super::error::not_found;
use super::super::resource_target::ResourceTarget;
use super::super::unserved::{UnservedAction, decide, member_of, no_parent};
use super::super::view::network::subnet;
use super::super::{ResourceGroupError, Service, ServiceError};
use super::stage::{Stage, Unwritten};

/// Returns the resource as it would be shown after the write, and stores it in the stage for later resources.
///
/// # Errors
/// The error with which the write would fail.
pub(super) async fn dry_run(
    path: &UnservedPath,
    action: &UnservedAction,
    service: &Service,
    stage: &mut Stage,
) -> Result<Value, ServiceError> {
    service.check_unserved_types(path)?;
    check_group(path, service, stage).await?;
    let own = staged(path, service, stage).await?;
    let container = match path.container() {
        Some(container) => staged(&container, service, stage).await?,
        None => None,
    };
    let has_parent = has_parent(path, service, stage).await?;
    let state = UnservedState { own, container, has_parent };
    let decision = decide(path, &state, &Preconditions::default(), action.clone())?;
    let written = match (decision, state.own, state.container) {
        (UnservedDecision::Replace { body, .. }, own, _) => {
            UnservedResource { body, ..own.unwrap_or_else(|| new(path)) }
        }
        (UnservedDecision::ReplaceContainer { body, .. }, _, Some(container)) => {
            UnservedResource { body, ..container }
        }
        _ => return Err(not_found::unserved(path)),
    };
    let shown = match members::holds(&written.body, path).then(|| member_of(&written, path)).flatten() {
        Some(member) => member,
        None => written.clone(),
    };
    stage.unserved.insert(written.path.key(), written);
    Ok(show(&shown.path, shown.id, &shown.body, service.issuer.tenant()))
}

/// Writes the resource, which completes at once. There are no warnings.
///
/// # Errors
/// If the write is rejected.
pub(super) async fn apply(
    path: UnservedPath,
    action: UnservedAction,
    service: &Service,
    author: Author,
) -> Result<Warnings, Unwritten> {
    service.write_unserved(author, &path, &Preconditions::default(), action).await?;
    Ok(Warnings::default())
}

/// Returns a resource as it would be at the time of the write.
async fn staged(
    path: &UnservedPath,
    service: &Service,
    stage: &Stage,
) -> Result<Option<UnservedResource>, ServiceError> {
    match stage.unserved.get(&path.key()) {
        Some(staged) => Ok(Some(staged.clone())),
        None => Ok(service.store.unserved_resource(path).await?),
    }
}

/// Checks that there would be a group for the resource.
async fn check_group(path: &UnservedPath, service: &Service, stage: &Stage) -> Result<(), ServiceError> {
    let Some(name) = &path.group else { return Ok(()) };
    if stage.groups.contains_key(&path.scope_id().to_ascii_lowercase()) {
        return Ok(());
    }
    match service.store.group(&path.subscription, name).await? {
        Some(group) if group.state == ProvisioningState::Deleting => {
            Err(ResourceGroupError::GroupDeleting(group.name).into())
        }
        // A nested deployment that is not known yet may create the group.
        None if service.store.has_strict_groups() && !stage.has_gaps => {
            Err(ResourceGroupError::NoGroup(name.clone()).into())
        }
        _ => Ok(()),
    }
}

/// Returns whether the parent of the resource, or what it extends, would exist.
async fn has_parent(path: &UnservedPath, service: &Service, stage: &Stage) -> Result<bool, ServiceError> {
    let Some(parent) = &path.parent else { return Ok(true) };
    // A nested deployment that is not known yet may create it.
    let maker = UnservedPath::parse(parent).ok().and_then(|parent| maker_of(&parent));
    let is_made = maker.is_some_and(|maker| stage.ids.contains(&maker.key()));
    if is_made || stage.has_gaps || stage.ids.contains(&parent.to_ascii_lowercase()) {
        return Ok(true);
    }
    let target = ResourceTarget::of(parent).ok_or_else(|| no_parent(path))?;
    let staged = match &target {
        ResourceTarget::Child(gateway, collection, name) => {
            let gateway = stage.gateways.get(&gateway.key());
            gateway.map(|gateway| gateway.document.child(collection, name).is_some())
        }
        ResourceTarget::Extension(ExtensionPath { gateway, kind, name }) => {
            let gateway = stage.gateways.get(&gateway.key());
            gateway.map(|gateway| gateway.document.extension(kind, name).is_some())
        }
        ResourceTarget::Subnet(network, name) => {
            let network = stage.networks.get(&network.key());
            network.map(|network| subnet(network, name, &[]).is_some())
        }
        ResourceTarget::Unserved(parent) => {
            let container = parent.container().and_then(|found| stage.unserved.get(&found.key()));
            let container = container.filter(|container| members::holds(&container.body, parent));
            container.map(|container| member_of(container, parent).is_some())
        }
        _ => None,
    };
    match staged {
        Some(staged) => Ok(staged),
        None => Ok(target.show(service).await?.is_some()),
    }
}

fn new(path: &UnservedPath) -> UnservedResource {
    let (id, body, etag) = (Uuid::nil(), serde_json::Map::new(), Etag(String::new()));
    UnservedResource { id, path: path.clone(), body, sealed_secrets: None, etag }
}
