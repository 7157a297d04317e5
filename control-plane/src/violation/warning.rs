//! Warnings about a document: what is accepted, but not what the author may think.

use serde_json::{Value, json};

use super::ROOT;

/// The maximum number of recorded warnings of one request.
const MAX_WARNINGS: usize = 200;

/// One warning about a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The code, one of [`super::code`].
    pub(crate) code: &'static str,
    /// The JSON path in the document, as in a violation.
    pub(crate) target: String,
    /// A sentence that names the property and what becomes of it.
    pub(crate) message: String,
}

/// The warnings about a document, in the order in which they were found, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Warnings(Vec<Warning>);

impl Warnings {
    /// Adds a warning, up to [`MAX_WARNINGS`].
    pub(crate) fn push(&mut self, warning: Warning) {
        if self.0.len() < MAX_WARNINGS && !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    /// Adds later warnings.
    pub(crate) fn append(&mut self, later: Warnings) {
        later.0.into_iter().for_each(|warning| self.push(warning));
    }

    /// Returns the warnings about a part at `place` of a larger document, with the paths that they have there. `show`
    /// changes each text.
    pub(crate) fn at(self, place: &str, show: impl Fn(&str) -> String) -> Warnings {
        let moved = |Warning { code, target, message }: Warning| {
            let target = if target == ROOT { place.to_owned() } else { format!("{place}.{target}") };
            Warning { code, target: show(&target), message: show(&message) }
        };
        Warnings(self.0.into_iter().map(moved).collect())
    }

    /// The warnings in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Warning> {
        self.0.iter()
    }

    /// The warnings as a list of objects; `None` if there are none.
    pub(crate) fn to_json(&self) -> Option<Value> {
        let shown = |one: &Warning| json!({"code": one.code, "message": one.message, "target": one.target});
        (!self.0.is_empty()).then(|| self.0.iter().map(shown).collect())
    }

    /// Returns the number of warnings with that code.
    pub(crate) fn count(&self, code: &str) -> usize {
        self.0.iter().filter(|warning| warning.code == code).count()
    }

    /// Removes the warnings with that code and returns them.
    pub(super) fn take(&mut self, code: &str) -> Vec<Warning> {
        let (taken, rest) = std::mem::take(&mut self.0).into_iter().partition(|warning| warning.code == code);
        self.0 = rest;
        taken
    }

    /// The JSON paths, to be changed.
    pub(super) fn targets(&mut self) -> impl Iterator<Item = &mut String> {
        self.0.iter_mut().map(|warning| &mut warning.target)
    }
}
