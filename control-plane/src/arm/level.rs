//! The levels of a document, and the judgement about a property that no type describes at its level.
//!
//! A property that is probably a mistake is refused: one whose name resembles a known one of the same object, or
//! that is a known property of another level. Any other property is stored and returned, and a warning says that
//! it has no effect. Properties that only responses contain are ignored, so that a client may send back what it
//! has read.

use serde_json::{Map, Value};

use super::collection::Collection;
use super::shape::{Property, Shape};
use super::spelling::distance;
use crate::violation::{Violations, code};

/// The properties of every resource and child in responses, besides those of its type.
const ENVELOPE: [&str; 6] = ["id", "name", "type", "etag", "resourceGroup", "systemData"];

/// The properties of a resource in a template that concern only its deployment. People send such a resource as it
/// stands.
const OF_TEMPLATES: [&str; 2] = ["apiVersion", "dependsOn"];

/// The properties of resources that templates also write in children, where Azure ignores them.
const OF_RESOURCES: [&str; 2] = ["location", "tags"];

/// The property that responses contain in the `properties` of every resource and child.
const STATE: &str = "provisioningState";

/// The properties that responses contain in any object with an ID.
const IDENTITY: [&str; 5] = ["id", "type", "etag", "resourceGroup", STATE];

/// The lists of users that Azure's responses contain, besides those that are named like a collection.
const USERS: [&str; 2] = ["backendHttpSettings", "backendIPConfigurations"];

/// The maximum number of unknown properties of one request.
const MAX_UNKNOWN: usize = 100;
/// The maximum size of the value of an unknown property, in bytes of JSON, approximately.
const MAX_SIZE: usize = 4096;
/// The maximum depth of the value of an unknown property; a scalar has depth 1.
const MAX_DEPTH: usize = 8;
/// The maximum length of the name of an unknown property, in bytes.
const MAX_NAME: usize = 128;

/// The part that an object has in a document.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// A resource: the properties of all resources, those of its type, and `properties`.
    Resource,
    /// A child or member: the properties of all resources, and `properties`, which is the one described.
    Child,
    /// The `properties` of a resource or child.
    Properties,
    /// An object within `properties`.
    Object,
}

/// An object of a document, with the objects around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level<'a> {
    /// The JSON path of the object; empty for the body itself.
    pub(super) target: &'a str,
    /// The described properties: those of the object, or of the `properties` of a child.
    pub(super) properties: &'a [Property],
    part: Part,
    /// The collections of children; empty in all but gateways.
    collections: &'static [Collection],
    around: Option<&'a Level<'a>>,
}

