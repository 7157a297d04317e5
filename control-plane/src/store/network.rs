//! Virtual networks and public IP addresses, and the references of gateways to them.

use serde_json::{Map, Value};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use tidegate_shared::id::GatewayId;
use uuid::Uuid;

use crate::arm::network::path::NetworkReference;
use crate::arm::network::{NetworkKind, NetworkPath};
use crate::audit::Act;
use crate::clock::Millis;
use crate::etag::Etag;

use super::audit::record;
use super::model::{Placement, network_kind, parse_uuid};
use super::{NetworkResource, Store, StoreError};

/// A child of a gateway that refers to a subnet or a public IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) gateway: GatewayId,
    /// The resource ID of the child.
    pub(crate) source: String,
    /// The resource ID of the target.
    pub(crate) target: String,
}

/// The decision about a virtual network or a public IP address.
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
        let mut view = self.view().await?;
        let Some(resource) = load(&mut view, path).await? else { return Ok(None) };
        let users = users_of(&mut view, path).await?;
        Ok(Some((resource, users)))
    }

    /// Returns the resources of one kind in a subscription, or in one resource group of it, by group and name,
    /// with their users: those after a group and name, at most `limit`.
    ///
    /// # Errors
    /// If the database fails or a row is damaged.
    pub(crate) async fn network_resources(
        &self,
        kind: NetworkKind,
        subscription: &str,
        group: Option<&str>,
        after: (&str, &str),
        limit: u32,
    ) -> Result<Vec<(NetworkResource, Vec<User>)>, StoreError> {
        let mut view = self.view().await?;
        let rows = sqlx::query(
            "SELECT id, resource_group, name, subscription, kind, body, etag FROM network_resources \
             WHERE kind = ?1 AND subscription = ?2 AND (?3 IS NULL OR resource_group = ?3) \
             AND (resource_group > ?4 OR (resource_group = ?4 AND name > ?5)) \
             ORDER BY resource_group, name LIMIT ?6",
        )
        .bind(kind.segment())
        .bind(subscription)
        .bind(group)
        .bind(after.0)
        .bind(after.1)
        .bind(limit)
        .fetch_all(&mut *view)
        .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let resource = resource(row)?;
            let users = users_of(&mut view, &resource.path).await?;
            found.push((resource, users));
        }
        Ok(found)
    }

    /// Reads a resource and its users, calls `decide`, and stores the decision atomically. `act` is recorded in
    /// the audit log in the same transaction.
    ///
    /// `decide` must be pure and fast. It may return [`NetworkDecision::Keep`] and [`NetworkDecision::Delete`]
    /// only for an existing resource.
    ///
    /// # Errors
    /// The errors of `decide`; if the database fails; if the group does not exist or is being deleted.
    pub(crate) async fn write_network_resource<E: From<StoreError>>(
        &self,
        path: &NetworkPath,
        act: &Act,
        decide: impl FnOnce(Option<&NetworkResource>, &[User]) -> Result<NetworkDecision, E>,
    ) -> Result<NetworkWritten, E> {
        let mut transaction = self.begin().await?;
        let stored = load(&mut transaction, path).await?;
        let users = users_of(&mut transaction, path).await?;
        let decision = match decide(stored.as_ref(), &users) {
            Ok(decision) => decision,
            Err(refused) => return transaction.undo(Err(refused)).await,
        };
        let before = stored.clone();
        let written = self.apply_network(&mut transaction, path, stored, decision, act).await;
        let resource = transaction.end(written).await?;
        Ok(NetworkWritten { resource, users, before })
    }

    async fn apply_network(
        &self,
        connection: &mut SqliteConnection,
        path: &NetworkPath,
        stored: Option<NetworkResource>,
        decision: NetworkDecision,
        act: &Act,
    ) -> Result<NetworkResource, StoreError> {
        let resource = match (decision, stored) {
            (NetworkDecision::Replace { body, location }, stored) => {
                let placement = Placement {
                    subscription: &path.subscription,
                    group: &path.group,
                    location: location.as_deref(),
                };
                self.enter_group(connection, placement, act).await?;
                let (id, path) = match stored {
                    Some(stored) => (stored.id, stored.path),
                    None => (Uuid::new_v4(), path.clone()),
                };
                let resource = NetworkResource { id, path, body, etag: Etag::fresh() };
                upsert(connection, &resource).await?;
                resource
            }
            (NetworkDecision::Keep, Some(stored)) => stored,
            (NetworkDecision::Delete, Some(stored)) => {
                sqlx::query("DELETE FROM network_resources WHERE id = ?")
                    .bind(stored.id.to_string())
                    .execute(&mut *connection)
                    .await?;
                stored
            }
            (NetworkDecision::Keep | NetworkDecision::Delete, None) => {
                return Err(StoreError::Damaged {
                    what: "decision".to_owned(),
                    why: "there is nothing to keep or delete".to_owned(),
                });
            }
        };
        record(connection, act, None, None).await?;
        Ok(resource)
    }

    /// Returns the addresses on which a gateway's listeners hold ports: IP addresses, and `public` for the
    /// workers' own.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn claimed_addresses(&self, gateway: GatewayId) -> Result<Vec<String>, StoreError> {
        let claims = "SELECT DISTINCT address FROM frontend_claims WHERE gateway = ?";
        Ok(sqlx::query_scalar(claims).bind(gateway.to_string()).fetch_all(&self.readers).await?)
    }
}

