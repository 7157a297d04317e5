//! Virtual networks, public IP addresses and firewall policies, and the references of gateways to them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::addresses::Family;
use crate::arm::network::path::NetworkReference;
use crate::arm::network::{NetworkKind, NetworkPath, VirtualNetwork};
use crate::audit::Activity;
use crate::clock::Millis;
use crate::etag::Etag;

use super::audit::record;
use super::database::{Connection, Transaction};
use super::model::RequiredGroup;
use super::resources::{Page, one_more};
use super::unserved::{delete_below, delete_gone};
use super::{NetworkResource, Store, StoreError, User, rows};

/// The decision about a network resource.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NetworkDecision {
    /// Keep the stored resource unchanged.
    Keep,
    /// Replace the stored body, or create the resource.
    Replace {
        /// The new canonical body.
        body: Map<String, Value>,
        /// The location of the resource, which becomes that of an implicitly created group.
        location: Option<String>,
        /// The family of which a public IP address is to have an address of the pool, unless the body gives an
        /// address. `None` keeps what it has.
        wish: Option<Family>,
    },
    /// Delete the resource.
    Delete,
}

/// The result of a write.
#[derive(Clone, Debug)]
pub(crate) struct NetworkWritten {
    /// The resource after the write, or before its deletion.
    pub(crate) resource: NetworkResource,
    /// The children that refer to it.
    pub(crate) users: Vec<User>,
    /// The resource before the write; `None` if it is new.
    pub(crate) before: Option<NetworkResource>,
}

impl Store {
    /// Returns a resource by its path, ignoring case, with its users.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn network_resource(
        &self,
        path: &NetworkPath,
    ) -> Result<Option<(NetworkResource, Vec<User>)>, StoreError> {
        let mut view = self.database.view().await?;
        let Some(resource) = rows::network_resources::find(&mut view, path).await? else { return Ok(None) };
        let users = rows::network_references::list_users(&mut view, path).await?;
        Ok(Some((resource, users)))
    }

    /// Returns the resources of one kind in a subscription, or in one resource group of it, by group and
    /// name, with their users: those after a group and name, at most `limit`. Damaged ones are logged and
    /// left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn network_resources(
        &self,
        kind: NetworkKind,
        subscription: &str,
        group: Option<&str>,
        after: (&str, &str),
        limit: usize,
    ) -> Result<Page<(NetworkResource, Vec<User>), [String; 2]>, StoreError> {
        let mut view = self.database.view().await?;
        let rows = one_more(limit);
        let found = rows::network_resources::page(&mut view, kind, subscription, group, after, rows).await?;
        let page = Page::of(found, limit);
        let mut rows = Vec::with_capacity(page.rows.len());
        for (key, resource) in page.rows {
            let users = rows::network_references::list_users(&mut view, &resource.path).await?;
            rows.push((key, (resource, users)));
        }
        Ok(Page { rows, next: page.next })
    }

    /// Returns the paths of all resources of a kind, by ID.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn network_paths(&self, kind: NetworkKind) -> Result<Vec<NetworkPath>, StoreError> {
        rows::network_resources::paths(&mut *self.database.reader().await?, kind).await
    }

    /// Reads a resource and its users, calls `decide`, and stores the decision atomically. `activity` is recorded
    /// in the audit log in the same transaction.
    ///
    /// `decide` must be pure and fast. It may return [`NetworkDecision::Keep`] and [`NetworkDecision::Delete`]
    /// only for an existing resource.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group does not exist or is being deleted.
    pub(crate) async fn write_network_resource<E: From<StoreError>>(
        &self,
        path: &NetworkPath,
        activity: &Activity,
        decide: impl FnOnce(Option<&NetworkResource>, &[User]) -> Result<NetworkDecision, E>,
    ) -> Result<NetworkWritten, E> {
        let mut transaction = self.begin().await?;
        let before = rows::network_resources::find(&mut transaction, path).await?;
        self.write_found(transaction, (path, before), activity, decide).await
    }

    /// Like [`Store::write_network_resource`], for a deletion. A resource whose row is damaged comes with an
    /// empty body, so that it can be deleted.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails.
    pub(crate) async fn delete_network_resource<E: From<StoreError>>(
        &self,
        path: &NetworkPath,
        activity: &Activity,
        decide: impl FnOnce(Option<&NetworkResource>, &[User]) -> Result<NetworkDecision, E>,
    ) -> Result<NetworkWritten, E> {
        let mut transaction = self.begin().await?;
        let before = rows::network_resources::find_with_any_body(&mut transaction, path).await?;
        self.write_found(transaction, (path, before), activity, decide).await
    }

    async fn write_found<E: From<StoreError>>(
        &self,
        mut transaction: Transaction<'_>,
        (path, before): (&NetworkPath, Option<NetworkResource>),
        activity: &Activity,
        decide: impl FnOnce(Option<&NetworkResource>, &[User]) -> Result<NetworkDecision, E>,
    ) -> Result<NetworkWritten, E> {
        let users = rows::network_references::list_users(&mut transaction, path).await?;
        let decision = match decide(before.as_ref(), &users) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let written = self.apply_network(&mut transaction, path, before.as_ref(), decision, activity).await;
        let resource = transaction.end(written).await?;
        Ok(NetworkWritten { resource, users, before })
    }

    async fn apply_network(
        &self,
        connection: &mut Connection,
        path: &NetworkPath,
        stored: Option<&NetworkResource>,
        decision: NetworkDecision,
        activity: &Activity,
    ) -> Result<NetworkResource, StoreError> {
        let resource = match (decision, stored) {
            (NetworkDecision::Replace { body, location, wish }, stored) => {
                let (subscription, name) = (&path.subscription, &path.group);
                let group = RequiredGroup { subscription, name, location: location.as_deref() };
                self.ensure_group(connection, group, activity).await?;
                let (id, path) =
                    stored.map_or_else(|| (Uuid::new_v4(), path), |stored| (stored.id, &stored.path));
                let (etag, allocated) = (Etag::fresh(), None);
                let mut resource = NetworkResource { id, path: path.clone(), body, etag, allocated };
                rows::network_resources::upsert(connection, &resource, Millis::now()).await?;
                let (given, allocated) = self.addresses_of(connection, &resource, stored, wish).await?;
                resource.allocated = allocated;
                rows::network_resources::update_addresses(connection, &resource, given).await?;
                if resource.path.kind == NetworkKind::VirtualNetwork {
                    let network = VirtualNetwork::typed(&resource.body);
                    let is_gone = |rest: &str| network.lacks_owner_of(rest);
                    delete_gone(connection, &resource.path.to_string(), activity, is_gone).await?;
                }
                resource
            }
            (NetworkDecision::Keep, Some(stored)) => stored.clone(),
            (NetworkDecision::Delete, Some(stored)) => {
                rows::network_resources::delete(connection, &stored.path).await?;
                delete_below(connection, &stored.path.to_string(), activity).await?;
                stored.clone()
            }
            (NetworkDecision::Keep | NetworkDecision::Delete, None) => {
                return Err(StoreError::Damaged {
                    what: "decision".to_owned(),
                    why: "there is nothing to keep or delete".to_owned(),
                });
            }
        };
        record(connection, activity, None, None).await?;
        Ok(resource)
    }

    /// Returns the addresses on which a gateway's listeners hold ports: IP addresses, and `public` for the
    /// workers' own.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn claimed_addresses(&self, gateway: GatewayId) -> Result<Vec<String>, StoreError> {
        rows::frontend_claims::list_addresses(&mut *self.database.reader().await?, gateway).await
    }

    /// Deletes the stored references of a gateway that are not among `references`: earlier versions stored
    /// IDs without a canonical form, such as IDs with doubled slashes. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn delete_outdated_references(
        &self,
        gateway: GatewayId,
        references: &[NetworkReference],
    ) -> Result<usize, StoreError> {
        let is_made = |stored: &NetworkReference| {
            references.iter().any(|reference| {
                reference.target.eq_ignore_ascii_case(&stored.target)
                    && reference.source.eq_ignore_ascii_case(&stored.source)
            })
        };
        let mut outdated =
            rows::network_references::list(&mut *self.database.reader().await?, gateway).await?;
        outdated.retain(|stored| !is_made(stored));
        if outdated.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        for reference in &outdated {
            rows::network_references::delete(&mut transaction, gateway, reference).await?;
        }
        transaction.commit().await?;
        Ok(outdated.len())
    }
}

