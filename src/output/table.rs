//! Tables that fit the terminal. Pure: nothing here prints.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The space between two columns.
const GAP: &str = "  ";

/// The width below which no column is shortened.
const NARROWEST: usize = 8;

/// What a text means, which its colour shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Broken.
    Bad,
    /// A heading.
    Heading,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// A cell with a meaning.
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Cell {
        // A line break or an escape sequence of a stored name must not reach the terminal.
        let text = text.into().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        Cell { text, tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::new(text, Tone::Plain)
    }
}

/// A table with a heading for each column. Columns without any content are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(headings: &[&'static str]) -> Table {
        Table { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, with a cell for each heading.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// True if there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the lines, each shortened to `width` columns if there is a width.
    pub(crate) fn render(&self, width: Option<usize>, color: bool) -> String {
        let empty = Cell::default();
        let cell = |row: &'_ [Cell], column: usize| row.get(column).cloned().unwrap_or_else(|| empty.clone());
        let kept: Vec<usize> = (0..self.headings.len())
            .filter(|&column| column == 0 || self.rows.iter().any(|row| !cell(row, column).text.is_empty()))
            .collect();
        let mut widths: Vec<usize> = kept
            .iter()
            .map(|&column| {
                let cells = self.rows.iter().map(|row| cell(row, column).text.width()).max().unwrap_or(0);
                cells.max(self.headings[column].width())
            })
            .collect();
        if let Some(width) = width {
            shorten(&mut widths, width);
        }
        let heading: Vec<Cell> = self.headings.iter().map(|text| Cell::new(*text, Tone::Heading)).collect();
        let mut text = String::new();
        for row in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            for (position, (&column, &width)) in kept.iter().zip(&widths).enumerate() {
                let Cell { text, tone } = cell(row, column);
                let fitted = fit(&text, width);
                let is_last = position + 1 == kept.len();
                let padding = if is_last { 0 } else { width - fitted.width() };
                let gap = if is_last { "" } else { GAP };
                let _ = write!(line, "{}{:padding$}{gap}", painted(&fitted, tone, color), "");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Takes columns from the widest ones until the line fits.
fn shorten(widths: &mut [usize], width: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

/// Shortens a text to a number of columns; an ellipsis shows that something is missing.
pub(crate) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut fitted = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        fitted.push(c);
    }
    fitted.push('…');
    fitted
}

/// Colours a text by its meaning. The sixteen colours of the terminal fit its background, whatever it is.
pub(crate) fn painted(text: &str, tone: Tone, color: bool) -> String {
    let code = match tone {
        Tone::Plain => return text.to_owned(),
        _ if !color || text.is_empty() => return text.to_owned(),
        Tone::Good => "32",
        Tone::Warning => "33",
        Tone::Bad => "31",
        Tone::Heading => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["NAME", "EMPTY", "STATE", "NOTE"]);
        table.row(["a".into(), "".into(), Cell::new("up", Tone::Good), "short".into()]);
        table.row(["longer".into(), "".into(), Cell::new("down", Tone::Bad), "a much longer note".into()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_are_left_out() {
        let expected = "NAME    STATE  NOTE\na       up     short\nlonger  down   a much longer note\n";
        assert_eq!(table().render(None, false), expected);
    }

    #[test]
    fn a_table_fits_the_terminal() {
        for width in [28, 30, 40, 80] {
            for line in table().render(Some(width), false).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
        assert_eq!(fit("höher", 4), "höh…");
        assert_eq!(fit("日本語", 5), "日本…");
    }

    #[test]
    fn colours_do_not_move_columns() {
        let colored = table().render(None, true);
        assert!(colored.contains("\x1b[31mdown\x1b[0m   a much"), "{colored:?}");
        assert!(colored.contains("\x1b[32mup\x1b[0m     short"), "{colored:?}");
    }

    #[test]
    fn a_stored_name_cannot_control_the_terminal() {
        let mut table = Table::new(&["NAME"]);
        table.row(["a\x1b[2Jb\nc".into()]);
        assert_eq!(table.render(None, true), "\x1b[1mNAME\x1b[0m\na [2Jb c\n");
    }
}
