//! The options of `tidegate import` and `tidegate export`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::connection::CommonOptions;

/// `tidegate import`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportOptions {
    /// Files with documents, or folders of them; `-` for standard input.
    #[arg(value_name = "FILE|FOLDER", required = true, num_args = 1..)]
    pub(crate) file: Vec<PathBuf>,

    /// Write what was read, unless a part of it must change.
    #[arg(long, env = "TIDEGATE_APPLY", value_parser = BoolishValueParser::new())]
    pub(crate) apply: bool,

    /// Do not ask before `--apply` writes. Needed where standard input is not a terminal.
    #[arg(short, long, env = "TIDEGATE_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,

    /// A parameter of a template, such as `name=edge`; the value is JSON or a text. Repeatable.
    #[arg(long, env = "TIDEGATE_PARAMETER", value_name = "NAME=VALUE")]
    pub(crate) parameter: Vec<String>,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// `tidegate export`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ExportOptions {
    /// The gateway: its name, or its ID. Not needed if the context has one, or if there is only one.
    #[arg(env = "TIDEGATE_GATEWAY", value_name = "NAME|ID")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}
