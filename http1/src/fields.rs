//! A header section as the bytes that were received and a list of its lines. Pure.
//!
//! Editing changes the list and appends new lines to the bytes; nothing is moved. Writing copies neighbouring
//! lines that nothing changed at once, so a head that nothing changed is one copy, and names keep their
//! spelling.

mod edit;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::known::{Known, Name};
use crate::line::{Field, items};
pub(crate) use edit::decimal;

/// The header lines of a message, or the trailers of a body, in their order.
///
/// Names are compared without case. A line that is added ends the list, and one that replaces others has the
/// place of the first of them. Lines whose white space is unusual are written with one space behind the colon,
/// because not every server trims a tab; all other received lines are written as they are.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// The whole head as received, followed by added lines and other texts.
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// The known names among the lines, as bits.
    present: u64,
    has_odd_names: bool,
    /// The position of the received empty line; 0 if none was received.
    blank: u32,
}

/// The position of a text in the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: offset(start), end: offset(end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// The limits of heads are far below 4 GiB, and all that is added to them is derived from heads or
/// configuration.
fn offset(at: usize) -> u32 {
    u32::try_from(at).expect("a head has less than 4 GiB")
}

#[derive(Clone, Copy, Debug)]
struct Line {
    /// The whole line with its line end; the name begins it.
    whole: Span,
    value: Span,
    name_length: u32,
    known: Option<Known>,
    /// True if the line is written as it is.
    is_plain: bool,
}

impl Fields {
    /// Returns no lines.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Returns the value of the first line with this name.
    #[inline]
    pub fn get<'a, 'n>(&'a self, name: impl Into<Name<'n>>) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Returns the values of all lines with this name.
    #[inline]
    pub fn get_all<'a, 'n>(&'a self, name: impl Into<Name<'n>>) -> impl Iterator<Item = &'a [u8]> {
        let name = name.into();
        let lines: &[Line] = if self.may_have(name) { &self.lines } else { &[] };
        lines.iter().filter(move |line| line.has_name(&self.bytes, name)).map(|line| self.text(line.value))
    }

    /// Returns the items of the comma-separated values of all lines with this name, without white space
    /// around them and without empty ones.
    pub fn list<'a, 'n>(&'a self, name: impl Into<Name<'n>>) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(items).filter(|item| !item.is_empty())
    }

    /// Returns true if there is a line with this name.
    pub fn contains<'n>(&self, name: impl Into<Name<'n>>) -> bool {
        self.get(name).is_some()
    }

    /// Returns true if a comma-separated field contains this item, compared without case.
    pub fn lists(&self, known: Known, item: &[u8]) -> bool {
        self.has(known) && self.list(known).any(|other| other.eq_ignore_ascii_case(item))
    }

    /// Returns true if there is a line with this known name, without a search.
    #[inline]
    pub fn has(&self, known: Known) -> bool {
        self.present & known.bit() != 0
    }

    /// Returns true if any of the lines ever had a name with characters other than letters, digits and
    /// hyphens.
    pub fn has_odd_names(&self) -> bool {
        self.has_odd_names
    }

    /// The number of lines.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns true if there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the name and the value of each line.
    pub fn iter(&self) -> impl Iterator<Item = (Name<'_>, &[u8])> {
        self.lines.iter().map(|line| (self.name(line), self.text(line.value)))
    }

    /// Returns true unless `Connection` or HTTP/1.0 ends the connection (RFC 9112, section 9.3).
    pub(crate) fn keep_alive(&self, old_version: bool) -> bool {
        let mut keeps = !old_version;
        if !self.has(Known::Connection) {
            return keeps;
        }
        for item in self.list(Known::Connection) {
            if item.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keeps |= item.eq_ignore_ascii_case(b"keep-alive");
        }
        keeps
    }

    /// Removes all lines and all bytes, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.lines.clear();
        (self.present, self.has_odd_names, self.blank) = (0, false, 0);
    }

    /// The memory that is kept, in bytes.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity() + self.lines.capacity() * size_of::<Line>()
    }

    /// Writes the lines, and the empty line behind them.
    pub fn write(&self, out: &mut Vec<u8>) {
        self.write_behind(Span::default(), out);
    }

    /// Writes the bytes of `first`, the lines, and the empty line.
    pub(crate) fn write_behind(&self, first: Span, out: &mut Vec<u8>) {
        // The bytes that are to be copied next.
        let mut run = first;
        for line in &self.lines {
            if line.is_plain && line.whole.start == run.end {
                run.end = line.whole.end;
                continue;
            }
            out.extend_from_slice(self.text(run));
            if line.is_plain {
                run = line.whole;
            } else {
                for part in [line.name(&self.bytes).as_bytes(), b": ", self.text(line.value), b"\r\n"] {
                    out.extend_from_slice(part);
                }
                run = Span { start: line.whole.end, end: line.whole.end };
            }
        }
        let ends_with_blank = self.blank > 0 && run.end == self.blank;
        if ends_with_blank {
            run.end += 2;
        }
        out.extend_from_slice(self.text(run));
        if !ends_with_blank {
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Adds a line of a head whose bytes come later with [`Fields::receive`]. `start` and `end` are the
    /// position of the line in the head, without its line end.
    #[inline]
    pub(crate) fn push_received(&mut self, field: &Field<'_>, start: usize, end: usize) {
        let value = start + field.value_at;
        self.present |= field.known.map_or(0, Known::bit);
        self.has_odd_names |= field.odd;
        self.lines.push(Line {
            whole: Span::new(start, end + 2),
            value: Span::new(value, value + field.value.len()),
            name_length: offset(field.name.len()),
            known: field.known,
            is_plain: field.is_plain,
        });
    }

    /// Copies a whole head with the empty line at its end.
    pub(crate) fn receive(&mut self, head: &[u8]) {
        self.bytes.extend_from_slice(head);
        self.blank = offset(head.len().saturating_sub(2));
    }

    /// Changes one received byte.
    pub(crate) fn correct(&mut self, at: u32, byte: u8) {
        self.bytes[at as usize] = byte;
    }

    /// Adds a text that is not a line.
    pub(crate) fn push_text(&mut self, text: &[u8]) -> Span {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        Span::new(start, start + text.len())
    }

    /// Returns a text; it is empty if the bytes are not those to which the position belongs.
    pub(crate) fn text(&self, span: Span) -> &[u8] {
        self.bytes.get(span.range()).unwrap_or_default()
    }

    /// Takes the bytes; the lines keep their positions.
    pub(crate) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// Returns for each line the known name, and the positions of name and value.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
        self.lines.iter().map(|line| {
            let start = line.whole.start as usize;
            (start..start + line.name_length as usize, line.value.range())
        })
    }

    fn name(&self, line: &Line) -> Name<'_> {
        line.name(&self.bytes)
    }

    /// Returns false if no line can have the name.
    fn may_have(&self, name: Name<'_>) -> bool {
        name.known().is_none_or(|known| self.has(known))
    }
}

impl Line {
    fn name<'a>(&self, bytes: &'a [u8]) -> Name<'a> {
        let start = self.whole.start as usize;
        Name::with(self.known, &bytes[start..start + self.name_length as usize])
    }

    fn has_name(&self, bytes: &[u8], name: Name<'_>) -> bool {
        match name.known() {
            Some(known) => self.known == Some(known),
            None => self.known.is_none() && self.name(bytes) == name,
        }
    }
}
