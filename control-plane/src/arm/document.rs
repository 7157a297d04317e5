//! A gateway's document in canonical form: how it is read, changed child by child, and asked about.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};
use tidegate_shared::secret::Secret;

use super::body::Body;
use super::collection::{COLLECTIONS, Collection};
use super::named::invalid_name;
use super::resource_id::{GatewayPath, is_valid_name};
use crate::violation::{Violations, code};

mod member;
mod priority;
mod read;
mod reference;

pub use reference::users_of;

#[cfg(test)]
mod tests;

/// A gateway as it was sent, in canonical spelling: known properties only, defaults filled in, no nulls, no
/// read-only properties, no secrets in the JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Which gateway, in its creator's spelling.
    pub path: GatewayPath,
    /// `location`, `tags`, `zones`, `identity`, and `properties` without the collections of children.
    pub body: Map<String, Value>,
    /// Every child, grouped by collection in the order of `COLLECTIONS`, within one in the order sent.
    pub children: Vec<Child>,
}

/// A child of a gateway: one row of the store.
#[derive(Clone, PartialEq)]
pub struct Child {
    /// Its collection.
    pub collection: &'static Collection,
    /// Its name in its creator's spelling, unique within the collection without regard to case.
    pub name: String,
    /// Its properties, canonical. Write-only ones (certificate data, password) are not here.
    pub properties: Map<String, Value>,
    /// What its write-only properties came to: opaque bytes to everything but `arm` and `compile`.
    pub secret: Option<Secret>,
}

/// The date of an `api-version`, which decides a few rules (priorities are required from 2021-08-01 on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion {
    /// Year, month, day.
    pub date: (u16, u8, u8),
}

impl Document {
    /// Reads the body of a PUT on a gateway. `stored` is the document it replaces: certificates sent without data
    /// keep theirs, and gateway and children keep the spelling of their creator.
    ///
    /// Gives a document always, as good as it can be read, and what was wrong with it: the caller lets `compile` add
    /// to that (by [`Violations::absorb`]) before answering.
    pub fn read(
        path: GatewayPath,
        body: &Body,
        stored: Option<&Document>,
        version: ApiVersion,
    ) -> (Document, Violations) {
        let mut violations = Violations::default();
        if stored.is_none() && !is_valid_name(&path.name) {
            violations.push(code::INVALID_NAME, "name", invalid_name(&path.name));
        }
        // The creator's spelling of the path stays for good.
        let path = stored.map_or(path, |stored| stored.path.clone());
        let (body, children) = read::gateway(body, stored, &mut violations);
        let mut document = Document { path, body, children };
        priority::fill(&mut document, version, &mut violations);
        reference::spell_all(&mut document, &mut violations);
        (document, violations)
    }

    /// This document with the child of that collection and name replaced or added, as the body of a PUT on the
    /// child's own URL says.
    ///
    /// Targets of violations are paths within that body (`properties.port`). To add those of `compile`, see
    /// [`Document::target_of`].
    pub fn with_child(
        &self,
        collection: &'static Collection,
        name: &str,
        body: &Body,
        version: ApiVersion,
    ) -> (Document, Violations) {
        let mut violations = Violations::default();
        let mut child = read::child_on_its_own(self, collection, name, body, &mut violations);
        priority::fill_one(self, &mut child, version);
        let mut document = self.clone();
        let at = document.put(child);
        reference::spell_one(&mut document, at, &mut violations);
        (document, violations)
    }

    /// This document without that child, if it has it. Whether anything refers to it is another question:
    /// [`users_of`].
    pub fn without_child(&self, collection: &Collection, name: &str) -> Option<Document> {
        let at = self.position(collection, name)?;
        let mut document = self.clone();
        document.children.remove(at);
        Some(document)
    }

    /// A child, by collection and name without regard to case.
    pub fn child(&self, collection: &Collection, name: &str) -> Option<&Child> {
        self.position(collection, name).map(|at| &self.children[at])
    }

    /// The children of one collection, in the order sent.
    pub fn members<'a>(&'a self, collection: &'a Collection) -> impl Iterator<Item = &'a Child> {
        self.children.iter().filter(move |child| child.collection == collection)
    }

    /// The JSON path of a child in the gateway's document, such as `properties.frontendPorts[2]`: what
    /// [`Violations::seen_from`] wants in order to turn the targets of `compile` into those of a child's own body.
    pub fn target_of(&self, collection: &Collection, name: &str) -> Option<String> {
        let at = self.members(collection).position(|child| child.name.eq_ignore_ascii_case(name))?;
        Some(format!("properties.{}[{at}]", collection.name))
    }

    /// The children by collection and name: for many look-ups, each of which would go through all of them otherwise.
    pub fn index(&self) -> Index<'_> {
        let key = |child: &'_ Child| (child.collection.name, child.name.to_ascii_lowercase());
        let mut index = HashMap::with_capacity(self.children.len());
        for (at, child) in self.children.iter().enumerate() {
            index.entry(key(child)).or_insert((at, child));
        }
        Index(index)
    }

    fn position(&self, collection: &Collection, name: &str) -> Option<usize> {
        #[cfg(test)]
        crate::testing::visited(self.children.len());
        let same = |child: &Child| child.collection == collection && child.name.eq_ignore_ascii_case(name);
        self.children.iter().position(same)
    }

    /// Replaces the child of the same name, or adds one at the end of its collection. Gives its index.
    fn put(&mut self, child: Child) -> usize {
        if let Some(at) = self.position(child.collection, &child.name) {
            self.children[at] = child;
            return at;
        }
        let rank = |collection: &Collection| COLLECTIONS.iter().position(|c| c == collection);
        let behind = |other: &Child| rank(other.collection) > rank(child.collection);
        let at = self.children.iter().position(behind).unwrap_or(self.children.len());
        self.children.insert(at, child);
        at
    }
}

/// The children of a document by collection and name, without regard to case.
#[derive(Debug)]
pub struct Index<'a>(HashMap<(&'static str, String), (usize, &'a Child)>);

impl<'a> Index<'a> {
    /// A child with its place among all children.
    pub fn get(&self, collection: &Collection, name: &str) -> Option<(usize, &'a Child)> {
        self.0.get(&(collection.name, name.to_ascii_lowercase())).copied()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.collection.name, self.name, Value::Object(self.properties.clone()))
    }
}
