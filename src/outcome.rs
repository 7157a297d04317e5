//! The outcome of a command, and the exit codes.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

/// The errors are only printed, so their types do not matter. A [`Failure`] among them also chooses the exit code.
pub(crate) type CommandResult = Result<(), Box<dyn Error>>;

/// The class of a failure, as scripts see it. Documented in `docs/operations.md`; a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that has no class of its own.
    Failed = 1,
    /// The arguments or files make no sense; nothing was sent. clap uses the same number.
    Usage = 2,
    /// The resource does not exist.
    NotFound = 3,
    /// The resource was changed by somebody else, or its present state does not allow the request.
    Conflict = 4,
    /// The credentials or the certificate are not accepted, or their role does not suffice.
    Refused = 5,
    /// The command was interrupted by a signal. As a shell reports a process that SIGINT has ended.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A failure with a class.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    /// A failure with this message.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure { exit, message: message.into() }
    }

    /// A failure of the arguments.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::new(Exit::Usage, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}
