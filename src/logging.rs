//! The destination of the log: one line of plain text per event, on a terminal and in a file alike.
//!
//! The machine-readable lines are those of the workers' access log.

use std::error::Error;
use std::fs::File;
use std::io::IsTerminal;
use std::sync::Arc;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::SubscriberBuilder;

/// Sends the log to standard error, in colour if that is a terminal.
///
/// # Errors
/// The filter is invalid.
pub(crate) fn init(filter: &str) -> Result<(), Box<dyn Error>> {
    builder(filter)?.with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr).init();
    Ok(())
}

/// Appends the log to a file.
///
/// # Errors
/// The filter is invalid.
pub(crate) fn init_file(filter: &str, file: File) -> Result<(), Box<dyn Error>> {
    builder(filter)?.with_ansi(false).with_writer(Arc::new(file)).init();
    Ok(())
}

fn builder(
    filter: &str,
) -> Result<
    SubscriberBuilder<
        tracing_subscriber::fmt::format::DefaultFields,
        tracing_subscriber::fmt::format::Format,
        EnvFilter,
    >,
    Box<dyn Error>,
> {
    let filter = EnvFilter::try_new(filter).map_err(|e| format!("--log: {e}"))?;
    // A worker may outlive the reader of its standard error. tracing-subscriber would report the failed write with
    // `eprintln!`, which panics.
    Ok(tracing_subscriber::fmt().with_env_filter(filter).log_internal_errors(false))
}
