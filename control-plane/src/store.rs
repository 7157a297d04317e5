//! The stored resources: one transaction for each write, and the decisions within it.
//!
//! Three floors: this module and its submodules decide what a write changes and when it commits; [`rows`]
//! holds the SQL statements, one narrow function each; [`database`] holds connections, transactions and
//! classes of errors, and alone knows SQLite. The store knows neither HTTP nor the connections of workers,
//! and does not decide about documents: callers pass a pure decision to [`Store::write`].

mod addresses;
mod audit;
mod child_positions;
mod clients;
mod database;
mod deployments;
mod error_pages;
mod extensions;
mod gateways;
mod groups;
mod identity;
mod lifecycle;
mod model;
mod network;
mod operations;
mod resources;
mod retention;
mod revisions;
mod rollout;
mod rows;
mod undone;
mod unserved;
mod workers;
mod write;

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use tidegate_shared::id::GatewayId;
use tidegate_shared::seal::SealKey;
use tidegate_shared::secret::Secret;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::addresses::AddressPlan;
use crate::metrics::Times;

use database::{Database, EngineError, MigrationError, Transaction};

pub(crate) use database::{Schema, SchemaState, known_schema};
pub(crate) use deployments::{CANCELED as DEPLOYMENT_CANCELED, DEPLOYMENT_CODES};
pub(crate) use identity::StoredIdentity;
pub(crate) use model::{
    ApiClient, Claim, Deployment, DeploymentState, DesiredState, Gateway, GatewayPage, Group, JoinedWorker,
    KnownCertificate, NameTaken, NetworkResource, NewClient, NewDeployment, Operation, OperationKind,
    OperationNumber, OperationState, OperationalState, Problem, ProvisioningState, ResourceRow, Revision,
    RevisionContent, Settlement, Step, StepOperation, StoredRefs, Task, TokenRefused, UnservedResource, User,
    Written, group_id,
};
pub(crate) use network::{NetworkDecision, NetworkWritten};
pub(crate) use operations::OPERATION_CODES;
pub(crate) use resources::Page;
pub(crate) use unserved::{UnservedDecision, UnservedState};
pub(crate) use write::{Decided, Decision};

/// The reason why an operation of the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Any other error of the database.
    #[error("database: {0}")]
    Database(#[source] EngineError),
    /// The files of the database cannot be used now, with the engine's reason.
    #[error("the database cannot be used: {0}")]
    Unwritable(String),
    /// A row with this key exists already.
    #[error("database: a row with this key exists already")]
    Duplicate,
    /// Another transaction has changed the rows that this one has read. The write may be repeated.
    #[error("database: another write has changed the same rows")]
    Conflict,
    /// The migration of the schema failed.
    #[error("database migration: {0}")]
    Migration(#[from] MigrationError),
    /// The database belongs to another version and must not be migrated now.
    #[error("{0} belongs to another version of Tidegate; start the control plane of this version first")]
    Version(String),
    /// The key file belongs to another database.
    #[error(
        "store.key is not the key of tidegate.db: its secrets cannot be opened; restore both files from one backup"
    )]
    WrongKey,
    /// An error of a file of the store.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A row has invalid content.
    #[error("the stored {what} is damaged: {why}")]
    Damaged {
        /// The row.
        what: String,
        /// The reason.
        why: String,
    },
    /// Another gateway holds this address and port.
    #[error("{address} port {port} is taken by {holder}")]
    PortClaimed {
        /// The address, or `public`.
        address: String,
        /// The frontend port.
        port: u16,
        /// The other gateway's resource ID.
        holder: String,
    },
    /// Another gateway uses the public IP address, which can belong to one gateway only.
    #[error("{address} is in use by {holder}")]
    AddressHeld {
        /// The public IP address, by its resource ID.
        address: String,
        /// The child that would use it.
        child: String,
        /// The child that uses it.
        holder: String,
    },
    /// The pool of public IP addresses has no free address.
    #[error("no address of the pool {pool} is free")]
    PoolExhausted {
        /// The pool, as the operator wrote it.
        pool: String,
        /// The number of its addresses that are taken.
        taken: usize,
    },
    /// Another public IP address has got this address of the pool.
    #[error("{address} belongs to {holder}")]
    AddressAllocated {
        address: IpAddr,
        /// The resource ID of the other public IP address.
        holder: String,
    },
    /// A deployment of this name is running.
    #[error("the deployment {0} is running")]
    DeploymentActive(String),
    /// The resource group does not exist and is not created implicitly.
    #[error("the resource group {0} does not exist")]
    NoGroup(String),
    /// The resource group, or the subscription, has as many resources of an unserved type as it may have.
    #[error("there are {limit} resources of type {kind} already")]
    TooManyOfType {
        /// The type.
        kind: String,
        /// The maximum number.
        limit: u32,
    },
    /// The resource group is being deleted.
    #[error("the resource group {0} is being deleted")]
    GroupDeleting(String),
    /// A resource outside the group refers to one in the group.
    #[error("{} refers to a resource in the resource group {group}", .users.join(", "))]
    GroupInUse {
        /// The group's name.
        group: String,
        /// The resource IDs of the referring resources.
        users: Vec<String>,
    },
}