/// Returns the stored ones of `named` and of the network resources to which a gateway refers, each once. A
/// reference to a subnet is one to its network.
pub(super) async fn referenced(
    connection: &mut Connection,
    named: &[NetworkPath],
    gateway: Option<GatewayId>,
) -> Result<Vec<NetworkResource>, StoreError> {
    let mut paths: BTreeMap<String, NetworkPath> =
        named.iter().map(|path| (path.key(), path.clone())).collect();
    if let Some(gateway) = gateway {
        let references = rows::network_references::list(connection, gateway).await?;
        let around = references.iter().filter_map(|reference| NetworkPath::around(&reference.target));
        paths.extend(around.map(|path| (path.key(), path)));
    }
    let mut resources = Vec::with_capacity(paths.len());
    for path in paths.values() {
        resources.extend(rows::network_resources::find(connection, path).await?);
    }
    Ok(resources)
}

/// Replaces the stored references of a gateway. A stored public IP address can be used by one gateway only.
pub(super) async fn replace_references(
    connection: &mut Connection,
    gateway: GatewayId,
    references: &[NetworkReference],
) -> Result<(), StoreError> {
    rows::network_references::delete_all(connection, gateway).await?;
    for reference in references {
        let holder = rows::network_references::find_user_of_address(connection, &reference.target).await?;
        if let Some(holder) = holder.filter(|holder| !holder.eq_ignore_ascii_case(&reference.source)) {
            return Err(StoreError::AddressHeld {
                address: reference.target.clone(),
                child: reference.source.clone(),
                holder,
            });
        }
        rows::network_references::insert(connection, gateway, reference).await?;
    }
    Ok(())
}
