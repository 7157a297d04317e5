//! The command line: what can be asked for, what it defaults to, and what `--help` says about it.
//!
//! Values are turned into types here, so that nothing further in has to doubt them. Every option can also come from
//! the environment variable that its help names; the command line wins.

mod client;
mod downstream;
mod value;

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use tidegate_control_plane::{Limit, Proxy};
use tidegate_data_plane::{AccessLog, MetricsPage};
use tidegate_shared::secret::Secret;

pub(crate) use client::ClientCommand;
pub(crate) use downstream::DownstreamOptions;
pub(crate) use value::{format_access_log, format_duration, format_metrics};

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
    Token(TokenOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) control_plane: ControlPlaneOptions,

    /// How many local workers to run. They share the listeners' ports.
    #[arg(long, env = "TIDEGATE_WORKERS", default_value_t = 1, value_name = "N",
          value_parser = clap::value_parser!(u16).range(0..=256))]
    pub(crate) workers: u16,

    #[command(flatten)]
    pub(crate) worker: WorkerOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ControlPlaneOptions {
    /// Where the database, the keys and the tokens are kept. It belongs to one control plane at a time.
    #[arg(long, env = "TIDEGATE_DATA_DIR", default_value = "./tidegate-data", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,

    /// Where to serve the management API over plain HTTP. Loopback only; port 0 for any free one.
    #[arg(long, env = "TIDEGATE_MANAGEMENT", default_value = "127.0.0.1:9080", value_name = "ADDRESS:PORT")]
    pub(crate) management: SocketAddr,

    /// Where to serve the management API over HTTPS; port 0 for any free one.
    #[arg(
        long,
        env = "TIDEGATE_MANAGEMENT_TLS",
        default_value = "127.0.0.1:9443",
        value_name = "ADDRESS:PORT"
    )]
    pub(crate) management_tls: SocketAddr,

    /// The certificate chain for HTTPS, a PEM file. Without it, the authority at `<data-dir>/ca.pem` issues one.
    #[arg(long, env = "TIDEGATE_MANAGEMENT_CERT", requires = "management_key", value_name = "FILE")]
    pub(crate) management_cert: Option<PathBuf>,

    /// The private key for HTTPS, a PEM file.
    #[arg(long, env = "TIDEGATE_MANAGEMENT_KEY", requires = "management_cert", value_name = "FILE")]
    pub(crate) management_key: Option<PathBuf>,

    /// Where workers connect; port 0 for any free one.
    #[arg(long, env = "TIDEGATE_CHANNEL", default_value = "127.0.0.1:9444", value_name = "ADDRESS:PORT")]
    pub(crate) channel: SocketAddr,

    /// After how long an operation fails if not every connected worker has applied the change, or none is connected,
    /// such as `60s`.
    #[arg(long, env = "TIDEGATE_ROLLOUT_TIMEOUT", default_value = "60s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) rollout_timeout: Duration,

    /// How many of something a gateway may have, such as `httpListeners=500`. The name is that of a collection, or
    /// `hostNames` of a listener, `backendAddresses` of a pool, `pathRules` of a path map. Repeatable; separated by
    /// commas in the environment.
    #[arg(long, env = "TIDEGATE_LIMIT", value_name = "NAME=N", value_delimiter = ',')]
    pub(crate) limit: Vec<Limit>,

    /// Addresses or networks of proxies in front of the management API, such as `10.0.0.0/8`. What they say of the
    /// client's scheme, host and address in X-Forwarded headers is believed; nobody else is.
    #[arg(long, env = "TIDEGATE_TRUSTED_PROXIES", value_name = "ADDRESS|CIDR,...", value_delimiter = ',')]
    pub(crate) trusted_proxies: Vec<Proxy>,

    /// Let nobody put anything into a resource group that was not made beforehand.
    #[arg(long, env = "TIDEGATE_STRICT_RESOURCE_GROUPS", value_parser = BoolishValueParser::new())]
    pub(crate) strict_resource_groups: bool,

    /// Ask for no bearer token. Refused unless both management addresses are loopback.
    #[arg(long, env = "TIDEGATE_NO_AUTH", value_parser = BoolishValueParser::new())]
    pub(crate) no_auth: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WorkerOptions {
    /// Where listeners on a public frontend bind; `::` is every address of both families.
    #[arg(long, env = "TIDEGATE_PUBLIC_ADDRESS", default_value = "0.0.0.0", value_name = "ADDRESS")]
    pub(crate) public_address: IpAddr,

    /// Added to every frontend port, so that 80 and 443 can be tried without root.
    #[arg(long, env = "TIDEGATE_PORT_OFFSET", default_value_t = 0, value_name = "N")]
    pub(crate) port_offset: u16,

    /// A DNS server to ask for names of backends, instead of those of the system. Repeatable; separated by commas in the
    /// environment.
    #[arg(long, env = "TIDEGATE_DNS_SERVER", value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub(crate) dns_server: Vec<SocketAddr>,

    /// Data threads of a worker. Default: as many as there are cores.
    #[arg(long, env = "TIDEGATE_THREADS", value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How long open connections may go on after a worker was asked to stop, such as `30s`.
    #[arg(long, env = "TIDEGATE_DRAIN_TIMEOUT", default_value = "30s", value_name = "DURATION",
          value_parser = value::duration)]
    pub(crate) drain_timeout: Duration,

    #[command(flatten)]
    pub(crate) downstream: DownstreamOptions,

    /// How much of bodies may wait on a worker's disk, for gateways that ask for buffering, such as `1GiB`.
    #[arg(long, env = "TIDEGATE_BUFFER_SPACE", default_value = "1GiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) buffer_space: u64,

    /// Where a worker writes its access log: `off`, `stdout`, or a file to append to.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG", default_value = "stdout", value_name = "off|stdout|PATH",
          value_parser = value::access_log)]
    pub(crate) access_log: AccessLog,

    /// The size at which a file of access lines is moved aside, such as `100MiB`.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_MAX_SIZE", default_value = "100MiB", value_name = "SIZE",
          value_parser = value::size)]
    pub(crate) access_log_max_size: u64,

    /// How many files of access lines that were moved aside are kept, as `<PATH>.1` and so on.
    #[arg(long, env = "TIDEGATE_ACCESS_LOG_KEEP", default_value_t = 5, value_name = "N",
          value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) access_log_keep: u32,

    /// Where a worker serves its metrics to Prometheus, at `/metrics`; if the port is taken, at the next that is free.
    /// `off` for nowhere.
    #[arg(long, env = "TIDEGATE_METRICS", default_value = "127.0.0.1:9190", value_name = "ADDRESS:PORT|off",
          value_parser = value::metrics)]
    pub(crate) metrics: MetricsPage,

    /// The collector that a worker sends a span to for each request and each tunnel, by OTLP over HTTP, such as
    /// `http://127.0.0.1:4318`. Default: spans are not made.
    #[arg(long, env = "TIDEGATE_OTLP_ENDPOINT", value_name = "URL", value_parser = value::collector)]
    pub(crate) otlp_endpoint: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn parse(arguments: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("tidegate").chain(arguments.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound_and_every_option_has_a_variable_and_a_help_text() {
        fn check(command: &clap::Command) {
            let is_own =
                |a: &&clap::Arg| !["help", "version"].contains(&a.get_id().as_str()) && !a.is_positional();
            for argument in command.get_arguments().filter(is_own) {
                let long = argument.get_long().unwrap();
                let variable = format!("TIDEGATE_{}", long.replace('-', "_").to_uppercase());
                assert_eq!(argument.get_env().unwrap(), variable.as_str());
                assert!(argument.get_help().is_some(), "--{long} has no help");
            }
            command.get_subcommands().for_each(check);
        }
        Cli::command().debug_assert();
        check(&Cli::command());
    }

    #[test]
    fn the_readme_lists_every_option_and_no_other() {
        fn collect(command: &clap::Command, found: &mut BTreeSet<String>) {
            let options = command.get_arguments().filter_map(|argument| argument.get_long());
            found.extend(options.filter(|long| !["help", "version"].contains(long)).map(str::to_owned));
            command.get_subcommands().for_each(|command| collect(command, found));
        }
        let rows = include_str!("../README.md").lines().filter_map(|line| line.strip_prefix("| `--"));
        let listed: BTreeSet<_> =
            rows.filter_map(|row| row.split([' ', '`']).next()).map(str::to_owned).collect();
        let mut defined = BTreeSet::new();
        collect(&Cli::command(), &mut defined);
        assert_eq!(listed, defined);
    }

    #[test]
    fn no_subcommand_means_up() {
        let cli = parse("--workers 3 --port-offset 8000 --log debug").unwrap();
        assert!(cli.command.is_none());
        assert_eq!((cli.up.workers, cli.up.worker.port_offset, cli.log.as_str()), (3, 8000, "debug"));
        let Some(Command::Up(up)) = parse("up --workers 3").unwrap().command else { panic!("not up") };
        assert_eq!(up.workers, 3);
        assert_eq!(up.control_plane.management.to_string(), "127.0.0.1:9080");
        assert_eq!(up.control_plane.management_tls.to_string(), "127.0.0.1:9443");
        assert_eq!(up.control_plane.channel.to_string(), "127.0.0.1:9444");
        assert_eq!(up.worker.drain_timeout, Duration::from_secs(30));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "--management localhost",
            "--management-cert chain.pem",
            "--workers 3 demo",
            "--workers 257",
            "--threads 0",
            "--dns-server 127.0.0.1",
            "--trusted-proxies localhost",
            "--limit listeners",
            "--limit httpListener=5",
            "--drain-timeout soon",
            "--access-log=",
            "--access-log-max-size 0",
            "--metrics localhost",
            "--otlp-endpoint collector:4318",
            "--otlp-endpoint https://collector",
            "data-plane",
            "data-plane --control-plane nowhere",
            "worker",
            "client",
            "client create ci",
            "client create ci --role owner",
            "client create admin --role reader",
            "client create ci --role reader --scope subscriptions/s",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn limits_are_one_list() {
        let cli = parse("--limit httpListeners=500 --limit probes=3,hostNames=20").unwrap();
        let expected: Vec<Limit> = ["httpListeners=500", "probes=3", "hostNames=20"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(cli.up.control_plane.limit, expected);
        let message = parse("--limit httpListener=5").unwrap_err().to_string();
        assert!(message.contains("requestRoutingRules"), "{message}");
    }

    #[test]
    fn a_token_never_shows() {
        let cli = parse("data-plane --control-plane a:1 --token hunter2").unwrap();
        assert!(!format!("{cli:?}").contains("hunter2"));
    }
}
