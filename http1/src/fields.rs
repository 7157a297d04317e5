//! A header section as the bytes that were received and a list of its lines. Pure.
//!
//! Editing changes the list and appends new lines to the bytes; nothing is moved. Writing copies neighbouring
//! lines that nothing changed at once, so a head that nothing changed is one copy, and names keep their
//! spelling.

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::framing::BodyLength;
use crate::known::{Known, Name};
use crate::line::{Field, is_odd_name, is_token_byte, items, trim};
use crate::words::find_control;

/// The header lines of a message, or the trailers of a body, in their order.
///
/// Names are compared without case. A line that is added ends the list. Lines whose white space is unusual
/// are written with one space behind the colon, because not every server trims a tab; all other received
/// lines are written as they are.
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
    pub fn get<'a>(&'a self, name: impl Into<Name<'a>>) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Returns the values of all lines with this name.
    pub fn get_all<'a>(&'a self, name: impl Into<Name<'a>>) -> impl Iterator<Item = &'a [u8]> {
        let name = name.into();
        let lines: &[Line] = if self.may_have(name) { &self.lines } else { &[] };
        lines.iter().filter(move |line| line.has_name(&self.bytes, name)).map(|line| self.text(line.value))
    }

    /// Returns the items of the comma-separated values of all lines with this name, without white space
    /// around them and without empty ones.
    pub fn list<'a>(&'a self, name: impl Into<Name<'a>>) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).flat_map(items).filter(|item| !item.is_empty())
    }

    /// Returns true if there is a line with this name.
    pub fn contains<'a>(&'a self, name: impl Into<Name<'a>>) -> bool {
        self.get(name).is_some()
    }

    /// Returns true if there is a line with this known name, without a search.
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

    /// Removes all lines with this name. Returns true if there were any.
    pub fn remove<'a>(&mut self, name: impl Into<Name<'a>>) -> bool {
        let before = self.lines.len();
        remove(&mut self.lines, &mut self.present, &self.bytes, name.into());
        self.lines.len() < before
    }

    /// Removes the lines that `Connection` names, apart from those in `kept`, and the lines of `Connection`
    /// (RFC 9110, section 7.6.1).
    pub fn remove_nominated(&mut self, kept: &[Known]) {
        let mut from = 0;
        let is_next = |line: &&Line, from| line.known == Some(Known::Connection) && line.whole.start >= from;
        while let Some(&Line { whole, value, .. }) = self.lines.iter().find(|line| is_next(line, from)) {
            from = whole.end;
            for name in items(&self.bytes[value.range()]).map(Name::from) {
                if name != Known::Connection && !kept.iter().any(|kept| name == *kept) {
                    remove(&mut self.lines, &mut self.present, &self.bytes, name);
                }
            }
        }
        self.remove(Known::Connection);
    }

    /// Removes the lines for which `keep` returns false.
    pub fn retain(&mut self, mut keep: impl FnMut(Name<'_>, &[u8]) -> bool) {
        let bytes = &self.bytes;
        self.present = 0;
        self.lines.retain(|line| {
            let keeps = keep(line.name(bytes), &bytes[line.value.range()]);
            self.present |= line.known.filter(|_| keeps).map_or(0, Known::bit);
            keeps
        });
    }

    /// Replaces all lines with this name by one.
    pub fn set<'a>(&mut self, name: impl Into<Name<'a>>, value: &[u8]) {
        let name = name.into();
        self.remove(name);
        self.append(name, value);
    }

    /// Adds a line. White space around the value is dropped. A control character in the value is written as a
    /// space, and a character that no name may have as `_`: whatever is passed here, it stays one line.
    pub fn append<'a>(&mut self, name: impl Into<Name<'a>>, value: &[u8]) {
        let (name, value) = (name.into(), trim(value));
        let start = self.bytes.len();
        self.bytes.reserve(name.as_bytes().len() + value.len() + b"_: \r\n".len());
        match name.known() {
            Some(known) => {
                self.present |= known.bit();
                self.bytes.extend_from_slice(name.as_bytes());
            }
            None => {
                self.has_odd_names |= is_odd_name(name.as_bytes());
                self.push_name(name.as_bytes());
            }
        }
        let name_end = self.bytes.len();
        self.bytes.extend_from_slice(b": ");
        let value_start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        while let Some(at) = find_control(&self.bytes[value_start..]) {
            self.bytes[value_start + at] = b' ';
        }
        let value_end = self.bytes.len();
        self.bytes.extend_from_slice(b"\r\n");
        self.lines.push(Line {
            whole: Span::new(start, value_end + 2),
            value: Span::new(value_start, value_end),
            name_length: offset(name_end - start),
            known: name.known(),
            is_plain: true,
        });
    }

    /// Adds a line with a decimal number.
    pub fn append_number<'a>(&mut self, name: impl Into<Name<'a>>, number: u64) {
        let mut digits = [0; 20];
        self.append(name, decimal(number, &mut digits));
    }

    /// Replaces the fields of framing by those of the given length. `Bytes(0)` is written as a length of 0,
    /// and `None` and `UntilClose` as nothing. Lines that say the same already stay as they are.
    pub fn set_body(&mut self, body: BodyLength) {
        let mut digits = [0; 20];
        let (known, value): (_, &[u8]) = match body {
            BodyLength::None | BodyLength::UntilClose => {
                self.remove(Known::ContentLength);
                self.remove(Known::TransferEncoding);
                return;
            }
            BodyLength::Bytes(length) => (Known::ContentLength, decimal(length, &mut digits)),
            BodyLength::Chunked => (Known::TransferEncoding, b"chunked"),
        };
        let other = match known {
            Known::ContentLength => Known::TransferEncoding,
            _ => Known::ContentLength,
        };
        self.remove(other);
        let mut values = self.get_all(known);
        if values.next() != Some(value) || values.next().is_some() {
            drop(values);
            self.set(known, value);
        }
    }

    /// Returns true unless `Connection` or HTTP/1.0 ends the connection (RFC 9112, section 9.3).
    pub(crate) fn keep_alive(&self, old_version: bool) -> bool {
        let mut keeps = !old_version;
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

    fn push_name(&mut self, name: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(if name.is_empty() { b"_" } else { name });
        let written = self.bytes[start..].iter_mut();
        written.filter(|byte| !is_token_byte(**byte)).for_each(|byte| *byte = b'_');
    }

    fn name(&self, line: &Line) -> Name<'_> {
        line.name(&self.bytes)
    }

    /// Returns false if no line can have the name.
    fn may_have(&self, name: Name<'_>) -> bool {
        name.known().is_none_or(|known| self.has(known))
    }
}

/// Removes the lines with this name. Returns true if there were any.
fn remove(lines: &mut Vec<Line>, present: &mut u64, bytes: &[u8], name: Name<'_>) -> bool {
    let bit = name.known().map_or(0, Known::bit);
    if bit != 0 && *present & bit == 0 {
        return false;
    }
    let before = lines.len();
    lines.retain(|line| !line.has_name(bytes, name));
    *present &= !bit;
    lines.len() < before
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

/// Writes a decimal number to the end of `digits`.
pub(crate) fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}
