//! The database: rows under resource IDs, and one transaction for each write. Only this module and its
//! submodules contain SQL.
//!
//! A write is acknowledged to the client afterwards, so a commit must be durable: WAL with a synced log. One
//! connection writes, under `BEGIN IMMEDIATE`; others read. The store knows neither HTTP nor the connections of
//! workers, and does not decide about documents: callers pass a pure decision to [`Store::write`].
//!
//! The functions are narrow so that another database can replace SQLite.

mod audit;
mod child_positions;
mod clients;
mod deployments;
mod error_pages;
mod gateways;
mod groups;
mod identity;
mod model;
mod network;
mod operations;
mod resources;
mod retention;
mod rollout;
mod schema;
mod switch;
mod undone;
mod workers;
mod write;
mod writer;

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::Sqlite;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use thiserror::Error;
use tidegate_shared::id::GatewayId;
use tidegate_shared::seal::SealKey;
use tidegate_shared::secret::Secret;
use tokio::sync::watch;

use crate::metrics::Times;

pub(crate) use clients::{ApiClient, NameTaken, NewClient};
pub(crate) use deployments::{Deployment, DeploymentState, NewDeployment, Step, Task};
pub(crate) use gateways::GatewayPage;
pub(crate) use groups::{Group, group_id};
pub(crate) use identity::StoredIdentity;
pub(crate) use model::{
    Claim, Gateway, NetworkResource, Operation, OperationKind, OperationState, OperationalState, Problem,
    ProvisioningState, StoredRefs, Written,
};
pub(crate) use network::{NetworkDecision, NetworkWritten, User};
pub(crate) use operations::OPERATION_CODES;
pub(crate) use resources::ResourceRow;
pub(crate) use rollout::{OperationNumber, Settlement, Wanted};
pub(crate) use workers::{JoinedWorker, KnownCertificate, TokenRefused};
pub(crate) use write::Decision;
use writer::{Transaction, Writer};

/// The time limit of a statement that waits for another writing process (`tidegate worker token`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of a write that waits for the connection.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of reading connections.
const READERS: u32 = 4;

/// The treatment of the schema when a database is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Migrate it to this version.
    Migrate,
    /// Require this version, because another process may be using the database.
    Current,
}

/// The reason why an operation of the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// An error of the database.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Writes fail, with SQLite's reason.
    #[error("writes to the database fail: {0}")]
    Unwritable(String),
    /// The migration of the schema failed.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database belongs to another version and must not be migrated now.
    #[error("{0} belongs to another version of Tidegate; start the control plane of this version first")]
    Version(String),
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
    /// A deployment of this name is running.
    #[error("the deployment {0} is running")]
    DeploymentActive(String),
    /// The resource group does not exist and is not created implicitly.
    #[error("the resource group {0} does not exist")]
    NoGroup(String),
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

/// The open database.
#[derive(Debug)]
pub(crate) struct Store {
    writer: Writer,
    readers: SqlitePool,
    key: SealKey,
    /// True if a resource group must exist before resources are created in it.
    strict_groups: bool,
    /// Marked as changed when operations may have ended.
    endings: watch::Sender<()>,
}

impl Store {
    /// Opens the database of a data directory, creating it if it is missing. The caller holds the directory's
    /// lock.
    ///
    /// # Errors
    /// If a file cannot be opened, is not a database or belongs to a later version, or if the key of an
    /// existing database is missing.
    pub(crate) async fn open(data_dir: &Path, schema: Schema) -> Result<Store, StoreError> {
        let path = data_dir.join("tidegate.db");
        let key = seal_key(&data_dir.join("store.key"), &path)?;
        // Created here rather than by SQLite to set its mode, which SQLite copies to the WAL files.
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(TURN_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        if schema == Schema::Current && schema::is_of_another_version(&writer).await? {
            return Err(StoreError::Version(path.display().to_string()));
        }
        schema::MIGRATIONS.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        Ok(Store {
            writer: Writer::new(writer),
            readers,
            key,
            strict_groups: false,
            endings: watch::Sender::new(()),
        })
    }

    /// Checks that reads succeed and that no write has failed recently.
    ///
    /// # Errors
    /// The error of the read, or [`StoreError::Unwritable`] while writes fail.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        let failure = self.write_failure().borrow().clone();
        failure.map_or(Ok(()), |reason| Err(StoreError::Unwritable(reason)))
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

    /// Returns the key that seals the page tokens of lists.
    pub(crate) fn page_token_key(&self) -> SealKey {
        self.key.for_purpose(b"page tokens")
    }

    /// Closes the database after running statements have finished.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a write transaction, which locks out other processes from its start: no other write can come
    /// between a read and the write that depends on it.
    async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.writer.begin().await
    }

    /// The waiting times of writes.
    pub(crate) fn write_wait(&self) -> &Times {
        self.writer.wait()
    }

    /// Begins a read transaction, for a consistent view across several statements.
    async fn view(&self) -> Result<sqlx::Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }
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
