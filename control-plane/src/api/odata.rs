//! The words and signs of OData expressions such as `$filter`, with their positions. Pure.
//!
//! An error says what was found where, and what was expected. Positions count characters from 1.

use std::fmt;

/// The longest word or text that an error repeats, in characters.
const SHOWN: usize = 40;

/// A part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, an operator, a number or a time.
    Word(String),
    /// A text in single quotes, in which a doubled quote is a literal one.
    Text(String),
    Open,
    Close,
    Comma,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(SHOWN).collect::<String>();
        match self {
            Token::Word(word) => write!(f, "'{}'", short(word)),
            Token::Text(text) => write!(f, "the text '{}'", short(text)),
            Token::Open => f.write_str("'('"),
            Token::Close => f.write_str("')'"),
            Token::Comma => f.write_str("','"),
        }
    }
}

/// The tokens of an expression, from first to last.
#[derive(Debug)]
pub(super) struct Tokens {
    /// In reverse order, with their positions.
    rest: Vec<(usize, Token)>,
    /// The position behind the last token.
    end: usize,
}

impl Tokens {
    /// Reads the tokens of an expression.
    ///
    /// # Errors
    /// A text is not terminated.
    pub(super) fn of(expression: &str) -> Result<Tokens, String> {
        let mut rest = expression.chars().enumerate().peekable();
        let mut tokens = Vec::new();
        while let Some((at, first)) = rest.next() {
            let token = match first {
                '(' => Token::Open,
                ')' => Token::Close,
                ',' => Token::Comma,
                '\'' => {
                    let mut text = String::new();
                    loop {
                        match rest.next() {
                            Some((_, '\'')) if rest.next_if(|(_, next)| *next == '\'').is_some() => {
                                text.push('\'');
                            }
                            Some((_, '\'')) => break,
                            Some((_, letter)) => text.push(letter),
                            None => {
                                return Err(format!("The text at position {} has no closing quote.", at + 1));
                            }
                        }
                    }
                    Token::Text(text)
                }
                space if space.is_whitespace() => continue,
                letter => {
                    let mut word = String::from(letter);
                    let is_of_word =
                        |(_, next): &(usize, char)| !next.is_whitespace() && !"(),'".contains(*next);
                    word.extend(std::iter::from_fn(|| rest.next_if(is_of_word)).map(|(_, next)| next));
                    Token::Word(word)
                }
            };
            tokens.push((at + 1, token));
        }
        tokens.reverse();
        Ok(Tokens { rest: tokens, end: expression.chars().count() + 1 })
    }

    /// Returns the next token, which stays the next one.
    pub(super) fn peek(&self) -> Option<&Token> {
        self.rest.last().map(|(_, token)| token)
    }

    /// Returns true if no token is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the position of the next token, or of the end.
    pub(super) fn position(&self) -> usize {
        self.rest.last().map_or(self.end, |(at, _)| *at)
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Option<Token> {
        self.rest.pop().map(|(_, token)| token)
    }

    /// Takes the next token if it is this word, in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.take_if(|token| matches!(token, Token::Word(own) if own.eq_ignore_ascii_case(word)))
    }

    /// Takes the next token if it is this sign.
    pub(super) fn take_sign(&mut self, sign: &Token) -> bool {
        self.take_if(|token| token == sign)
    }

    fn take_if(&mut self, is_wanted: impl Fn(&Token) -> bool) -> bool {
        let is_next = self.peek().is_some_and(is_wanted);
        if is_next {
            self.rest.pop();
        }
        is_next
    }

    /// Takes the next token, which must be this sign.
    pub(super) fn expect_sign(&mut self, sign: &Token) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.expected(&sign.to_string())) }
    }

    /// Takes a text in quotes. `what` describes it.
    pub(super) fn expect_text(&mut self, what: &str) -> Result<String, String> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.rest.pop();
                Ok(text)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Returns the error of a next token that is something else than `what`.
    pub(super) fn expected(&self, what: &str) -> String {
        match self.rest.last() {
            Some((at, token)) => format!("{what} was expected at position {at}, not {token}."),
            None => format!("{what} was expected at position {}, but the expression ends there.", self.end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_words_texts_and_signs() {
        let mut tokens =
            Tokens::of(" not startswith(path,'it''s') and openedAt ge 2030-01-02T03:04:05Z").unwrap();
        let word = |text: &str| Token::Word(text.to_owned());
        assert!(tokens.take_word("NOT") && !tokens.take_sign(&Token::Open));
        assert_eq!(tokens.position(), 6);
        assert_eq!(tokens.next(), Some(word("startswith")));
        tokens.expect_sign(&Token::Open).unwrap();
        assert_eq!(tokens.next(), Some(word("path")));
        assert_eq!(
            tokens.expect_text("A text"),
            Err("A text was expected at position 21, not ','.".to_owned())
        );
        tokens.expect_sign(&Token::Comma).unwrap();
        assert_eq!(tokens.expect_text("A text").unwrap(), "it's");
        tokens.expect_sign(&Token::Close).unwrap();
        let rest: Vec<_> = std::iter::from_fn(|| tokens.next()).collect();
        assert_eq!(rest, ["and", "openedAt", "ge", "2030-01-02T03:04:05Z"].map(word));
        assert!(tokens.is_empty());
        let error = tokens.expected("A name");
        assert_eq!(error, "A name was expected at position 67, but the expression ends there.");
        assert!(Tokens::of("a eq 'b").unwrap_err().contains("position 6"));
    }
}