/// The number of revisions that are kept of a gateway unless the operator sets another.
pub(crate) const REVISIONS: u32 = 100;

/// The open database.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    key: SealKey,
    /// True if a resource group must exist before resources are created in it.
    strict_groups: bool,
    /// The number of revisions that are kept of a gateway.
    revisions: u32,
    /// The decisions of the operator about addresses.
    addresses: AddressPlan,
    /// Marked as changed when operations may have ended.
    endings: watch::Sender<()>,
}

impl Store {
    /// Opens the database of a data directory, creating it if it is missing. The caller holds the directory's
    /// lock.
    ///
    /// # Errors
    /// If a file cannot be opened, is not a database or belongs to a later version, or if the key of an
    /// existing database is missing or is that of another one.
    pub(crate) async fn open(data_dir: &Path, schema: Schema) -> Result<Store, StoreError> {
        let path = data_dir.join("tidegate.db");
        let key = seal_key(&data_dir.join("store.key"), &path)?;
        let database = Database::open(&path, schema).await?;
        let store = Store {
            database,
            key,
            strict_groups: false,
            revisions: REVISIONS,
            addresses: AddressPlan::default(),
            endings: watch::Sender::new(()),
        };
        // Otherwise each secret would be taken for a damaged one.
        store.check_key().await?;
        Ok(store)
    }

    /// Opens the database of a data directory if it is of this version.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub(crate) async fn open_current(data_dir: &Path) -> Result<Store, StoreError> {
        Store::open(data_dir, Schema::Current).await
    }

    /// Checks that reads succeed and that no write has failed recently.
    ///
    /// # Errors
    /// The error of the read, or [`StoreError::Unwritable`] while writes fail.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await
    }

    /// The reason why writes fail; `None` while they succeed. Changes within half a second of the cause while
    /// [`Store::watch_writes`] runs.
    pub(crate) fn write_failure(&self) -> watch::Receiver<Option<String>> {
        self.database.write_failure()
    }

    /// Retries writing while writes fail, until `stop`.
    pub(crate) async fn watch_writes(&self, stop: CancellationToken) {
        self.database.watch_writes(&stop).await;
    }

    /// Returns a receiver that changes when operations may have ended, for callers that wait for one.
    pub(crate) fn endings(&self) -> watch::Receiver<()> {
        self.endings.subscribe()
    }

    /// Notifies the receivers of [`Store::endings`]. Called after the commit.
    fn settled(&self) {
        self.endings.send_replace(());
    }

    /// Returns the key of a gateway's affinity cookies, constant for the life of the gateway.
    pub(crate) fn affinity_key(&self, gateway: GatewayId) -> Secret {
        self.key.derive(format!("affinity {gateway}").as_bytes())
    }

    /// Returns the seed of the keys that are made for resources of unserved types.
    pub(crate) fn unserved_key_seed(&self) -> String {
        STANDARD.encode(self.key.derive(b"keys of unserved resources").expose())
    }

    /// Returns the key that seals the page tokens of lists.
    pub(crate) fn page_token_key(&self) -> SealKey {
        self.key.for_purpose(b"page tokens")
    }

    /// Closes the database after running statements have finished.
    pub(crate) async fn close(&self) {
        self.database.close().await;
    }

    /// Begins a write transaction.
    async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.database.begin().await
    }

    /// The waiting times of writes.
    pub(crate) fn write_wait(&self) -> &Times {
        self.database.write_wait()
    }
}

/// Copies the database of a data directory into a new file. A control plane may be running.
///
/// # Errors
/// If the database cannot be opened, is of another version, or the file cannot be written.
pub(crate) async fn copy_database(data_dir: &Path, to: &Path) -> Result<(), StoreError> {
    let store = Store::open_current(data_dir).await?;
    let copied = store.database.copy_into(to).await;
    store.close().await;
    copied
}

/// Compares the schema of a database file with that of this version, and checks that the file is sound.
///
/// # Errors
/// If the file cannot be read, or is damaged.
pub(crate) async fn schema_of(path: &Path) -> Result<SchemaState, StoreError> {
    Database::schema_of(path).await
}

/// Returns the key of a database. A key is created only together with the database, which would be unreadable
/// with another one.
fn seal_key(path: &Path, database: &Path) -> io::Result<SealKey> {
    if !fs::exists(database)? {
        return SealKey::load_or_create(path);
    }
    SealKey::load(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            let why = format!("{e}; it is required to decrypt the secrets in {}", database.display());
            io::Error::new(e.kind(), why)
        }
        _ => e,
    })
}

#[cfg(test)]
mod tests;
