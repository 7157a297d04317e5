//! Revisions: the content of each generation of a gateway, stored in the transaction of the write that made it.
//!
//! The content is sealed as a whole, because it contains private keys. Revisions belong to their gateway and are
//! deleted with it.

mod content;

use tidegate_shared::id::{GatewayId, Generation};

use crate::arm::resource_id::GatewayPath;
use crate::audit::Author;
use crate::clock::Millis;

use super::database::Connection;
use super::model::{Revision, RevisionContent, RevisionCounts};
use super::retention::{REVISIONS_KEPT, REVISIONS_SIZE, deleted_before};
use super::{Gateway, Store, StoreError, Written, rows};

impl Store {
    /// Sets the number of revisions that are kept of a gateway, the current one included.
    #[must_use]
    pub(crate) fn with_revisions(self, revisions: u32) -> Store {
        Store { revisions, ..self }
    }

    /// Returns at most `limit` revisions of a gateway, the newest first: all, or those before a generation. Also
    /// returns whether more follow.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn page_of_revisions(
        &self,
        gateway: GatewayId,
        before: Option<Generation>,
        limit: usize,
    ) -> Result<(Vec<Revision>, bool), StoreError> {
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut reader = self.database.reader().await?;
        let mut found = rows::revisions::page(&mut reader, gateway, before, one_more).await?;
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }

    /// Returns a revision of a gateway with its content.
    ///
    /// # Errors
    /// If the database fails or the row is damaged.
    pub(crate) async fn revision(
        &self,
        (gateway, path): (GatewayId, &GatewayPath),
        generation: Generation,
    ) -> Result<Option<(Revision, RevisionContent)>, StoreError> {
        let mut reader = self.database.reader().await?;
        let Some((revision, sealed)) = rows::revisions::find(&mut reader, gateway, generation).await? else {
            return Ok(None);
        };
        drop(reader);
        let damaged =
            |why: String| StoreError::Damaged { what: format!("revision {generation} of {path}"), why };
        let opened = self.key.open(&purpose(gateway, generation), &sealed);
        let plain = opened.map_err(|error| damaged(error.to_string()))?;
        let content = content::read(path, plain.expose()).map_err(damaged)?;
        Ok(Some((revision, content)))
    }

    /// Stores the revisions of gateways that an earlier version wrote, which stored none.
    ///
    /// # Errors
    /// If the database fails. A damaged gateway is left out.
    pub(crate) async fn add_missing_revisions(&self) -> Result<(), StoreError> {
        let mut reader = self.database.reader().await?;
        let missing = rows::revisions::gateways_without(&mut reader).await?;
        drop(reader);
        for id in missing {
            let mut transaction = self.begin().await?;
            let found = match rows::gateways::find_by_id(&mut transaction, id).await {
                Ok(Some(head)) => self.with_parts(&mut transaction, head).await,
                Ok(None) => {
                    transaction.undo(Ok::<_, StoreError>(())).await?;
                    continue;
                }
                Err(error) => Err(error),
            };
            let added = match found {
                Ok(gateway) => self.record_revision(&mut transaction, &gateway, &Author::itself()).await,
                Err(error) => Err(error),
            };
            match added {
                Ok(()) => transaction.commit().await?,
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(gateway.id = %id, %error, "the revision of a gateway could not be stored");
                    transaction.undo(Ok::<_, StoreError>(())).await?;
                }
                Err(error) => return transaction.undo(Err(error)).await,
            }
        }
        Ok(())
    }

    /// Stores the revision of a gateway's generation if a write has changed anything of it: `before` is what
    /// [`state`] returned before the write.
    pub(super) async fn record_change(
        &self,
        connection: &mut Connection,
        before: Option<&State>,
        written: &Written,
        author: &Author,
    ) -> Result<(), StoreError> {
        if before == Some(&state(&written.gateway)) {
            return Ok(());
        }
        self.record_revision(connection, &written.gateway, author).await
    }

    /// Stores the content of a gateway's generation, in place of an earlier content of the same generation.
    async fn record_revision(
        &self,
        connection: &mut Connection,
        gateway: &Gateway,
        author: &Author,
    ) -> Result<(), StoreError> {
        let now = Millis::now();
        let revision = Revision {
            generation: gateway.generation,
            created_at: now,
            author: author.name.clone(),
            reason: author.reason.clone(),
            changed_at: now,
            etag: gateway.etag.clone(),
            counts: counts(gateway),
        };
        let pages = rows::error_pages::list(connection, gateway.id).await?;
        let plain = content::write(&gateway.document, &pages);
        let sealed = self.key.seal(&purpose(gateway.id, gateway.generation), &plain);
        rows::revisions::upsert(connection, gateway.id, &revision, &sealed).await?;
        self.prune_revisions(connection, gateway.id, now).await
    }

    /// Deletes the oldest revisions of a gateway: those beyond the number and the size, and those that are too old.
    /// The newest one stays.
    async fn prune_revisions(
        &self,
        connection: &mut Connection,
        gateway: GatewayId,
        now: Millis,
    ) -> Result<(), StoreError> {
        let kept = i64::from(self.revisions.max(1));
        rows::revisions::delete_beyond(connection, gateway, kept, REVISIONS_SIZE).await?;
        let (newest, oldest) = rows::revisions::newest_and_oldest(connection, gateway).await?;
        match deleted_before(now.0, REVISIONS_KEPT, newest, oldest) {
            Some(before) => rows::revisions::delete_before(connection, gateway, Millis(before)).await,
            None => Ok(()),
        }
    }
}

/// What differs after each change of a gateway's content.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    generation: Generation,
    etags: Vec<String>,
}

/// Returns the state of a gateway, for [`Store::record_change`].
pub(super) fn state(gateway: &Gateway) -> State {
    let own = std::iter::once(&gateway.etag);
    let etags = own.chain(&gateway.extension_etags).map(|etag| etag.0.clone()).collect();
    State { generation: gateway.generation, etags }
}

/// The purpose for which the content of a revision is sealed.
fn purpose(gateway: GatewayId, generation: Generation) -> Vec<u8> {
    format!("revision {generation} of {gateway}").into_bytes()
}

fn counts(gateway: &Gateway) -> RevisionCounts {
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let children =
        |name: &str| gateway.document.children.iter().filter(|child| child.collection.name == name).count();
    let pools =
        gateway.document.children.iter().filter(|child| child.collection.name == "backendAddressPools");
    let members =
        pools.filter_map(|pool| pool.properties.get("backendAddresses")?.as_array()).map(Vec::len).sum();
    RevisionCounts {
        listeners: number(children("httpListeners")),
        pools: number(children("backendAddressPools")),
        members: number(members),
        rules: number(children("requestRoutingRules")),
        certificates: number(children("sslCertificates")),
    }
}
