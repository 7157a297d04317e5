//! The single writing connection, and the state of failing writes.
//!
//! A failed write closes its connection, and the next write opens a new one: on a full disk SQLite rolls the
//! transaction back by itself, and a connection whose client still assumes that transaction cannot be used any
//! more. The failure is kept as a state, with its reason, until a probe write succeeds; [`Writer::watch`] makes
//! the probe writes. This module does not know what is written.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::metrics::Times;

use super::{Store, StoreError};

/// The time between two probe writes while writes fail.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// The size of a probe write in bytes: large enough to need new pages, like a document.
const PROBE_SIZE: usize = 64 * 1024;

/// The owner of the writing connection.
#[derive(Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    /// The waiting times of writes.
    wait: Times,
    /// The reason why writes fail; `None` while they succeed.
    failure: watch::Sender<Option<String>>,
    /// Notified when a connection was closed without a known reason.
    doubt: Notify,
}

impl Writer {
    /// Creates a writer on a pool of one connection.
    pub(super) fn new(pool: SqlitePool) -> Writer {
        let failure = watch::Sender::new(None);
        Writer { pool, wait: Times::default(), failure, doubt: Notify::new() }
    }

    /// Begins a transaction, which locks out other processes from its start.
    pub(super) async fn begin(&self) -> Result<Transaction<'_>, StoreError> {
        let asked = Instant::now();
        let connection = self.pool.acquire().await.map_err(|error| self.failed(error))?;
        // From here on the connection is closed unless the transaction ends in order.
        let mut transaction = Transaction { writer: self, connection: Some(connection) };
        if let Err(error) = sqlx::query("BEGIN IMMEDIATE").execute(&mut *transaction).await {
            return Err(self.failed(error));
        }
        self.wait.observe(asked.elapsed());
        Ok(transaction)
    }

    /// The waiting times of writes.
    pub(super) fn wait(&self) -> &Times {
        &self.wait
    }

    /// The reason why writes fail; `None` while they succeed.
    pub(super) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    /// The pool, for statements of tests.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Sets the options of connections opened later.
    #[cfg(test)]
    pub(super) fn connect_with(&self, options: sqlx::sqlite::SqliteConnectOptions) {
        self.pool.set_connect_options(options);
    }

    /// Waits for running statements and closes the connection.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Makes a probe write after each unexplained failure, and periodically while writes fail, until `stop`.
    pub(super) async fn watch(&self, stop: &CancellationToken) {
        loop {
            let failing = self.failure.borrow().is_some();
            tokio::select! {
                () = self.doubt.notified() => {}
                () = sleep(PROBE_PAUSE), if failing => {}
                () = stop.cancelled() => return,
            }
            if self.probe().await.is_ok() && self.failure.send_replace(None).is_some() {
                tracing::info!("writes to the database succeed again");
            }
        }
    }

    /// Writes a row of [`PROBE_SIZE`] and deletes it again, each with its own commit: pages that are freed
    /// before the commit would never reach the disk.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let filler = "x".repeat(PROBE_SIZE);
        // An expired token is useless, and if the second commit fails, the next token deletes the row.
        let insert = "INSERT OR REPLACE INTO join_tokens (hash, expires_at) VALUES (?, 0)";
        for statement in [insert, "DELETE FROM join_tokens WHERE hash = ?"] {
            let mut transaction = self.begin().await?;
            let written = sqlx::query(statement).bind(&filler).execute(&mut *transaction).await;
            transaction.end(written.map(drop).map_err(StoreError::from)).await?;
        }
        Ok(())
    }

    /// Records an error, if it concerns the database's files.
    fn failed(&self, error: sqlx::Error) -> StoreError {
        let error = StoreError::from(error);
        if let Some(reason) = error.unwritable() {
            let is_new = self.failure.send_replace(Some(reason.clone())).is_none();
            if is_new {
                tracing::error!(
                    reason,
                    "writes to the database fail; they are retried, reads and traffic continue"
                );
            }
            self.doubt.notify_one();
        }
        error
    }
}

/// A write transaction. Dropping it closes its connection, for example after a failure, a panic or a cancelled
/// future. Only [`Transaction::commit`] and [`Transaction::undo`] keep the connection for the next write.
#[derive(Debug)]
#[must_use = "a transaction that is dropped closes its connection"]
pub(super) struct Transaction<'a> {
    writer: &'a Writer,
    /// Present until the transaction has ended.
    connection: Option<PoolConnection<Sqlite>>,
}

impl Transaction<'_> {
    /// Commits the transaction.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        match sqlx::query("COMMIT").execute(&mut *self).await {
            Ok(_) => {
                self.connection = None;
                Ok(())
            }
            Err(error) => Err(self.writer.failed(error)),
        }
    }

    /// Rolls back and returns `outcome`: for a write that is rejected or turns out to be unnecessary.
    pub(super) async fn undo<T>(mut self, outcome: T) -> T {
        if sqlx::query("ROLLBACK").execute(&mut *self).await.is_ok() {
            self.connection = None;
        }
        outcome
    }

    /// Commits after success, rolls back after a rejection, and closes the connection after an error of the
    /// database.
    pub(super) async fn end<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match outcome {
            Ok(written) => self.commit().await.map(|()| written),
            Err(StoreError::Database(error)) => Err(self.writer.failed(error)),
            Err(refused) => self.undo(Err(refused)).await,
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        self.connection.as_ref().expect("the connection is there until the transaction is consumed")
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        self.connection.as_mut().expect("the connection is there until the transaction is consumed")
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
            self.writer.doubt.notify_one();
        }
    }
}

impl StoreError {
    /// Returns the reason if the database's files cannot be used now: a full disk, an I/O error, or a lock held
    /// by another process. `None` for every other error.
    pub(crate) fn unwritable(&self) -> Option<String> {
        match self {
            StoreError::Unwritable(reason) => Some(reason.clone()),
            StoreError::Database(sqlx::Error::Database(error)) => {
                // The low byte of SQLite's extended result code is the primary one.
                let code = error.code()?.parse::<u32>().ok()? & 0xff;
                is_of_the_files(code).then(|| error.message().to_owned())
            }
            StoreError::Database(error @ (sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed)) => {
                Some(error.to_string())
            }
            _ => None,
        }
    }
}

/// SQLite's primary result codes that concern the files and the machine rather than the statement
/// (<https://www.sqlite.org/rescode.html>).
fn is_of_the_files(code: u32) -> bool {
    const BUSY: u32 = 5;
    const NOMEM: u32 = 7;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const CORRUPT: u32 = 11;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const PROTOCOL: u32 = 15;
    const NOTADB: u32 = 26;
    [BUSY, NOMEM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB].contains(&code)
}

impl Store {
    /// The reason why writes fail; `None` while they succeed. Changes within half a second of the cause while
    /// [`Store::watch_writes`] runs.
    pub(crate) fn write_failure(&self) -> watch::Receiver<Option<String>> {
        self.writer.failure()
    }

    /// Retries writing while writes fail, until `stop`.
    pub(crate) async fn watch_writes(&self, stop: CancellationToken) {
        self.writer.watch(&stop).await;
    }
}
