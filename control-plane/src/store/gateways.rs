//! Gateways put together from their rows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::{Digest, GatewayId};

use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::document::{Child, Document};
use crate::arm::resource_id::GatewayPath;
use crate::etag::Etag;

use super::model::{generation, parse_uuid};
use super::{Gateway, Store, StoreError};

/// The columns that [`Store::assemble`] reads.
macro_rules! select_gateways {
    ($rest:literal) => {
        concat!(
            "SELECT id, resource_id, subscription, resource_group, name, body, etag, generation, \
             meaning, provisioning_state, state_reason, has_run FROM gateways ",
            $rest
        )
    };
}

impl Store {
    /// One gateway, its path compared without case.
    ///
    /// # Errors
    /// The database's, or damaged rows.
    pub async fn gateway(&self, path: &GatewayPath) -> Result<Option<Gateway>, StoreError> {
        let mut view = self.view().await?;
        self.load(&mut view, path).await
    }

    /// One gateway by its identity.
    ///
    /// # Errors
    /// The database's, or damaged rows.
    pub async fn gateway_by_id(&self, id: GatewayId) -> Result<Option<Gateway>, StoreError> {
        let mut view = self.view().await?;
        let row = sqlx::query(select_gateways!("WHERE id = ?"))
            .bind(id.to_string())
            .fetch_optional(&mut *view)
            .await?;
        match row {
            Some(row) => self.assemble(&mut view, &row).await.map(Some),
            None => Ok(None),
        }
    }

    /// All gateways of a subscription, or of one resource group in it, by group and name. Damaged ones are left out,
    /// with a word in the log.
    ///
    /// # Errors
    /// The database's.
    pub async fn gateways(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<Gateway>, StoreError> {
        let mut view = self.view().await?;
        let rows = match group {
            Some(group) => {
                sqlx::query(select_gateways!("WHERE subscription = ? AND resource_group = ? ORDER BY name"))
                    .bind(subscription)
                    .bind(group)
                    .fetch_all(&mut *view)
                    .await?
            }
            None => {
                sqlx::query(select_gateways!("WHERE subscription = ? ORDER BY resource_group, name"))
                    .bind(subscription)
                    .fetch_all(&mut *view)
                    .await?
            }
        };
        let mut gateways = Vec::with_capacity(rows.len());
        for row in &rows {
            match self.assemble(&mut view, row).await {
                Ok(gateway) => gateways.push(gateway),
                // It is shown, as the error that it is, to who asks for it by name.
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(%error, "a gateway is left out of a list");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(gateways)
    }

    /// The resource IDs of all gateways.
    ///
    /// # Errors
    /// The database's.
    pub async fn gateway_names(&self) -> Result<BTreeMap<GatewayId, String>, StoreError> {
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

    /// A gateway without its children: enough to delete it, whatever state its children's rows are in.
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
        // Stable: within a collection the stored order stays.
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

/// What the gateway's own row says.
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
        meaning: Digest(row.try_get("meaning")?),
        state: row.try_get::<&str, _>("provisioning_state")?.parse()?,
        reason: row.try_get("state_reason")?,
        has_run: row.try_get("has_run")?,
    })
}

/// The row of a gateway by its path, compared without case.
async fn row(
    connection: &mut SqliteConnection,
    path: &GatewayPath,
) -> Result<Option<SqliteRow>, sqlx::Error> {
    sqlx::query(select_gateways!("WHERE resource_id = ?"))
        .bind(path.to_string())
        .fetch_optional(connection)
        .await
}

/// What a child's secret is sealed for.
pub(super) fn seal_purpose(resource_id: &str) -> String {
    resource_id.to_ascii_lowercase()
}

fn rank(collection: &Collection) -> usize {
    COLLECTIONS.iter().position(|known| known == collection).unwrap_or(COLLECTIONS.len())
}

fn object(what: &str, text: &str) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Damaged { what: what.to_owned(), why: e.to_string() })
}
