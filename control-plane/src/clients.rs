//! Management of API clients by someone with access to the data directory. Works whether the control plane is
//! running or not; a running one sees changes at its next request.

use std::path::Path;

use thiserror::Error;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::audit::Author;
use crate::data_dir::DataDir;
use crate::identity::issuer::Issuer;
use crate::identity::name::ClientName;
use crate::identity::role::Role;
use crate::identity::scope::Scope;
use crate::identity::secret::{hash, new_secret};
use crate::identity::token::new_key;
use crate::start_error::StartError;
use crate::store::{ApiClient, NameTaken, NewClient, Schema, Store, StoreError, StoredIdentity};

/// The error of managing a client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The data directory cannot be used.
    #[error(transparent)]
    DataDir(#[from] StartError),
    /// The name is taken.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// No client has this name.
    #[error("no client has the name {0}")]
    NoClient(String),
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> ClientError {
        ClientError::DataDir(error.into())
    }
}

/// The credentials of a client. The secret is not stored.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The client's ID.
    pub app_id: Uuid,
    /// The client's name.
    pub name: String,
    /// The client's secret, as text.
    pub secret: Secret,
    /// The tenant to log in to.
    pub tenant: Uuid,
    /// The operations it may perform.
    pub role: Role,
    /// The resources it may access.
    pub scopes: Vec<Scope>,
}

/// Creates a client.
///
/// # Errors
/// If the name is taken, or if the data directory cannot be used or belongs to another version.
pub async fn create(
    data_dir: &Path,
    name: ClientName,
    role: Role,
    scopes: Vec<Scope>,
) -> Result<Credentials, ClientError> {
    let secret = new_secret();
    let secret_hash = hash(&secret);
    with_store(data_dir, async |store| {
        let client = NewClient { app_id: Uuid::new_v4(), name, role, scopes, secret_hash };
        store.add_client(Author::on_site(), &client).await??;
        let NewClient { app_id, name, role, scopes, .. } = client;
        let tenant = identity(store).await?.tenant;
        Ok(Credentials { app_id, name: name.to_string(), secret, tenant, role, scopes })
    })
    .await
}

/// Returns every client that is not revoked, by name.
///
/// # Errors
/// If the data directory cannot be used or belongs to another version.
pub async fn list(data_dir: &Path) -> Result<Vec<ApiClient>, ClientError> {
    with_store(data_dir, async |store| Ok(store.clients().await?)).await
}

/// Revokes a client with immediate effect.
///
/// # Errors
/// If no client has this name, or if the data directory cannot be used or belongs to another version.
pub async fn revoke(data_dir: &Path, name: &str) -> Result<(), ClientError> {
    let unknown = || ClientError::NoClient(name.to_owned());
    with_store(data_dir, async |store| {
        store.revoke_client(Author::on_site(), name).await?.map(drop).ok_or_else(unknown)
    })
    .await
}

/// Gives a client a new secret. The old one and all tokens issued for it become invalid.
///
/// # Errors
/// If no client has this name, or if the data directory cannot be used or belongs to another version.
pub async fn reset(data_dir: &Path, name: &str) -> Result<Credentials, ClientError> {
    let secret = new_secret();
    let secret_hash = hash(&secret);
    with_store(data_dir, async |store| {
        let client = store.reset_client(Author::on_site(), name, &secret_hash).await?;
        let ApiClient { app_id, name, role, scopes, .. } =
            client.ok_or_else(|| ClientError::NoClient(name.to_owned()))?;
        Ok(Credentials { app_id, name, secret, tenant: identity(store).await?.tenant, role, scopes })
    })
    .await
}

/// Returns the issuer of access tokens.
///
/// # Errors
/// If the database fails or the stored key is damaged.
pub(crate) async fn issuer(store: &Store) -> Result<Issuer, StoreError> {
    let StoredIdentity { tenant, signing_key } = identity(store).await?;
    Issuer::new(tenant, &signing_key)
        .map_err(|error| StoreError::Damaged { what: "signing key".to_owned(), why: error.to_string() })
}

async fn identity(store: &Store) -> Result<StoredIdentity, StoreError> {
    store.identity(|| StoredIdentity { tenant: Uuid::new_v4(), signing_key: new_key() }).await
}

async fn with_store<T>(
    data_dir: &Path,
    change: impl AsyncFnOnce(&Store) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let DataDir { store, .. } = DataDir::open(data_dir, Schema::Current).await?;
    let outcome = change(&store).await;
    store.close().await;
    outcome
}
