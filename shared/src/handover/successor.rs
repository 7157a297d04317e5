//! The successor's side: it asks for the place, receives its parts, and says when it serves.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use thiserror::Error;

use super::Message;
use super::connection::Connection;

/// How long the predecessor may take for its next message: it may wait for another successor first, for as long as that
/// may take, and finishes what must not be cut off.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long the predecessor may take to accept that this process serves: a thread of its own does nothing else.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a predecessor may take to end once its connection is closed.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// How often a lock is tried while the process that holds it is ending.
const ATTEMPTS: usize = 3;

/// Why the predecessor keeps its place.
#[derive(Debug, Error)]
pub enum TakeOverError {
    /// It is ending: its lock is free, or will be.
    #[error("it is ending")]
    Ending,
    /// It does not answer in time.
    #[error("it does not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silent,
    /// Its lock cannot be tried.
    #[error("the lock cannot be tried: {0}")]
    Lock(io::Error),
    /// It says why.
    #[error("it refuses: {0}")]
    Refused(String),
    /// The connection's. `NotFound` and `ConnectionRefused` mean that the process cannot be succeeded.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes a lock; where another process holds it, takes over from that process by `ask`. None if the lock was free.
///
/// # Errors
/// Those of `ask`. A process that is ending is asked three times, and its lock tried in between.
pub fn lock_or_take_over<P>(
    lock: &File,
    mut ask: impl FnMut() -> Result<P, TakeOverError>,
) -> Result<Option<P>, TakeOverError> {
    for _ in 0..ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(TakeOverError::Lock(error)),
        }
        match ask() {
            Err(TakeOverError::Ending) => {}
            asked => return asked.map(Some),
        }
    }
    Err(TakeOverError::Ending)
}

/// A takeover that has begun. The predecessor serves on until [`TakeOver::complete`], and for good if this is dropped.
#[derive(Debug)]
pub struct TakeOver(Connection);

/// The predecessor drains when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Completed {
    _predecessor: Connection,
}

impl TakeOver {
    /// Asks the process that waits at `path`, and gives each part that it passes on to `take`. Blocks.
    ///
    /// # Errors
    /// [`TakeOverError`], and those of `take`; the predecessor serves on.
    pub fn ask<T: Serialize + DeserializeOwned>(
        path: &Path,
        mut take: impl FnMut(T, Vec<OwnedFd>) -> io::Result<()>,
    ) -> Result<TakeOver, TakeOverError> {
        let predecessor = Connection::connect(path)?;
        match predecessor.send(&Message::<T>::TakeOver, &[]) {
            Err(error) if is_end(&error) => return Err(TakeOverError::Ending),
            sent => sent?,
        }
        loop {
            let (message, descriptors) = match predecessor.receive::<Message<T>>(ANSWER_TIMEOUT) {
                Err(error) if is_end(&error) => return Err(TakeOverError::Ending),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(TakeOverError::Silent),
                received => received?,
            };
            match message {
                Message::Part(part) => take(part, descriptors)?,
                Message::Whole => return Ok(TakeOver(predecessor)),
                Message::Refused(reason) => return Err(TakeOverError::Refused(reason)),
                Message::TakeOver | Message::Serving | Message::Draining => {
                    return Err(invalid("it answers with a message of a successor").into());
                }
            }
        }
    }

    /// True while the predecessor waits for this process, or has ended.
    pub fn is_awaited(&self) -> bool {
        self.0.is_open() || self.0.peer_ends(END_TIMEOUT)
    }

    /// Says that this process serves. Blocks for as long as a thread of the predecessor takes to answer.
    ///
    /// # Errors
    /// The predecessor does not wait any longer, and keeps its place.
    pub fn complete(self) -> io::Result<Completed> {
        let TakeOver(predecessor) = self;
        let told = predecessor.send(&Message::<()>::Serving, &[]);
        match told.and_then(|()| predecessor.receive::<Message<IgnoredAny>>(COMPLETE_TIMEOUT)) {
            Ok((Message::Draining, _)) => Ok(Completed { _predecessor: predecessor }),
            Ok(_) => Err(invalid("it does not answer with Draining")),
            // Nobody else can have the place. The sockets of a process that is killed close before its end is seen.
            Err(_) if predecessor.peer_ends(END_TIMEOUT) => Ok(Completed { _predecessor: predecessor }),
            Err(error) => Err(error),
        }
    }
}

/// True if the other end has closed the connection, also one that was never accepted.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
