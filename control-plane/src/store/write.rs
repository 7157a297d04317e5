//! Writes of gateways: read, decide and store in one transaction, so that concurrent writes cannot lose an
//! update.

use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::{Digest, GatewayId, Generation};
use uuid::Uuid;

use crate::arm::document::{Child, Document};
use crate::arm::network::NetworkPath;
use crate::arm::network::path::NetworkReference;
use crate::arm::page::Pages;
use crate::arm::resource_id::GatewayPath;
use crate::audit::Act;
use crate::clock::Millis;
use crate::etag::Etag;

use super::audit::record;
use super::child_positions::ChildPositions;
use super::error_pages::replace_error_pages;
use super::gateways::{seal_purpose, stored_refs};
use super::model::{Placement, body_text, number};
use super::network::replace_references;
use super::operations::begin_operation;
use super::switch::{mark_deleting, replace_tags, set_state, start, stop};
use super::undone::cancel_undone;
use super::{
    Claim, Gateway, OperationKind, OperationState, OperationalState, ProvisioningState, Store, StoreError,
    StoredRefs, Written,
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
    },
    /// Replace the stored document by one that differs only in properties that do not affect workers, so that
    /// no operation waits.
    Relabel(Document),
    /// Stop the gateway until the next write.
    Stop,
    /// Delete the gateway.
    Delete,
}

impl Store {
    /// Reads the gateway, calls `decide`, and stores the decision atomically.
    ///
    /// `act` is recorded in the audit log in the same transaction. `named` are the public IP addresses to which
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
    /// The errors of `decide`; if the database fails; [`StoreError::PortClaimed`] for a port that another gateway
    /// holds, [`StoreError::AddressHeld`] for a public IP address that another gateway uses; if the group does
    /// not exist or is being deleted.
    pub(crate) async fn write<E: From<StoreError>>(
        &self,
        path: &GatewayPath,
        act: &Act,
        named: &[NetworkPath],
        decide: impl Fn(Option<&Gateway>, &StoredRefs) -> Result<Decision, E>,
    ) -> Result<Written, E> {
        let mut transaction = self.begin().await?;
        let stored = self.load(&mut transaction, path).await?;
        let id = stored.as_ref().map(|gateway| gateway.id);
        let stored_refs = stored_refs(&mut transaction, named, id).await?;
        let decision = match decide(stored.as_ref(), &stored_refs) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let written = self.apply(&mut transaction, stored, decision, act).await;
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
        act: &Act,
        decide: impl Fn(Option<&Gateway>) -> Result<(), E>,
    ) -> Result<Written, E> {
        let mut transaction = self.begin().await?;
        let stored = self.load_head(&mut transaction, path).await?;
        if let Err(refused) = decide(stored.as_ref()) {
            return transaction.undo(Err(refused)).await;
        }
        let written = self.apply(&mut transaction, stored, Decision::Delete, act).await;
        let written = transaction.end(written).await?;
        self.settled();
        Ok(written)
    }

    async fn apply(
        &self,
        connection: &mut SqliteConnection,
        stored: Option<Gateway>,
        decision: Decision,
        act: &Act,
    ) -> Result<Written, StoreError> {
        let before = stored.as_ref().map(|gateway| gateway.generation);
        if let (Decision::Replace { document, .. }, None) = (&decision, &stored) {
            let GatewayPath { subscription, group, .. } = &document.path;
            let location = document.location();
            self.enter_group(connection, Placement { subscription, group, location }, act).await?;
        }
        let written = self.apply_decision(connection, stored, decision, &act.resource).await?;
        record(connection, act, before, Some(written.gateway.generation)).await?;
        Ok(written)
    }

    async fn apply_decision(
        &self,
        connection: &mut SqliteConnection,
        stored: Option<Gateway>,
        decision: Decision,
        target: &str,
    ) -> Result<Written, StoreError> {
        let children_before = stored.as_ref().map(|gateway| gateway.document.children.len());
        let members_before = stored.as_ref().map_or(0, |gateway| gateway.document.member_count());
        let mut gateway = match (decision, stored) {
            (Decision::Replace { document, claims, config_digest, references, pages }, stored) => {
                let new_config = stored.as_ref().is_none_or(|stored| stored.config_digest != config_digest);
                let before = stored.as_ref().map(|stored| stored.document.clone());
                let gateway = self.replace(connection, stored, document, &claims, config_digest).await?;
                replace_references(connection, gateway.id, &references).await?;
                replace_error_pages(connection, gateway.id, &pages).await?;
                if let Some(before) = before.filter(|_| new_config) {
                    cancel_undone(connection, gateway.id, (&before, &gateway.document), target).await?;
                }
                Gateway {
                    state: if new_config { ProvisioningState::Updating } else { gateway.state },
                    ..gateway
                }
            }
            (Decision::Keep, Some(gateway)) => gateway,
            (Decision::Relabel(document), Some(gateway)) => {
                return replace_tags(connection, gateway, document, target).await;
            }
            (Decision::Stop, Some(gateway)) => return stop(connection, gateway, target).await,
            (Decision::Delete, Some(gateway)) => return mark_deleting(connection, gateway).await,
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
            set_state(connection, &mut gateway, ProvisioningState::Updating).await?;
            OperationState::InProgress
        };
        let kind = OperationKind::Write;
        let operation = begin_operation(connection, &gateway, Some(target), kind, state, None).await?;
        let grown = gateway.document.children.len() > children_before.unwrap_or(0);
        let grown_within = gateway.document.member_count() > members_before;
        Ok(Written { created: children_before.is_none(), grown, grown_within, gateway, operation })
    }

