//! Changes of a header section. New lines are appended to its bytes; what they replace only leaves the list.

use std::cmp::Ordering;

use super::{Fields, Line, Span, offset};
use crate::framing::BodyLength;
use crate::known::{Known, Name};
use crate::line::{is_odd_name, is_token_byte, items, trim};
use crate::words::find_control;

/// The number of names that `Connection` can nominate without memory of their own.
const FEW: usize = 8;

/// A line whose value is being written.
#[derive(Clone, Copy, Debug)]
struct Begun {
    start: usize,
    name_length: u32,
    value: usize,
    known: Option<Known>,
}

impl Fields {
    /// Removes all lines with this name. Returns true if there were any.
    pub fn remove<'a>(&mut self, name: impl Into<Name<'a>>) -> bool {
        let before = self.lines.len();
        self.remove_lines(0, name.into());
        self.lines.len() < before
    }

    /// Removes all lines with these names, in one pass.
    pub fn remove_each(&mut self, names: &[Known]) {
        let bits = names.iter().fold(0, |bits, name| bits | name.bit());
        if self.present & bits != 0 {
            self.lines.retain(|line| line.known.is_none_or(|known| known.bit() & bits == 0));
            self.present &= !bits;
        }
    }

    /// Removes the lines that `Connection` names, apart from those in `kept`, and the lines of `Connection`
    /// (RFC 9110, section 7.6.1).
    pub fn remove_nominated(&mut self, kept: &[Known]) {
        if !self.has(Known::Connection) {
            return;
        }
        // A sender chooses the number of items and of lines, so only a few items are compared with each line: known
        // names are collected as bits, and the others, if any line can have one of them, are sorted.
        let bytes = &self.bytes;
        let others = self.lines.iter().filter(|line| line.known.is_none());
        let lengths = others.fold(0, |lengths, line| lengths | length_bit(line.name_length as usize));
        let (mut bits, mut few, mut count, mut many) = (0, [b"".as_slice(); FEW], 0, Vec::new());
        let connections = self.lines.iter().filter(|line| line.known == Some(Known::Connection));
        for item in connections.flat_map(|line| items(&bytes[line.value.range()])) {
            match Known::of(item) {
                Some(known) => bits |= known.bit(),
                None if length_bit(item.len()) & lengths == 0 => {}
                None if count < FEW => {
                    few[count] = item;
                    count += 1;
                }
                None => many.push(item),
            }
        }
        bits &= !kept.iter().fold(0, |kept, name| kept | name.bit());
        bits |= Known::Connection.bit();
        many.sort_unstable_by(|one, other| compare(one, other));
        let is_nominated = |name: &[u8]| {
            few[..count].iter().any(|item| item.eq_ignore_ascii_case(name))
                || many.binary_search_by(|item| compare(item, name)).is_ok()
        };
        self.lines.retain(|line| match line.known {
            Some(known) => known.bit() & bits == 0,
            None => !is_nominated(line.name(bytes).as_bytes()),
        });
        self.present &= !bits;
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

    /// Replaces all lines with this name by one, in the place of the first.
    pub fn set<'a>(&mut self, name: impl Into<Name<'a>>, value: &[u8]) {
        let name = name.into();
        let replaces = self.may_have(name);
        self.append(name, value);
        if replaces {
            self.replace_by_last(name);
        }
    }

    /// Adds a line. White space around the value is dropped. A control character in the value is written as a
    /// space, and a character that no name may have as `_`: whatever is passed here, it stays one line.
    pub fn append<'a>(&mut self, name: impl Into<Name<'a>>, value: &[u8]) {
        let value = trim(value);
        let begun = self.begin(name.into(), value.len());
        self.bytes.extend_from_slice(value);
        self.end(begun);
    }

    /// Adds a line with a decimal number.
    pub fn append_number<'a>(&mut self, name: impl Into<Name<'a>>, number: u64) {
        let mut digits = [0; 20];
        self.append(name, decimal(number, &mut digits));
    }

    /// Adds a line with the value of the first line that is named `source`, if there is one.
    pub fn append_copy<'a>(&mut self, name: impl Into<Name<'a>>, source: Known) {
        if let Some(value) = self.lines.iter().find(|line| line.known == Some(source)).map(|line| line.value)
        {
            self.append_text(name.into(), value);
        }
    }

    /// Adds a line with a text that is among the bytes.
    pub(crate) fn append_text(&mut self, name: Name<'_>, text: Span) {
        let begun = self.begin(name, text.range().len());
        self.bytes.extend_from_within(text.range());
        self.end(begun);
    }

    /// Adds lines that were made before.
    pub fn append_all(&mut self, others: &Fields) {
        let moved = offset(self.bytes.len());
        self.bytes.extend_from_slice(&others.bytes);
        self.lines.extend(others.lines.iter().map(|line| line.behind(moved)));
        self.present |= others.present;
        self.has_odd_names |= others.has_odd_names;
    }

    /// Replaces all lines with this name by one with their values and then `last`, divided by `separator`. Without
    /// such lines, `last` is the value.
    pub fn join<'a>(&mut self, name: impl Into<Name<'a>>, separator: &[u8], last: Option<&[u8]>) {
        let name = name.into();
        if last.is_none() && self.get_all(name).nth(1).is_none() {
            return;
        }
        let begun = self.begin(name, last.map_or(0, <[u8]>::len));
        let mut lead: &[u8] = b"";
        for line in &self.lines {
            // The bytes of the line that was begun are no line yet.
            if line.has_name(&self.bytes, name) {
                self.bytes.extend_from_slice(std::mem::replace(&mut lead, separator));
                self.bytes.extend_from_within(line.value.range());
            }
        }
        if let Some(last) = last.map(trim) {
            self.bytes.extend_from_slice(lead);
            self.bytes.extend_from_slice(last);
        }
        self.end(begun);
        self.replace_by_last(name);
    }

    /// Replaces the fields of framing by those of the given length. `Bytes(0)` is written as a length of 0,
    /// and `None` and `UntilClose` as nothing. Lines that say the same already stay as they are.
    pub fn set_body(&mut self, body: BodyLength) {
        let mut digits = [0; 20];
        let (known, other, value): (_, _, &[u8]) = match body {
            BodyLength::None | BodyLength::UntilClose => {
                return self.remove_each(&[Known::ContentLength, Known::TransferEncoding]);
            }
            BodyLength::Bytes(length) => {
                (Known::ContentLength, Known::TransferEncoding, decimal(length, &mut digits))
            }
            BodyLength::Chunked => (Known::TransferEncoding, Known::ContentLength, b"chunked"),
        };
        self.remove(other);
        let mut values = self.get_all(known);
        if values.next() != Some(value) || values.next().is_some() {
            drop(values);
            self.set(known, value);
        }
    }

    /// Begins a line with a value of about this length.
    fn begin(&mut self, name: Name<'_>, length: usize) -> Begun {
        let start = self.bytes.len();
        self.bytes.reserve(name.as_bytes().len() + length + b"_: \r\n".len());
        match name.known() {
            Some(_) => self.bytes.extend_from_slice(name.as_bytes()),
            None => {
                self.has_odd_names |= is_odd_name(name.as_bytes());
                self.push_name(name.as_bytes());
            }
        }
        let name_length = offset(self.bytes.len() - start);
        self.bytes.extend_from_slice(b": ");
        Begun { start, name_length, value: self.bytes.len(), known: name.known() }
    }

    /// Ends a line, the value of which was written behind its begin.
    fn end(&mut self, begun: Begun) {
        let Begun { start, name_length, value, known } = begun;
        while let Some(at) = find_control(&self.bytes[value..]) {
            self.bytes[value + at] = b' ';
        }
        let end = self.bytes.len();
        self.bytes.extend_from_slice(b"\r\n");
        self.present |= known.map_or(0, Known::bit);
        let (whole, value) = (Span::new(start, end + 2), Span::new(value, end));
        self.lines.push(Line { whole, value, name_length, known, is_plain: true });
    }

    fn push_name(&mut self, name: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(if name.is_empty() { b"_" } else { name });
        let written = self.bytes[start..].iter_mut();
        written.filter(|byte| !is_token_byte(**byte)).for_each(|byte| *byte = b'_');
    }

    /// Moves the last line to the place of the first one with this name, and removes all others with it.
    fn replace_by_last(&mut self, name: Name<'_>) {
        let named = |line: &Line| line.has_name(&self.bytes, name);
        if let Some(first) = self.lines.iter().position(named)
            && first + 1 < self.lines.len()
            && let Some(last) = self.lines.pop()
        {
            self.lines[first] = last;
            self.remove_lines(first + 1, name);
            self.present |= last.known.map_or(0, Known::bit);
        }
    }

    fn remove_lines(&mut self, from: usize, name: Name<'_>) {
        remove(&mut self.lines, &mut self.present, &self.bytes, from, name);
    }
}

/// Returns the bit of a length in a set of lengths.
fn length_bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// Compares two names without case, as an order in which they can be searched.
fn compare(one: &[u8], other: &[u8]) -> Ordering {
    one.iter().map(u8::to_ascii_lowercase).cmp(other.iter().map(u8::to_ascii_lowercase))
}

/// Removes the lines with this name from the line with index `from` on.
fn remove(lines: &mut Vec<Line>, present: &mut u64, bytes: &[u8], from: usize, name: Name<'_>) {
    let bit = name.known().map_or(0, Known::bit);
    if bit != 0 && *present & bit == 0 {
        return;
    }
    let mut index = 0;
    lines.retain(|line| {
        index += 1;
        index <= from || !line.has_name(bytes, name)
    });
    *present &= !bit;
}

impl Line {
    /// Returns the line at a place that is `moved` bytes behind its own.
    fn behind(&self, moved: u32) -> Line {
        let behind = |span: Span| Span { start: span.start + moved, end: span.end + moved };
        Line { whole: behind(self.whole), value: behind(self.value), ..*self }
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
