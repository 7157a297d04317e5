//! The options of every command that talks to a control plane: where it is, and how results are shown.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::value;

/// Where the control plane is.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct ConnectionOptions {
    /// The context to use; see `tidegate context list`. `local` is the control plane of the data directory. The
    /// default is the context chosen with `tidegate context use`, and without one `local`.
    #[arg(long, env = "TIDEGATE_CONTEXT", value_name = "NAME")]
    pub(crate) context: Option<String>,

    /// The data directory of a control plane on this machine, whose addresses and token are used. Selects the
    /// context `local`, whose default is `./tidegate-data`.
    #[arg(long, env = "TIDEGATE_DATA_DIR", value_name = "DIR", conflicts_with = "context")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The subscription in which gateways are looked for. The default is that of the context, else all.
    #[arg(long, env = "TIDEGATE_SUBSCRIPTION", value_name = "ID")]
    pub(crate) subscription: Option<String>,

    /// The resource group in which gateways are looked for. The default is that of the context, else all.
    #[arg(long, env = "TIDEGATE_RESOURCE_GROUP", value_name = "NAME")]
    pub(crate) resource_group: Option<String>,

    /// The time limit of each request, such as `30s`. A command that waits for an operation sends many requests.
    #[arg(long, env = "TIDEGATE_TIMEOUT", default_value = "30s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) timeout: Duration,
}

/// How results are shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputOptions {
    /// The form of the result: a table for people, the documents as JSON or YAML, or only the IDs.
    #[arg(short, long, env = "TIDEGATE_OUTPUT", default_value = "table", value_name = "table|json|yaml|id")]
    pub(crate) output: Format,

    /// Whether to use colours. `auto` uses them on terminals, unless the variable `NO_COLOR` is set.
    #[arg(long, env = "TIDEGATE_COLOR", default_value = "auto", value_name = "auto|always|never")]
    pub(crate) color: ColorChoice,
}

/// The options of most commands.
#[derive(Clone, Debug, Args)]
pub(crate) struct CommonOptions {
    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

/// The gateway that a command is about, for commands that are about one.
#[derive(Clone, Debug, Args)]
pub(crate) struct GatewayOption {
    /// The gateway: its name, or its ID. Not needed if the context has one, or if there is only one.
    #[arg(short, long, env = "TIDEGATE_GATEWAY", value_name = "NAME|ID")]
    pub(crate) gateway: Option<String>,
}

/// A form of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table that fits the terminal.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// One resource ID on each line.
    Id,
}

/// Whether to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On terminals.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
