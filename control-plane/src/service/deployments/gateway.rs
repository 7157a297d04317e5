//! Gateways, their children and their extension documents in templates: dry run and write.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tidegate_shared::id::{GatewayId, Generation};
use tokio::time::timeout;
use uuid::Uuid;

use crate::arm::network::NetworkPath;
use crate::arm::network::path::references_of;
use crate::arm::page::Pages;
use crate::arm::private_addresses::PrivateAddresses;
use crate::audit::Author;
use crate::edit::{Edit, EditAction};
use crate::etag::Etag;
use crate::store::{
    Decision, Gateway, NetworkResource, Operation, OperationState, OperationalState, Problem,
    ProvisioningState, StoreError,
};
use crate::violation::Warnings;

use super::super::error::not_found;
use super::super::gateways::{activity, check_links};
use super::super::{Service, ServiceError, view};
use super::stage::{Stage, Unwritten};

/// The interval of checking during an operation whether the deployment has been cancelled.
const LOOK: Duration = Duration::from_secs(2);

/// Returns the gateway, child or extension document as it would be shown after the write, and stores it in the stage for later
/// resources.
///
/// # Errors
/// The error with which the write would fail.
pub(super) async fn dry_run(
    edit: &Edit,
    service: &Service,
    author: &Author,
    stage: &mut Stage,
) -> Result<Value, ServiceError> {
    let path = &edit.path;
    // Checked before anything is looked up that the author may not see.
    check_links(&activity(author.clone(), edit), edit)
        .map_err(|error| ServiceError::from_edit(error, edit))?;
    let stored = match stage.gateways.get(&path.key()) {
        Some(gateway) => Some(gateway.clone()),
        None => service.store.gateway(path).await?,
    };
    let resources = resources(edit, stored.as_ref(), service, stage).await?;
    // Pages that the request does not name were checked by an earlier write.
    let id = stored.as_ref().map(|gateway| gateway.id);
    let refs = service.store.refs_with(resources, Pages::default(), id).await?;
    let external_refs = service.refs_for(edit, &refs);
    let decision = edit.decide(service.decision_context(&external_refs), stored.as_ref());
    let (decision, warnings) = decision.map_err(|error| ServiceError::from_edit(error, edit))?;
    stage.warnings.append(warnings);
    let gateway = match (decision, stored) {
        (Decision::Replace { document, config_digest, held, .. }, stored) => {
            let bound_addresses = PrivateAddresses { held, ..refs.private };
            let child_etags = vec![Etag(String::new()); document.children.len()];
            let extension_etags = vec![Etag(String::new()); document.extensions.len()];
            match stored {
                Some(stored) => Gateway {
                    document,
                    config_digest,
                    child_etags,
                    extension_etags,
                    bound_addresses,
                    ..stored
                },
                None => Gateway {
                    id: GatewayId(Uuid::nil()),
                    document,
                    etag: Etag(String::new()),
                    child_etags,
                    extension_etags,
                    generation: Generation(1),
                    config_digest,
                    state: ProvisioningState::Updating,
                    reason: None,
                    operational: OperationalState::Created,
                    bound_addresses,
                },
            }
        }
        (_, Some(stored)) => stored,
        (_, None) => return Err(not_found::gateway(path)),
    };
    let shown = match &edit.action {
        EditAction::PutChild { collection, name, .. } => {
            let child = gateway.document.child(collection, name);
            let shown =
                child.and_then(|child| Some(view::child(&gateway, child, gateway.child_etag(child)?)));
            shown.unwrap_or_default()
        }
        EditAction::PutExtension { kind, name, .. } => {
            let found = gateway.extension(kind, name);
            found.map(|(extension, etag)| view::extension(&gateway, extension, etag)).unwrap_or_default()
        }
        _ => view::gateway(&gateway),
    };
    stage.gateways.insert(path.key(), gateway);
    Ok(shown)
}

/// Returns the network resources to which the gateway and the request refer, as they would be at the time of the
/// write.
async fn resources(
    edit: &Edit,
    stored: Option<&Gateway>,
    service: &Service,
    stage: &Stage,
) -> Result<Vec<NetworkResource>, StoreError> {
    let of_stored = stored.map(|gateway| references_of(&gateway.document)).unwrap_or_default();
    let of_stored = of_stored.iter().filter_map(|reference| NetworkPath::around(&reference.target));
    let paths: BTreeMap<String, NetworkPath> =
        edit.network_resources().into_iter().chain(of_stored).map(|path| (path.key(), path)).collect();
    let mut resources = Vec::new();
    for (key, path) in paths {
        match stage.networks.get(&key) {
            Some(staged) => resources.push(staged.clone()),
            None => resources.extend(service.store.network_resource(&path).await?.map(|(found, _)| found)),
        }
    }
    Ok(resources)
}

/// Writes the gateway and waits until the workers have applied it. Returns the warnings for the author.
///
/// # Errors
/// If the write is rejected or fails, or if the deployment has been cancelled.
pub(super) async fn apply(
    edit: Edit,
    service: &Service,
    author: Author,
    deployment: Uuid,
) -> Result<Warnings, Unwritten> {
    let path = edit.path.clone();
    let (written, warnings) = service.write(author, edit).await?;
    let mut endings = service.store.endings();
    loop {
        match service.store.operation(&path.subscription, written.operation.id).await? {
            Some(operation) if operation.state == OperationState::InProgress => {}
            None | Some(Operation { state: OperationState::Succeeded, .. }) => return Ok(warnings),
            Some(operation) => return Err(Unwritten::Failed(operation.problem.unwrap_or_else(unexplained))),
        }
        if !service.store.is_running(deployment).await? {
            return Err(Unwritten::Unwanted);
        }
        // Cancelling a deployment changes `endings` too.
        let _ = timeout(LOOK, endings.changed()).await;
    }
}

fn unexplained() -> Problem {
    Problem { code: "OperationFailed".to_owned(), message: "The operation failed.".to_owned() }
}
