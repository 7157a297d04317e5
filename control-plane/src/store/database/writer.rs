//! The single writing connection, and the state of failing writes.
//!
//! A failed write closes its connection, and the next write opens a new one: on a full disk SQLite rolls the
//! transaction back by itself, and a connection whose client still assumes that transaction cannot be used
//! any more. The failure is kept as a state, with its reason, until a probe write succeeds; [`Writer::watch`]
//! makes the probe writes. This module does not know what is written.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::metrics::Times;

use super::super::StoreError;
use super::{Connection, Engine};

/// The time between two probe writes while writes fail.
const PROBE_PAUSE: Duration = Duration::from_millis(250);

/// The size of a probe write in bytes: large enough to need new pages, like a document.
const PROBE_SIZE: usize = 64 * 1024;

/// The owner of the writing connection.
#[derive(Debug)]
pub(in crate::store) struct Writer {
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

    /// The pool, for statements without a transaction.
    pub(in crate::store) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// Sets the options of connections opened later.
    #[cfg(test)]
    pub(in crate::store) fn connect_with(&self, options: sqlx::sqlite::SqliteConnectOptions) {
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
    pub(in crate::store) async fn probe(&self) -> Result<(), StoreError> {
        let filler = "x".repeat(PROBE_SIZE);
        let insert = "INSERT INTO write_probe (filler) VALUES ($1)";
        let delete = "DELETE FROM write_probe WHERE filler = $1";
        for statement in [insert, delete] {
            let mut transaction = self.begin().await?;
            let written = sqlx::query(statement).bind(&filler).execute(&mut *transaction).await;
            transaction.end(written.map(drop).map_err(StoreError::from)).await?;
        }
        Ok(())
    }

    /// Records an error, if it concerns the database's files.
    fn failed(&self, error: impl Into<StoreError>) -> StoreError {
        let error = error.into();
        if let Some(reason) = error.unwritable() {
            let is_new = self.failure.send_replace(Some(reason.to_owned())).is_none();
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

/// A write transaction. Dropping it closes its connection, for example after a failure, a panic or a
/// cancelled future. Only [`Transaction::commit`] and [`Transaction::undo`] keep the connection for the next
/// write.
#[derive(Debug)]
#[must_use = "a transaction that is dropped closes its connection"]
pub(in crate::store) struct Transaction<'a> {
    writer: &'a Writer,
    /// Present until the transaction has ended.
    connection: Option<PoolConnection<Engine>>,
}

impl Transaction<'_> {
    /// Commits the transaction.
    pub(in crate::store) async fn commit(mut self) -> Result<(), StoreError> {
        match sqlx::query("COMMIT").execute(&mut *self).await {
            Ok(_) => {
                self.connection = None;
                Ok(())
            }
            Err(error) => Err(self.writer.failed(error)),
        }
    }

    /// Rolls back and returns `outcome`: for a write that is rejected or turns out to be unnecessary.
    pub(in crate::store) async fn undo<T>(mut self, outcome: T) -> T {
        if sqlx::query("ROLLBACK").execute(&mut *self).await.is_ok() {
            self.connection = None;
        }
        outcome
    }

    /// Commits after success, rolls back after a rejection, and closes the connection after an error of the
    /// database.
    pub(in crate::store) async fn end<T>(self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        match outcome {
            Ok(written) => self.commit().await.map(|()| written),
            Err(error) if error.is_of_engine() => Err(self.writer.failed(error)),
            Err(refused) => self.undo(Err(refused)).await,
        }
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("the connection is there until the transaction is consumed")
    }
}

impl DerefMut for Transaction<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
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
