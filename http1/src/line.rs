//! Header lines: their syntax, and the message length that they define. Pure.

use crate::fault::Fault;
use crate::known::Known;
use crate::words::{find_colon, find_control};

/// The most header lines of a message, which is also hyper's limit.
const MAX_FIELDS: u16 = 100;

/// A plain character of a header name: a letter, a digit or a hyphen.
const PLAIN: u8 = 0;
/// Another character that RFC 9110 allows in a header name. Some servers treat it as a different one.
const ODD: u8 = 1;
const BAD: u8 = 2;

static NAME: [u8; 256] = {
    let mut classes = [BAD; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => PLAIN,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'.' | b'^' | b'_' | b'`' | b'|'
            | b'~' => ODD,
            _ => BAD,
        };
        byte += 1;
    }
    classes
};

/// Returns true for a byte of a token (RFC 9110, section 5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    NAME[usize::from(byte)] != BAD
}

/// Returns true for a name with characters other than letters, digits and hyphens.
pub(crate) fn is_odd_name(name: &[u8]) -> bool {
    name.iter().any(|byte| NAME[usize::from(*byte)] != PLAIN)
}

/// One header line without its line end.
#[derive(Debug)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) known: Option<Known>,
    /// The value without surrounding white space.
    pub(crate) value: &'a [u8],
    /// The position of the value in the line.
    pub(crate) value_at: usize,
    /// True if one space and nothing else surrounds the value.
    pub(crate) is_plain: bool,
    /// True if the name has characters other than letters, digits and hyphens.
    pub(crate) odd: bool,
}

impl<'a> Field<'a> {
    /// Parses a line.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Field<'a>, Fault> {
        let colon = memchr::memchr(b':', line).unwrap_or(line.len());
        let odd = check_name(line, colon)?;
        match find_control(&line[colon + 1..]) {
            Some(_) => Err(Fault::ControlCharacter),
            None => Ok(Field::cut(line, colon, Known::of_token(&line[..colon]), odd)),
        }
    }

    /// Parses a line of which it may be known that no control character is in it but tabs.
    #[inline]
    pub(crate) fn parse_line(line: &'a [u8], is_printable: bool) -> Result<Field<'a>, Fault> {
        if !is_printable {
            return Field::parse(line);
        }
        let colon = find_colon(line).unwrap_or(line.len());
        // What equals a token, and has no control characters, is one.
        let known = Known::of_token(&line[..colon]);
        let odd = known.is_none() && check_name(line, colon)?;
        if colon == line.len() {
            return Err(Fault::FieldName);
        }
        Ok(Field::cut(line, colon, known, odd))
    }

    #[inline]
    fn cut(line: &'a [u8], colon: usize, known: Option<Known>, odd: bool) -> Field<'a> {
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        // Nearly every value is behind one space.
        if let [b' ', text @ ..] = value
            && let (Some(b'!'..), Some(b'!'..)) = (text.first(), text.last())
        {
            return Field { name, known, value: text, value_at: colon + 2, is_plain: true, odd };
        }
        let begun = trim_start(value);
        let (value_at, text) = (line.len() - begun.len(), trim_end(begun));
        let is_plain = value.first() == Some(&b' ') && text.len() + 1 == value.len();
        Field { name, known, value: text, value_at, is_plain, odd }
    }
}

/// Checks the name before a colon, which may be missing. Returns true if it has characters other than
/// letters, digits and hyphens.
fn check_name(line: &[u8], colon: usize) -> Result<bool, Fault> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(Fault::Folded);
    }
    let class = line[..colon].iter().fold(PLAIN, |class, byte| class | NAME[usize::from(*byte)]);
    if colon == 0 || colon == line.len() || class >= BAD { Err(Fault::FieldName) } else { Ok(class == ODD) }
}

/// Removes spaces and tabs at both ends.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    if let (Some(b'!'..), Some(b'!'..)) = (value.first(), value.last()) {
        return value;
    }
    trim_end(trim_start(value))
}

fn trim_start(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Returns the items of a comma-separated value, including empty ones.
pub(crate) fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(trim)
}

/// The transfer codings read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Coding {
    #[default]
    None,
    Chunked,
    /// Another coding, not yet followed by `chunked`.
    Other,
    /// Another coding, followed by `chunked`.
    OtherThenChunked,
}

