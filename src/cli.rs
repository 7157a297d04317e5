//! The command line: commands, options, their defaults, and the texts of `--help`.
//!
//! Values are converted to types here, so that the rest of the program need not validate them. Every option can
//! also be given in the environment variable that its help names; the command line wins.

mod client;
mod connection;
mod control_plane;
mod demo;
mod downstream;
mod kinds;
mod manage;
mod on_site;
mod resource;
mod resource_kind;
mod revision;
#[cfg(test)]
mod tests;
mod transfer;
mod tunnel;
mod value;
mod worker;

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tidegate_shared::secret::Secret;

pub(crate) use client::ClientCommand;
pub(crate) use connection::{ColorChoice, CommonOptions, ConnectionOptions, Format, OutputOptions};
pub(crate) use control_plane::ControlPlaneOptions;
pub(crate) use demo::{DemoOptions, EchoOptions};
pub(crate) use downstream::DownstreamOptions;
pub(crate) use kinds::KINDS;
pub(crate) use manage::{
    ApplyOptions, CompletionsOptions, ContextCommand, ContextDefaults, ContextSetOptions, EventsOptions,
    GatewayCommand, GatewayWriteOptions, HealthOptions, LoginOptions, ManOptions, Shell, StatusOptions,
    WorkerDeleteOptions, WorkerListOptions, WorkerShowOptions, WorkerSwitchOptions,
};
pub(crate) use on_site::{
    AuthorityCommand, BackupOptions, DoctorOptions, RestoreOptions, RotateOptions, TokenOptions,
};
pub(crate) use resource::{DeleteOptions, ResourceCommand, Verb, WriteOptions};
pub(crate) use resource_kind::{AGE, EXPIRY, PARENT, Place, ResourceKind};
pub(crate) use revision::{RevisionCommand, RevisionDiffOptions, RollbackOptions};
pub(crate) use transfer::{ExportOptions, ImportOptions};
pub(crate) use tunnel::{
    TunnelCloseOptions, TunnelCommand, TunnelListOptions, TunnelShowOptions, TunnelTopOptions,
};
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

    /// The log filter for standard error: a level, or several rules such as `info,tidegate_data_plane=debug`.
    #[arg(long, env = "TIDEGATE_LOG", default_value = "info", value_name = "FILTER", global = true)]
    pub(crate) log: String,
}

