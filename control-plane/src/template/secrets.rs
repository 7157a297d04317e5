//! Removes secret strings from texts. Pure.
//!
//! Secrets and texts are untrusted. So a text is scanned once for all secrets, and replacements are not scanned
//! again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use serde_json::Value;

/// The replacement of a secret.
const HIDDEN: &str = "(secure)";

/// The length in bytes from which a secret within a text makes the text secret. Shorter ones are in texts by chance.
pub(super) const MIN_PART: usize = 4;

/// The total length in bytes of the secrets that are looked for. The automaton needs some 50 bytes for each.
const MAX_TOTAL: usize = 1024 * 1024;

/// A set of secrets, and the automaton that finds them.
#[derive(Default)]
pub(super) struct Secrets {
    texts: BTreeSet<String>,
    /// Built on first use: most templates produce no message that could contain a secret.
    finder: OnceLock<Option<AhoCorasick>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.texts.len())
    }
}

impl Secrets {
    /// Adds every string in a value.
    pub(super) fn gather(&mut self, value: Value) {
        match value {
            Value::String(text) if !text.is_empty() => drop(self.texts.insert(text)),
            Value::Array(list) => list.into_iter().for_each(|value| self.gather(value)),
            Value::Object(object) => object.into_iter().for_each(|(_, value)| self.gather(value)),
            _ => {}
        }
        self.finder = OnceLock::new();
    }

    /// The secret strings.
    pub(super) fn texts(&self) -> &BTreeSet<String> {
        &self.texts
    }

    /// Returns a set of these strings.
    pub(super) fn of(texts: &BTreeSet<String>) -> Secrets {
        Secrets { texts: texts.clone(), finder: OnceLock::new() }
    }

    /// Returns whether a value contains a secret.
    pub(super) fn are_in(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.hide(text) != *text,
            Value::Array(list) => list.iter().any(|value| self.are_in(value)),
            Value::Object(object) => object.values().any(|value| self.are_in(value)),
            _ => false,
        }
    }

    /// Returns whether a string in a value contains a secret of at least [`MIN_PART`] bytes.
    pub(super) fn are_parts_of(&self, value: &Value) -> bool {
        match value {
            Value::String(text) if !self.texts.is_empty() => match self.finder() {
                Some(finder) => finder.find_iter(text).any(|found| found.len() >= MIN_PART),
                None => true,
            },
            Value::Array(list) => list.iter().any(|value| self.are_parts_of(value)),
            Value::Object(object) => object.values().any(|value| self.are_parts_of(value)),
            _ => false,
        }
    }

    /// The automaton; `None` if it cannot be built, or would be too large.
    fn finder(&self) -> Option<&AhoCorasick> {
        let build = || {
            let total: usize = self.texts.iter().map(String::len).sum();
            // The default for few patterns has a table with a row for each byte, some hundred times as large.
            let kind = Some(AhoCorasickKind::ContiguousNFA);
            let mut builder = AhoCorasick::builder();
            builder.kind(kind).match_kind(MatchKind::LeftmostLongest);
            if total > MAX_TOTAL { None } else { builder.build(&self.texts).ok() }
        };
        self.finder.get_or_init(build).as_ref()
    }

    /// Replaces secrets in a text; of overlapping matches the leftmost longest one is replaced.
    pub(super) fn hide(&self, text: &str) -> String {
        if self.texts.is_empty() {
            return text.to_owned();
        }
        // If the automaton cannot be built, the whole text is hidden.
        let Some(finder) = self.finder() else { return HIDDEN.to_owned() };
        let mut shown = String::with_capacity(text.len());
        finder.replace_all_with(text, &mut shown, |_, _, shown| {
            shown.push_str(HIDDEN);
            true
        });
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_once() {
        let mut secrets = Secrets::default();
        assert_eq!(secrets.hide("open"), "open");
        secrets.gather(json!({"a": ["secret", "secret2", "", 1], "b": {"c": "secret"}}));
        assert_eq!(secrets.hide("secret2secret, secre"), "(secure)(secure), secre");
        assert!(!format!("{secrets:?}").contains("secret2"));
        secrets.gather(json!("abc"));
        for (value, expected) in
            [(json!(["xsecretx"]), true), (json!({"a": "abc"}), false), (json!(1), false)]
        {
            assert_eq!(secrets.are_parts_of(&value), expected, "{value}");
        }
    }

    #[test]
    fn beside_secrets_that_are_too_long_to_be_found_everything_is_secret() {
        let mut secrets = Secrets::default();
        secrets.gather("x".repeat(MAX_TOTAL + 1).into());
        assert_eq!(secrets.hide("open"), HIDDEN);
        assert!(secrets.are_in(&json!("open")) && secrets.are_parts_of(&json!("open")));
    }

    #[test]
    fn what_stands_for_a_secret_does_not_grow() {
        let mut secrets = Secrets::default();
        secrets.gather(Value::from(vec!["e"; 64]));
        secrets.gather(json!(["(", "s", "c", "u", "r", ")"]));
        assert_eq!(secrets.hide("be"), "b(secure)");
    }
}
