//! The command line: what can be asked for, what it defaults to, and what `--help` says about it.
//!
//! Values are turned into types here, so that nothing further in has to doubt them. Every option can also come from
//! the environment variable that its help names; the command line wins.

mod client;
mod control_plane;
mod downstream;
#[cfg(test)]
mod tests;
mod value;
mod worker;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tidegate_shared::secret::Secret;

pub(crate) use client::ClientCommand;
pub(crate) use control_plane::ControlPlaneOptions;
pub(crate) use downstream::DownstreamOptions;
pub(crate) use value::{
    duration as parse_duration, format_access_log, format_duration, format_metrics, format_tunnel_buffer,
};
pub(crate) use worker::WorkerOptions;

/// A self-hosted Application Gateway.
///
/// Gateways are configured by Azure Resource Manager documents over a REST API; workers carry their HTTP and
/// WebSocket traffic. Without a subcommand, `up` is run.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) up: UpOptions,

    /// What to log on standard error: a level, or several rules such as `info,tidegate_data_plane=debug`.
    #[arg(long, env = "TIDEGATE_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub(crate) log: String,
}

impl Cli {
    /// What this process was started with. Ends the process, with a word to the user, if that makes no sense.
    pub(crate) fn read() -> Cli {
        let mut definition = Cli::command();
        let first = std::env::args_os().nth(1).unwrap_or_default();
        if definition.get_subcommands().any(|command| first == command.get_name()) {
            // The options that are here for want of a subcommand must not be looked up in the environment: a variable
            // that is wrong would be the end of subcommands that do not have the option.
            definition = definition.mut_args(|option| {
                if option.is_global_set() { option } else { option.env(None::<&'static str>) }
            });
        }
        Cli::from_arg_matches(&definition.get_matches()).unwrap_or_else(|e| e.exit())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a control plane and local workers: all that one machine needs. The default.
    ///
    /// Each worker is a process of its own. A worker that ends is started again; all are stopped, and given time to
    /// drain, on SIGTERM, SIGINT or SIGHUP. A SIGINT after that kills them. If `up` itself is killed, its workers go on,
    /// and the next `up` on the same data directory with the same options takes them back; for that, the channel needs
    /// a fixed port.
    Up(UpOptions),

    /// Run a control plane alone, for workers on other machines.
    ///
    /// Workers dial it, so the channel must be reachable for them: `--channel 0.0.0.0:9444`. Each needs a token of
    /// its own to join with: see `tidegate worker token`. The bearer token for the REST API is made at the first start,
    /// in `<data-dir>/admin-token`. SIGTERM or SIGINT ends it in order; its workers go on with what they have.
    ControlPlane(ControlPlaneOptions),

    /// Run a worker alone, for a control plane on another machine.
    ///
    /// On its first start it joins with a token from there: `tidegate worker token > worker.token` on the control
    /// plane's machine, then `--token-file worker.token` here. From then on its data directory says who it is, and the
    /// file may be gone. SIGTERM or SIGINT lets it drain and end.
    DataPlane(DataPlaneOptions),

    /// Show a gateway at work: ws and wss through a gateway configured over the REST API, on free ports.
    Demo(DemoOptions),

    /// Manage workers.
    Worker {
        #[command(subcommand)]
        command: WorkerCommand,
    },

    /// Manage the certificate authority.
    Authority {
        #[command(subcommand)]
        command: AuthorityCommand,
    },

    /// Manage API clients: programs that may use the REST API, each with what it may do and where.
    ///
    /// To be run where the control plane's data directory is; the control plane may be running. A client logs in with
    /// its ID and its secret, as with `az login --service-principal`, and gets tokens that are good for half an hour.
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },

    /// Run the demo's backend alone: something to point a first gateway at.
    ///
    /// It answers every HTTP request with a line of text and echoes every WebSocket message. A WebSocket at the path
    /// `/clock` gets a message each second.
    Echo(EchoOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Print a one-time token with which a worker joins.
    ///
    /// To be run where the control plane's data directory is, as `(umask 077; tidegate worker token > worker.token)`.
    /// A token is good for one worker and for one day. It is as good as a password until it is used: hand it over
    /// accordingly.
    ///
    /// A worker has the private keys of all gateways. `DELETE /workers/{id}` shuts a worker out, but one that was shut
    /// out serves its last configuration until it is stopped: stop it, and replace the gateways' certificates if
    /// strangers may have read its files.
    Token(TokenOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthorityCommand {
    /// Replace the certificate authority, without a restart and without a lost connection.
    ///
    /// To be run where the control plane's data directory is; the control plane may be running. It is done in two steps.
    /// `rotate` makes the next authority: `ca.pem` then holds the certificates of both, and every worker that connects
    /// learns to trust both and gets a certificate of the next one. Meanwhile, give the new `ca.pem` to the clients of
    /// the REST API. `rotate --finish` then lets the next authority take the place of the present one, which is trusted
    /// no more. `GET /workers` and the log say when every worker is ready for that.
    Rotate(RotateOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct RotateOptions {
    #[command(flatten)]
    pub(crate) place: TokenOptions,

    /// End the rotation: trust the next authority alone. Refused while a worker has no certificate of it.
    #[arg(long, env = "TIDEGATE_FINISH", value_parser = BoolishValueParser::new())]
    pub(crate) finish: bool,

    /// Finish although workers have no certificate of the next authority. They have to join again with a token.
    #[arg(long, env = "TIDEGATE_FORCE", requires = "finish", value_parser = BoolishValueParser::new())]
    pub(crate) force: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) control_plane: ControlPlaneOptions,

    /// How many local workers to run, at least 1: `control-plane` runs none. They share the listeners' ports.
    #[arg(long, env = "TIDEGATE_WORKERS", default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: u16,

    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DataPlaneOptions {
    /// Where to reach the control plane's channel.
    #[arg(long, env = "TIDEGATE_CONTROL_PLANE", value_name = "HOST:PORT", value_parser = value::host_and_port)]
    pub(crate) control_plane: String,

    /// Where the worker keeps its identity and its last good configuration.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-worker", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// A file with the token to join with, `-` for standard input. Needed on the first start only: after that it may be
    /// empty or gone.
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,

    /// The token itself, if no file is given. Best given by the environment: others can read a command line.
    #[arg(long, env = "TIDEGATE_TOKEN", hide_env_values = true, value_name = "TOKEN",
          value_parser = value::secret)]
    pub(crate) token: Option<Secret>,

    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DemoOptions {
    /// End after the messages: with exit code 0 if all came back, with 1 if not.
    #[arg(long, env = "TIDEGATE_ONCE", value_parser = BoolishValueParser::new())]
    pub(crate) once: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TokenOptions {
    /// The data directory of the control plane, which may be running.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct EchoOptions {
    /// Where to listen; port 0 for any free one.
    #[arg(long, env = "TIDEGATE_LISTEN", default_value = "127.0.0.1:9100", value_name = "ADDRESS:PORT")]
    pub(crate) listen: SocketAddr,
}
