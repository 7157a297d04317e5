//! The command line of what is done on the machine of a control plane's data directory: the authority, backups and
//! checks.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand};

use super::connection::OutputOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorityCommand {
    /// Replace the certificate authority, without a restart and without closing connections.
    ///
    /// Run it on the machine of the control plane's data directory; the control plane may be running. The rotation
    /// has two steps. `rotate` creates the next authority: `ca.pem` then holds the certificates of both, and every
    /// worker that connects trusts both and gets a certificate of the next one. Meanwhile, give the new `ca.pem` to
    /// the clients of the REST API. `rotate --finish` then replaces the present authority, which is no longer
    /// trusted. `GET /workers` and the log tell when every worker is ready for that.
    Rotate(RotateOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateOptions {
    #[command(flatten)]
    pub(crate) place: TokenOptions,

    /// Finish the rotation: trust the next authority alone. Refused while a worker has no certificate of it.
    #[arg(long, env = "TIDEGATE_FINISH", value_parser = BoolishValueParser::new())]
    pub(crate) finish: bool,

    /// Finish although some workers have no certificate of the next authority. They must join again with a token.
    #[arg(long, env = "TIDEGATE_FORCE", requires = "finish", value_parser = BoolishValueParser::new())]
    pub(crate) force: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TokenOptions {
    /// The data directory of the control plane, which may be running.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// `tidegate backup`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BackupOptions {
    /// The file to write; it must not exist. It gets mode 0600, because it holds every secret.
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) place: TokenOptions,
}

/// `tidegate restore`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RestoreOptions {
    /// The file that `tidegate backup` has written.
    pub(crate) file: PathBuf,

    /// The data directory, which must be empty or absent.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// `tidegate doctor`.
#[derive(Clone, Debug, Args)]
pub(crate) struct DoctorOptions {
    #[command(flatten)]
    pub(crate) place: TokenOptions,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}
