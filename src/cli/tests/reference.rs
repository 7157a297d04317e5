//! Generates `docs/reference/cli.md` from the definition of the command line, and compares the two.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory};

use super::super::{Cli, KINDS};

const INTRODUCTION: &str = "\
# Command line

A test generates this page from the definition of the command line and compares the two.
After a change, `TIDEGATE_BLESS=1 cargo test -p tidegate --bin tidegate reference` writes it again.

Every option can also be given in the environment: `--data-dir` as `TIDEGATE_DATA_DIR`, and so on.
The command line takes precedence.

Durations are whole numbers with the unit `ms`, `s`, `m` or `h`; without a unit they are seconds.
Sizes are whole numbers with the unit `KiB`, `MiB` or `GiB`; without a unit they are bytes.
A port of 0 means any free port.

[Operations](../operations.md#the-command-line) describes contexts, files and exit codes.
";

/// The noun that stands for every kind of resources in this page.
const KIND: &str = "KIND";

/// The options of one name and one meaning, with the commands that take them.
struct Row<'a> {
    option: &'a Arg,
    commands: Vec<String>,
}

/// The plain text of a help text; empty if there is none.
fn text(help: Option<&StyledStr>) -> String {
    help.map(ToString::to_string).unwrap_or_default()
}

/// A text on one line, as one or more sentences.
fn sentences(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.ends_with('.') { line } else { format!("{line}.") }
}

/// The command and everything below it that can be run, in the order of the help.
fn runnable(command: &Command) -> Vec<&Command> {
    let below: Vec<&Command> = command.get_subcommands().filter(|c| c.get_name() != "help").collect();
    if below.is_empty() { vec![command] } else { below.into_iter().flat_map(runnable).collect() }
}

/// The name of a command without that of the binary. The commands of all kinds have one name.
fn name(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_default().trim_start_matches("tidegate ");
    match name.split_once(' ').filter(|(noun, _)| *noun == KINDS[0].noun) {
        Some((_, verb)) => format!("{KIND} {verb}"),
        None => name.to_owned(),
    }
}

/// True for a command of a kind, except for the first kind, whose commands stand for all.
fn is_repeated(command: &Command) -> bool {
    let name = command.get_bin_name().unwrap_or_default().trim_start_matches("tidegate ");
    KINDS.iter().skip(1).any(|kind| name.split(' ').next() == Some(kind.noun))
}

/// The commands that take an option, by a short name where one is enough.
fn takers(option: &Arg, names: &[String], commands: &[&Command]) -> String {
    let with = |long: &str| {
        let takes =
            |command: &&&Command| command.get_arguments().any(|option| option.get_long() == Some(long));
        commands.iter().filter(takes).count()
    };
    let is_of_api = ["context", "data-dir"].iter().any(|long| option.get_long() == Some(long));
    match names.len() {
        all if all == commands.len() => "all".to_owned(),
        some if some > 10 && is_of_api || some == with("context") => "all that use the REST API".to_owned(),
        some if some == with("output") => "all that print results".to_owned(),
        _ => names.join(", "),
    }
}

/// The default as it is typed, `off` for a switch.
fn default(option: &Arg) -> String {
    let values: Vec<_> = option.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    match (option.get_action(), values.as_slice()) {
        (ArgAction::SetTrue, _) => "off".to_owned(),
        (_, []) => String::new(),
        (_, values) => format!("`{}`", values.join(",")),
    }
}

fn help(option: &Arg) -> String {
    sentences(&text(option.get_long_help().or(option.get_help())))
}

/// Every option by its name; one name has several rows where commands differ in its meaning or its default.
fn rows<'a>(commands: &[&'a Command]) -> BTreeMap<(&'a str, String, String), Row<'a>> {
    let mut rows = BTreeMap::new();
    for command in commands {
        for option in command.get_arguments() {
            let Some(long) = option.get_long().filter(|long| !["help", "version"].contains(long)) else {
                continue;
            };
            let row = rows
                .entry((long, default(option), help(option)))
                .or_insert_with(|| Row { option, commands: Vec::new() });
            row.commands.push(format!("`{}`", name(command)));
        }
    }
    rows
}

fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let commands: Vec<&Command> =
        runnable(&root).into_iter().filter(|command| !is_repeated(command)).collect();
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Commands\n\n| Command | Purpose |\n| --- | --- |\n");
    for command in &commands {
        let _ =
            writeln!(page, "| `tidegate {}` | {} |", name(command), sentences(&text(command.get_about())));
    }
    page.push_str("\n`tidegate` without a command runs `tidegate up`.\n");
    let _ = write!(page, "\n## Kinds\n\n`{KIND}` is one of these nouns; the plural is accepted too.\n");
    page.push_str("\n| Kind | Resources | Collection |\n| --- | --- | --- |\n");
    for kind in KINDS {
        let place = match (kind.path(), kind.place) {
            (None, crate::cli::Place::Child(parent)) => format!("{parent}/{{name}}/{}", kind.collection),
            (path, _) => path.unwrap_or_default(),
        };
        let _ = writeln!(page, "| `{}` | {} | `{place}` |", kind.noun, kind.about);
    }
    page.push_str("\n## Options\n\n| Option | Commands | Default | Meaning |\n| --- | --- | --- | --- |\n");
    for ((long, default, help), Row { option, commands: takers }) in rows(&commands) {
        let values = option.get_value_names().filter(|_| option.get_action().takes_values());
        let value = values.map(|names| format!(" {}", names.join(" "))).unwrap_or_default();
        let takers = self::takers(option, &takers, &commands);
        let cells = [format!("`--{long}{value}`"), takers, default, help];
        let _ = writeln!(page, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
    for command in commands {
        let _ = write!(page, "\n## `tidegate {}`\n", name(command));
        let usage = command.clone().render_usage().to_string();
        let usage = usage
            .trim_start_matches("Usage: ")
            .replace(&format!("tidegate {} ", KINDS[0].noun), &format!("tidegate {KIND} "));
        let _ = write!(page, "\n```console\n{usage}\n```\n");
        let about = command.get_long_about().or(command.get_about());
        for paragraph in text(about).split("\n\n") {
            let _ = write!(page, "\n{}\n", sentences(paragraph));
        }
        for argument in command.get_positionals() {
            let value = argument.get_id().as_str().to_uppercase();
            let _ = write!(page, "\n`<{value}>`: {}\n", help(argument));
        }
        if let Some(examples) = command.get_after_help() {
            let examples = text(Some(examples));
            let lines = examples.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("\n");
            let _ = write!(page, "\n```console\n{lines}\n```\n");
        }
    }
    page
}

#[test]
fn the_reference_is_that_of_the_definition() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference/cli.md");
    let expected = page();
    if std::env::var_os("TIDEGATE_BLESS").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == expected,
        "docs/reference/cli.md differs from the command line. To write it again: \
         TIDEGATE_BLESS=1 cargo test -p tidegate --bin tidegate reference"
    );
}
