//! Assembles gateways from their rows.

use std::collections::BTreeMap;

use tidegate_shared::id::GatewayId;

use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::document::Child;
use crate::arm::network::NetworkPath;
use crate::arm::page::Pages;
use crate::arm::resource_id::GatewayPath;

use super::database::Connection;
use super::model::StoredChild;
use super::network::referenced;
use super::rows::{self, key};
use super::{Gateway, GatewayPage, Store, StoreError, StoredRefs};

impl Store {
    /// Returns a gateway by its path, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn gateway(&self, path: &GatewayPath) -> Result<Option<Gateway>, StoreError> {
        let mut view = self.database.view().await?;
        self.load(&mut view, path).await
    }

    /// Returns a gateway by its ID, with the stored resources to which it refers, which are needed to compile
    /// it.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn gateway_by_id(
        &self,
        id: GatewayId,
    ) -> Result<Option<(Gateway, StoredRefs)>, StoreError> {
        let mut view = self.database.view().await?;
        let Some(head) = rows::gateways::find_by_id(&mut view, id).await? else { return Ok(None) };
        let gateway = self.with_parts(&mut view, head).await?;
        let stored_refs = self.stored_refs(&mut view, &[], Some(id)).await?;
        Ok(Some((gateway, stored_refs)))
    }

    /// Returns at most `limit` gateways of a subscription, or of one resource group in it, by group and name:
    /// the first ones, or those after a group and name, which need not exist. Damaged ones are logged and
    /// left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn page_of_gateways(
        &self,
        subscription: &str,
        group: Option<&str>,
        after: Option<&[String; 2]>,
        limit: usize,
    ) -> Result<GatewayPage, StoreError> {
        let mut view = self.database.view().await?;
        let after = after.map_or(["", ""], |last| [&last[0], &last[1]]);
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut heads = rows::gateways::page(&mut view, subscription, group, after, one_more).await?;
        let more = heads.len() > limit;
        heads.truncate(limit);
        let last = heads.last().filter(|_| more).map(|(place, _)| place.clone());
        let mut gateways = Vec::with_capacity(heads.len());
        for (_, head) in heads {
            let gateway = match head {
                Ok(head) => self.with_parts(&mut view, head).await,
                Err(error) => Err(error),
            };
            match gateway {
                Ok(gateway) => gateways.push(gateway),
                // A request for the gateway itself returns the error.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(%error, "a gateway is left out of a list");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(GatewayPage { gateways, last })
    }

    /// Returns the resource IDs of all gateways.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn gateway_names(&self) -> Result<BTreeMap<GatewayId, String>, StoreError> {
        rows::gateways::resource_ids(&mut *self.database.reader().await?).await
    }

    /// Returns the ETag of each gateway, which tells which have changed.
    pub(crate) async fn gateway_etags(&self) -> Result<BTreeMap<GatewayId, String>, StoreError> {
        rows::gateways::etags(&mut *self.database.reader().await?).await
    }

    /// Returns a gateway by its path, ignoring case.
    pub(super) async fn load(
        &self,
        connection: &mut Connection,
        path: &GatewayPath,
    ) -> Result<Option<Gateway>, StoreError> {
        match rows::gateways::find(connection, path).await? {
            Some(head) => self.with_parts(connection, head).await.map(Some),
            None => Ok(None),
        }
    }

    /// Adds the children and the extension documents to a gateway.
    pub(super) async fn with_parts(
        &self,
        connection: &mut Connection,
        head: Gateway,
    ) -> Result<Gateway, StoreError> {
        let rows = rows::children::list(connection, head.id).await?;
        let mut children = Vec::with_capacity(rows.len());
        for row in rows {
            let etag = row.etag.clone();
            children.push((self.open_child(row)?, etag));
        }
        // The sort is stable and keeps the stored order within a collection.
        children.sort_by_key(|(child, _)| rank(child.collection));
        let mut gateway = head;
        (gateway.document.children, gateway.child_etags) = children.into_iter().unzip();
        gateway.bound_addresses = self.bound_addresses(connection, gateway.id).await?;
        let extensions = rows::extensions::list(connection, gateway.id).await?;
        (gateway.document.extensions, gateway.extension_etags) = extensions.into_iter().unzip();
        Ok(gateway)
    }

    /// Returns a child with its secret.
    fn open_child(&self, row: StoredChild) -> Result<Child, StoreError> {
        let purpose = seal_purpose(&row.resource_id);
        let secret = row
            .sealed
            .map(|sealed| self.key.open(purpose.as_bytes(), &sealed))
            .transpose()
            .map_err(|error| StoreError::Damaged { what: row.resource_id, why: error.to_string() })?;
        Ok(Child { secret, ..row.child })
    }

    /// Returns the stored resources to which a gateway refers, and those of the network resources in `named` that are
    /// stored.
    pub(super) async fn stored_refs(
        &self,
        connection: &mut Connection,
        named: &[NetworkPath],
        gateway: Option<GatewayId>,
    ) -> Result<StoredRefs, StoreError> {
        let resources = referenced(connection, named, gateway).await?;
        let pages = match gateway {
            Some(gateway) => rows::error_pages::list(connection, gateway).await?,
            None => Pages::default(),
        };
        let private = self.private_addresses(connection, gateway).await?;
        Ok(StoredRefs { resources, pages, private })
    }

    /// Seals the secret of a child.
    pub(super) fn seal_child(&self, resource_id: &str, child: &Child) -> Option<Vec<u8>> {
        let purpose = seal_purpose(resource_id);
        child.secret.as_ref().map(|secret| self.key.seal(purpose.as_bytes(), secret.expose()))
    }
}

/// Returns the resource ID of a child.
pub(super) fn child_id(path: &GatewayPath, child: &Child) -> String {
    path.child_id(child.collection, &child.name)
}

/// The purpose for which a child's secret is sealed.
fn seal_purpose(resource_id: &str) -> String {
    key(resource_id)
}

fn rank(collection: &Collection) -> usize {
    COLLECTIONS.iter().position(|known| known == collection).unwrap_or(COLLECTIONS.len())
}
