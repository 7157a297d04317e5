//! Parses the expressions between `[` and `]` into a tree. Pure, and bounded because the text is untrusted.
//!
//! `evaluate` resolves the names in the tree.

/// The maximum length of an expression in bytes: ARM's, whose documented 24,576 are less than what it takes. Bicep
/// writes long expressions, because it inlines what depends on deployed resources.
const MAX_LENGTH: usize = 131_072;

/// The maximum nesting of calls in one expression.
const MAX_DEPTH: usize = 64;

/// The kind of a string in a template.
#[derive(Debug, PartialEq)]
pub(super) enum TemplateText<'a> {
    /// Literal text.
    Literal(&'a str),
    /// The text of an expression, without its brackets.
    Expression(&'a str),
}

/// Distinguishes expressions from literals: an expression begins with `[` and ends with `]`; `[[` escapes a
/// literal bracket.
pub(super) fn classify(text: &str) -> TemplateText<'_> {
    match text.strip_prefix('[') {
        Some(rest) if rest.ends_with(']') => match rest.starts_with('[') {
            true => TemplateText::Literal(rest),
            false => TemplateText::Expression(&rest[..rest.len() - 1]),
        },
        _ => TemplateText::Literal(text),
    }
}

/// Returns the text of a template that stands for this literal text.
pub(super) fn escape(text: String) -> String {
    match classify(&text) {
        TemplateText::Literal(literal) if literal == text => text,
        _ => format!("[{text}"),
    }
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    /// `'text'`.
    Text(String),
    /// `12`.
    Integer(i64),
    /// `name(a, b)` or `namespace.name(a, b)`.
    Call(String, Vec<Expression>),
    /// `of.a['b'][0]`: a sequence of member accesses.
    Access(Box<Expression>, Vec<Expression>),
}

impl Expression {
    /// Parses the text between the brackets.
    ///
    /// # Errors
    /// The reason, as a sentence.
    pub(super) fn read(text: &str) -> Result<Expression, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("The expression is longer than {MAX_LENGTH} bytes."));
        }
        let mut reader = Reader { text, at: 0, depth: 0 };
        let expression = reader.expression()?;
        reader.skip_space();
        if reader.at < text.len() {
            return Err(reader.unexpected());
        }
        Ok(expression)
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn expression(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("The expression is nested more than {MAX_DEPTH} levels deep."));
        }
        let first = self.primary()?;
        let mut steps = Vec::new();
        loop {
            self.skip_space();
            if self.take(b'.') {
                self.skip_space();
                steps.push(Expression::Text(self.name()?));
            } else if self.take(b'[') {
                steps.push(self.expression()?);
                self.expect(b']')?;
            } else {
                break;
            }
        }
        self.depth -= 1;
        Ok(if steps.is_empty() { first } else { Expression::Access(Box::new(first), steps) })
    }

    fn primary(&mut self) -> Result<Expression, String> {
        self.skip_space();
        match self.peek() {
            Some(b'\'') => self.literal().map(Expression::Text),
            Some(b'-' | b'0'..=b'9') => self.integer(),
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => self.call(),
            _ => Err(self.unexpected()),
        }
    }

    fn call(&mut self) -> Result<Expression, String> {
        let mut name = self.name()?;
        // The names of imported functions have further dots.
        while self.take(b'.') {
            name = format!("{name}.{}", self.name()?);
        }
        self.skip_space();
        if !self.take(b'(') {
            return Err(format!("'{name}' is not a function call: '(' is expected after it."));
        }
        let mut arguments = Vec::new();
        self.skip_space();
        if self.take(b')') {
            return Ok(Expression::Call(name, arguments));
        }
        loop {
            arguments.push(self.expression()?);
            self.skip_space();
            if !self.take(b',') {
                break;
            }
        }
        self.expect(b')')?;
        Ok(Expression::Call(name, arguments))
    }

    /// Parses a text in single quotes; a doubled quote is a literal one.
    fn literal(&mut self) -> Result<String, String> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find('\'').ok_or("A string is not terminated: a single quote is missing.")?;
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.take(b'\'') {
                return Ok(text);
            }
            text.push('\'');
        }
    }

    fn integer(&mut self) -> Result<Expression, String> {
        let start = self.at;
        self.take(b'-');
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = &self.text[start..self.at];
        digits.parse().map(Expression::Integer).map_err(|_| format!("'{digits}' is not a 64-bit integer."))
    }

    fn name(&mut self) -> Result<String, String> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')) {
            self.at += 1;
        }
        if start == self.at { Err(self.unexpected()) } else { Ok(self.text[start..self.at].to_owned()) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), String> {
        self.skip_space();
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn unexpected(&self) -> String {
        match self.text[self.at..].chars().next() {
            Some(found) => format!("'{found}' is not expected at position {}.", self.at + 1),
            None => "The expression ends unexpectedly.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_make_an_expression() {
        let cases = [
            ("plain", TemplateText::Literal("plain")),
            ("", TemplateText::Literal("")),
            ("[", TemplateText::Literal("[")),
            ("[a", TemplateText::Literal("[a")),
            ("a[b]", TemplateText::Literal("a[b]")),
            ("[[a]", TemplateText::Literal("[a]")),
            ("[[a", TemplateText::Literal("[[a")),
            ("[a]", TemplateText::Expression("a")),
            ("[]", TemplateText::Expression("")),
        ];
        for (text, expected) in cases {
            assert_eq!(classify(text), expected, "{text}");
        }
    }

    fn text(text: &str) -> Expression {
        Expression::Text(text.to_owned())
    }

    fn call(name: &str, arguments: Vec<Expression>) -> Expression {
        Expression::Call(name.to_owned(), arguments)
    }

    #[test]
    fn expressions_are_read() {
        let cases = [
            ("'it''s'", text("it's")),
            (" -12 ", Expression::Integer(-12)),
            ("f()", call("f", vec![])),
            ("my.f ( 'a' , 1 )", call("my.f", vec![text("a"), Expression::Integer(1)])),
            (
                "f(g()).a['b'] [0].c",
                Expression::Access(
                    Box::new(call("f", vec![call("g", vec![])])),
                    vec![text("a"), text("b"), Expression::Integer(0), text("c")],
                ),
            ),
        ];
        for (source, expected) in cases {
            assert_eq!(Expression::read(source), Ok(expected), "{source}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        let deep = format!("{}{}", "f(".repeat(65), ")".repeat(65));
        let long = format!("'{}'", "a".repeat(MAX_LENGTH));
        let cases = [
            ("", "ends unexpectedly"),
            ("f", "'(' is expected"),
            ("f(", "ends unexpectedly"),
            ("f(1,)", "')' is not expected"),
            ("f() g()", "'g' is not expected at position 5"),
            ("f(.a)", "'.' is not expected"),
            ("f().", "ends unexpectedly"),
            ("f()['a'", "ends unexpectedly"),
            ("'open", "not terminated"),
            ("99999999999999999999", "is not a 64-bit integer"),
            ("-", "is not a 64-bit integer"),
            ("f(ä)", "'ä' is not expected"),
            ("\"a\"", "'\"' is not expected"),
            (&deep, "more than 64 levels"),
            (&long, "longer than"),
        ];
        for (source, expected) in cases {
            let why = Expression::read(source).unwrap_err();
            assert!(why.contains(expected), "{source:.40}: {why}");
        }
    }
}
