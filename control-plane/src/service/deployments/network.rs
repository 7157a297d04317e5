//! Virtual networks, subnets and public IP addresses in templates: dry run and write.

use serde_json::Value;
use uuid::Uuid;

use crate::arm::network::PublicAddress;
use crate::audit::Author;
use crate::etag::Etag;
use crate::networking::{NetworkAction, NetworkEdit, NetworkError};
use crate::store::{NetworkDecision, NetworkResource};
use crate::violation::Warnings;

use super::super::error::not_found;
use super::super::view::network::subnet;
use super::super::{Service, ServiceError};
use super::stage::{Stage, Unwritten};

/// Returns the resource as it would be shown after the write, and stores it in the stage for later resources.
///
/// # Errors
/// The error with which the write would fail.
pub(super) async fn dry_run(
    edit: &NetworkEdit,
    service: &Service,
    stage: &mut Stage,
) -> Result<Value, ServiceError> {
    let key = edit.path.key();
    let found = service.store.network_resource(&edit.path).await?;
    let (stored, users) = found.map_or((None, Vec::new()), |(stored, users)| (Some(stored), users));
    let stored = stage.networks.remove(&key).or(stored);
    let decision = edit.decide(&service.rules, stored.as_ref(), &users);
    let (decision, warnings) = decision.map_err(|error| refusal(error, edit))?;
    stage.warnings.append(warnings);
    let resource = match (decision, stored) {
        (NetworkDecision::Replace { body, wish, .. }, stored) => {
            let held = stored.as_ref().and_then(|stored| stored.allocated);
            let allocated = match (PublicAddress::of(&body, None).address, wish) {
                (Some(_), _) => None,
                (None, None) => held,
                (None, Some(family)) => {
                    let others = stage.networks.values().filter_map(|staged| staged.allocated);
                    service.store.next_public_address(family, others).await?
                }
            };
            match stored {
                Some(stored) => NetworkResource { body, allocated, ..stored },
                None => {
                    let (path, etag) = (edit.path.clone(), Etag(String::new()));
                    NetworkResource { id: Uuid::nil(), path, body, etag, allocated }
                }
            }
        }
        (_, Some(stored)) => stored,
        (_, None) => return Err(not_found::network(&edit.path)),
    };
    let shown = match &edit.action {
        NetworkAction::PutSubnet(name, _) => subnet(&resource, name, &users).unwrap_or_default(),
        _ => service.show_network(&resource, &users).await?,
    };
    stage.networks.insert(key, resource);
    Ok(shown)
}

/// Writes the resource, which completes at once. Returns the warnings for the author.
///
/// # Errors
/// If the write is rejected.
pub(super) async fn apply(
    edit: NetworkEdit,
    service: &Service,
    author: Author,
) -> Result<Warnings, Unwritten> {
    let missing = missing(&edit);
    match service.write_network(author, edit).await {
        Ok((_, warnings)) => Ok(warnings),
        Err(ServiceError::NotFound { .. }) => Err(missing.into()),
        Err(error) => Err(error.into()),
    }
}

fn refusal(error: NetworkError, edit: &NetworkEdit) -> ServiceError {
    match error {
        NetworkError::NotThere | NetworkError::NoSubnet => missing(edit),
        error => ServiceError::from_network(error, edit),
    }
}

fn missing(edit: &NetworkEdit) -> ServiceError {
    match &edit.action {
        NetworkAction::PutSubnet(name, _) => not_found::subnet(&edit.path, name),
        _ => not_found::network(&edit.path),
    }
}
