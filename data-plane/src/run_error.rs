//! The reasons why a worker does not start, or cannot continue to serve.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// The reason why a worker could not start.
#[derive(Debug, Error)]
pub enum RunError {
    /// An essential file, directory, thread or socket is unavailable.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another worker owns the data directory, and does not pass it on.
    #[error("{0} belongs to another running worker, and it cannot be taken over: {1}")]
    Occupied(PathBuf, String),
    /// The gateways of the predecessor could not be served in time. The predecessor continues to serve.
    #[error("the takeover from the running worker has failed: it keeps {0}")]
    NotTakenOver(PathBuf),
    /// A first start needs a token, unless a saved snapshot can be served.
    #[error("{0} holds no identity and no token was given: print one with `tidegate worker token`")]
    NoToken(PathBuf),
    /// The control plane refuses the worker, and there is no saved snapshot to serve.
    #[error("not admitted by the control plane, and nothing to serve: {0}")]
    NotAdmitted(String),
}