impl<'a> Level<'a> {
    /// The body of a resource whose type has these properties.
    pub(crate) fn resource(properties: &'a [Property]) -> Level<'a> {
        Level { target: "", properties, part: Part::Resource, collections: &[], around: None }
    }

    /// The body of a child or extension for itself, whose `properties` have `inner`.
    pub(crate) fn alone(inner: &'a [Property]) -> Level<'a> {
        Level { target: "", properties: inner, part: Part::Child, collections: &[], around: None }
    }

    /// The body of a gateway, which also has `collections`.
    pub(crate) fn gateway(properties: &'a [Property], collections: &'static [Collection]) -> Level<'a> {
        Level { collections, ..Level::resource(properties) }
    }

    /// The `properties` of this resource or child, at `target`.
    pub(crate) fn properties(&'a self, properties: &'a [Property], target: &'a str) -> Level<'a> {
        let collections = if self.part == Part::Resource { self.collections } else { &[] };
        Level { target, properties, part: Part::Properties, collections, around: Some(self) }
    }

    /// A child or member at `target` within this level, whose `properties` have `inner`.
    pub(crate) fn child(&'a self, inner: &'a [Property], target: &'a str) -> Level<'a> {
        Level { target, properties: inner, part: Part::Child, collections: &[], around: Some(self) }
    }

    /// An object at `target` within this level.
    pub(super) fn object(&'a self, properties: &'a [Property], target: &'a str) -> Level<'a> {
        let within = self.part == Part::Resource && target == "properties";
        if within { self.properties(properties, target) } else { self.plain(properties, target) }
    }

    fn plain(&'a self, properties: &'a [Property], target: &'a str) -> Level<'a> {
        Level { target, properties, part: Part::Object, collections: &[], around: Some(self) }
    }

    /// Judges the properties that are left after the described ones have been taken out of an object. Returns
    /// those to store.
    pub(super) fn judge(&self, left: Map<String, Value>, violations: &mut Violations) -> Map<String, Value> {
        let kept = left.into_iter().filter(|(name, value)| self.keeps(name, value, violations));
        kept.collect()
    }

    fn keeps(&self, name: &str, value: &Value, violations: &mut Violations) -> bool {
        // A null stands for an absent property.
        if value.is_null() || self.ignores(name, value) {
            return false;
        }
        let shown: String = name.chars().take(MAX_NAME).collect();
        let target = join(self.target, &shown);
        let message = match self.complaint(name, value) {
            Some(advice) => format!("'{shown}' is not a property of this object. {advice}"),
            None if violations.warnings().count(code::UNKNOWN_PROPERTY) >= MAX_UNKNOWN => {
                format!("'{shown}' is unknown; a request may have at most {MAX_UNKNOWN} unknown properties.")
            }
            None => {
                let message = format!("'{shown}' is unknown here, and Tidegate gives it no effect.");
                violations.warn(code::UNKNOWN_PROPERTY, target, message);
                return true;
            }
        };
        violations.push(code::UNKNOWN_PROPERTY, target, message);
        false
    }

    /// Returns whether the property is one that only responses contain.
    fn ignores(&self, name: &str, value: &Value) -> bool {
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        match self.part {
            Part::Resource | Part::Child => ENVELOPE.iter().chain(&OF_TEMPLATES).any(is),
            Part::Properties => name.eq_ignore_ascii_case(STATE) || self.lists_users(name, value),
            Part::Object => self.has("id") && IDENTITY.iter().any(is),
        }
    }

    /// Returns whether the property is a list of references by the name of a collection: responses of Azure list
    /// the users of a child so.
    fn lists_users(&self, name: &str, value: &Value) -> bool {
        let is_reference = |entry: &Value| {
            let known =
                |key: &String| ["id", "resourceGroup"].iter().any(|one| one.eq_ignore_ascii_case(key));
            entry.as_object().is_some_and(|entry| !entry.is_empty() && entry.keys().all(known))
        };
        let named = USERS.iter().any(|users| users.eq_ignore_ascii_case(name))
            || Collection::named(name).is_some()
            || name.eq_ignore_ascii_case("pathRules");
        named
            && self.collections.is_empty()
            && value.as_array().is_some_and(|list| list.iter().all(is_reference))
    }

    /// Returns why the property is not stored.
    fn complaint(&self, name: &str, value: &Value) -> Option<String> {
        if let Some(place) = self.within(name).or_else(|| self.outside(name)) {
            return Some(format!("The property of that name belongs at '{place}'."));
        }
        if let Some(nearest) = self.nearest(name) {
            return Some(format!("The nearest name is '{nearest}'."));
        }
        if name.len() > MAX_NAME || name.starts_with('$') || name.chars().any(char::is_control) {
            return Some(format!(
                "The name of an unknown property has at most {MAX_NAME} bytes, no control character, and no '$' at \
                 its beginning."
            ));
        }
        let mut left = MAX_SIZE;
        if !fits(value, &mut left, MAX_DEPTH) {
            return Some(format!(
                "The value of an unknown property has at most {MAX_SIZE} bytes and {MAX_DEPTH} levels, without the \
                 character U+0000."
            ));
        }
        let secret = self.properties.iter().any(|property| property.write_only);
        secret.then(|| "It might be a secret, which a GET would return; leave it out.".to_owned())
    }

    /// The names that are known in this object.
    fn names(&self) -> impl Iterator<Item = &str> {
        let is_child = self.part == Part::Child;
        let own = self.properties.iter().filter(move |_| !is_child).map(|property| property.name.as_str());
        let other: &[&str] = match self.part {
            Part::Resource | Part::Child => &ENVELOPE,
            Part::Properties => &[STATE],
            Part::Object => &[],
        };
        let collections = self
            .collections
            .iter()
            .filter(|_| self.part == Part::Properties)
            .map(|collection| collection.name);
        own.chain(other.iter().copied()).chain(is_child.then_some("properties")).chain(collections)
    }

    fn has(&self, name: &str) -> bool {
        self.names().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Returns the known name of this object that `name` probably means.
    fn nearest(&self, name: &str) -> Option<&str> {
        let most = 2.min(name.chars().count() / 3);
        let near = self.names().filter_map(|known| Some((distance(name, known, most)?, known)));
        near.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
    }

    /// Returns the place of a property of that name in an object within this one.
    fn within(&self, name: &str) -> Option<String> {
        if IDENTITY.iter().any(|known| known.eq_ignore_ascii_case(name)) || name.eq_ignore_ascii_case("name")
        {
            return None;
        }
        if self.part == Part::Child {
            return search(self.properties, &join(self.target, "properties"), name);
        }
        let inner = self.properties.iter().find_map(|property| inside(property, self.target, name));
        inner.or_else(|| self.within_children(name))
    }

    /// Returns the place of a collection of that name, or of a property of that name in a child.
    fn within_children(&self, name: &str) -> Option<String> {
        let place = if self.part == Part::Resource { "properties" } else { self.target };
        let own = self.collections.iter().find(|collection| collection.name.eq_ignore_ascii_case(name));
        if let Some(own) = own.filter(|_| self.part == Part::Resource) {
            return Some(join(place, own.name));
        }
        self.collections.iter().find_map(|collection| {
            search(collection.properties(), &format!("{}[].properties", join(place, collection.name)), name)
        })
    }

    /// Returns the place of a property of that name in an object around this one.
    fn outside(&self, name: &str) -> Option<String> {
        if IDENTITY.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return None;
        }
        let is = |known: &&str| known.eq_ignore_ascii_case(name);
        // The name of an object that has none is unknown, not misplaced; so is the location of a child.
        let (is_object, is_child) = (self.part == Part::Object, self.part == Part::Child);
        let unknown = is_object && is(&"name") || is_child && OF_RESOURCES.iter().any(is);
        let mut level = self.around.filter(|_| !unknown)?;
        loop {
            if let Some(known) = level.names().find(|known| known.eq_ignore_ascii_case(name)) {
                return Some(join(level.target, known));
            }
            level = level.around?;
        }
    }
}

/// Returns the place of the property of that name among `properties` at `place`, or in an object among them.
fn search(properties: &[Property], place: &str, name: &str) -> Option<String> {
    let is_it = |property: &&Property| !property.read_only && property.name.eq_ignore_ascii_case(name);
    let own = properties.iter().find(is_it).map(|property| join(place, &property.name));
    own.or_else(|| properties.iter().find_map(|property| inside(property, place, name)))
}

fn inside(property: &Property, place: &str, name: &str) -> Option<String> {
    let place = join(place, &property.name);
    match &property.shape {
        Shape::Object(inner) => search(inner, &place, name),
        Shape::List(items) => search(items.properties(), &format!("{place}[]"), name),
        Shape::Members(inner) => search(inner, &format!("{place}[].properties"), name),
        _ => None,
    }
}

/// Returns whether a value is within the bounds, of which `left` is what is left of the size.
fn fits(value: &Value, left: &mut usize, depth: usize) -> bool {
    let own = match value {
        Value::String(text) => text.len() + 2,
        Value::Array(_) | Value::Object(_) => 2,
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    };
    if depth == 0 || !take(left, own) {
        return false;
    }
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(list) => list.iter().all(|value| fits(value, left, depth - 1)),
        Value::Object(object) => object.iter().all(|(key, value)| {
            !key.contains('\0') && take(left, key.len() + 4) && fits(value, left, depth - 1)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

fn take(left: &mut usize, size: usize) -> bool {
    let enough = *left >= size;
    *left = left.saturating_sub(size);
    enough
}

/// Returns the path of a property of the object at `target`.
pub(crate) fn join(target: &str, name: &str) -> String {
    if target.is_empty() { name.to_owned() } else { format!("{target}.{name}") }
}

#[cfg(test)]
mod tests;
