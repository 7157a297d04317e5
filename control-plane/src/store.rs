//! The database: rows under resource IDs, each write one transaction. The only place with SQL, with its folder.
//!
//! What is written here is acknowledged to a client afterwards, so a commit must be durable: WAL with a synced log.
//! One connection writes, under `BEGIN IMMEDIATE`; others read. It knows nothing of HTTP and of workers' connections,
//! and decides nothing about documents: callers pass a pure decision into [`Store::write`].
//!
//! The functions are narrow on purpose: another database can stand behind them.

mod audit;
mod clients;
mod deployments;
mod error_pages;
mod gateways;
mod groups;
mod identity;
mod model;
mod network;
mod operations;
mod places;
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

pub use clients::{ApiClient, NameTaken, NewClient};
pub use deployments::{Deployment, DeploymentState, NewDeployment, Step, Task};
pub use gateways::GatewayPage;
pub use groups::{Group, group_id};
pub use identity::StoredIdentity;
pub use model::{
    Claim, Gateway, Operation, OperationKind, OperationState, OperationalState, Problem, ProvisioningState,
    Written,
};
pub use network::{NetworkDecision, NetworkResource, NetworkWritten, User};
pub(crate) use operations::OPERATION_CODES;
pub use resources::ResourceRow;
pub use rollout::{OperationNumber, Settlement, Wanted};
pub use workers::{JoinedWorker, KnownCertificate, TokenRefused};
pub use write::Decision;
use writer::{Transaction, Writer};

/// How long a statement waits for another process (`tidegate worker token`) that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a write waits for its turn.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);

/// How many connections read.
const READERS: u32 = 4;

/// What may be done to the schema of a database on opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// It is brought up to this version.
    Migrate,
    /// It must be of this version already: another process may be using it.
    Current,
}

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database itself.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// Writes fail, with SQLite's reason.
    #[error("writes to the database fail: {0}")]
    Unwritable(String),
    /// The schema could not be brought up to date.
    #[error("database migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// It may not be changed now, and this version cannot use it as it is.
    #[error("{0} is of another version of Tidegate; start the control plane of this version first")]
    Version(String),
    /// A file that belongs to the store.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A row does not hold what was written there.
    #[error("the stored {what} is damaged: {why}")]
    Damaged {
        /// Which row.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Another gateway has this address and port.
    #[error("{address} port {port} is taken by {holder}")]
    PortClaimed {
        /// The address, or `public`.
        address: String,
        /// The frontend port.
        port: u16,
        /// The other gateway's resource ID.
        holder: String,
    },
    /// A stored public IP address is for one gateway, and another one has it.
    #[error("{address} is in use by {holder}")]
    AddressHeld {
        /// The public IP address, by its resource ID.
        address: String,
        /// The child that is to have it.
        child: String,
        /// The child that has it.
        holder: String,
    },
    /// A deployment of that name is running.
    #[error("the deployment {0} is running")]
    DeploymentActive(String),
    /// There is no resource group of that name, and none is made by the way.
    #[error("there is no resource group {0}")]
    NoGroup(String),
    /// The resource group is to go.
    #[error("the resource group {0} is being deleted")]
    GroupDeleting(String),
    /// Something in the resource group is referred to from outside of it.
    #[error("{} refers to something in the resource group {group}", .users.join(", "))]
    GroupInUse {
        /// The group's name.
        group: String,
        /// The resource IDs of those that refer to it.
        users: Vec<String>,
    },
}

/// The open database.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
    readers: SqlitePool,
    key: SealKey,
    /// Whether resource groups must be made before anything is put into them.
    strict_groups: bool,
    /// Marked as changed whenever operations may have ended.
    endings: watch::Sender<()>,
}

impl Store {
    /// Opens the database of a data directory; one that is missing is made. The caller holds the directory's lock.
    ///
    /// # Errors
    /// Files that cannot be opened, a database that is none, one of a later version, or one whose key is lost.
    pub async fn open(data_dir: &Path, schema: Schema) -> Result<Store, StoreError> {
        let path = data_dir.join("tidegate.db");
        let key = seal_key(&data_dir.join("store.key"), &path)?;
        // Made here rather than by SQLite, for its mode; the files beside it take theirs from this one.
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

    /// Checks that it answers reads, and that writes did not fail lately.
    ///
    /// # Errors
    /// The failure of the read; [`StoreError::Unwritable`] while writes fail.
    pub async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        let failure = self.write_failure().borrow().clone();
        failure.map_or(Ok(()), |reason| Err(StoreError::Unwritable(reason)))
    }

    /// Says from now on when operations may have ended: whoever waits for one looks again then.
    pub fn endings(&self) -> watch::Receiver<()> {
        self.endings.subscribe()
    }

    /// To be called after the commit.
    fn settled(&self) {
        self.endings.send_replace(());
    }

    /// What a gateway's affinity cookies are made with: the same for as long as it is there.
    pub fn affinity_key(&self, gateway: GatewayId) -> Secret {
        self.key.derive(format!("affinity {gateway}").as_bytes())
    }

    /// What the page tokens of lists are sealed with.
    pub fn page_token_key(&self) -> SealKey {
        self.key.for_purpose(b"page tokens")
    }

    /// Closes the files; what is under way is finished first.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The one writer, locked against other processes from the start: nobody can write between a read and the write
    /// that depends on it.
    async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.writer.begin().await
    }

    /// How long writes waited for their turn so far.
    pub fn write_wait(&self) -> &Times {
        self.writer.wait()
    }

    /// A consistent view of all rows, for reads that take several statements.
    async fn view(&self) -> Result<sqlx::Transaction<'static, Sqlite>, StoreError> {
        Ok(self.readers.begin().await?)
    }
}

/// The key of a database. It is only made where there is nothing yet that another key has sealed.
fn seal_key(path: &Path, database: &Path) -> io::Result<SealKey> {
    if !fs::exists(database)? {
        return SealKey::load_or_create(path);
    }
    SealKey::load(path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => {
            let why = format!("{e}; what {} holds was sealed with it", database.display());
            io::Error::new(e.kind(), why)
        }
        _ => e,
    })
}

#[cfg(test)]
mod tests;
