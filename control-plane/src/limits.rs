//! The maximum number of children of a gateway: Azure's published limits, unless the operator changes them.
//!
//! Limits apply only to additions and are not part of a document's validity. So a gateway stored before a limit
//! was lowered stays valid and can be put again unchanged. Pure.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arm::collection::{COLLECTIONS, Collection, MAX_MEMBERS, over_limit};
use crate::arm::document::Document;
use crate::violation::{Violations, code};

#[cfg(test)]
mod tests;

/// A list within a child with a limit of its own.
struct ListLimit {
    /// The child's collection.
    collection: &'static str,
    /// The property, which is also the name of the limit.
    property: &'static str,
    /// The limit as Azure publishes it.
    limit: usize,
    /// The code of the violation that reports an exceeded limit.
    code: &'static str,
}

static LISTS: [ListLimit; 3] = [
    ListLimit { collection: "httpListeners", property: "hostNames", limit: 5, code: code::limit::HOST_NAMES },
    ListLimit {
        collection: "backendAddressPools",
        property: "backendAddresses",
        limit: 1200,
        code: code::limit::POOL_ADDRESSES,
    },
    ListLimit { collection: "urlPathMaps", property: "pathRules", limit: 100, code: code::limit::PATH_RULES },
];

/// A limit set by the operator, written `NAME=N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The name of a collection, or of a list within its members.
    name: &'static str,
    /// The maximum number of elements.
    most: usize,
}

/// The error of parsing a limit.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum LimitError {
    /// The text is not of the form `NAME=N`, or `N` is out of range.
    #[error("it must be NAME=N, with N from 1 to {MAX_MEMBERS}")]
    Form,
    /// No limit has this name.
    #[error("'{0}' has no limit; these have one: {list}", list = names().collect::<Vec<_>>().join(", "))]
    Name(String),
}

/// The names of all limits, in the order of the collections.
fn names() -> impl Iterator<Item = &'static str> {
    let collections = COLLECTIONS.iter().map(|collection| collection.name);
    collections.chain(LISTS.iter().map(|list| list.property))
}

impl FromStr for Limit {
    type Err = LimitError;

    /// Parses a limit. The name is compared ignoring case.
    fn from_str(text: &str) -> Result<Limit, LimitError> {
        let (name, number) = text.split_once('=').ok_or(LimitError::Form)?;
        let known = names().find(|known| known.eq_ignore_ascii_case(name.trim()));
        let name = known.ok_or_else(|| LimitError::Name(name.trim().to_owned()))?;
        let most = number.trim().parse().ok().filter(|most| (1..=MAX_MEMBERS).contains(most));
        Ok(Limit { name, most: most.ok_or(LimitError::Form)? })
    }
}

/// All limits; Azure's by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    changed: BTreeMap<&'static str, usize>,
}

impl FromIterator<Limit> for Limits {
    /// Changes the published limits by these; for a repeated name the last one counts.
    fn from_iter<I: IntoIterator<Item = Limit>>(limits: I) -> Limits {
        Limits { changed: limits.into_iter().map(|limit| (limit.name, limit.most)).collect() }
    }
}

impl Limits {
    /// Reports everything of which `document` has more than the limit and more than `stored`, the document that
    /// it replaces. Targets are paths within the gateway's document.
    pub(crate) fn check(&self, document: &Document, stored: Option<&Document>) -> Violations {
        let mut violations = Violations::default();
        for collection in COLLECTIONS {
            let count = document.members(collection).count();
            let before = stored.map_or(0, |stored| stored.members(collection).count());
            let most = self.of(collection.name, collection.limit);
            if count > most.max(before) {
                let target = format!("properties.{}", collection.name);
                violations.push(collection.limit_code, target, over_limit(collection.name, count, most));
            }
        }
        let before = stored.map(Document::index);
        for list in &LISTS {
            let Some(collection) = Collection::named(list.collection) else { continue };
            let most = self.of(list.property, list.limit);
            for (i, child) in document.members(collection).enumerate() {
                let before = before.as_ref().and_then(|before| before.get(collection, &child.name));
                let before = before.map_or(0, |(_, child)| list.count(&child.properties));
                let count = list.count(&child.properties);
                if count > most.max(before) {
                    let target = format!("properties.{}[{i}].properties.{}", list.collection, list.property);
                    violations.push(list.code, target, over_limit(list.property, count, most));
                }
            }
        }
        violations
    }

    fn of(&self, name: &str, published: usize) -> usize {
        self.changed.get(name).copied().unwrap_or(published)
    }
}

impl ListLimit {
    fn count(&self, properties: &Map<String, Value>) -> usize {
        properties.get(self.property).and_then(Value::as_array).map_or(0, Vec::len)
    }
}
