//! The command line of everything that goes over the REST API, except for the kinds of resources.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, Subcommand, ValueEnum};

use super::connection::{CommonOptions, ConnectionOptions, GatewayOption, OutputOptions};
use super::resource::WriteOptions;

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// List the gateways.
    List(GatewayListOptions),

    /// Show a gateway: as YAML, or as `--output` says.
    Show(OneGatewayOptions),

    /// Create or replace a gateway from a file: show what changes, ask, send it, and wait until the workers have it.
    Apply(GatewayApplyOptions),

    /// Delete a gateway with everything in it: ask, send it, and wait until no worker has it.
    Delete(GatewayWriteOptions),

    /// Start a stopped gateway: open its listeners.
    Start(GatewayWriteOptions),

    /// Stop a gateway: close its listeners, and keep its configuration.
    Stop(GatewayWriteOptions),

    /// Show the health of the backends, as `tidegate health` does.
    Health(HealthOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GatewayListOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct OneGatewayOptions {
    /// The name, or the ID. Not needed if the context has one, or if there is only one.
    #[arg(env = "TIDEGATE_GATEWAY")]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GatewayWriteOptions {
    /// The name, or the ID.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct GatewayApplyOptions {
    /// The name, or the ID; not needed if the file has it.
    pub(crate) name: Option<String>,

    /// The file with the document, JSON or YAML; `-` for standard input.
    #[arg(short, long, env = "TIDEGATE_FILE", value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct HealthOptions {
    /// The gateway: its name, or its ID. The default is all gateways.
    pub(crate) name: Option<String>,

    /// Show only members that are not up, and end with exit code 1 if there are any.
    #[arg(long, env = "TIDEGATE_FAILING", value_parser = BoolishValueParser::new())]
    pub(crate) failing: bool,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// `tidegate apply`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyOptions {
    /// Files with documents, JSON or YAML, or folders of them; `-` for standard input. Repeatable.
    #[arg(short, long, env = "TIDEGATE_FILE", value_name = "FILE|FOLDER", required = true, num_args = 1..)]
    pub(crate) file: Vec<PathBuf>,

    /// Also delete what the files no longer have: children and extensions of the kinds that the files contain, from
    /// the gateways that the files name.
    #[arg(long, env = "TIDEGATE_PRUNE", value_parser = BoolishValueParser::new())]
    pub(crate) prune: bool,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// `tidegate login`.
#[derive(Clone, Debug, Args)]
pub(crate) struct LoginOptions {
    /// The URL of the control plane, such as `https://control.example:9443`.
    pub(crate) url: String,

    /// The name of the context. The default is the host of the URL.
    #[arg(long, env = "TIDEGATE_NAME", value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// A file with the certificate authority of the control plane, `ca.pem` of its data directory. The default is
    /// the authorities of the system.
    #[arg(long, env = "TIDEGATE_CA_FILE", value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// A file with an API client, as `tidegate client create` prints it; `-` for standard input.
    #[arg(long, env = "TIDEGATE_CLIENT_FILE", value_name = "FILE", conflicts_with_all = ["client_id", "secret_file", "token_file"])]
    pub(crate) client_file: Option<PathBuf>,

    /// The ID of an API client. Its secret is read from `--secret-file`, or asked for on the terminal.
    #[arg(long, env = "TIDEGATE_CLIENT_ID", value_name = "ID", conflicts_with = "token_file")]
    pub(crate) client_id: Option<String>,

    /// A file with the secret of the API client; `-` for standard input.
    #[arg(long, env = "TIDEGATE_SECRET_FILE", value_name = "FILE", requires = "client_id")]
    pub(crate) secret_file: Option<PathBuf>,

    /// A file with a bearer token, such as `admin-token` of a data directory; `-` for standard input.
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) defaults: ContextDefaults,

    /// The time limit of each request, such as `30s`.
    #[arg(long, env = "TIDEGATE_TIMEOUT", default_value = "30s", value_name = "DURATION",
          value_parser = super::value::duration)]
    pub(crate) timeout: std::time::Duration,
}

/// What a context knows beside its control plane.
#[derive(Clone, Debug, Args)]
pub(crate) struct ContextDefaults {
    /// The subscription in which commands look for gateways; empty for all.
    #[arg(long, env = "TIDEGATE_SUBSCRIPTION", value_name = "ID")]
    pub(crate) subscription: Option<String>,

    /// The resource group in which commands look for gateways; empty for all.
    #[arg(long, env = "TIDEGATE_RESOURCE_GROUP", value_name = "NAME")]
    pub(crate) resource_group: Option<String>,

    /// The gateway that commands are about if none is given; empty for none.
    #[arg(short, long, env = "TIDEGATE_GATEWAY", value_name = "NAME|ID")]
    pub(crate) gateway: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ContextCommand {
    /// List the contexts. The one in use has a star.
    List(ContextListOptions),

    /// Choose the context that is used without `--context`; `local` is that of the data directory.
    Use(ContextNameOptions),

    /// Show a context, without its secret. The default is the one in use.
    Show(ContextShowOptions),

    /// Set what a context knows beside its control plane. The default is the one in use.
    Set(ContextSetOptions),

    /// Delete a context with its credentials.
    Delete(ContextNameOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ContextListOptions {
    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ContextNameOptions {
    /// The name of the context.
    pub(crate) name: String,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ContextShowOptions {
    /// The name of the context.
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) output: OutputOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ContextSetOptions {
    /// The name of the context.
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) defaults: ContextDefaults,
}

/// `tidegate status`.
#[derive(Clone, Debug, Args)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerListOptions {
    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerShowOptions {
    /// The ID of the worker, or the beginning of it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerDeleteOptions {
    /// The ID of the worker, or the beginning of it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) id: String,

    /// Do not ask. Needed where standard input is not a terminal.
    #[arg(short, long, env = "TIDEGATE_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerSwitchOptions {
    /// The ID of the worker, or the beginning of it.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) id: String,

    /// Do not wait until the worker is in its new state.
    #[arg(long, env = "TIDEGATE_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub(crate) no_wait: bool,

    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}

/// `tidegate events`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EventsOptions {
    /// Show the events from now on, until the command is interrupted.
    #[arg(short, long, env = "TIDEGATE_FOLLOW", value_parser = BoolishValueParser::new())]
    pub(crate) follow: bool,

    /// Also show a sample of the tunnels that open, and how these end. Needs one gateway.
    #[arg(long, env = "TIDEGATE_TUNNELS", value_parser = BoolishValueParser::new(), requires = "follow")]
    pub(crate) tunnels: bool,

    /// The gateway: its name, or its ID. The default is that of the context, else all gateways and the workers.
    #[arg(short, long, env = "TIDEGATE_GATEWAY", value_name = "NAME|ID")]
    pub(crate) gateway: Option<String>,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// `tidegate completions`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CompletionsOptions {
    /// The shell.
    pub(crate) shell: Shell,
}

/// A shell for which completions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// `tidegate man`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ManOptions {
    /// The folder, which is created if it does not exist.
    pub(crate) folder: PathBuf,
}
