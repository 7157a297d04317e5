//! The reasons why a worker does not start, or does not serve on.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a worker could not start.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file, directory, thread or socket that it cannot do without.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Another worker has the same data directory, and does not pass it on.
    #[error("{0} belongs to another running worker, and it cannot be taken over: {1}")]
    Occupied(PathBuf, String),
    /// What the predecessor serves could not be served in time. The predecessor serves on.
    #[error("the takeover from the running worker has failed: it keeps {0}")]
    NotTakenOver(PathBuf),
    /// A first start needs a token, unless there is something saved to serve.
    #[error("{0} holds no identity and no token was given: print one with `tidegate worker token`")]
    NoToken(PathBuf),
    /// The control plane does not admit it, and it has nothing to serve on its own.
    #[error("not admitted by the control plane, and nothing to serve: {0}")]
    NotAdmitted(String),
}
