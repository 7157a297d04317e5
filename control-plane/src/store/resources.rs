//! Everything that is stored under a resource ID, of whatever type.

use serde_json::{Map, Value};
use sqlx::Row;

use crate::arm::network::NetworkKind;
use crate::arm::resource_id::GATEWAY_TYPE;

use super::{Store, StoreError};

/// A resource in short.
#[derive(Clone, Debug)]
pub struct ResourceRow {
    /// Its resource ID.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its ARM type.
    pub kind: String,
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
            let kind = row.try_get::<Option<&str>, _>("kind")?.and_then(NetworkKind::of_segment);
            let kind = kind.map_or(GATEWAY_TYPE, NetworkKind::resource_type).to_owned();
            match serde_json::from_str(row.try_get("body")?) {
                Ok(body) => resources.push(ResourceRow { name: row.try_get("name")?, id, kind, body }),
                Err(error) => tracing::error!(id, %error, "a resource is left out of a list"),
            }
        }
        Ok(resources)
    }
}
