//! The outcome of a command.

use std::error::Error;

/// The errors are only printed, so their types do not matter.
pub(crate) type CommandResult = Result<(), Box<dyn Error>>;
