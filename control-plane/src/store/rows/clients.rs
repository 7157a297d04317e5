//! The table `clients`. Revoked clients stay in it, because the audit log names them; no function returns
//! them.

use uuid::Uuid;

use crate::clock::Millis;
use crate::identity::scope::Scope;

use super::{damaged, key, parse_json, parse_uuid};
use crate::store::StoreError;
use crate::store::database::{Connection, ReadColumn, Row};
use crate::store::model::{ApiClient, NewClient};

/// Inserts a client, unless a client that is not revoked has its name. Returns whether it was inserted.
pub(in crate::store) async fn insert(
    connection: &mut Connection,
    client: &NewClient,
    now: Millis,
) -> Result<bool, StoreError> {
    let scopes: Vec<String> = client.scopes.iter().map(Scope::to_string).collect();
    let inserted = sqlx::query(
        "INSERT INTO clients (app_id, name_key, name, role, scopes, secret_hash, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name_key) WHERE revoked_at IS NULL DO NOTHING",
    )
    .bind(client.app_id.to_string())
    .bind(key(client.name.as_str()))
    .bind(client.name.as_str())
    .bind(client.role.as_str())
    .bind(serde_json::to_string(&scopes).expect("a list of texts has a text form"))
    .bind(&client.secret_hash)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Returns the clients that are not revoked, by name.
pub(in crate::store) async fn list(connection: &mut Connection) -> Result<Vec<ApiClient>, StoreError> {
    let rows = sqlx::query(
        "SELECT app_id, name, role, scopes, secret_number, created_at FROM clients \
         WHERE revoked_at IS NULL ORDER BY name_key",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(client).collect()
}

/// Returns a client that is not revoked, with the hash of its secret.
pub(in crate::store) async fn find(
    connection: &mut Connection,
    app_id: Uuid,
) -> Result<Option<(ApiClient, String)>, StoreError> {
    let row = sqlx::query(
        "SELECT app_id, name, role, scopes, secret_number, created_at, secret_hash FROM clients \
         WHERE app_id = $1 AND revoked_at IS NULL",
    )
    .bind(app_id.to_string())
    .fetch_optional(connection)
    .await?;
    row.map(|row| Ok((client(&row)?, row.try_get("secret_hash")?))).transpose()
}

/// Returns a client that is not revoked, by name.
pub(in crate::store) async fn find_by_name(
    connection: &mut Connection,
    name: &str,
) -> Result<Option<ApiClient>, StoreError> {
    let row = sqlx::query(
        "SELECT app_id, name, role, scopes, secret_number, created_at FROM clients \
         WHERE name_key = $1 AND revoked_at IS NULL",
    )
    .bind(key(name))
    .fetch_optional(connection)
    .await?;
    row.as_ref().map(client).transpose()
}

/// Marks a client as revoked.
pub(in crate::store) async fn revoke(
    connection: &mut Connection,
    app_id: Uuid,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET revoked_at = $1 WHERE app_id = $2")
        .bind(now.0)
        .bind(app_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores the hash of a new secret, with the next number.
pub(in crate::store) async fn replace_secret(
    connection: &mut Connection,
    app_id: Uuid,
    secret_hash: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET secret_hash = $1, secret_number = secret_number + 1 WHERE app_id = $2")
        .bind(secret_hash)
        .bind(app_id.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// Replaces the hash `old` by another hash of the same secret. Has no effect if `old` is not the stored hash.
pub(in crate::store) async fn replace_hash(
    connection: &mut Connection,
    app_id: Uuid,
    old: &str,
    new: &str,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE clients SET secret_hash = $1 WHERE app_id = $2 AND secret_hash = $3")
        .bind(new)
        .bind(app_id.to_string())
        .bind(old)
        .execute(connection)
        .await?;
    Ok(())
}

fn client(row: &Row) -> Result<ApiClient, StoreError> {
    let scopes: Vec<String> = parse_json("client", row.try_get("scopes")?)?;
    let role: &str = row.try_get("role")?;
    Ok(ApiClient {
        app_id: parse_uuid(row.try_get("app_id")?)?,
        name: row.try_get("name")?,
        role: role.parse().map_err(|_| damaged("client", format!("{role:?} is not a role")))?,
        scopes: scopes
            .iter()
            .map(|scope| scope.parse().map_err(|_| damaged("client", format!("{scope:?} is not a scope"))))
            .collect::<Result<_, _>>()?,
        secret_number: row.try_get("secret_number")?,
        created_at: Millis(row.try_get("created_at")?),
    })
}