impl Cli {
    /// Parses the arguments of this process. Invalid ones end the process with a message.
    pub(crate) fn read() -> Cli {
        let mut definition = Cli::command();
        let first = std::env::args_os().nth(1).unwrap_or_default();
        if definition
            .get_subcommands()
            .any(|command| command.get_name_and_visible_aliases().iter().any(|name| first == *name))
        {
            // The variables of the options of `up` must not be read for other subcommands: an invalid value would
            // end a subcommand that does not have the option.
            definition = definition.mut_args(|option| {
                if option.is_global_set() { option } else { option.env(None::<&'static str>) }
            });
        }
        Cli::from_arg_matches(&definition.get_matches()).unwrap_or_else(|e| e.exit())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a control plane and local workers: everything that one machine needs. The default.
    ///
    /// Each worker is a process of its own, and is started again when it ends. On SIGTERM, SIGINT or SIGHUP all
    /// workers drain and stop. A SIGINT after that kills them. If `up` itself is killed, its workers continue, and
    /// the next `up` on the same data directory with the same options adopts them; for that, the channel needs a
    /// fixed port.
    #[command(
        after_help = "Examples:\n  tidegate up\n  tidegate up --data-dir /var/lib/tidegate --workers 2\n  tidegate up --port-offset 8000"
    )]
    Up(Box<UpOptions>),

    /// Run a control plane alone, for workers on other machines.
    ///
    /// Workers connect to its channel, which must be reachable for them: `--channel 0.0.0.0:9444`. Each worker
    /// needs its own token to join: see `tidegate worker token`. The first start creates the bearer token for the
    /// REST API in `<data-dir>/admin-token`. On SIGTERM, SIGINT or SIGHUP it finishes running requests and stops;
    /// its workers continue with their last configuration.
    #[command(
        after_help = "Examples:\n  tidegate control-plane --channel 0.0.0.0:9444\n  tidegate control-plane --data-dir /var/lib/tidegate"
    )]
    ControlPlane(ControlPlaneOptions),

    /// Run a worker alone, for a control plane on another machine.
    ///
    /// On its first start it joins with a token: run `tidegate worker token > worker.token` on the control plane's
    /// machine, then give `--token-file worker.token` here. From then on the worker's identity is in its data
    /// directory, and the file may be deleted. On SIGTERM, SIGINT or SIGHUP it drains and stops.
    #[command(
        after_help = "Examples:\n  tidegate data-plane --control-plane control.example:9444 --token-file worker.token"
    )]
    DataPlane(DataPlaneOptions),

    /// Show a gateway at work: ws and wss through a gateway that is configured over the REST API, on free ports.
    #[command(after_help = "Examples:\n  tidegate demo\n  tidegate demo --once")]
    Demo(DemoOptions),

    /// Show everything on one screen: gateways, members that are down and why, workers, certificates with their age and
    /// end, and what is not enforced.
    ///
    /// The exit code is 0 whatever the state is; `tidegate health --failing` is for scripts.
    #[command(
        after_help = "Examples:\n  tidegate status\n  tidegate status --context production\n  watch -c tidegate status --color always"
    )]
    Status(StatusOptions),

    /// Show the health of the backends of all gateways, or of one.
    #[command(
        after_help = "Examples:\n  tidegate health\n  tidegate health edge\n  tidegate health --failing || page-somebody"
    )]
    Health(HealthOptions),

    /// Apply documents of gateways, of their children and of their extensions, from files or folders.
    ///
    /// Shows what would change, asks, sends it, and waits until every worker has it. A document of a gateway replaces
    /// the gateway, as a PUT does. Documents of children are merged into their gateway, which is written once, so that
    /// all of them are applied or none is. A document names its place by its `id`; or by its `type` and its `name`, in
    /// the gateway of `--gateway` or of the context. Only what was shown is replaced: if somebody else changes the
    /// gateway in between, nothing is written, and the exit code is 4.
    #[command(
        after_help = "Examples:\n  tidegate apply -f gateway.yaml\n  tidegate apply -f gateways/ --prune\n  tidegate apply -f pool.json --dry-run\n  generate | tidegate apply -f - --yes"
    )]
    Apply(ApplyOptions),

    /// Import gateways from Azure: what its tools print becomes a report of what can be taken, and with `--apply` a
    /// deployment.
    ///
    /// Reads the JSON of `az network application-gateway show` (and of `public-ip`, `vnet` and `waf-policy`), exported
    /// ARM templates, and `terraform show -json`. The report names each part that is taken, each that is taken without an
    /// effect, and each that must change, with its JSON path and what to do. The exit code is 1 if a part must change;
    /// nothing is written then.
    #[command(
        after_help = "Examples:\n  az network application-gateway show -g edge -n edge | tidegate import -\n  tidegate import template.json --resource-group edge --apply\n  terraform show -json | tidegate import - --apply --yes"
    )]
    Import(ImportOptions),

    /// Export a gateway, with the addresses, networks and policies of its group, as an ARM template that deploys them again.
    ///
    /// Private keys are left out, and named on standard error: add them to deploy the template to another control plane.
    #[command(
        after_help = "Examples:\n  tidegate export > template.json\n  tidegate export edge | tidegate import - --resource-group copy --apply"
    )]
    Export(ExportOptions),

    /// Manage gateways.
    #[command(
        visible_alias = "gateways",
        after_help = "Examples:\n  tidegate gateway list\n  tidegate gateway show edge -o json\n  tidegate gateway apply edge -f edge.yaml\n  tidegate gateway stop edge --reason maintenance"
    )]
    Gateway {
        #[command(subcommand)]
        command: GatewayCommand,
    },

    /// Show the history of gateways.
    #[command(
        visible_alias = "revisions",
        after_help = "Examples:\n  tidegate revision list\n  tidegate revision show 12 -g edge\n  tidegate revision diff 11 12"
    )]
    Revision {
        #[command(subcommand)]
        command: RevisionCommand,
    },

    /// Return a gateway to an earlier revision: a new one with the same content, certificates and extensions included.
    ///
    /// Shows what would change, asks, and waits until every worker has it.
    #[command(
        after_help = "Examples:\n  tidegate rollback\n  tidegate rollback 11 -g edge --reason 'the new pool does not answer'"
    )]
    Rollback(RollbackOptions),

    /// Show what happens: generations applied and rejected, members up and down, drains, certificates and workers.
    ///
    /// Without `--follow`, shows the events that the control plane still has. A stream that breaks is continued after
    /// its last event; `reset` tells that events are lost.
    #[command(
        after_help = "Examples:\n  tidegate events -f\n  tidegate events -f -g edge --tunnels\n  tidegate events -o json"
    )]
    Events(EventsOptions),

    /// Manage tunnels: the WebSockets that are open.
    #[command(
        visible_alias = "tunnels",
        after_help = "Examples:\n  tidegate tunnel list --filter \"pool eq 'app'\"\n  tidegate tunnel top\n  tidegate tunnel close --filter \"idleForInSec gt 3600\" --over 10m"
    )]
    Tunnel {
        #[command(subcommand)]
        command: TunnelCommand,
    },

    #[command(flatten)]
    Resource(ResourceCommand),

    /// Log in to a control plane: check the credentials, and store them as a context.
    ///
    /// The context is stored in `$XDG_CONFIG_HOME/tidegate/contexts.json` (`~/.config` by default), readable for its
    /// user only, and is used from then on. Secrets are read from files, from standard input or from the terminal,
    /// because other users can read a command line.
    #[command(
        after_help = "Examples:\n  tidegate login https://control.example:9443 --ca-file ca.pem --client-file client.json\n  tidegate login https://control.example:9443 --client-id ID\n  tidegate login https://127.0.0.1:9443 --ca-file tidegate-data/ca.pem --token-file tidegate-data/admin-token"
    )]
    Login(LoginOptions),

    /// Manage contexts: the control planes that commands talk to.
    #[command(
        visible_alias = "contexts",
        after_help = "Examples:\n  tidegate context list\n  tidegate context use production\n  tidegate context set --gateway edge"
    )]
    Context {
        #[command(subcommand)]
        command: ContextCommand,
    },

    /// Manage workers.
    #[command(
        visible_alias = "workers",
        after_help = "Examples:\n  tidegate worker list\n  tidegate worker drain 4f1c\n  (umask 077; tidegate worker token > worker.token)"
    )]
    Worker {
        #[command(subcommand)]
        command: WorkerCommand,
    },

    /// Manage the certificate authority.
    #[command(after_help = "Examples:\n  tidegate authority rotate\n  tidegate authority rotate --finish")]
    Authority {
        #[command(subcommand)]
        command: AuthorityCommand,
    },

    /// Write a backup of a data directory to a file.
    ///
    /// Run it on the machine of the control plane's data directory; the control plane may be running, and the backup is
    /// consistent. It holds the database, its key, the certificate authorities and the administrator's token, so keep it
    /// like a password. Directories of workers are not part of it.
    #[command(
        after_help = "Examples:\n  tidegate backup tidegate.tar\n  tidegate backup --data-dir /var/lib/tidegate /backup/tidegate-$(date +%F).tar"
    )]
    Backup(BackupOptions),

    /// Restore a backup into an empty data directory.
    ///
    /// Stop the control plane of the directory and move the directory away before. A backup of an older version is
    /// migrated by the start of the control plane; one of a newer version is refused. Local workers of `up` join again by
    /// themselves; workers on other machines that have joined before the backup continue.
    #[command(
        after_help = "Examples:\n  tidegate restore tidegate.tar\n  tidegate restore --data-dir /var/lib/tidegate /backup/tidegate-2026-11-29.tar"
    )]
    Restore(RestoreOptions),

    /// Check a data directory, the ports, clocks, limits and certificates, and say what to do.
    ///
    /// Run it on the machine of the data directory, as the user that runs Tidegate, before the first start or while it
    /// runs. The exit code is 1 if something is a problem; warnings do not count.
    #[command(
        after_help = "Examples:\n  tidegate doctor\n  sudo -u tidegate tidegate doctor --data-dir /var/lib/tidegate\n  tidegate doctor -o json"
    )]
    Doctor(DoctorOptions),

    /// Manage API clients: programs that may use the REST API, each with a role and scopes.
    ///
    /// Run it on the machine of the control plane's data directory; the control plane may be running. A client logs
    /// in with its ID and its secret, as with `az login --service-principal`, and gets tokens that are valid for
    /// half an hour.
    #[command(
        after_help = "Examples:\n  tidegate client create ci --role contributor > ci.json\n  tidegate client list\n  tidegate client reset ci > ci.json"
    )]
    Client {
        #[command(subcommand)]
        command: ClientCommand,
    },

    /// Print the completions of a shell, which ask the control plane for names.
    #[command(
        after_help = "Examples:\n  source <(tidegate completions bash)\n  tidegate completions zsh > ~/.zfunc/_tidegate\n  tidegate completions fish > ~/.config/fish/completions/tidegate.fish"
    )]
    Completions(CompletionsOptions),

    /// Write the man pages of all commands to a folder.
    #[command(after_help = "Examples:\n  tidegate man ~/.local/share/man/man1 && man tidegate-apply")]
    Man(ManOptions),

    /// Run the demo's backend alone, as a backend for a first gateway.
    ///
    /// It answers every HTTP request with a line of text and echoes every WebSocket message. A WebSocket at the
    /// path `/clock` receives a message each second.
    #[command(after_help = "Examples:\n  tidegate echo\n  tidegate echo --listen 127.0.0.2:9100")]
    Echo(EchoOptions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// List the workers.
    List(WorkerListOptions),

    /// Show a worker: as YAML, or as `--output` says.
    Show(WorkerShowOptions),

    /// Drain a worker: it accepts no connections, and its tunnels end within its drain timeout. Waits until it is drained.
    Drain(WorkerSwitchOptions),

    /// Have a drained worker accept connections again.
    Resume(WorkerSwitchOptions),

    /// Revoke a worker: its certificate is no longer accepted. It serves its last configuration until it is stopped.
    Delete(WorkerDeleteOptions),

    /// Print a one-time token with which a worker joins.
    ///
    /// Run it on the machine of the control plane's data directory, as `(umask 077; tidegate worker token >
    /// worker.token)`. A token is valid for one worker and for one day. Until it is used, treat it like a password.
    ///
    /// A worker has the private keys of all gateways. `DELETE /workers/{id}` revokes a worker, but a revoked worker
    /// serves its last configuration until it is stopped: stop it, and replace the gateways' certificates if
    /// somebody else may have read its files.
    Token(TokenOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) control_plane: ControlPlaneOptions,

    /// The number of local workers, 1 to 256; `control-plane` runs none. They share the listeners' ports.
    #[arg(long, env = "TIDEGATE_WORKERS", default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: u16,

    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DataPlaneOptions {
    /// The address of the control plane's channel.
    #[arg(long, env = "TIDEGATE_CONTROL_PLANE", value_name = "HOST:PORT", value_parser = value::host_and_port)]
    pub(crate) control_plane: String,

    /// The directory for the worker's identity and its last good configuration.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-worker", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// A file with the join token, or `-` for standard input. Needed on the first start only; later the file may be
    /// empty or absent.
    #[arg(long, env = "TIDEGATE_TOKEN_FILE", value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,

    /// The join token itself, if no file is given. Prefer the environment: other users can read a command line.
    #[arg(long, env = "TIDEGATE_TOKEN", hide_env_values = true, value_name = "TOKEN",
          value_parser = value::secret)]
    pub(crate) token: Option<Secret>,

    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
}
