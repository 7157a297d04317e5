//! Children, and members of children, as they appear in JSON: a name, an ID that may replace the name, and
//! properties.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{expect_object, join, normalize, normalize_object, take};
use crate::arm::level::Level;
use crate::arm::naming::{MAX_NAME, is_valid_name};
use crate::arm::shape::{Property, Shape};
use crate::violation::{ROOT, Violations, code};

/// The parts of a child's JSON.
#[derive(Debug, Default)]
pub(crate) struct ChildBody {
    name: Option<String>,
    id: Option<String>,
    /// The properties as sent.
    pub(crate) properties: Map<String, Value>,
    /// The unknown properties beside these, to be stored.
    pub(crate) beside: Map<String, Value>,
}

impl ChildBody {
    /// Splits `value`, which is the child at that level; its path is empty for the body of a single child.
    pub(crate) fn read(value: Value, level: &Level<'_>, violations: &mut Violations) -> ChildBody {
        let target = level.target;
        let whole = if target.is_empty() { ROOT } else { target };
        let Some(mut object) = expect_object(value, whole, violations) else { return ChildBody::default() };
        let mut text = |name: &str| {
            let target = join(target, name);
            let value = take(&mut object, name, &target, violations)?;
            match normalize(value, &Shape::Text, (level, &target), violations) {
                Some(Value::String(text)) if !text.is_empty() => Some(text),
                _ => None,
            }
        };
        let (name, id) = (text("name"), text("id"));
        let target = join(target, "properties");
        let properties = take(&mut object, "properties", &target, violations);
        let properties = properties.and_then(|value| expect_object(value, &target, violations));
        let beside = level.judge(object, violations);
        ChildBody { name, id, properties: properties.unwrap_or_default(), beside }
    }

    /// The name. Some samples give it only as the last segment of the ID. Empty if there is neither.
    pub(crate) fn name(&self) -> String {
        let from_id = || self.id.as_ref().and_then(|id| id.rsplit('/').next().map(str::to_owned));
        self.name.clone().or_else(from_id).unwrap_or_default()
    }

    /// Checks a body against the URL that names the child: the body may repeat the name but must not contradict
    /// it. Its `id` is read-only and ignored.
    pub(crate) fn check_against_url(&self, name: &str, violations: &mut Violations) {
        if !is_valid_name(name) {
            violations.push(code::INVALID_NAME, "name", invalid_name(name));
        }
        if let Some(given) = self.name.as_ref().filter(|given| !given.eq_ignore_ascii_case(name)) {
            let given: String = given.chars().take(MAX_NAME).collect();
            let message = format!("The name '{given}' differs from the one in the URL, '{name}'.");
            violations.push(code::INVALID_NAME, "name", message);
        }
    }
}

/// The collection whose members may be named as the services to which a subnet is delegated, such as
/// `Microsoft.Web/serverFarms`. No URL contains such a name.
const DELEGATIONS: &str = "delegations";

/// The names of one collection, to detect duplicates.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    collection: &'a str,
    seen: HashSet<String>,
}

impl Names<'_> {
    /// No names yet, in the collection of that name.
    pub(crate) fn of(collection: &str) -> Names<'_> {
        Names { collection, seen: HashSet::new() }
    }

    /// Checks the name of the child at `target`. Returns the name, truncated to the maximum length: a longer
    /// one is rejected, and later messages need not repeat all of it.
    pub(crate) fn accept(&mut self, name: &str, target: &str, violations: &mut Violations) -> String {
        let may_be_service = self.collection == DELEGATIONS && name.len() <= MAX_NAME;
        let is_service = may_be_service && name.split('/').all(is_valid_name);
        if !is_service && !is_valid_name(name) {
            violations.push(code::INVALID_NAME, join(target, "name"), invalid_name(name));
        } else if !self.seen.insert(name.to_ascii_lowercase()) {
            let message = format!("'{}' has two members with the name '{name}'.", self.collection);
            violations.push(code::DUPLICATE_NAME, join(target, "name"), message);
        }
        name.chars().take(MAX_NAME).collect()
    }
}

/// Returns the canonical form of a list of members, which is at `target` in `around` and is the collection of that
/// name.
/// Each member is an object with `name` and `properties`. A member that cannot be read becomes one without a
/// name, so that the indices of later members match those of the request.
pub(crate) fn normalize_members(
    list: Vec<Value>,
    collection: &str,
    properties: &[Property],
    (around, target): (&Level<'_>, &str),
    violations: &mut Violations,
) -> Vec<Value> {
    let mut names = Names::of(collection);
    let mut members = Vec::with_capacity(list.len());
    for (i, value) in list.into_iter().enumerate() {
        let target = format!("{target}[{i}]");
        let level = around.child(properties, &target);
        let body = ChildBody::read(value, &level, violations);
        let name = names.accept(&body.name(), &target, violations);
        members.push(normalize_member(&name, body, &level, violations));
    }
    members
}

/// Returns the canonical form of the member at that level.
pub(crate) fn normalize_member(
    name: &str,
    body: ChildBody,
    level: &Level<'_>,
    violations: &mut Violations,
) -> Value {
    let properties = normalize_properties(body.properties, level, violations);
    let mut member = json!({ "name": name, "properties": properties });
    member.as_object_mut().into_iter().for_each(|member| member.extend(body.beside.clone()));
    member
}

/// Returns the canonical form of the `properties` of the child or member at that level.
pub(crate) fn normalize_properties(
    properties: Map<String, Value>,
    level: &Level<'_>,
    violations: &mut Violations,
) -> Map<String, Value> {
    let target = join(level.target, "properties");
    normalize_object(properties, &level.properties(level.properties, &target), violations)
}

/// The message of a violation that reports an invalid name.
pub(crate) fn invalid_name(name: &str) -> String {
    if name.is_empty() {
        return "A name is required.".to_owned();
    }
    let name: String = name.chars().take(MAX_NAME).collect();
    format!(
        "'{name}' is not a valid name. A name has at most 80 characters, begins with a letter or digit, \
         ends with a letter, digit or '_', and contains only letters, digits, '_', '.' and '-'."
    )
}
