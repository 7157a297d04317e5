//! Everything that is stored under a resource ID, of whatever type.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sqlx::Row;

use crate::arm::resource_kind::ResourceKind;

use super::model::network_kind;
use super::{Store, StoreError};

/// A resource in short.
#[derive(Clone, Debug)]
pub struct ResourceRow {
    /// Its resource ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ResourceKind,
    /// What was asked for, canonical; of a gateway without its children.
    pub body: Map<String, Value>,
}

impl Store {
    /// Every gateway, virtual network and public IP address of a subscription, or of one resource group in it, in no
    /// order. Damaged ones are left out, with a word in the log.
    ///
    /// # Errors
    /// The database's.
    pub async fn resources(
        &self,
        subscription: &str,
        group: Option<&str>,
    ) -> Result<Vec<ResourceRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT resource_id, name, NULL AS kind, body FROM gateways \
             WHERE subscription = ?1 AND (?2 IS NULL OR resource_group = ?2) \
             UNION ALL SELECT resource_id, name, kind, body FROM network_resources \
             WHERE subscription = ?1 AND (?2 IS NULL OR resource_group = ?2)",
        )
        .bind(subscription)
        .bind(group)
        .fetch_all(&self.readers)
        .await?;
        let mut resources = Vec::with_capacity(rows.len());
        for row in &rows {
            let id: String = row.try_get("resource_id")?;
            let kind = match row.try_get::<Option<&str>, _>("kind")? {
                Some(kind) => ResourceKind::Network(network_kind(kind)?),
                None => ResourceKind::Gateway,
            };
            match serde_json::from_str(row.try_get("body")?) {
                Ok(body) => resources.push(ResourceRow { name: row.try_get("name")?, id, kind, body }),
                Err(error) => tracing::error!(id, %error, "a resource is left out of a list"),
            }
        }
        Ok(resources)
    }

    /// Those of some resource IDs under which a gateway, a virtual network or a public IP address is stored, compared
    /// without case and given back as they were asked for. One statement, however many IDs.
    ///
    /// # Errors
    /// The database's.
    pub async fn stored_among(&self, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
        let stored: Vec<String> = sqlx::query_scalar(
            "SELECT asked.value FROM json_each(?) AS asked \
             WHERE EXISTS (SELECT 1 FROM gateways WHERE gateways.resource_id = asked.value) \
             OR EXISTS (SELECT 1 FROM network_resources WHERE network_resources.resource_id = asked.value)",
        )
        .bind(json!(ids).to_string())
        .fetch_all(&self.readers)
        .await?;
        Ok(stored.into_iter().collect())
    }
}
