//! The successor's side: it asks to take over, receives the parts, and says when it serves.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use thiserror::Error;

use super::Message;
use super::connection::HandoverConnection;

/// The time limit for the predecessor's next message. The predecessor may first wait for another successor, up to
/// [`super::TIMEOUT`], and finish work that must not be interrupted.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// The time limit for the predecessor to accept that this process serves. Its thread does nothing else meanwhile.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for a predecessor to end once its connection is closed.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The number of attempts to take a lock while the process that holds it is ending.
const ATTEMPTS: usize = 3;

/// The reason why a takeover failed; the predecessor continues to serve.
#[derive(Debug, Error)]
pub enum TakeOverError {
    /// The predecessor is ending: its lock is free, or soon will be.
    #[error("it is ending")]
    Ending,
    /// The predecessor does not answer in time.
    #[error("it does not answer within {} s", ANSWER_TIMEOUT.as_secs())]
    Silent,
    /// The lock file cannot be locked, for another reason than that a process holds it.
    #[error("the lock cannot be taken: {0}")]
    Lock(io::Error),
    /// The predecessor refuses, with its reason.
    #[error("it refuses: {0}")]
    Refused(String),
    /// An error of the connection. `NotFound` and `ConnectionRefused` mean that the process cannot be succeeded.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Takes a lock or, if another process holds it, takes over from that process with `ask`. Returns `None` if the
/// lock was free.
///
/// # Errors
/// The errors of `ask`, and [`TakeOverError::Lock`]. A process that is ending is asked up to three times, and its
/// lock is tried in between.
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

/// A takeover in progress. The predecessor continues to serve until [`TakeOver::complete`], or for good if this is
/// dropped.
#[derive(Debug)]
pub struct TakeOver(HandoverConnection);

/// A completed takeover. The predecessor starts to drain when this is dropped.
#[derive(Debug)]
#[must_use]
pub struct Completed {
    _predecessor: HandoverConnection,
}

impl TakeOver {
    /// Asks the process that listens at `path`, and gives each part that it passes on to `take`. Blocks.
    ///
    /// # Errors
    /// [`TakeOverError`], also for an error of `take`; the predecessor continues to serve.
    pub fn ask<T: Serialize + DeserializeOwned>(
        path: &Path,
        mut take: impl FnMut(T, Vec<OwnedFd>) -> io::Result<()>,
    ) -> Result<TakeOver, TakeOverError> {
        let predecessor = HandoverConnection::connect(path)?;
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

    /// Returns true while the predecessor waits for this process, or if it has ended.
    pub fn is_pending(&self) -> bool {
        self.0.is_open() || self.0.peer_ends(END_TIMEOUT)
    }

    /// Tells the predecessor that this process serves. Blocks until the predecessor has answered, 5 s at most.
    ///
    /// # Errors
    /// The predecessor has stopped waiting, and continues to serve.
    pub fn complete(self) -> io::Result<Completed> {
        let TakeOver(predecessor) = self;
        let sent = predecessor.send(&Message::<()>::Serving, &[]);
        match sent.and_then(|()| predecessor.receive::<Message<IgnoredAny>>(COMPLETE_TIMEOUT)) {
            Ok((Message::Draining, _)) => Ok(Completed { _predecessor: predecessor }),
            Ok(_) => Err(invalid("it does not answer with Draining")),
            // The predecessor has ended, so no other process can have its sockets. A killed process closes its
            // sockets before its end becomes visible.
            Err(_) if predecessor.peer_ends(END_TIMEOUT) => Ok(Completed { _predecessor: predecessor }),
            Err(error) => Err(error),
        }
    }
}

/// Returns true if the other end has closed the connection, even before it was accepted.
fn is_end(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::connection::HandoverListener;
    use super::*;

    #[test]
    fn a_listener_that_closes_before_it_accepts_is_ending() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        let listener = HandoverListener::bind(&path).unwrap();
        let connections = [(); 2].map(|()| HandoverConnection::connect(&path).unwrap());
        let ask = |connection: &HandoverConnection| connection.send(&Message::<()>::TakeOver, &[]);
        ask(&connections[0]).unwrap();
        drop(listener);
        let unanswered = connections[0].receive::<Message<()>>(END_TIMEOUT).unwrap_err();
        assert!(is_end(&unanswered), "{unanswered}");
        let unsent = ask(&connections[1]).unwrap_err();
        assert!(is_end(&unsent), "{unsent}");
    }

    #[test]
    fn a_predecessor_that_closes_the_connection_and_lives_keeps_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("handover");
        let listener = HandoverListener::bind(&path).unwrap();
        let take_over = TakeOver(HandoverConnection::connect(&path).unwrap());
        let predecessor = listener.accept().unwrap();
        assert!(take_over.is_pending());
        drop(predecessor);
        assert!(!take_over.is_pending());
        take_over.complete().unwrap_err();
    }
}
