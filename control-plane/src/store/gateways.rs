//! Assembles gateways from their rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::{Digest, GatewayId};

use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::document::{Child, Document};
use crate::arm::network::NetworkPath;
use crate::arm::page::Pages;
use crate::arm::resource_id::GatewayPath;
use crate::etag::Etag;

use super::error_pages::error_pages;
use super::model::{generation, parse_uuid};
use super::network::public_addresses;
use super::{Gateway, Store, StoreError, StoredRefs};

/// Selects the columns that [`Store::assemble`] reads.
macro_rules! select_gateways {
    ($rest:literal) => {
        concat!(
            "SELECT id, resource_id, subscription, resource_group, name, body, etag, generation, \
             config_digest, provisioning_state, state_reason, operational_state FROM gateways ",
            $rest
        )
    };
}

/// A page of the list of gateways, ordered by group and name.
#[derive(Debug)]
pub(crate) struct GatewayPage {
    /// The readable gateways.
    pub(crate) gateways: Vec<Gateway>,
    /// The group and name of the last one, if more follow.
    pub(crate) last: Option<[String; 2]>,
}

impl Store {
    /// Returns a gateway by its path, ignoring case.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn gateway(&self, path: &GatewayPath) -> Result<Option<Gateway>, StoreError> {
        let mut view = self.view().await?;
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
        let mut view = self.view().await?;
        let row = sqlx::query(select_gateways!("WHERE id = ?"))
            .bind(id.to_string())
            .fetch_optional(&mut *view)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let gateway = self.assemble(&mut view, &row).await?;
        let stored_refs = stored_refs(&mut view, &[], Some(id)).await?;
        Ok(Some((gateway, stored_refs)))
    }

    /// Returns at most `limit` gateways of a subscription, or of one resource group in it, by group and name:
    /// the first ones, or those after a group and name, which need not exist. Damaged ones are logged and left
    /// out.
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
        let mut view = self.view().await?;
        let [after_group, after_name] = after.map_or(["", ""], |key| [&key[0], &key[1]]);
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = sqlx::query(select_gateways!(
            "WHERE subscription = ? AND (? IS NULL OR resource_group = ?) AND (resource_group, name) > (?, ?) \
             ORDER BY resource_group, name LIMIT ?"
        ))
        .bind(subscription)
        .bind(group)
        .bind(group)
        .bind(after_group)
        .bind(after_name)
        .bind(one_more)
        .fetch_all(&mut *view)
        .await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = match rows.last() {
            Some(row) if more => Some([row.try_get("resource_group")?, row.try_get("name")?]),
            _ => None,
        };
        Ok(GatewayPage { gateways: self.assemble_all(&mut view, &rows).await?, last })
    }

    async fn assemble_all(
        &self,
        connection: &mut SqliteConnection,
        rows: &[SqliteRow],
    ) -> Result<Vec<Gateway>, StoreError> {
        let mut gateways = Vec::with_capacity(rows.len());
        for row in rows {
            match self.assemble(connection, row).await {
                Ok(gateway) => gateways.push(gateway),
                // A request for the gateway itself returns the error.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(%error, "a gateway is left out of a list");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(gateways)
    }

    /// Returns the resource IDs of all gateways.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn gateway_names(&self) -> Result<BTreeMap<GatewayId, String>, StoreError> {
        let rows = sqlx::query("SELECT id, resource_id FROM gateways").fetch_all(&self.readers).await?;
        rows.iter()
            .map(|row| Ok((GatewayId(parse_uuid(row.try_get("id")?)?), row.try_get("resource_id")?)))
            .collect()
    }

    pub(super) async fn load(
        &self,
        connection: &mut SqliteConnection,
        path: &GatewayPath,
    ) -> Result<Option<Gateway>, StoreError> {
        match row(connection, path).await? {
            Some(row) => self.assemble(connection, &row).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns a gateway without its children. Suffices to delete it even if the rows of its children are
    /// damaged.
    pub(super) async fn load_head(
        &self,
        connection: &mut SqliteConnection,
        path: &GatewayPath,
    ) -> Result<Option<Gateway>, StoreError> {
        let row = row(connection, path).await?;
        row.map(|row| head(&row, object("body", row.try_get("body")?).unwrap_or_default())).transpose()
    }

    async fn assemble(
        &self,
        connection: &mut SqliteConnection,
        row: &SqliteRow,
    ) -> Result<Gateway, StoreError> {
        let id: String = row.try_get("id")?;
        let resource_id: String = row.try_get("resource_id")?;
        let (children, child_etags) = self.load_children(connection, &id).await?;
        let mut gateway = head(row, object(&resource_id, row.try_get("body")?)?)?;
        gateway.document.children = children;
        gateway.child_etags = child_etags;
        Ok(gateway)
    }

    async fn load_children(
        &self,
        connection: &mut SqliteConnection,
        gateway: &str,
    ) -> Result<(Vec<Child>, Vec<Etag>), StoreError> {
        let rows = sqlx::query(
            "SELECT resource_id, collection, name, properties, secret, etag FROM children \
             WHERE gateway = ? ORDER BY collection, position",
        )
        .bind(gateway)
        .fetch_all(connection)
        .await?;
        let mut children = Vec::with_capacity(rows.len());
        for row in &rows {
            children.push((self.child(row)?, Etag(row.try_get("etag")?)));
        }
        // The sort is stable and keeps the stored order within a collection.
        children.sort_by_key(|(child, _)| rank(child.collection));
        Ok(children.into_iter().unzip())
    }

    fn child(&self, row: &SqliteRow) -> Result<Child, StoreError> {
        let resource_id: String = row.try_get("resource_id")?;
        let damaged = |why: &str| StoreError::Damaged { what: resource_id.clone(), why: why.to_owned() };
        let collection = Collection::named(row.try_get("collection")?)
            .ok_or_else(|| damaged("its collection is not known"))?;
        let secret = row
            .try_get::<Option<Vec<u8>>, _>("secret")?
            .map(|sealed| self.key.open(seal_purpose(&resource_id).as_bytes(), &sealed))
            .transpose()
            .map_err(|e| damaged(&e.to_string()))?;
        let properties = object(&resource_id, row.try_get("properties")?)?;
        Ok(Child { collection, name: row.try_get("name")?, properties, secret })
    }
}

/// Reads the gateway's own row.
fn head(row: &SqliteRow, body: Map<String, Value>) -> Result<Gateway, StoreError> {
    let path = GatewayPath {
        subscription: row.try_get("subscription")?,
        group: row.try_get("resource_group")?,
        name: row.try_get("name")?,
    };
    Ok(Gateway {
        id: GatewayId(parse_uuid(row.try_get("id")?)?),
        document: Document { path, body, children: Vec::new() },
        etag: Etag(row.try_get("etag")?),
        child_etags: Vec::new(),
        generation: generation(row.try_get("generation")?)?,
        config_digest: Digest(row.try_get("config_digest")?),
        state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
        reason: row.try_get("state_reason")?,
        operational: row.try_get::<&str, _>("operational_state")?.parse()?,
    })
}

/// Returns the row of a gateway by its path, ignoring case.
async fn row(
    connection: &mut SqliteConnection,
    path: &GatewayPath,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    sqlx::query(select_gateways!("WHERE resource_id = ?"))
        .bind(path.to_string())
        .fetch_optional(connection)
        .await
}

/// The purpose for which a child's secret is sealed.
pub(super) fn seal_purpose(resource_id: &str) -> String {
    resource_id.to_ascii_lowercase()
}

fn rank(collection: &Collection) -> usize {
    COLLECTIONS.iter().position(|known| known == collection).unwrap_or(COLLECTIONS.len())
}

fn object(what: &str, text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Damaged { what: what.to_owned(), why: e.to_string() })
}

/// Returns the stored resources to which a gateway refers, and those of the public IP addresses in `named` that
/// are stored.
pub(super) async fn stored_refs(
    connection: &mut SqliteConnection,
    named: &[NetworkPath],
    gateway: Option<GatewayId>,
) -> Result<StoredRefs, StoreError> {
    let addresses = public_addresses(connection, named, gateway).await?;
    let pages = match gateway {
        Some(gateway) => error_pages(connection, gateway).await?,
        None => Pages::default(),
    };
    Ok(StoredRefs { addresses, pages })
}
