//! References between the children of a document: brought into one spelling, and followed backwards.
//!
//! Whether what they name exists is the compiler's business.

use std::collections::HashMap;

use serde_json::Value;

use super::{Child, Document};
use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::normalize::join;
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::violation::{Violations, code};

/// What references are spelt after: the gateway's path, and its children's names by lower-cased ID.
struct Spelling {
    gateway: GatewayPath,
    ids: HashMap<String, String>,
}

/// Spells every reference of a document whose targets are paths within the gateway's body.
pub(super) fn spell_all(document: &mut Document, violations: &mut Violations) {
    let spelling = Spelling::of(document);
    for collection in COLLECTIONS {
        let members = document.children.iter_mut().filter(|child| child.collection == collection);
        for (i, child) in members.enumerate() {
            let target = format!("properties.{}[{i}].properties", collection.name);
            spelling.apply(child, &target, violations);
        }
    }
}

/// Spells the references of the child at an index; targets are paths within that child's body.
pub(super) fn spell_one(document: &mut Document, at: usize, violations: &mut Violations) {
    let spelling = Spelling::of(document);
    spelling.apply(&mut document.children[at], "properties", violations);
}

/// The resource IDs of the children that refer to that one: as long as there are any it cannot be deleted.
pub fn users_of(document: &Document, collection: &Collection, name: &str) -> Vec<String> {
    let id = document.path.child_id(collection, name);
    let refers = |value: &Value| value["id"].as_str().is_some_and(|other| other.eq_ignore_ascii_case(&id));
    let uses = |child: &&Child| {
        let mut values = child.collection.references().filter_map(|(p, _)| child.properties.get(&p.name));
        values.any(|value| refers(value) || value.as_array().is_some_and(|list| list.iter().any(refers)))
    };
    let users = document.children.iter().filter(uses);
    users.map(|child| document.path.child_id(child.collection, &child.name)).collect()
}

impl Spelling {
    fn of(document: &Document) -> Spelling {
        let id = |child: &Child| document.path.child_id(child.collection, &child.name);
        let ids = document.children.iter().map(|child| (id(child).to_ascii_lowercase(), id(child))).collect();
        Spelling { gateway: document.path.clone(), ids }
    }

    fn apply(&self, child: &mut Child, target: &str, violations: &mut Violations) {
        for (property, to) in child.collection.references() {
            let target = join(target, &property.name);
            let Some(value) = child.properties.get_mut(&property.name) else { continue };
            if let Value::Array(list) = value {
                for (i, reference) in list.iter_mut().enumerate() {
                    self.one(reference, to, &format!("{target}[{i}]"), violations);
                }
            } else {
                self.one(value, to, &target, violations);
                if !value["id"].is_string() {
                    child.properties.remove(&property.name);
                }
            }
        }
    }

    /// Spells one reference. One that cannot be read loses its ID.
    fn one(&self, reference: &mut Value, collection: &Collection, target: &str, violations: &mut Violations) {
        let Some(id) = reference.get_mut("id") else { return };
        let text = id.as_str().unwrap_or_default();
        let parsed = Reference::parse(text).filter(|to| to.collection.eq_ignore_ascii_case(collection.name));
        let Some(parsed) = parsed else {
            let message = format!(
                "Reference Id {text} is not formatted correctly. The Id is expected to reference resources of type \
                 {}.",
                collection.resource_type()
            );
            violations.push(code::INVALID_REFERENCE_FORMAT, join(target, "id"), message);
            *id = Value::Null;
            return;
        };
        let gateway = if parsed.gateway == self.gateway { &self.gateway } else { &parsed.gateway };
        let spelt = gateway.child_id(collection, &parsed.name);
        let spelt = self.ids.get(&spelt.to_ascii_lowercase()).cloned().unwrap_or(spelt);
        *id = Value::String(spelt);
    }
}
