//! Converts relaxed JSON, as people write templates, to strict JSON: comments, trailing commas, unquoted names
//! and line breaks in strings. Pure.
//!
//! azure-cli sends a template file unchanged, as the value of an unquoted name.

/// Converts to strict JSON. Any other error in the text remains, and the JSON parser reports it.
pub(crate) fn strict(text: &str) -> String {
    let mut strict = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => copy_text(rest, &mut strict),
            '/' if skipped(rest) > 0 => skipped(rest),
            ',' => {
                let next = &rest[1..];
                let ahead = next[skipped(next)..].chars().next();
                if !matches!(ahead, Some('}' | ']')) {
                    strict.push(',');
                }
                1
            }
            first if is_name(first) => {
                let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
                let (name, next) = rest.split_at(length);
                match next[skipped(next)..].starts_with(':') {
                    true => strict.extend(["\"", name, "\""]),
                    false => strict.push_str(name),
                }
                length
            }
            other => {
                strict.push(other);
                other.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    strict
}

/// Characters of unquoted names, and of numbers and literals, which differ from names in that no colon follows.
fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '-' | '+' | '.')
}

/// Copies a quoted string, escaping its line breaks and tabs. Returns its length in `text`, in bytes.
fn copy_text(text: &str, strict: &mut String) -> usize {
    let mut escaped = false;
    strict.push('"');
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '\n' => strict.push_str("\\n"),
            '\r' => strict.push_str("\\r"),
            '\t' => strict.push_str("\\t"),
            other => strict.push(other),
        }
        if character == '"' && !escaped {
            return at + 1;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}

/// Returns the length of the white space and comments at the start of a text, in bytes.
fn skipped(text: &str) -> usize {
    let mut rest = text;
    loop {
        let next = rest.trim_start();
        let next = if next.starts_with("//") {
            next.find('\n').map_or("", |at| &next[at..])
        } else if let Some(comment) = next.strip_prefix("/*") {
            comment.find("*/").map_or("", |at| &comment[at + 2..])
        } else {
            return text.len() - next.len();
        };
        rest = next;
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn liberties_are_taken_back() {
        let cases = [
            (
                "{\"properties\": {\"mode\": \"x\", template:{\r\n  \"$schema\": \"//a\"}}}",
                json!({"properties": {"mode": "x", "template": {"$schema": "//a"}}}),
            ),
            ("{ // one, \"two\"\n a: 1, /* b: 2, */ $c : [1, 2,], }", json!({"a": 1, "$c": [1, 2]})),
            (
                "{\"a\": true, b: null, c: -1.5e+3, d: false}",
                json!({"a": true, "b": null, "c": -1500.0, "d": false}),
            ),
            ("[\"a\nb\tc\", \"q\\\"//x\\\\\", \"/*\"]", json!(["a\nb\tc", "q\"//x\\", "/*"])),
            ("{\"a\": 1 /* after */, // last\n}", json!({"a": 1})),
            ("{\"ä\": \"ö\", ü: 1}", json!({"ä": "ö", "ü": 1})),
            ("{\"a\":1}", json!({"a": 1})),
        ];
        for (relaxed, expected) in cases {
            let strict = strict(relaxed);
            assert_eq!(serde_json::from_str::<Value>(&strict).ok(), Some(expected), "{relaxed} {strict}");
        }
        for wrong in ["", "{", "{a b: 1}", "\"open", "/* open", "{\"a\": \"b\\", "/", "{a: 1,, b: 2}", "//"] {
            assert!(serde_json::from_str::<Value>(&strict(wrong)).is_err(), "{wrong}");
        }
    }
}
