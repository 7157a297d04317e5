//! API clients made, listed and revoked by whoever holds the data directory, with the control plane running or not:
//! what is written there, a running one sees at its next request.

use std::path::Path;

use thiserror::Error;
use tidegate_shared::secret::Secret;
use uuid::Uuid;

use crate::StartError;
use crate::audit::Author;
use crate::data_dir::DataDir;
use crate::identity::issuer::Issuer;
use crate::identity::name::ClientName;
use crate::identity::role::Role;
use crate::identity::scope::Scope;
use crate::identity::secret::{hash, new_secret};
use crate::identity::token::new_key;
use crate::store::{ApiClient, NameTaken, NewClient, Schema, Store, StoreError, StoredIdentity};

/// Why a client is not as wished.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] StartError),
    /// The name.
    #[error(transparent)]
    NameTaken(#[from] NameTaken),
    /// The name again.
    #[error("there is no client of the name {0}")]
    NoClient(String),
}

impl From<StoreError> for ClientError {
    fn from(error: StoreError) -> ClientError {
        ClientError::DataDir(error.into())
    }
}

/// What a client logs in with. The secret is kept nowhere else.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The client's ID.
    pub app_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its secret, which is text.
    pub secret: Secret,
    /// The tenant to log in to.
    pub tenant: Uuid,
    /// What it may do.
    pub role: Role,
    /// Within these.
    pub scopes: Vec<Scope>,
}

/// Makes a client.
///
/// # Errors
/// There is one of that name; a data directory that cannot be used, or is that of another version.
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

/// Every client that was not revoked, by name.
///
/// # Errors
/// A data directory that cannot be used, or is that of another version.
pub async fn list(data_dir: &Path) -> Result<Vec<ApiClient>, ClientError> {
    with_store(data_dir, async |store| Ok(store.clients().await?)).await
}

/// Shuts a client out at once.
///
/// # Errors
/// There is none of that name; a data directory that cannot be used, or is that of another version.
pub async fn revoke(data_dir: &Path, name: &str) -> Result<(), ClientError> {
    let unknown = || ClientError::NoClient(name.to_owned());
    with_store(data_dir, async |store| {
        store.revoke_client(Author::on_site(), name).await?.map(drop).ok_or_else(unknown)
    })
    .await
}

/// Gives a client a new secret; the old one is good for nothing from then on, and so are the tokens got with it.
///
/// # Errors
/// There is none of that name; a data directory that cannot be used, or is that of another version.
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

/// What gives out tokens here.
///
/// # Errors
/// The database's; a damaged key.
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
    act: impl AsyncFnOnce(&Store) -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let DataDir { store, .. } = DataDir::open(data_dir, Schema::Current).await?;
    let outcome = act(&store).await;
    store.close().await;
    outcome
}
