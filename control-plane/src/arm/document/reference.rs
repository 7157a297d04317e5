//! References between the children of a document, at any depth of their properties: normalization of their
//! spelling, and reverse look-up.
//!
//! The compiler checks that their targets exist.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Child, Document};
use crate::arm::collection::{COLLECTIONS, Collection};
use crate::arm::normalize::join;
use crate::arm::resource_id::{GatewayPath, Reference};
use crate::arm::shape::{Property, Shape};
use crate::resource_id::ResourceId;
use crate::violation::{Violations, code};

/// The canonical spellings: the gateway's path, and the IDs of its children by lower-case ID.
struct Spelling {
    gateway: GatewayPath,
    ids: HashMap<String, String>,
}

/// Normalizes every reference of a document, whose own `properties` have this shape. Targets of violations are
/// paths within the gateway's body.
pub(super) fn spell_all(document: &mut Document, own: &[Property], violations: &mut Violations) {
    let spelling = Spelling::of(document);
    if let Some(Value::Object(properties)) = document.body.get_mut("properties") {
        spelling.apply(properties, own, "properties", violations);
    }
    for collection in COLLECTIONS {
        let members = document.children.iter_mut().filter(|child| child.collection == collection);
        for (i, child) in members.enumerate() {
            let target = format!("properties.{}[{i}].properties", collection.name);
            spelling.apply(&mut child.properties, collection.properties(), &target, violations);
        }
    }
}

/// Normalizes the references of the child at an index. Targets of violations are paths within that child's
/// body.
pub(super) fn spell_one(document: &mut Document, at: usize, violations: &mut Violations) {
    let spelling = Spelling::of(document);
    let child = &mut document.children[at];
    spelling.apply(&mut child.properties, child.collection.properties(), "properties", violations);
}

/// Returns the resource IDs of children, and of their members, that refer to a child. A child with users cannot
/// be deleted.
pub(crate) fn users_of(document: &Document, collection: &Collection, name: &str) -> Vec<String> {
    let mut users = Users { of: document.path.child_id(collection, name), found: Vec::new() };
    for child in &document.children {
        let id = document.path.child_id(child.collection, &child.name);
        users.look_into(&child.properties, child.collection.properties(), &id);
    }
    users.found
}

/// Collects the users of a child.
struct Users {
    /// The resource ID of the child.
    of: String,
    /// The resource IDs of the users, without duplicates.
    found: Vec<String>,
}

impl Users {
    fn look_into(&mut self, object: &Map<String, Value>, properties: &[Property], owner: &str) {
        for property in properties {
            let Some(value) = object.get(&property.name) else { continue };
            let values = || value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter();
            if property.refers_to.is_some() {
                let refers = |v: &Value| v["id"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&self.of));
                if values().any(refers) && self.found.last().is_none_or(|last| last != owner) {
                    self.found.push(owner.to_owned());
                }
            } else if let Some(inner) = property.shape.members() {
                for member in values() {
                    let name = member["name"].as_str().unwrap_or_default();
                    let Some(object) = member["properties"].as_object() else { continue };
                    self.look_into(object, inner, &format!("{owner}/{}/{name}", property.name));
                }
            } else {
                let inner = objects_in(&property.shape);
                values().filter_map(Value::as_object).for_each(|object| self.look_into(object, inner, owner));
            }
        }
    }
}

/// Returns the properties of an object, or of the objects in a list; empty for other shapes.
fn objects_in(shape: &Shape) -> &[Property] {
    match shape {
        Shape::List(items) => items.properties(),
        other => other.properties(),
    }
}

impl Spelling {
    fn of(document: &Document) -> Spelling {
        let id = |child: &Child| document.path.child_id(child.collection, &child.name);
        let ids = document.children.iter().map(|child| (id(child).to_ascii_lowercase(), id(child))).collect();
        Spelling { gateway: document.path.clone(), ids }
    }

    /// Normalizes the references in an object with these properties, which is at `target`.
    fn apply(
        &self,
        object: &mut Map<String, Value>,
        properties: &[Property],
        target: &str,
        violations: &mut Violations,
    ) {
        for property in properties {
            let target = join(target, &property.name);
            let Some(value) = object.get_mut(&property.name) else { continue };
            if let Some(to) = property.refers_to.as_deref().and_then(Collection::named) {
                each(value, &target, |value, target| self.one(value, to, target, violations));
                if value.is_object() && !value["id"].is_string() {
                    object.remove(&property.name);
                }
            } else if let Some(inner) = property.shape.members() {
                each(value, &target, |member, target| {
                    if let Some(object) = member.get_mut("properties").and_then(Value::as_object_mut) {
                        self.apply(object, inner, &join(target, "properties"), violations);
                    }
                });
            } else {
                let inner = objects_in(&property.shape);
                let is_reference = inner.iter().any(|property| property.name == "id");
                each(value, &target, |value, target| {
                    if is_reference {
                        elsewhere(value, target, violations);
                    }
                    if let Value::Object(object) = value {
                        self.apply(object, inner, target, violations);
                    }
                });
            }
        }
    }

    /// Normalizes one reference. A malformed one loses its ID.
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

/// Normalizes a reference to a resource outside the gateway. One without a canonical form loses its ID.
fn elsewhere(reference: &mut Value, target: &str, violations: &mut Violations) {
    let Some(Value::String(id)) = reference.get_mut("id") else { return };
    if id.is_empty() {
        return;
    }
    if let Some(canonical) = ResourceId::parse(id) {
        *id = canonical.to_string();
        return;
    }
    let target = join(target, "id");
    let message = format!(
        "Property id '{id}' at path '{target}' is invalid. Expect fully qualified resource Id that start with \
         '/subscriptions/{{subscriptionId}}', with one slash before each segment and no slash at its end."
    );
    violations.push(code::LINKED_ID, target, message);
    reference["id"] = Value::Null;
}

/// Applies `action` to a value, or to each entry of a list, with its JSON path.
fn each(value: &mut Value, target: &str, mut action: impl FnMut(&mut Value, &str)) {
    match value {
        Value::Array(list) => {
            for (i, value) in list.iter_mut().enumerate() {
                action(value, &format!("{target}[{i}]"));
            }
        }
        value => action(value, target),
    }
}
