//! The grammar of chunk extensions (RFC 9112, section 7.1.1), byte by byte: `*( BWS ";" BWS name [ BWS "="
//! BWS value ] )`, where a name is a token, and a value a token or a quoted string. Pure.
//!
//! Extensions are neither used nor forwarded. They are validated because parsers disagree about the end of a
//! malformed one.

use crate::line::is_token_byte;

/// The state of the parser before the next byte of a chunk's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// After a semicolon: a name follows.
    Start,
    Name,
    /// After white space that follows a name.
    AfterName,
    /// After an equals sign: a value follows.
    Equals,
    Token,
    Quoted,
    /// After a backslash within a quoted string.
    Escaped,
    QuoteEnd,
    /// After white space that follows a value.
    AfterValue,
}

impl Extension {
    /// Consumes one byte within the extensions. Returns `None` if the grammar does not allow it.
    pub(crate) fn step(self, byte: u8) -> Option<Extension> {
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

    /// Returns true if the extensions may end here.
    pub(crate) fn may_end(self) -> bool {
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
