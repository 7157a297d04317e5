//! API clients: names, roles, scopes, and the hashes of their secrets.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use thiserror::Error;
use uuid::Uuid;

use crate::audit::{Act, Author};
use crate::clock::Millis;
use crate::identity::name::ClientName;
use crate::identity::role::Role;
use crate::identity::scope::Scope;

use super::audit::record;
use super::model::parse_uuid;
use super::{Store, StoreError};

/// A client that is not revoked.
#[derive(Clone, Debug)]
pub struct ApiClient {
    /// The client's ID.
    pub app_id: Uuid,
    /// The name in its original spelling.
    pub name: String,
    /// The operations it may perform.
    pub role: Role,
    /// The resources it may access.
    pub scopes: Vec<Scope>,
    /// The number of its current secret, from 1.
    pub secret_number: i64,
    /// The time of creation.
    pub created_at: Millis,
}

/// A client to create.
#[derive(Clone, Debug)]
pub(crate) struct NewClient {
    /// The client's ID.
    pub(crate) app_id: Uuid,
    /// The name.
    pub(crate) name: ClientName,
    /// The operations it may perform.
    pub(crate) role: Role,
    /// The resources it may access.
    pub(crate) scopes: Vec<Scope>,
    /// The hash of its secret.
    pub(crate) secret_hash: String,
}

/// A client that is not revoked has this name already.
#[derive(Debug, Error)]
#[error(
    "a client with the name {0} exists already; revoke it first, or give it a new secret with `client reset`"
)]
pub struct NameTaken(pub(crate) String);

const COLUMNS: &str = "app_id, name, role, scopes, secret_hash, secret_number, created_at";

impl Store {
    /// Stores a new client.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn add_client(
        &self,
        author: Author,
        client: &NewClient,
    ) -> Result<Result<(), NameTaken>, StoreError> {
        let mut transaction = self.begin().await?;
        if by_name(&mut transaction, client.name.as_str()).await?.is_some() {
            return transaction.undo(Ok(Err(NameTaken(client.name.to_string())))).await;
        }
        let scopes: Vec<String> = client.scopes.iter().map(Scope::to_string).collect();
        sqlx::query(
            "INSERT INTO clients (app_id, name, role, scopes, secret_hash, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(client.app_id.to_string())
        .bind(client.name.as_str())
        .bind(client.role.as_str())
        .bind(serde_json::to_string(&scopes).expect("a list of texts has a text form"))
        .bind(&client.secret_hash)
        .bind(Millis::now().0)
        .execute(&mut *transaction)
        .await?;
        record(&mut transaction, &Act::on_client(author, "write", client.app_id), None, None).await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }

    /// Returns every client that is not revoked, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn clients(&self) -> Result<Vec<ApiClient>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM clients WHERE revoked_at IS NULL ORDER BY name");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&self.readers).await?;
        rows.iter().map(client).collect()
    }

    /// Returns a client that is not revoked, with the hash of its secret.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn client(&self, app_id: Uuid) -> Result<Option<(ApiClient, String)>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM clients WHERE app_id = ? AND revoked_at IS NULL");
        let row = sqlx::query(sqlx::AssertSqlSafe(query))
            .bind(app_id.to_string())
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| Ok((client(&row)?, row.try_get("secret_hash")?))).transpose()
    }

    /// Revokes a client together with its tokens. Returns the client, if there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn revoke_client(
        &self,
        author: Author,
        name: &str,
    ) -> Result<Option<ApiClient>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(client) = by_name(&mut transaction, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        sqlx::query("UPDATE clients SET revoked_at = ? WHERE app_id = ?")
            .bind(Millis::now().0)
            .bind(client.app_id.to_string())
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_client(author, "delete", client.app_id), None, None).await?;
        transaction.commit().await?;
        Ok(Some(client))
    }

    /// Gives a client a new secret, which invalidates the old one and the tokens issued for it. Returns the
    /// client, if there is one of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn reset_client(
        &self,
        author: Author,
        name: &str,
        secret_hash: &str,
    ) -> Result<Option<ApiClient>, StoreError> {
        let mut transaction = self.begin().await?;
        let Some(client) = by_name(&mut transaction, name).await? else {
            return transaction.undo(Ok(None)).await;
        };
        sqlx::query("UPDATE clients SET secret_hash = ?, secret_number = secret_number + 1 WHERE app_id = ?")
            .bind(secret_hash)
            .bind(client.app_id.to_string())
            .execute(&mut *transaction)
            .await?;
        record(&mut transaction, &Act::on_client(author, "resetSecret/action", client.app_id), None, None)
            .await?;
        transaction.commit().await?;
        Ok(Some(client))
    }

    /// Replaces the hash `old` by another hash of the same secret. Has no effect if `old` is not the stored
    /// hash any more.
    ///
    /// # Errors
    /// If the database fails.
    pub(crate) async fn rehash_client(&self, app_id: Uuid, old: &str, new: &str) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE clients SET secret_hash = ? WHERE app_id = ? AND secret_hash = ?")
            .bind(new)
            .bind(app_id.to_string())
            .bind(old)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn by_name(connection: &mut SqliteConnection, name: &str) -> Result<Option<ApiClient>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM clients WHERE name = ? AND revoked_at IS NULL");
    let row = sqlx::query(sqlx::AssertSqlSafe(query)).bind(name).fetch_optional(connection).await?;
    row.as_ref().map(client).transpose()
}

fn client(row: &SqliteRow) -> Result<ApiClient, StoreError> {
    let damaged = |why: String| StoreError::Damaged { what: "client".to_owned(), why };
    let scopes: Vec<String> =
        serde_json::from_str(row.try_get("scopes")?).map_err(|error| damaged(error.to_string()))?;
    let role: &str = row.try_get("role")?;
    Ok(ApiClient {
        app_id: parse_uuid(row.try_get("app_id")?)?,
        name: row.try_get("name")?,
        role: role.parse().map_err(|_| damaged(format!("{role:?} is not a role")))?,
        scopes: scopes
            .iter()
            .map(|scope| scope.parse().map_err(|_| damaged(format!("{scope:?} is not a scope"))))
            .collect::<Result<_, _>>()?,
        secret_number: row.try_get("secret_number")?,
        created_at: Millis(row.try_get("created_at")?),
    })
}