/// The message length as far as the header lines read so far define it (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LengthRules {
    fields: u16,
    length: Option<u64>,
    coding: Coding,
}

/// The rule by which the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// The headers define no length.
    Unsaid,
    Bytes(u64),
    Chunked,
}

impl LengthRules {
    /// Adds one header line.
    #[inline]
    pub(crate) fn add(&mut self, field: &Field<'_>) -> Result<(), Fault> {
        self.fields += 1;
        if self.fields > MAX_FIELDS {
            return Err(Fault::TooManyFields);
        }
        match field.known {
            Some(Known::ContentLength) => {
                if self.length.is_some() {
                    return Err(Fault::LengthTwice);
                }
                self.length = Some(number(field.value).ok_or(Fault::LengthInvalid)?);
            }
            Some(Known::TransferEncoding) => {
                for item in items(field.value) {
                    self.coding = match (self.coding, item.eq_ignore_ascii_case(b"chunked")) {
                        _ if item.is_empty() => return Err(Fault::Coding),
                        (Coding::None, true) => Coding::Chunked,
                        (Coding::Other, true) => Coding::OtherThenChunked,
                        (Coding::None | Coding::Other, false) => Coding::Other,
                        (Coding::Chunked | Coding::OtherThenChunked, _) => return Err(Fault::Coding),
                    };
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Returns the length that all header lines together define.
    pub(crate) fn length(&self, old_version: bool) -> Result<Length, Fault> {
        match (self.coding, self.length) {
            (Coding::None, None) => Ok(Length::Unsaid),
            (Coding::None, Some(length)) => Ok(Length::Bytes(length)),
            (_, Some(_)) => Err(Fault::LengthAndCoding),
            (_, None) if old_version => Err(Fault::CodingInOldVersion),
            (Coding::Chunked, None) => Ok(Length::Chunked),
            (Coding::Other, None) => Err(Fault::Coding),
            (Coding::OtherThenChunked, None) => Err(Fault::CodingNotServed),
        }
    }
}

/// Returns true if a decimal number has leading zeros.
pub(crate) fn is_padded(number: &[u8]) -> bool {
    number.len() > 1 && number[0] == b'0'
}

/// Returns true if a value of `Content-Length` is a canonical 64-bit decimal number: digits alone, without a
/// sign, spaces, a list or leading zeros.
pub fn is_length(value: &[u8]) -> bool {
    number(value).is_some() && !is_padded(value)
}

/// Parses digits alone: a sign, a list or an overflow is `None`.
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_line_is_a_name_a_colon_and_printable_text() {
        let cases: &[(&[u8], Result<(&[u8], &[u8], bool), Fault>)] = &[
            (b"Host: a", Ok((b"Host", b"a", false))),
            (b"Host:a", Ok((b"Host", b"a", false))),
            (b"X-Empty:", Ok((b"X-Empty", b"", false))),
            (b"X:\t a b \t", Ok((b"X", b"a b", false))),
            (b"X_y: 1", Ok((b"X_y", b"1", true))),
            (b"X.y: 1", Ok((b"X.y", b"1", true))),
            (b"X: caf\xc3\xa9", Ok((b"X", b"caf\xc3\xa9", false))),
            (b" X: folded", Err(Fault::Folded)),
            (b"\tX: folded", Err(Fault::Folded)),
            (b"Host : a", Err(Fault::FieldName)),
            (b"Host\t: a", Err(Fault::FieldName)),
            (b": a", Err(Fault::FieldName)),
            (b"no colon", Err(Fault::FieldName)),
            (b"X\xc3\xa9: 1", Err(Fault::FieldName)),
            (b"X\0: 1", Err(Fault::FieldName)),
            (b"X(y): 1", Err(Fault::FieldName)),
            (b"X: a\0b", Err(Fault::ControlCharacter)),
            (b"X: a\rb", Err(Fault::ControlCharacter)),
            (b"X: a\x0bb", Err(Fault::ControlCharacter)),
            (b"X: a\x7fb", Err(Fault::ControlCharacter)),
        ];
        for (line, expected) in cases {
            let found = Field::parse(line).map(|field| (field.name, field.value, field.odd));
            assert_eq!(found, *expected, "{:?}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn a_canonical_length_is_a_number_without_leading_zeros() {
        let cases: &[(&[u8], bool)] = &[
            (b"0", true),
            (b"5", true),
            (b"10", true),
            (b"18446744073709551615", true),
            (b"18446744073709551616", false),
            (b"", false),
            (b"00", false),
            (b"005", false),
            (b" 5", false),
            (b"5 ", false),
            (b"+5", false),
            (b"-5", false),
            (b"0x5", false),
            (b"5,5", false),
        ];
        for (value, canonical) in cases {
            assert_eq!(is_length(value), *canonical, "{:?}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn two_opinions_on_a_length_are_one_too_many() {
        use Length::{Bytes, Chunked, Unsaid};
        let cases: &[(&str, Result<Length, Fault>)] = &[
            ("", Ok(Unsaid)),
            ("Content-Length: 0", Ok(Bytes(0))),
            ("content-length: 0012", Ok(Bytes(12))),
            ("CONTENT-LENGTH:18446744073709551615", Ok(Bytes(u64::MAX))),
            ("Content-Length: 18446744073709551616", Err(Fault::LengthInvalid)),
            ("Content-Length: +5", Err(Fault::LengthInvalid)),
            ("Content-Length: -5", Err(Fault::LengthInvalid)),
            ("Content-Length: 5, 5", Err(Fault::LengthInvalid)),
            ("Content-Length: 5 5", Err(Fault::LengthInvalid)),
            ("Content-Length: 0x5", Err(Fault::LengthInvalid)),
            ("Content-Length: 5.0", Err(Fault::LengthInvalid)),
            ("Content-Length:", Err(Fault::LengthInvalid)),
            ("Content-Length: 5|Content-Length: 5", Err(Fault::LengthTwice)),
            ("Content-Length: 5|Content-Length: 6", Err(Fault::LengthTwice)),
            ("Transfer-Encoding: chunked", Ok(Chunked)),
            ("transfer-encoding: Chunked", Ok(Chunked)),
            ("Transfer-Encoding: chunked|Content-Length: 5", Err(Fault::LengthAndCoding)),
            ("Content-Length: 0|Transfer-Encoding: chunked", Err(Fault::LengthAndCoding)),
            ("Content-Length: 5|Transfer-Encoding: nonsense", Err(Fault::LengthAndCoding)),
            ("Transfer-Encoding: chunked, chunked", Err(Fault::Coding)),
            ("Transfer-Encoding: chunked|Transfer-Encoding: chunked", Err(Fault::Coding)),
            ("Transfer-Encoding: chunked|Transfer-Encoding: identity", Err(Fault::Coding)),
            ("Transfer-Encoding: chunked, gzip", Err(Fault::Coding)),
            ("Transfer-Encoding: gzip", Err(Fault::Coding)),
            ("Transfer-Encoding: xchunked", Err(Fault::Coding)),
            ("Transfer-Encoding: \"chunked\"", Err(Fault::Coding)),
            ("Transfer-Encoding: chunked;q=1", Err(Fault::Coding)),
            ("Transfer-Encoding: chunked,", Err(Fault::Coding)),
            ("Transfer-Encoding: , chunked", Err(Fault::Coding)),
            ("Transfer-Encoding:", Err(Fault::Coding)),
            ("Transfer-Encoding: gzip, chunked", Err(Fault::CodingNotServed)),
            ("Transfer-Encoding: gzip|Transfer-Encoding: chunked", Err(Fault::CodingNotServed)),
            ("Transfer-Encoding: gzip, chunked, chunked", Err(Fault::Coding)),
        ];
        for (lines, expected) in cases {
            let mut framing = LengthRules::default();
            let added = lines
                .split('|')
                .filter(|line| !line.is_empty())
                .try_for_each(|line| framing.add(&Field::parse(line.as_bytes())?));
            assert_eq!(added.and_then(|()| framing.length(false)), *expected, "{lines}");
        }
        let mut old = LengthRules::default();
        old.add(&Field::parse(b"Transfer-Encoding: chunked").unwrap()).unwrap();
        assert_eq!(old.length(true), Err(Fault::CodingInOldVersion));
    }
}