    async fn replace(
        &self,
        connection: &mut SqliteConnection,
        stored: Option<Gateway>,
        document: Document,
        claims: &[Claim],
        config_digest: Digest,
    ) -> Result<Gateway, StoreError> {
        let etag = Etag::fresh();
        let (before, mut gateway) = match stored {
            Some(stored) => {
                let generation =
                    Generation(stored.generation.0 + u64::from(stored.config_digest != config_digest));
                let before = (stored.document.children, stored.child_etags);
                let document = Document { children: Vec::new(), ..document_head(&document) };
                (
                    before,
                    Gateway { document, child_etags: Vec::new(), etag, generation, config_digest, ..stored },
                )
            }
            None => ((Vec::new(), Vec::new()), new_gateway(document_head(&document), etag, config_digest)),
        };
        upsert_gateway(connection, &gateway).await?;
        gateway.child_etags = self.replace_children(connection, &gateway, &before, &document).await?;
        gateway.document = document;
        replace_claims(connection, gateway.id, claims).await?;
        Ok(gateway)
    }

    /// Updates the rows of children to the document. An unchanged child keeps its etag.
    async fn replace_children(
        &self,
        connection: &mut SqliteConnection,
        gateway: &Gateway,
        before: &(Vec<Child>, Vec<Etag>),
        document: &Document,
    ) -> Result<Vec<Etag>, StoreError> {
        let (old, new) = (ChildPositions::of(&before.0), ChildPositions::of(&document.children));
        for gone in before.0.iter().filter(|old| new.get(old).is_none()) {
            sqlx::query("DELETE FROM children WHERE resource_id = ?")
                .bind(child_id(&document.path, gone))
                .execute(&mut *connection)
                .await?;
        }
        let mut etags = Vec::with_capacity(document.children.len());
        for child in &document.children {
            let position = new.get(child).map_or(0, |(_, position)| position);
            let known = old.get(child).map(|(at, position)| (&before.0[at], &before.1[at], position));
            let same = known.filter(|(old, ..)| *old == child);
            let etag = same.map_or_else(Etag::fresh, |(_, etag, _)| etag.clone());
            if same.is_none_or(|(.., old_position)| old_position != position) {
                self.upsert_child(connection, gateway, &document.path, child, position, &etag).await?;
            }
            etags.push(etag);
        }
        Ok(etags)
    }

    async fn upsert_child(
        &self,
        connection: &mut SqliteConnection,
        gateway: &Gateway,
        path: &GatewayPath,
        child: &Child,
        position: i64,
        etag: &Etag,
    ) -> Result<(), StoreError> {
        let resource_id = child_id(path, child);
        let secret = child
            .secret
            .as_ref()
            .map(|secret| self.key.seal(seal_purpose(&resource_id).as_bytes(), secret.expose()));
        sqlx::query(
            "INSERT INTO children (resource_id, gateway, collection, position, name, properties, secret, etag) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (resource_id) DO UPDATE SET \
             resource_id = excluded.resource_id, position = excluded.position, name = excluded.name, \
             properties = excluded.properties, secret = excluded.secret, etag = excluded.etag",
        )
        .bind(resource_id)
        .bind(gateway.id.to_string())
        .bind(child.collection.name)
        .bind(position)
        .bind(&child.name)
        .bind(body_text(&child.properties))
        .bind(secret)
        .bind(&etag.0)
        .execute(connection)
        .await?;
        Ok(())
    }
}

fn new_gateway(document: Document, etag: Etag, config_digest: Digest) -> Gateway {
    Gateway {
        id: GatewayId(Uuid::new_v4()),
        document,
        etag,
        child_etags: Vec::new(),
        generation: Generation(1),
        config_digest,
        state: ProvisioningState::Updating,
        reason: None,
        operational: OperationalState::Created,
    }
}

/// Returns the document without its children.
fn document_head(document: &Document) -> Document {
    Document { path: document.path.clone(), body: document.body.clone(), children: Vec::new() }
}

async fn upsert_gateway(connection: &mut SqliteConnection, gateway: &Gateway) -> Result<(), StoreError> {
    let (path, now) = (&gateway.document.path, Millis::now().0);
    sqlx::query(
        "INSERT INTO gateways (id, resource_id, subscription, resource_group, name, body, etag, generation, \
         config_digest, provisioning_state, created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (id) DO UPDATE SET body = excluded.body, etag = excluded.etag, \
         generation = excluded.generation, config_digest = excluded.config_digest, changed_at = excluded.changed_at",
    )
    .bind(gateway.id.to_string())
    .bind(path.to_string())
    .bind(&path.subscription)
    .bind(&path.group)
    .bind(&path.name)
    .bind(body_text(&gateway.document.body))
    .bind(&gateway.etag.0)
    .bind(number(gateway.generation))
    .bind(&gateway.config_digest.0)
    .bind(gateway.state.as_str())
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn replace_claims(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
    claims: &[Claim],
) -> Result<(), StoreError> {
    let gateway = gateway.to_string();
    sqlx::query("DELETE FROM frontend_claims WHERE gateway = ?")
        .bind(&gateway)
        .execute(&mut *connection)
        .await?;
    for claim in claims {
        let holder = sqlx::query(
            "SELECT gateways.resource_id FROM frontend_claims JOIN gateways ON gateways.id = gateway \
             WHERE address = ? AND port = ?",
        )
        .bind(&claim.address)
        .bind(claim.port)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(row) = holder {
            let holder = row.try_get(0)?;
            return Err(StoreError::PortClaimed { address: claim.address.clone(), port: claim.port, holder });
        }
        sqlx::query("INSERT INTO frontend_claims (address, port, gateway) VALUES (?, ?, ?)")
            .bind(&claim.address)
            .bind(claim.port)
            .bind(&gateway)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn child_id(path: &GatewayPath, child: &Child) -> String {
    path.child_id(child.collection, &child.name)
}
