//! The lines of a head, found one after the other while its bytes arrive. Pure.

use crate::fault::Fault;
use crate::words::find_control;

/// The position in an incomplete head.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lines {
    /// The number of bytes in which every line end has been found.
    scanned: usize,
    /// The position at which the current line begins.
    begun: usize,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    /// The position of the line feed, which is behind a carriage return.
    pub(crate) end: usize,
    /// True if it is known that the line has no control character but tabs.
    pub(crate) is_printable: bool,
}

impl Lines {
    /// Returns the next line of a head that begins with `bytes`, or `None` if its end is not there yet.
    ///
    /// # Errors
    /// A line ends without a carriage return.
    #[inline]
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<Line>, Fault> {
        let start = self.begun;
        // Most lines end with the first control character in them, so that one search is enough.
        if self.scanned == start
            && let Some(length) = find_control(&bytes[start..])
            && let [b'\r', b'\n', ..] = bytes[start + length..]
        {
            let end = start + length + 1;
            self.advance(end);
            return Ok(Some(Line { start, end, is_printable: true }));
        }
        self.next_of_any(bytes)
    }

    /// As [`Lines::next`], for a line that is incomplete or has control characters.
    fn next_of_any(&mut self, bytes: &[u8]) -> Result<Option<Line>, Fault> {
        let start = self.begun;
        let Some(end) = memchr::memchr(b'\n', &bytes[self.scanned..]) else {
            self.scanned = bytes.len();
            return Ok(None);
        };
        let end = self.scanned + end;
        if end == start || bytes[end - 1] != b'\r' {
            return Err(Fault::BareLineFeed);
        }
        self.advance(end);
        Ok(Some(Line { start, end, is_printable: false }))
    }

    /// The position at which the current line begins.
    pub(crate) fn begun(&self) -> usize {
        self.begun
    }

    /// Returns true if no byte has been looked at.
    pub(crate) fn is_at_start(&self) -> bool {
        self.scanned == 0
    }

    fn advance(&mut self, end: usize) {
        (self.scanned, self.begun) = (end + 1, end + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_however_they_arrive() {
        let cases: &[(&str, &[(usize, usize)], Option<Fault>)] = &[
            ("a\r\n\r\nbc\r\nd", &[(0, 2), (3, 4), (5, 8)], None),
            ("a\tb\0c\r\nd\r\n", &[(0, 6), (7, 9)], None),
            ("a\rb\r\n", &[(0, 4)], None),
            ("a\r\r\n\r", &[(0, 3)], None),
            ("a\r\nb\nc\r\n", &[(0, 2)], Some(Fault::BareLineFeed)),
            ("\n\r\n", &[], Some(Fault::BareLineFeed)),
            ("a\r\n\n", &[(0, 2)], Some(Fault::BareLineFeed)),
        ];
        for (text, expected, fault) in cases {
            for piece in 1..=text.len() {
                let (mut lines, mut found, mut failed) = (Lines::default(), Vec::new(), None);
                for shown in (0..text.len()).step_by(piece).map(|at| text.len().min(at + piece)) {
                    while failed.is_none() {
                        match lines.next(&text.as_bytes()[..shown]) {
                            Ok(Some(Line { start, end, is_printable })) => {
                                let line = &text.as_bytes()[start..end - 1];
                                assert!(!is_printable || find_control(line).is_none(), "{text:?}");
                                found.push((start, end));
                            }
                            Ok(None) => break,
                            Err(fault) => failed = Some(fault),
                        }
                    }
                }
                assert_eq!((found.as_slice(), failed), (*expected, *fault), "{text:?} by {piece}");
            }
        }
    }
}
