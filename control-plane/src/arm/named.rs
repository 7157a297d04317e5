//! How children, and members of children, look from outside: a name, an ID that may stand for it, and properties.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::normalize::{expect_object, join, normalize, normalize_object, take};
use super::resource_id::{MAX_NAME, is_valid_name};
use super::shape::{Property, Shape};
use crate::violation::{ROOT, Violations, code};

/// A child's JSON, taken apart. Everything else in it is read-only.
#[derive(Debug, Default)]
pub struct ChildBody {
    name: Option<String>,
    id: Option<String>,
    /// Its properties as sent.
    pub properties: Map<String, Value>,
}

impl ChildBody {
    /// Takes `value` apart, which stands at the JSON path `target`: empty for a body that is about the child alone.
    pub fn read(value: Value, target: &str, violations: &mut Violations) -> ChildBody {
        let whole = if target.is_empty() { ROOT } else { target };
        let Some(mut object) = expect_object(value, whole, violations) else { return ChildBody::default() };
        let mut text = |name: &str| {
            let target = join(target, name);
            let value = take(&mut object, name, &target, violations)?;
            match normalize(value, &Shape::Text, &target, violations) {
                Some(Value::String(text)) if !text.is_empty() => Some(text),
                _ => None,
            }
        };
        let (name, id) = (text("name"), text("id"));
        let target = join(target, "properties");
        let properties = take(&mut object, "properties", &target, violations);
        let properties = properties.and_then(|value| expect_object(value, &target, violations));
        ChildBody { name, id, properties: properties.unwrap_or_default() }
    }

    /// The name, which some samples give only as the end of the ID; empty if there is none.
    pub fn name(&self) -> String {
        let from_id = || self.id.as_ref().and_then(|id| id.rsplit('/').next().map(str::to_owned));
        self.name.clone().or_else(from_id).unwrap_or_default()
    }

    /// Notes what is wrong with a body on a URL that names the child: it may repeat the name but not contradict it.
    /// Its `id` is read-only, so it is ignored.
    pub fn check_against_url(&self, name: &str, violations: &mut Violations) {
        if !is_valid_name(name) {
            violations.push(code::INVALID_NAME, "name", invalid_name(name));
        }
        if self.name.as_ref().is_some_and(|given| !given.eq_ignore_ascii_case(name)) {
            violations.push(code::INVALID_NAME, "name", format!("The URL names the resource '{name}'."));
        }
    }
}

/// The names in one collection, to tell which comes twice.
#[derive(Debug)]
pub struct Names<'a> {
    collection: &'a str,
    seen: HashSet<String>,
}

impl Names<'_> {
    /// None yet, in the collection of that name.
    pub fn of(collection: &str) -> Names<'_> {
        Names { collection, seen: HashSet::new() }
    }

    /// Notes what is wrong with the name of the child at `target`. Gives as much of it as is worth keeping: an endless
    /// name is refused, and what follows need not repeat all of it.
    pub fn accept(&mut self, name: &str, target: &str, violations: &mut Violations) -> String {
        if !is_valid_name(name) {
            violations.push(code::INVALID_NAME, join(target, "name"), invalid_name(name));
        } else if !self.seen.insert(name.to_ascii_lowercase()) {
            let message = format!("'{}' has two members with the name '{name}'.", self.collection);
            violations.push(code::DUPLICATE_NAME, join(target, "name"), message);
        }
        name.chars().take(MAX_NAME).collect()
    }
}

/// The canonical form of a list of members, which stands at `target` and is a collection of that name: each an object
/// with `name` and `properties`. One that cannot be read stays as one without name, so that the indices of those after
/// it stay what the sender sees.
pub fn normalize_members(
    list: Vec<Value>,
    collection: &str,
    properties: &[Property],
    target: &str,
    violations: &mut Violations,
) -> Vec<Value> {
    let mut names = Names::of(collection);
    let mut members = Vec::with_capacity(list.len());
    for (i, value) in list.into_iter().enumerate() {
        let target = format!("{target}[{i}]");
        let body = ChildBody::read(value, &target, violations);
        let name = names.accept(&body.name(), &target, violations);
        members.push(normalize_member(&name, body, properties, &target, violations));
    }
    members
}

/// The canonical form of one member, which stands at `target`.
pub fn normalize_member(
    name: &str,
    body: ChildBody,
    properties: &[Property],
    target: &str,
    violations: &mut Violations,
) -> Value {
    let target = join(target, "properties");
    let properties = normalize_object(body.properties, properties, &target, violations);
    json!({ "name": name, "properties": properties })
}

/// What to say of a name that breaks the rule.
pub fn invalid_name(name: &str) -> String {
    if name.is_empty() {
        return "A name is required.".to_owned();
    }
    let name: String = name.chars().take(MAX_NAME).collect();
    format!(
        "'{name}' is no valid name. A name has at most 80 characters, begins with a letter or digit, ends with a \
         letter, digit or '_', and holds only letters, digits, '_', '.' and '-'."
    )
}
