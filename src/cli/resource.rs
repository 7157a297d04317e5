//! The commands of every kind of resource: `tidegate listener list`, `tidegate pool apply` and so on.
//!
//! They are made from the table of kinds, so that a kind needs a row there and no command of its own.

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, NonEmptyStringValueParser};
use clap::error::{Error, ErrorKind};
use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand};

use super::connection::{CommonOptions, GatewayOption};
use super::kinds::KINDS;
use super::resource_kind::ResourceKind;

/// A command for one kind.
#[derive(Debug)]
pub(crate) struct ResourceCommand {
    pub(crate) kind: &'static ResourceKind,
    pub(crate) verb: Verb,
}

/// What to do with resources of a kind.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List them, those of all gateways if no gateway is given.
    List(ListOptions),

    /// Show one: as YAML, or as `--output` says.
    Show(ShowOptions),

    /// Add or replace one from a file: show what changes, ask, send it, and wait until the workers have it.
    Apply(ApplyOneOptions),

    /// Delete one: ask, send it, and wait until the workers have it.
    Delete(DeleteOptions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ShowOptions {
    /// The name, or the ID.
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ApplyOneOptions {
    /// The name, or the ID; not needed if the file has it.
    pub(crate) name: Option<String>,

    /// The file with the document, JSON or YAML; `-` for standard input.
    #[arg(short, long, env = "TIDEGATE_FILE", value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DeleteOptions {
    /// The name, or the ID.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) gateway: GatewayOption,

    #[command(flatten)]
    pub(crate) write: WriteOptions,

    #[command(flatten)]
    pub(crate) common: CommonOptions,
}

/// How a write is confirmed, and whether it is waited for.
#[derive(Clone, Debug, Args)]
pub(crate) struct WriteOptions {
    /// Do not ask. Needed where standard input is not a terminal.
    #[arg(short, long, env = "TIDEGATE_YES", value_parser = BoolishValueParser::new())]
    pub(crate) yes: bool,

    /// Show what would change, and send nothing.
    #[arg(long, env = "TIDEGATE_DRY_RUN", value_parser = BoolishValueParser::new(), conflicts_with = "yes")]
    pub(crate) dry_run: bool,

    /// Do not wait until the workers have it.
    #[arg(long, env = "TIDEGATE_NO_WAIT", value_parser = BoolishValueParser::new())]
    pub(crate) no_wait: bool,

    /// Write only if the resource still has this ETag. The default is the ETag of what was shown; `*` for any.
    #[arg(long, env = "TIDEGATE_IF_MATCH", value_name = "ETAG")]
    pub(crate) if_match: Option<String>,

    /// The reason of the change, for the history of the gateway.
    #[arg(long, env = "TIDEGATE_REASON", value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl FromArgMatches for ResourceCommand {
    fn from_arg_matches(matches: &ArgMatches) -> Result<ResourceCommand, Error> {
        let (noun, below) = matches.subcommand().ok_or_else(|| Error::new(ErrorKind::MissingSubcommand))?;
        let kind = KINDS.iter().find(|kind| kind.noun == noun);
        let kind = kind.ok_or_else(|| Error::new(ErrorKind::InvalidSubcommand))?;
        Ok(ResourceCommand { kind, verb: Verb::from_arg_matches(below)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = ResourceCommand::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Subcommand for ResourceCommand {
    fn augment_subcommands(command: Command) -> Command {
        KINDS.iter().fold(command, |command, kind| {
            let alias = Some(kind.plural).filter(|plural| *plural != kind.noun);
            // The verbs bring a help text of their own, so that of the kind comes after them.
            let noun = Verb::augment_subcommands(Command::new(kind.noun))
                .visible_aliases(alias)
                .about(kind.about)
                .long_about(None)
                .after_help(examples(kind))
                .subcommand_required(true)
                .arg_required_else_help(true);
            command.subcommand(noun)
        })
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        ResourceCommand::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        KINDS.iter().any(|kind| kind.noun == name || kind.plural == name)
    }
}

/// The examples at the end of the help of a kind.
fn examples(kind: &ResourceKind) -> String {
    let noun = kind.noun;
    format!(
        "Examples:\n  tidegate {noun} list\n  tidegate {noun} show NAME -o json\n  \
         tidegate {noun} apply NAME -f {noun}.yaml\n  tidegate {noun} delete NAME -g GATEWAY"
    )
}
