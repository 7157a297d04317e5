//! The grammar of chunk extensions (RFC 9112, section 7.1.1), byte by byte: `*( BWS ";" BWS name [ BWS "=" BWS value ] )`
//! with a token for a name, and a token or a quoted string for a value. Pure.
//!
//! Nobody uses what extensions say, and none is forwarded. But parsers disagree about where a malformed one ends.

use super::line::is_token_byte;

/// Where in the extensions of one chunk the next byte stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// Behind a semicolon: a name follows.
    Start,
    Name,
    /// Behind white space that follows a name.
    AfterName,
    /// Behind an equals sign: a value follows.
    Equals,
    Token,
    Quoted,
    /// Behind a backslash within a quoted string.
    Escaped,
    QuoteEnd,
    /// Behind white space that follows a value.
    AfterValue,
}

impl Extension {
    /// Takes one byte that is not the end. None where the grammar does not allow it.
    pub(super) fn step(self, byte: u8) -> Option<Extension> {
        use Extension::{AfterName, AfterValue, Equals, Escaped, Name, QuoteEnd, Quoted, Start, Token};
        match (self, byte) {
            (Start | AfterName | Equals | AfterValue, b' ' | b'\t') => Some(self),
            (Name, b' ' | b'\t') => Some(AfterName),
            (Token | QuoteEnd, b' ' | b'\t') => Some(AfterValue),
            (Name | AfterName | Token | QuoteEnd | AfterValue, b';') => Some(Start),
            (Name | AfterName, b'=') => Some(Equals),
            (Equals, b'"') => Some(Quoted),
            (Quoted, b'"') => Some(QuoteEnd),
            (Quoted, b'\\') => Some(Escaped),
            (Quoted | Escaped, b'\t' | b' '..=b'~' | 0x80..) => Some(Quoted),
            (Start | Name, _) if is_token_byte(byte) => Some(Name),
            (Equals | Token, _) if is_token_byte(byte) => Some(Token),
            _ => None,
        }
    }

    /// Whether the extensions may end here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Extension::Name | Extension::Token | Extension::QuoteEnd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_names_with_or_without_values() {
        let cases = [
            ("a", true),
            ("a;b", true),
            ("a=b", true),
            ("a=\"b;c=\\\"d\\\"\"", true),
            ("a=\"\"", true),
            (" a = b ; c=\"d\" ;\te", true),
            ("a=\"caf\u{e9}\"", true),
            ("", false),
            (" ", false),
            ("a;", false),
            ("a ", false),
            ("a=", false),
            ("a=b ", false),
            ("=b", false),
            ("a b", false),
            ("a=b c", false),
            ("a=\"b", false),
            ("a=\"b\\", false),
            ("a=\"b\"c", false),
            ("a==b", false),
            ("a=b=c", false),
            ("bad[=x", false),
            ("a=[", false),
            ("caf\u{e9}", false),
            ("a\0", false),
            ("a=\"\0\"", false),
            ("a=\"\\\r\"", false),
        ];
        for (text, good) in cases {
            let end = text.bytes().try_fold(Extension::Start, Extension::step);
            assert_eq!(end.is_some_and(Extension::may_end), good, "{text:?}");
        }
    }
}
