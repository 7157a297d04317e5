//! Writes of gateways: read, decide and store in one transaction, so that concurrent writes cannot lose an
//! update.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tidegate_shared::id::{Digest, GatewayId, Generation};
use uuid::Uuid;

use crate::arm::document::{Child, Document};
use crate::arm::extension::Extension;
use crate::arm::network::NetworkPath;
use crate::arm::network::path::NetworkReference;
use crate::arm::page::Pages;
use crate::arm::private_addresses::PrivateAddresses;
use crate::arm::resource_id::GatewayPath;
use crate::audit::Activity;
use crate::clock::Millis;
use crate::etag::Etag;

use super::addresses::replace_private_addresses;
use super::audit::record;
use super::child_positions::ChildPositions;
use super::database::Connection;
use super::error_pages::replace_error_pages;
use super::extensions::replace_extensions;
use super::gateways::child_id;
use super::lifecycle::{await_workers, mark_deleting, replace_tags, start, stop};
use super::model::{NewChild, RequiredGroup};
use super::network::replace_references;
use super::operations::begin_operation;
use super::undone::cancel_undone;
use super::unserved::{delete_below, delete_gone};
use super::{
    Claim, Gateway, OperationKind, OperationState, OperationalState, ProvisioningState, Store, StoreError,
    StoredRefs, Written, revisions, rows,
};

/// The decision about a write.
#[derive(Debug)]
pub(crate) enum Decision {
    /// Keep the stored document; no row of it changes.
    Keep,
    /// Replace the stored document, or create the gateway.
    Replace {
        /// The new document.
        document: Document,
        /// The ports of its listeners.
        claims: Vec<Claim>,
        /// The digest of the compiled configuration. If it equals the stored one, workers are not updated.
        config_digest: Digest,
        /// The references of its children to subnets and public IP addresses.
        references: Vec<NetworkReference>,
        /// The error pages that the document names.
        pages: Pages,
        /// The addresses of the private pool, by the private address in the document.
        held: BTreeMap<IpAddr, IpAddr>,
    },
    /// Replace the stored document by one that differs only in properties that do not affect workers, so that
    /// no operation waits.
    ReplaceTags(Document),
    /// Stop the gateway until the next write.
    Stop,
    /// Delete the gateway.
    Delete,
}

/// A decision with what its author must be told.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    /// The warnings about the document, a list; `None` if there are none.
    pub(crate) warnings: Option<Value>,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Decided {
        Decided { decision, warnings: None }
    }
}

impl Store {
    /// Reads the gateway, calls `decide`, and stores the decision atomically.
    ///
    /// `activity` is recorded in the audit log in the same transaction. `named` are the public IP addresses to which
    /// the request refers: `decide` receives the stored ones of them, together with the stored resources to
    /// which the stored gateway refers.
    ///
    /// `decide` must be pure and fast, because the single writer waits for it. It may be called again if the
    /// database could not commit the first decision among other writes. It may return anything but
    /// [`Decision::Replace`] only for an existing gateway.
    ///
    /// [`Decision::Keep`] and [`Decision::Replace`] start a stopped gateway.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; [`StoreError::PortClaimed`] for a port that another
    /// gateway holds, [`StoreError::AddressHeld`] for a public IP address that another gateway uses; if the
    /// group does not exist or is being deleted.
    pub(crate) async fn write<D: Into<Decided>, E: From<StoreError>>(
        &self,
        path: &GatewayPath,
        activity: &Activity,
        named: &[NetworkPath],
        decide: impl Fn(Option<&Gateway>, &StoredRefs) -> Result<D, E>,
    ) -> Result<Written, E> {
        let mut transaction = self.begin().await?;
        let stored = self.load(&mut transaction, path).await?;
        let id = stored.as_ref().map(|gateway| gateway.id);
        let stored_refs = self.stored_refs(&mut transaction, named, id).await?;
        let decision = match decide(stored.as_ref(), &stored_refs) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let written = self.apply(&mut transaction, stored, decision.into(), activity).await;
        let written = transaction.end(written).await?;
        self.settled();
        Ok(written)
    }

