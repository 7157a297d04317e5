//! What commands print: results on standard output in the chosen form, messages on standard error.

mod table;

use std::error::Error;
use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::cli::{ColorChoice, Format, OutputOptions};
use crate::outcome::CommandResult;

pub(crate) use self::table::{Cell, Table, Tone, fit, painted};

/// The form of a command's output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// The form of documents.
    pub(crate) format: Format,
    /// True if colours are used.
    pub(crate) color: bool,
    /// The width of the terminal; none if the output goes elsewhere, which gets whole texts.
    pub(crate) width: Option<usize>,
}

impl Output {
    /// Chooses the form from the options and from what standard output is.
    pub(crate) fn new(options: &OutputOptions) -> Output {
        let is_terminal = io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = match options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !no_color && !is_dumb,
        };
        let width = if is_terminal { crossterm::terminal::size().ok() } else { None };
        Output {
            format: options.output,
            color,
            width: width.map(|(columns, _)| usize::from(columns).max(40)),
        }
    }

    /// Whole texts without colours, for output that no person reads.
    pub(crate) fn plain() -> Output {
        Output { format: Format::Table, color: false, width: None }
    }

    /// Prints a list: its table, or its documents.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn list(&self, rows: &[Value], table: impl FnOnce() -> Table) -> CommandResult {
        match self.format {
            Format::Table => self.table(&table()),
            Format::Id => rows.iter().try_for_each(|row| line(id(row))),
            Format::Json | Format::Yaml => self.document(&Value::Array(rows.to_vec())),
        }
    }

    /// Prints one document; as YAML if a table was asked for, because a table has no place for its depth.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn document(&self, document: &Value) -> CommandResult {
        match self.format {
            Format::Json => line(&format!("{document:#}")),
            Format::Id => line(id(document)),
            Format::Table | Format::Yaml => line(yaml(document)?.trim_end()),
        }
    }

    /// Prints a table.
    ///
    /// # Errors
    /// Standard output is closed.
    pub(crate) fn table(&self, table: &Table) -> CommandResult {
        line(table.render(self.width, self.color).trim_end_matches('\n'))
    }
}

/// Prints a line of a result.
///
/// # Errors
/// Standard output is closed.
pub(crate) fn line(text: &str) -> CommandResult {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Prints a line for people. Standard error that is closed cannot be told about.
pub(crate) fn message(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Returns a document as YAML.
///
/// # Errors
/// None for JSON values, which YAML can express; kept because the library has one.
pub(crate) fn yaml(document: &Value) -> Result<String, Box<dyn Error>> {
    // A folded ID could not be copied from a terminal.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    Ok(serde_saphyr::to_string_with_options(document, options)?)
}

/// The ID of a document; its name where it has no ID.
fn id(document: &Value) -> &str {
    document["id"].as_str().or(document["name"].as_str()).unwrap_or_default()
}
