//! Completions and man pages, generated from the definition of the command line.
//!
//! A shell asks this binary for each completion: names come from the control plane of the context that the command
//! line names so far. A control plane that does not answer at once gives no names and no error.

mod names;

use std::error::Error;
use std::fs;
use std::io::{self, Write};

use clap::{Command, CommandFactory};
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::{Cli, CompletionsOptions, ManOptions, Shell};
use crate::outcome::CommandResult;

/// The variable with which a shell asks for completions.
const VARIABLE: &str = "TIDEGATE_COMPLETE";

/// The arguments whose values are names, by their IDs in the definition.
const NAMES: [(&str, fn(&[String]) -> Vec<String>); 5] = [
    ("name", names::of_command),
    ("gateway", names::gateways),
    ("context", names::contexts),
    ("id", names::workers),
    ("resource_group", names::resource_groups),
];

/// Answers a shell that asks for completions, and ends the process then.
pub(crate) fn complete() {
    CompleteEnv::with_factory(definition).var(VARIABLE).complete();
}

/// Prints the script that makes a shell ask for completions.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn completions(options: &CompletionsOptions) -> CommandResult {
    let name = match options.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let shells = Shells::builtins();
    let shell = shells.completer(name).ok_or("the library knows no such shell")?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "tidegate", "tidegate", "tidegate", &mut script)?;
    Ok(io::stdout().write_all(&script)?)
}

/// Writes a man page for each command.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn man(options: &ManOptions) -> CommandResult {
    let write = || -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(&options.folder)?;
        clap_mangen::generate_to(Cli::command(), &options.folder)?;
        Ok(())
    };
    write().map_err(|e| format!("{}: {e}", options.folder.display()).into())
}

/// The definition with a source of names for each argument that takes one.
fn definition() -> Command {
    with_names(Cli::command())
}

fn with_names(command: Command) -> Command {
    let mut command = command;
    for (id, source) in NAMES {
        if command.get_arguments().any(|argument| argument.get_id() == id) {
            let completer =
                ArgValueCompleter::new(move |current: &std::ffi::OsStr| names::complete(source, current));
            command = command.mut_arg(id, |argument| argument.add(completer));
        }
    }
    let below: Vec<String> = command.get_subcommands().map(|below| below.get_name().to_owned()).collect();
    below.iter().fold(command, |command, name| command.mut_subcommand(name, with_names))
}
