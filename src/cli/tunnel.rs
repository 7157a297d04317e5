//! The command line of tunnels.

use std::time::Duration;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::{Args, Subcommand};

use super::connection::{CommonOptions, ConnectionOptions, GatewayOption};
use super::value;

#[derive(Debug, Subcommand)]
pub(crate) enum TunnelCommand {
    /// List the open tunnels, those of all gateways if no gateway is given.
    #[command(
        after_help = "Examples:\n  tidegate tunnel list --order-by 'idleForInSec desc' --top 20\n  tidegate tunnel list --filter \"pool eq 'app' and idleForInSec gt 600\"\n  tidegate tunnel list --filter \"inNetwork(clientAddress,'10.0.0.0/8')\" -o id"
    )]
    List(TunnelListOptions),

    /// Show a tunnel, also one that has ended recently: as YAML, or as `--output` says.
    Show(TunnelShowOptions),

    /// Close tunnels: those that are named, or those that meet a condition. Asks, and waits until they are closed.
    #[command(
        after_help = "Examples:\n  tidegate tunnel close 3f2a91c0-1b-0-7\n  tidegate tunnel close --filter \"pool eq 'old'\" --over 10m\n  tidegate tunnel close --filter \"idleForInSec gt 3600\" --yes"
    )]
    Close(TunnelCloseOptions),

    /// Watch the tunnels in the terminal: by route or one by one, with messages and bytes a second.
    ///
    /// Keys: `g` changes between routes and tunnels, `s` and `S` the order, `/` filters by a text, the arrows select,
    /// `c` closes the selected tunnel or all tunnels of the selected route after a question, and `q` ends.
    #[command(
        after_help = "Examples:\n  tidegate tunnel top\n  tidegate tunnel top -g edge --filter \"pool eq 'app'\" --interval 5s"
    )]
    Top(TunnelTopOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TunnelListOptions {
    /// The condition that tunnels meet, in OData's syntax: `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `and`, `or`, `not`,
    /// `startswith()` and `inNetwork()` over the properties that `tunnel show` shows.
    #[arg(long, env = "TIDEGATE_FILTER", value_name = "CONDITION")]
    pub(crate) filter: Option<String>,

    /// The properties by which the tunnels of each gateway are ordered, each with `asc` or `desc`.
    #[arg(long, env = "TIDEGATE_ORDER_BY", value_name = "PROPERTIES")]
    pub(crate) order_by: Option<String>,

    /// Only the first tunnels of each gateway; 1 to 1000. The default is all.
    #[arg(long, env = "TIDEGATE_TOP", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: Option<u16>,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TunnelShowOptions {
    /// The name of the tunnel, or its ID.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TunnelCloseOptions {
    /// The names of tunnels, or their IDs.
    #[arg(required_unless_present = "filter", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Vec<String>,

    /// The condition that tunnels meet, as for `tunnel list`; an empty text for all tunnels of the gateway.
    #[arg(long, env = "TIDEGATE_FILTER", value_name = "CONDITION", conflicts_with = "name")]
    pub(crate) filter: Option<String>,

    /// The time over which the ends are spread, such as `10m`. The default is at once.
    #[arg(long, env = "TIDEGATE_OVER", value_name = "DURATION", value_parser = value::duration, requires = "filter")]
    pub(crate) over: Option<Duration>,

    /// The Close frame that the clients receive before: its code, or `none`. The default is the one of the tunnel policy.
    #[arg(long, env = "TIDEGATE_CLOSE_FRAME", value_name = "CODE", value_parser = ["1001", "1012", "none"])]
    pub(crate) close_frame: Option<String>,

    /// The reason in the Close frame, at most 123 bytes.
    #[arg(long, env = "TIDEGATE_CLOSE_REASON", value_name = "TEXT", requires = "close_frame")]
    pub(crate) close_reason: Option<String>,

    /// Do not ask. Needed where standard input is not a terminal.
    #[arg(short, long, env = "TIDEGATE_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,

    /// Do not wait until they are closed.
    #[arg(long, env = "TIDEGATE_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub(crate) no_wait: bool,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TunnelTopOptions {
    /// The condition that tunnels meet, as for `tunnel list`.
    #[arg(long, env = "TIDEGATE_FILTER", value_name = "CONDITION")]
    pub(crate) filter: Option<String>,

    /// The time between two looks, such as `1s`.
    #[arg(long, env = "TIDEGATE_INTERVAL", default_value = "1s", value_name = "DURATION", value_parser = value::duration)]
    pub(crate) interval: Duration,

    /// The most tunnels of each gateway that are looked at; 1 to 1000. Those that moved last come first.
    #[arg(long, env = "TIDEGATE_TOP", default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) top: u16,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) connection: ConnectionOptions,
}
