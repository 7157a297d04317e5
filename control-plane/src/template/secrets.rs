//! The texts that nobody may see, and texts without them. Pure.
//!
//! Both are anybody's. So a text is gone through once, whatever the secrets are: what stands in for one is not looked
//! at again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

/// What stands in for a secret.
const HIDDEN: &str = "(secure)";

/// Secrets, and what finds them.
#[derive(Default)]
pub(super) struct Secrets {
    texts: BTreeSet<String>,
    /// Made when it is first needed: most templates never say anything that a secret could be in.
    finder: OnceLock<Option<AhoCorasick>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.texts.len())
    }
}

impl Secrets {
    /// Adds every text in a value.
    pub(super) fn gather(&mut self, value: Value) {
        match value {
            Value::String(text) if !text.is_empty() => drop(self.texts.insert(text)),
            Value::Array(list) => list.into_iter().for_each(|value| self.gather(value)),
            Value::Object(object) => object.into_iter().for_each(|(_, value)| self.gather(value)),
            _ => {}
        }
        self.finder = OnceLock::new();
    }

    /// A text without secrets; of those that overlap, the first and longest counts.
    pub(super) fn hide(&self, text: &str) -> String {
        if self.texts.is_empty() {
            return text.to_owned();
        }
        let build = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&self.texts).ok();
        // Where there are more than can be looked for, nothing is shown.
        let Some(finder) = self.finder.get_or_init(build) else { return HIDDEN.to_owned() };
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
    }

    #[test]
    fn what_stands_for_a_secret_does_not_grow() {
        let mut secrets = Secrets::default();
        secrets.gather(Value::from(vec!["e"; 64]));
        secrets.gather(json!(["(", "s", "c", "u", "r", ")"]));
        assert_eq!(secrets.hide("be"), "b(secure)");
    }
}
