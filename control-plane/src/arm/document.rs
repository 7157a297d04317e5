//! A gateway's document in canonical form: reading, changes of single children, and look-ups.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};
use tidegate_shared::secret::Secret;

use super::body::Body;
use super::collection::{COLLECTIONS, Collection};
use super::extension::Extension;
use super::naming::is_valid_name;
use super::normalize::named::invalid_name;
use super::resource_id::GatewayPath;
use crate::violation::{Violations, code};

mod extensions;
mod firewall;
mod levels;
mod member;
mod pages;
mod part;
mod priority;
mod read;
mod reference;
mod secrets;

pub(crate) use super::api_version::ApiVersion;
pub(crate) use firewall::PolicyReference;
pub(crate) use reference::users_of;
pub(crate) use secrets::FileReference;

#[cfg(test)]
mod tests;

/// A gateway as sent, in canonical form: only known properties, defaults filled in; no nulls, no read-only
/// properties and no secrets in the JSON.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// The resource ID, in its creator's spelling.
    pub(crate) path: GatewayPath,
    /// The properties `location`, `tags`, `zones`, `identity`, and `properties` without the collections of
    /// children.
    pub(crate) body: Map<String, Value>,
    /// All children, grouped by collection in the order of `COLLECTIONS`; within a collection in the order
    /// sent.
    pub(crate) children: Vec<Child>,
    /// All extension documents, by type and name. A body never contains them.
    pub(crate) extensions: Vec<Extension>,
}

/// A child of a gateway. The store keeps one row for each.
#[derive(Clone, PartialEq)]
pub(crate) struct Child {
    /// The collection that holds the child.
    pub(crate) collection: &'static Collection,
    /// The name in its creator's spelling, unique within the collection ignoring case.
    pub(crate) name: String,
    /// The canonical properties, without the write-only ones (certificate data, password).
    pub(crate) properties: Map<String, Value>,
    /// The parsed value of the write-only properties. Opaque to every module except `arm` and `compile`.
    pub(crate) secret: Option<Secret>,
}

impl Document {
    /// Reads the body of a PUT on a gateway. `stored` is the document that it replaces: certificates sent
    /// without data keep the stored data, gateway and children keep the spelling of their creator, and the extension
    /// documents stay.
    ///
    /// Always returns a document, as complete as the body allows, together with the violations. The caller adds
    /// those of `compile` with [`Violations::absorb`] before it answers.
    pub(crate) fn read(
        path: GatewayPath,
        body: &Body,
        stored: Option<&Document>,
        version: ApiVersion,
    ) -> (Document, Violations) {
        let mut violations = Violations::default();
        if stored.is_none() && !is_valid_name(&path.name) {
            violations.push(code::INVALID_NAME, "name", invalid_name(&path.name));
        }
        // The creator's spelling of the path is permanent.
        let path = stored.map_or(path, |stored| stored.path.clone());
        let (body, children) = read::gateway(body, stored, &mut violations);
        let extensions = stored.map(|stored| stored.extensions.clone()).unwrap_or_default();
        let mut document = Document { path, body, children, extensions };
        stored.inspect(|stored| document.keep_sourced(stored));
        priority::fill(&mut document, version, &mut violations);
        reference::spell_all(&mut document, levels::own_properties(), &mut violations);
        (document, violations)
    }

    /// Returns this document with one child replaced or added, from the body of a PUT on the child's own URL.
    ///
    /// Targets of violations are paths within that body (`properties.port`). To add violations of `compile`,
    /// see [`Document::target_of`].
    pub(crate) fn with_child(
        &self,
        collection: &'static Collection,
        name: &str,
        body: &Body,
        version: ApiVersion,
    ) -> (Document, Violations) {
        let mut violations = Violations::default();
        let mut child = read::child_on_its_own(self, collection, name, body, &mut violations);
        if !self.is_v1() {
            priority::fill_one(self, &mut child, version);
        }
        let mut document = self.clone();
        let at = document.put(child);
        document.keep_sourced(self);
        reference::spell_one(&mut document, at, &mut violations);
        (document, violations)
    }

    /// Returns this document without the child, or `None` if there is no such child. Does not check for
    /// references to the child; see [`users_of`].
    pub(crate) fn without_child(&self, collection: &Collection, name: &str) -> Option<Document> {
        let at = self.position(collection, name)?;
        let mut document = self.clone();
        document.children.remove(at);
        Some(document)
    }

    /// Returns whether the SKU is of the first generation, which Azure calls v1. Without a SKU it is not.
    pub(crate) fn is_v1(&self) -> bool {
        let sku = self.body.get("properties").map_or(&Value::Null, |properties| &properties["sku"]);
        let text = sku["tier"].as_str().or(sku["name"].as_str());
        text.is_some_and(|text| !text.ends_with("_v2") && text != "Basic")
    }

    /// The region; without effect here.
    pub(crate) fn location(&self) -> Option<&str> {
        self.body.get("location").and_then(Value::as_str)
    }

    /// Finds a child by collection and name, ignoring case.
    pub(crate) fn child(&self, collection: &Collection, name: &str) -> Option<&Child> {
        self.position(collection, name).map(|at| &self.children[at])
    }

    /// The children of one collection, in the order sent.
    pub(crate) fn members<'a>(&'a self, collection: &'a Collection) -> impl Iterator<Item = &'a Child> {
        self.children.iter().filter(move |child| child.collection == collection)
    }

    /// Returns the JSON path of a child in the gateway's document, such as `properties.frontendPorts[2]`.
    /// [`Violations::seen_from`] needs it to turn targets of `compile` into targets within the child's own
    /// body.
    pub(crate) fn target_of(&self, collection: &Collection, name: &str) -> Option<String> {
        let at = self.members(collection).position(|child| child.name.eq_ignore_ascii_case(name))?;
        Some(format!("properties.{}[{at}]", collection.name))
    }

    /// Builds an index of the children by collection and name, for callers with many look-ups.
    pub(crate) fn index(&self) -> Index<'_> {
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

    /// Replaces the child of the same name, or adds the child at the end of its collection. Returns its index.
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

/// The children of a document by collection and name, ignoring case.
#[derive(Debug)]
pub(crate) struct Index<'a>(HashMap<(&'static str, String), (usize, &'a Child)>);

impl<'a> Index<'a> {
    /// Returns a child with its index among all children of the document.
    pub(crate) fn get(&self, collection: &Collection, name: &str) -> Option<(usize, &'a Child)> {
        self.0.get(&(collection.name, name.to_ascii_lowercase())).copied()
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.collection.name, self.name, Value::Object(self.properties.clone()))
    }
}
