//! What is secret in a nested template because of the templates around it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secrets::MIN_PART;

/// The secrets of the templates around a nested one. They stay secret in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Inherited {
    /// True if the template around it has evaluated its expressions, so that it can contain secrets.
    pub(super) evaluated: bool,
    /// The lower-case names of the parameters whose values derive from secrets.
    pub(super) parameters: BTreeSet<String>,
    /// The lower-case names of the outputs whose values derive from secrets.
    pub(super) outputs: BTreeSet<String>,
    /// The secret strings.
    pub(super) secrets: BTreeSet<String>,
}

impl Inherited {
    /// Adds the strings of a value that derives from a secret. Short ones are left out: they are in texts by chance.
    pub(super) fn learn(&mut self, value: &Value) {
        match value {
            Value::String(text) if text.len() >= MIN_PART => drop(self.secrets.insert(text.clone())),
            Value::Array(list) => list.iter().for_each(|value| self.learn(value)),
            Value::Object(object) => object.values().for_each(|value| self.learn(value)),
            _ => {}
        }
    }
}
