//! The one connection that writes, and the state in which writes fail.
//!
//! A write that fails closes its connection and the next write opens a fresh one: after a full disk SQLite has rolled
//! the transaction back by itself, and a connection whose client still believes in that transaction is of no use any
//! more. The failure is kept as a state with its reason until a probing write succeeds; [`Writer::watch`] makes those.
//! It must not know what is written.

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

/// The time between two probing writes while writes fail.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// The size of a probing write in bytes: large enough that it needs fresh pages, as a document does.
const PROBE_SIZE: usize = 64 * 1024;

/// The place of everything that is written.
#[derive(Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    /// How long writes waited for their turn.
    wait: Times,
    /// Why writes fail; `None` while they succeed.
    failure: watch::Sender<Option<String>>,
    /// Rung when a connection was given up without a known reason.
    doubt: Notify,
}

impl Writer {
    /// A writer on a pool of one connection.
    pub(super) fn new(pool: SqlitePool) -> Writer {
        let failure = watch::Sender::new(None);
        Writer { pool, wait: Times::default(), failure, doubt: Notify::new() }
    }

    /// Begins a transaction, locked against other processes from the start.
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

    /// How long writes waited for their turn so far.
    pub(super) fn wait(&self) -> &Times {
        &self.wait
    }

    /// The reason for which writes fail; `None` while they succeed.
    pub(super) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    /// The pool itself, for statements of tests.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Opens later connections with these options.
    #[cfg(test)]
    pub(super) fn connect_with(&self, options: sqlx::sqlite::SqliteConnectOptions) {
        self.pool.set_connect_options(options);
    }

    /// Finishes what is under way and closes the connection.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Makes a probing write whenever there is doubt, and again and again while writes fail, until `stop`.
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

    /// Writes a row of [`PROBE_SIZE`] and removes it again, each with a commit: pages that are freed before a commit
    /// would never reach the disk.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let filler = "x".repeat(PROBE_SIZE);
        // A token that has expired is good for nothing, and should the second commit fail, the next token removes it.
        let insert = "INSERT OR REPLACE INTO join_tokens (hash, expires_at) VALUES (?, 0)";
        for statement in [insert, "DELETE FROM join_tokens WHERE hash = ?"] {
            let mut transaction = self.begin().await?;
            let written = sqlx::query(statement).bind(&filler).execute(&mut *transaction).await;
            transaction.end(written.map(drop).map_err(StoreError::from)).await?;
        }
        Ok(())
    }

    /// Takes note of a failure, if it is one of the database's files.
    fn failed(&self, error: sqlx::Error) -> StoreError {
        let error = StoreError::from(error);
        if let Some(reason) = error.unwritable() {
            let is_new = self.failure.send_replace(Some(reason.clone())).is_none();
            if is_new {
                tracing::error!(
                    reason,
                    "writes to the database fail; reads and traffic go on, and writes are tried until they succeed"
                );
            }
            self.doubt.notify_one();
        }
        error
    }
}

/// A write transaction. Its connection is closed when it is dropped: after a failure, a panic, or when the future that
/// held it was dropped. Only [`Transaction::commit`] and [`Transaction::undo`] keep the connection for the next write.
#[derive(Debug)]
#[must_use = "a transaction that is dropped closes its connection"]
pub(super) struct Transaction<'a> {
    writer: &'a Writer,
    /// There until the transaction has ended.
    connection: Option<PoolConnection<Sqlite>>,
}

impl Transaction<'_> {
    /// Makes it durable.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        match sqlx::query("COMMIT").execute(&mut *self).await {
            Ok(_) => {
                self.connection = None;
                Ok(())
            }
            Err(error) => Err(self.writer.failed(error)),
        }
    }

    /// Undoes all of it, and gives back `outcome`: for a write that turns out to be refused or not needed.
    pub(super) async fn undo<T>(mut self, outcome: T) -> T {
        if sqlx::query("ROLLBACK").execute(&mut *self).await.is_ok() {
            self.connection = None;
        }
        outcome
    }

    /// Commits what succeeded, and undoes what was refused. After a failure of the database, the connection is closed.
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
    /// The reason, where the database's files cannot be used at present: a full disk, an I/O error, a lock that another
    /// process holds. `None` for every other error.
    pub fn unwritable(&self) -> Option<String> {
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

/// SQLite's primary result codes that tell of the files and the machine, not of the statement
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
    /// The reason for which writes fail; `None` while they succeed. It changes within half a second of the cause, as
    /// long as [`Store::watch_writes`] runs.
    pub fn write_failure(&self) -> watch::Receiver<Option<String>> {
        self.writer.failure()
    }

    /// Tries whether writes succeed again while they fail, until `stop`.
    pub async fn watch_writes(&self, stop: CancellationToken) {
        self.writer.watch(&stop).await;
    }
}
