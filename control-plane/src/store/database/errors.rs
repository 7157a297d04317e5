//! The classes of the engine's errors: what the callers of a row function can tell apart.

use super::super::StoreError;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        if let Some(reason) = unusable_files(&error) {
            return StoreError::Unwritable(reason);
        }
        match &error {
            sqlx::Error::Database(found) if found.is_unique_violation() => StoreError::Duplicate,
            sqlx::Error::Database(found) if found.code().as_deref().is_some_and(is_conflict) => {
                StoreError::Conflict
            }
            _ => StoreError::Database(error),
        }
    }
}

impl StoreError {
    /// Returns the reason if the database's files cannot be used now: a full disk, an I/O error, or a lock
    /// held by another process. `None` for every other error.
    pub(crate) fn unwritable(&self) -> Option<&str> {
        match self {
            StoreError::Unwritable(reason) => Some(reason),
            _ => None,
        }
    }

    /// Returns whether the same request may succeed if it is repeated, because it has failed for the state of
    /// the database or for another write at the same time.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, StoreError::Unwritable(_) | StoreError::Duplicate | StoreError::Conflict)
    }

    /// Returns whether the engine reported this error, after which the state of the connection is not known.
    pub(super) fn is_of_engine(&self) -> bool {
        matches!(
            self,
            StoreError::Unwritable(_)
                | StoreError::Duplicate
                | StoreError::Conflict
                | StoreError::Database(_)
        )
    }
}

fn unusable_files(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Database(error) => {
            // The low byte of SQLite's extended result code is the primary one.
            let extended = error.code()?.parse::<u32>().ok()?;
            (extended != BUSY_SNAPSHOT && is_of_the_files(extended & 0xff))
                .then(|| error.message().to_owned())
        }
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Some(error.to_string()),
        _ => None,
    }
}

/// The extended code of a transaction that began to write after another one had written what it has read.
/// `BEGIN IMMEDIATE` prevents it.
const BUSY_SNAPSHOT: u32 = 517;

fn is_conflict(code: &str) -> bool {
    code.parse() == Ok(BUSY_SNAPSHOT)
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
