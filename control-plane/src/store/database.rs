//! The database engine: connections, transactions, and the classes of its errors.
//!
//! This module and its submodules alone name SQLite. The row functions use the types of this module and
//! statements of standard SQL, so that another engine replaces these files and the migrations. This module
//! knows no table but that of the probe writes.
//!
//! A write is acknowledged to the client after its commit, so a commit must be durable: WAL with a synced
//! log. One connection writes, under `BEGIN IMMEDIATE`; others read.

mod errors;
mod schema;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Times;

use super::StoreError;
use writer::Writer;

pub(crate) use schema::{SchemaState, known_schema};
pub(super) use sqlx::Row as ReadColumn;
pub(super) use writer::Transaction;

/// The engine.
pub(super) type Engine = sqlx::Sqlite;

/// A connection, on which row functions run their statements.
pub(super) type Connection = sqlx::SqliteConnection;

/// A row of a result. Its columns are read with [`ReadColumn::try_get`].
pub(super) type Row = sqlx::sqlite::SqliteRow;

/// A statement with its parameters.
pub(super) type Statement = sqlx::query::Query<'static, Engine, <Engine as sqlx::Database>::Arguments>;

/// An error of the engine without a class of its own.
pub(super) type EngineError = sqlx::Error;

/// An error of a migration of the schema.
pub(super) type MigrationError = sqlx::migrate::MigrateError;

/// The time limit of a statement that waits for another writing process (`tidegate worker token`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The time limit of a write that waits for the connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(60);

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

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    writer: Writer,
    readers: SqlitePool,
}

impl Database {
    /// Opens a database file, and creates it if it is missing.
    ///
    /// # Errors
    /// If the file cannot be opened, is not a database, or belongs to a later version.
    pub(super) async fn open(path: &Path, schema: Schema) -> Result<Database, StoreError> {
        // Created here rather than by SQLite to set its mode, which SQLite copies to the WAL files.
        OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
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
        Ok(Database { writer: Writer::new(writer), readers })
    }

    /// Copies the database into a new file, as it is at one moment. Writes continue meanwhile.
    ///
    /// # Errors
    /// If the file exists or cannot be written, for example because the disk is full.
    pub(super) async fn copy_into(&self, path: &Path) -> Result<(), StoreError> {
        // On the writing connection, because the readers may write no file.
        let path = path.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?").bind(path).execute(self.writer.pool()).await?;
        Ok(())
    }

    /// Compares the schema of a database file with that of this version, and changes neither.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub(super) async fn schema_of(path: &Path) -> Result<SchemaState, StoreError> {
        let options =
            SqliteConnectOptions::new().filename(path).create_if_missing(false).busy_timeout(BUSY_TIMEOUT);
        let database = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        let faults =
            sqlx::query_scalar::<Engine, String>("PRAGMA quick_check(1)").fetch_one(&database).await?;
        let state = schema::state(&database).await;
        database.close().await;
        if faults != "ok" {
            return Err(StoreError::Damaged { what: "database".to_owned(), why: faults });
        }
        state
    }

    /// Begins a write transaction, which locks out other processes from its start: no other write can come
    /// between a read and the write that depends on it.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        self.writer.begin().await
    }

    /// Begins a read transaction, for a consistent view across several statements.
    pub(super) async fn view(&self) -> Result<sqlx::Transaction<'static, Engine>, StoreError> {
        Ok(self.readers.begin().await?)
    }

    /// Returns a reading connection, for a single statement.
    pub(super) async fn reader(&self) -> Result<PoolConnection<Engine>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// Checks that reads succeed and that no write has failed recently.
    ///
    /// # Errors
    /// The error of the read, or [`StoreError::Unwritable`] while writes fail.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        let failure = self.writer.failure().borrow().clone();
        failure.map_or(Ok(()), |reason| Err(StoreError::Unwritable(reason)))
    }

    /// The waiting times of writes.
    pub(super) fn write_wait(&self) -> &Times {
        self.writer.wait()
    }

    /// The reason why writes fail; `None` while they succeed.
    pub(super) fn write_failure(&self) -> watch::Receiver<Option<String>> {
        self.writer.failure()
    }

    /// Makes a probe write after each unexplained failure, and periodically while writes fail, until `stop`.
    pub(super) async fn watch_writes(&self, stop: &CancellationToken) {
        self.writer.watch(stop).await;
    }

    /// Closes the database after running statements have finished.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// The writer, for tests.
    #[cfg(test)]
    pub(super) fn writer(&self) -> &Writer {
        &self.writer
    }
}