    /// Marks a gateway as deleting, if `decide` allows it. Its children are not read, so that a gateway with
    /// damaged children can be deleted.
    ///
    /// # Errors
    /// The errors of `decide`, which must reject a missing gateway; if the database fails.
    pub(crate) async fn delete<E: From<StoreError>>(
        &self,
        path: &GatewayPath,
        activity: &Activity,
        decide: impl Fn(Option<&Gateway>) -> Result<(), E>,
    ) -> Result<Written, E> {
        let mut transaction = self.begin().await?;
        let stored = rows::gateways::find_with_any_body(&mut transaction, path).await?;
        if let Err(refused) = decide(stored.as_ref()) {
            return transaction.undo(Err(refused)).await;
        }
        let written = self.apply(&mut transaction, stored, Decision::Delete.into(), activity).await;
        let written = transaction.end(written).await?;
        self.settled();
        Ok(written)
    }

    async fn apply(
        &self,
        connection: &mut Connection,
        stored: Option<Gateway>,
        decided: Decided,
        activity: &Activity,
    ) -> Result<Written, StoreError> {
        let before = stored.as_ref().map(|gateway| gateway.generation);
        let state_before = stored.as_ref().map(revisions::state);
        if let (Decision::Replace { document, .. }, None) = (&decided.decision, &stored) {
            let GatewayPath { subscription, group: name, .. } = &document.path;
            let group = RequiredGroup { subscription, name, location: document.location() };
            self.ensure_group(connection, group, activity).await?;
        }
        let written = self.apply_decision(connection, stored, decided, activity).await?;
        self.record_change(connection, state_before.as_ref(), &written, &activity.author).await?;
        record(connection, activity, before, Some(written.gateway.generation)).await?;
        Ok(written)
    }

    async fn apply_decision(
        &self,
        connection: &mut Connection,
        stored: Option<Gateway>,
        Decided { decision, warnings }: Decided,
        activity: &Activity,
    ) -> Result<Written, StoreError> {
        let target = activity.resource.as_str();
        let parts_before = stored.as_ref().map(|gateway| gateway.document.part_count());
        let members_before = stored.as_ref().map_or(0, |gateway| gateway.document.member_count());
        let mut gateway = match (decision, stored) {
            (Decision::Replace { document, claims, config_digest, references, pages, held }, stored) => {
                let new_config = stored.as_ref().is_none_or(|stored| stored.config_digest != config_digest);
                let before = stored.as_ref().map(|stored| stored.document.clone());
                let mut gateway = self.replace(connection, stored, document, &claims, config_digest).await?;
                replace_private_addresses(connection, gateway.id, &held).await?;
                gateway.bound_addresses = self.bound_addresses(connection, gateway.id).await?;
                replace_references(connection, gateway.id, &references).await?;
                replace_error_pages(connection, gateway.id, &pages).await?;
                let is_gone = |rest: &str| gateway.document.lacks_owner_of(rest);
                delete_gone(connection, &gateway.document.path.to_string(), activity, is_gone).await?;
                // Certificates that the control plane has fetched undo nothing that a client has written.
                if let Some(before) = before.filter(|_| new_config && !activity.author.is_itself()) {
                    cancel_undone(connection, gateway.id, (&before, &gateway.document), target).await?;
                }
                Gateway {
                    state: if new_config { ProvisioningState::Updating } else { gateway.state },
                    ..gateway
                }
            }
            (Decision::Keep, Some(gateway)) => gateway,
            (Decision::ReplaceTags(document), Some(gateway)) => {
                return replace_tags(connection, gateway, document, target).await;
            }
            (Decision::Stop, Some(gateway)) => return stop(connection, gateway, target).await,
            (Decision::Delete, Some(gateway)) => {
                delete_below(connection, &gateway.document.path.to_string(), activity).await?;
                return mark_deleting(connection, gateway).await;
            }
            (_, None) => {
                return Err(StoreError::Damaged {
                    what: "decision".to_owned(),
                    why: "there is no gateway to decide about".to_owned(),
                });
            }
        };
        start(connection, &mut gateway).await?;
        // If the workers run it already, there is nothing to wait for.
        let state = if gateway.state == ProvisioningState::Succeeded {
            OperationState::Succeeded
        } else {
            await_workers(connection, &mut gateway).await?;
            OperationState::InProgress
        };
        let kind = OperationKind::Write;
        let operation =
            begin_operation(connection, &gateway, Some(target), kind, state, (None, warnings)).await?;
        let grown = gateway.document.part_count() > parts_before.unwrap_or(0);
        let grown_within = gateway.document.member_count() > members_before;
        Ok(Written { created: parts_before.is_none(), grown, grown_within, gateway, operation })
    }