async fn upsert(connection: &mut SqliteConnection, resource: &NetworkResource) -> Result<(), StoreError> {
    let (path, now) = (&resource.path, Millis::now().0);
    sqlx::query(
        "INSERT INTO network_resources (id, resource_id, subscription, resource_group, kind, name, body, etag, \
         created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
         body = excluded.body, etag = excluded.etag, changed_at = excluded.changed_at",
    )
    .bind(resource.id.to_string())
    .bind(path.to_string())
    .bind(&path.subscription)
    .bind(&path.group)
    .bind(path.kind.segment())
    .bind(&path.name)
    .bind(Value::Object(resource.body.clone()).to_string())
    .bind(&resource.etag.0)
    .bind(now)
    .bind(now)
    .execute(connection)
    .await?;
    Ok(())
}

async fn load(
    connection: &mut SqliteConnection,
    path: &NetworkPath,
) -> Result<Option<NetworkResource>, StoreError> {
    let row = sqlx::query(
        "SELECT id, resource_group, name, subscription, kind, body, etag FROM network_resources \
         WHERE resource_id = ?",
    )
    .bind(path.to_string())
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(resource).transpose()
}

fn resource(row: &SqliteRow) -> Result<NetworkResource, StoreError> {
    let (kind, body): (&str, &str) = (row.try_get("kind")?, row.try_get("body")?);
    let damaged = |why: String| StoreError::Damaged { what: "network resource".to_owned(), why };
    Ok(NetworkResource {
        id: parse_uuid(row.try_get("id")?)?,
        path: NetworkPath {
            subscription: row.try_get("subscription")?,
            group: row.try_get("resource_group")?,
            kind: network_kind(kind)?,
            name: row.try_get("name")?,
        },
        body: serde_json::from_str(body).map_err(|e| damaged(e.to_string()))?,
        etag: Etag(row.try_get("etag")?),
    })
}

/// Returns the children that refer to a resource or to a part of it.
async fn users_of(connection: &mut SqliteConnection, path: &NetworkPath) -> Result<Vec<User>, StoreError> {
    // The IDs of parts begin with the resource's ID and a slash; `0` is the character after the slash.
    let rows = sqlx::query(
        "SELECT gateway, source, target FROM network_references WHERE target = ?1 OR (target > ?1 || '/' AND target < ?1 || '0') \
         ORDER BY source, target",
    )
    .bind(path.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(User {
                gateway: GatewayId(parse_uuid(row.try_get("gateway")?)?),
                source: row.try_get("source")?,
                target: row.try_get("target")?,
            })
        })
        .collect()
}

/// Returns the stored ones of `named` and of the public IP addresses to which a gateway refers.
pub(super) async fn public_addresses(
    connection: &mut SqliteConnection,
    named: &[NetworkPath],
    gateway: Option<GatewayId>,
) -> Result<Vec<NetworkResource>, StoreError> {
    let mut addresses = Vec::new();
    for path in named {
        addresses.extend(load(connection, path).await?);
    }
    let Some(gateway) = gateway else { return Ok(addresses) };
    let rows = sqlx::query(
        "SELECT id, resource_group, name, subscription, kind, body, etag FROM network_resources \
         WHERE kind = 'publicIPAddresses' AND resource_id IN (SELECT target FROM network_references WHERE gateway = ?)",
    )
    .bind(gateway.to_string())
    .fetch_all(connection)
    .await?;
    for row in &rows {
        addresses.push(resource(row)?);
    }
    Ok(addresses)
}

impl Store {
    /// Deletes the stored references of a gateway that are not among `references`: earlier versions stored IDs
    /// without a canonical form, such as IDs with doubled slashes. Returns their number.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn forget_old_references(
        &self,
        gateway: GatewayId,
        references: &[NetworkReference],
    ) -> Result<usize, StoreError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT target, source FROM network_references WHERE gateway = ?")
                .bind(gateway.to_string())
                .fetch_all(&self.readers)
                .await?;
        let is_made = |(target, source): &(String, String)| {
            references.iter().any(|reference| {
                reference.target.eq_ignore_ascii_case(target) && reference.source.eq_ignore_ascii_case(source)
            })
        };
        let old: Vec<_> = rows.into_iter().filter(|row| !is_made(row)).collect();
        if old.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        for (target, source) in &old {
            sqlx::query("DELETE FROM network_references WHERE gateway = ? AND target = ? AND source = ?")
                .bind(gateway.to_string())
                .bind(target)
                .bind(source)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(old.len())
    }
}

/// Replaces the stored references of a gateway. A stored public IP address can be used by one gateway only.
pub(super) async fn replace_references(
    connection: &mut SqliteConnection,
    gateway: GatewayId,
    references: &[NetworkReference],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM network_references WHERE gateway = ?")
        .bind(gateway.to_string())
        .execute(&mut *connection)
        .await?;
    for reference in references {
        let holder = sqlx::query_scalar::<_, String>(
            "SELECT source FROM network_references JOIN network_resources ON resource_id = target \
             WHERE target = ? AND kind = 'publicIPAddresses'",
        )
        .bind(&reference.target)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(holder) = holder.filter(|holder| !holder.eq_ignore_ascii_case(&reference.source)) {
            return Err(StoreError::AddressHeld {
                address: reference.target.clone(),
                child: reference.source.clone(),
                holder,
            });
        }
        sqlx::query("INSERT OR IGNORE INTO network_references (target, source, gateway) VALUES (?, ?, ?)")
            .bind(&reference.target)
            .bind(&reference.source)
            .bind(gateway.to_string())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
