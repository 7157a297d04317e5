//! `tidegate backup` and `tidegate restore`: the data directory of a control plane in one file.

use std::io::{self, Write};

use tidegate_control_plane::backup;

use crate::cli::{BackupOptions, RestoreOptions};
use crate::control_plane::has_been_started;
use crate::outcome::CommandResult;

/// Writes a backup.
///
/// # Errors
/// No control plane was ever started in the directory, or the backup cannot be made.
pub(crate) async fn backup(options: &BackupOptions) -> CommandResult {
    let data_dir = &options.place.data_dir;
    has_been_started(data_dir)?;
    let made = backup::backup(data_dir, &options.file).await?;
    let (file, schema, version) = (options.file.display(), made.schema, made.version);
    let text = format!("{file} is a backup of {} (Tidegate {version}, schema {schema})", data_dir.display());
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Restores a backup.
///
/// # Errors
/// The directory is not empty, or the backup cannot be restored.
pub(crate) async fn restore(options: &RestoreOptions) -> CommandResult {
    let restored = backup::restore(&options.file, &options.data_dir).await?;
    let (version, schema, time) = (restored.version, restored.schema, restored.created_at);
    let text = format!(
        "{} is as it was at {time} (Tidegate {version}, schema {schema}); start the control plane on it",
        options.data_dir.display()
    );
    Ok(writeln!(io::stdout(), "{text}")?)
}