    async fn replace(
        &self,
        connection: &mut Connection,
        stored: Option<Gateway>,
        document: Document,
        claims: &[Claim],
        config_digest: Digest,
    ) -> Result<Gateway, StoreError> {
        let now = Millis::now();
        let (before, extensions, mut gateway) = match stored {
            Some(stored) => {
                let is_new_config = stored.config_digest != config_digest;
                let generation = Generation(stored.generation.0 + u64::from(is_new_config));
                let etag = match concerns_extensions_only(&stored.document, &document) {
                    true => stored.etag,
                    false => Etag::fresh(),
                };
                let before = (stored.document.children, stored.child_etags);
                let extensions: Vec<(Extension, Etag)> =
                    stored.document.extensions.into_iter().zip(stored.extension_etags).collect();
                let gateway = Gateway {
                    document: document_head(&document),
                    child_etags: Vec::new(),
                    extension_etags: Vec::new(),
                    etag,
                    generation,
                    config_digest,
                    ..stored
                };
                rows::gateways::update_configuration(connection, &gateway, now).await?;
                (before, extensions, gateway)
            }
            None => {
                let gateway = new_gateway(document_head(&document), Etag::fresh(), config_digest);
                rows::gateways::insert(connection, &gateway, now).await?;
                ((Vec::new(), Vec::new()), Vec::new(), gateway)
            }
        };
        gateway.child_etags = self.replace_children(connection, gateway.id, &before, &document).await?;
        gateway.extension_etags = replace_extensions(connection, gateway.id, &extensions, &document).await?;
        gateway.document = document;
        replace_claims(connection, gateway.id, claims).await?;
        Ok(gateway)
    }

    /// Updates the rows of children to the document. An unchanged child keeps its etag.
    async fn replace_children(
        &self,
        connection: &mut Connection,
        gateway: GatewayId,
        before: &(Vec<Child>, Vec<Etag>),
        document: &Document,
    ) -> Result<Vec<Etag>, StoreError> {
        let (old, new) = (ChildPositions::of(&before.0), ChildPositions::of(&document.children));
        for gone in before.0.iter().filter(|old| new.get(old).is_none()) {
            rows::children::delete(connection, &child_id(&document.path, gone)).await?;
        }
        let mut etags = Vec::with_capacity(document.children.len());
        for child in &document.children {
            let position = new.get(child).map_or(0, |(_, position)| position);
            let known = old.get(child).map(|(at, position)| (&before.0[at], &before.1[at], position));
            let same = known.filter(|(old, ..)| *old == child);
            let etag = same.map_or_else(Etag::fresh, |(_, etag, _)| etag.clone());
            if same.is_none_or(|(.., old_position)| old_position != position) {
                let resource_id = child_id(&document.path, child);
                let sealed = self.seal_child(&resource_id, child);
                let new = NewChild { resource_id, child, sealed, position, etag: &etag };
                rows::children::upsert(connection, gateway, &new).await?;
            }
            etags.push(etag);
        }
        Ok(etags)
    }
}

fn new_gateway(document: Document, etag: Etag, config_digest: Digest) -> Gateway {
    Gateway {
        id: GatewayId(Uuid::new_v4()),
        document,
        etag,
        child_etags: Vec::new(),
        extension_etags: Vec::new(),
        generation: Generation(1),
        config_digest,
        state: ProvisioningState::Updating,
        reason: None,
        operational: OperationalState::Created,
        bound_addresses: PrivateAddresses::default(),
    }
}

/// Returns the document without its children and extensions.
fn document_head(document: &Document) -> Document {
    let (path, body) = (document.path.clone(), document.body.clone());
    Document { path, body, children: Vec::new(), extensions: Vec::new() }
}

/// Returns whether a write changes nothing of a gateway but its extension documents. The gateway's own representation
/// stays the same then, and so does its etag.
fn concerns_extensions_only(before: &Document, after: &Document) -> bool {
    before.extensions != after.extensions && before.body == after.body && before.children == after.children
}

/// Replaces the claims of a gateway.
///
/// # Errors
/// [`StoreError::PortClaimed`] for a port that another gateway holds.
async fn replace_claims(
    connection: &mut Connection,
    gateway: GatewayId,
    claims: &[Claim],
) -> Result<(), StoreError> {
    rows::frontend_claims::delete_all(connection, gateway).await?;
    for claim in claims {
        if rows::frontend_claims::insert(connection, gateway, claim).await? {
            continue;
        }
        let holder = rows::frontend_claims::find_holder(connection, claim).await?;
        return Err(match holder {
            Some(holder) => {
                StoreError::PortClaimed { address: claim.address.clone(), port: claim.port, holder }
            }
            // The holder has released the port in the meantime.
            None => StoreError::Conflict,
        });
    }
    Ok(())
}
