//! All stored resources, regardless of their type.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sqlx::Row;

use crate::arm::resource_kind::ResourceKind;

use super::model::network_kind;
use super::{Store, StoreError};

/// A summary of a resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceRow {
    /// The resource ID.
    pub(crate) id: String,
    pub(crate) name: String,
    /// The type.
    pub(crate) kind: ResourceKind,
    /// The canonical body; without children for a gateway.
    pub(crate) body: Map<String, Value>,
}

impl Store {
    /// Returns every gateway, virtual network and public IP address of a subscription, or of one resource group
    /// in it, unordered. Damaged ones are logged and left out.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn resources(
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

    /// Returns those of the IDs under which a gateway, a virtual network or a public IP address is stored,
    /// compared ignoring case, in the spelling of `ids`. Needs one statement regardless of the number of IDs.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn stored_among(&self, ids: &BTreeSet<String>) -> Result<BTreeSet<String>, StoreError> {
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
