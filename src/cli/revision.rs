//! The command line of the history of gateways.

use clap::{Args, Subcommand};

use super::connection::{CommonOptions, GatewayOption};
use super::resource::WriteOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum RevisionCommand {
    /// List the revisions of a gateway, the newest first.
    List(RevisionListOptions),

    /// Show a revision with its documents: as YAML, or as `--output` says.
    Show(RevisionShowOptions),

    /// Show what differs between two revisions.
    ///
    /// With `-o json`, the difference is a JSON Patch (RFC 6902).
    #[command(
        after_help = "Examples:\n  tidegate revision diff 11\n  tidegate revision diff 11 14 -g edge -o json"
    )]
    Diff(RevisionDiffOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RevisionListOptions {
    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RevisionShowOptions {
    /// The number of the revision.
    pub(crate) number: u64,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RevisionDiffOptions {
    /// The number of the older revision.
    pub(crate) from: u64,

    /// The number of the newer revision. The default is the present one.
    pub(crate) to: Option<u64>,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// `tidegate rollback`.
#[derive(Clone, Debug, Args)]
pub(crate) struct RollbackOptions {
    /// The number of the revision to return to. The default is the one before the present one.
    pub(crate) number: Option<u64>,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}
