//! The check that a resource is stored to which another one may belong, within the transaction that writes the
//! other one.
//!
//! A resource need not have a row: a subnet is in the body of its network, a member in that of its parent,
//! and what Azure makes together with a resource has no body at all.

use crate::arm::deployment::DeploymentPath;
use crate::arm::network::{NetworkPath, VirtualNetwork};
use crate::arm::unserved::{UnservedPath, is_made_with, maker_of, members};
use crate::store::database::Connection;
use crate::store::rows::{self, key};
use crate::store::{StoreError, UnservedResource, resources};

/// Returns whether the resource or the child with that ID is stored, ignoring case.
///
/// # Errors
/// If the database fails or the row of its parent is damaged.
pub(super) async fn is_stored(connection: &mut Connection, id: &str) -> Result<bool, StoreError> {
    let keys = [key(id)];
    if resources::is_stored(connection, id).await?
        || !rows::children::keys_among(connection, &keys).await?.is_empty()
        || !rows::extensions::keys_among(connection, &keys).await?.is_empty()
    {
        return Ok(true);
    }
    if let Some(path) = DeploymentPath::parse(id) {
        return Ok(rows::deployments::find(connection, &path).await?.is_some());
    }
    if let Some(network) = NetworkPath::around(id) {
        return has_subnet(connection, &network, id).await;
    }
    match UnservedPath::parse(id) {
        Ok(path) => Ok(is_member(connection, &path).await? || is_made(connection, &path).await?),
        Err(_) => Ok(false),
    }
}

/// Returns whether a virtual network is stored with the subnet that has this ID.
async fn has_subnet(
    connection: &mut Connection,
    network: &NetworkPath,
    subnet: &str,
) -> Result<bool, StoreError> {
    let Some(network) = rows::network_resources::find(connection, network).await? else { return Ok(false) };
    let rest = subnet.get(network.path.to_string().len() + 1..).unwrap_or_default();
    Ok(!rest.is_empty() && !VirtualNetwork::typed(&network.body).lacks_owner_of(rest))
}

/// Returns whether the parent of a resource holds it.
async fn is_member(connection: &mut Connection, path: &UnservedPath) -> Result<bool, StoreError> {
    let Some(container) = path.container() else { return Ok(false) };
    let container = rows::unserved_resources::find(connection, &container).await?;
    Ok(container.is_some_and(|UnservedResource { id, path: own, body, .. }| {
        members::find((&own, id, &body), path).is_some()
    }))
}

/// Returns whether Azure makes a resource together with one that is stored.
async fn is_made(connection: &mut Connection, path: &UnservedPath) -> Result<bool, StoreError> {
    let Some(maker) = maker_of(path) else { return Ok(false) };
    let maker = rows::unserved_resources::find(connection, &maker).await?;
    Ok(maker.is_some_and(|maker| is_made_with(path, &maker.body)))
}
