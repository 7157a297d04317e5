//! The outcome of a command.

use std::error::Error;

/// The errors are only printed, so their types do not matter.
pub(crate) type Outcome = Result<(), Box<dyn Error>>;
