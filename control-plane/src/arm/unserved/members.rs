//! Members of a resource that have IDs of their own, such as the rules of a network security group: the parent holds
//! them in a list of objects with names, and each is a child under its own URL too. Pure.
//!
//! A list in `properties` whose name is the last segment of the child's type holds the children, whatever the type. So
//! the list and the children cannot contradict each other: there is only the list.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::computed::derived;
use super::path::UnservedPath;
use crate::violation::{Violations, code};

/// The types of children, in lower case, that their parent shows even if it was written without a list of them.
const ALWAYS_LISTED: [&str; 4] = [
    "microsoft.network/loadbalancers/backendaddresspools",
    "microsoft.network/loadbalancers/inboundnatrules",
    "microsoft.network/networksecuritygroups/securityrules",
    "microsoft.network/routetables/routes",
];

/// The properties of a member that are no part of its body.
const IDENTITY: [&str; 4] = ["name", "id", "type", "etag"];

/// A child that its parent holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    /// The resource ID, in the spelling of the parent and of the list.
    pub(crate) path: UnservedPath,
    /// An ID that stays the same for this name.
    pub(crate) id: Uuid,
    pub(crate) body: Map<String, Value>,
}

/// Returns whether the body of its parent holds `child` and its siblings, as far as there are any.
pub(crate) fn holds(parent: &Map<String, Value>, child: &UnservedPath) -> bool {
    list_of(parent, child.list()).is_some()
        || ALWAYS_LISTED.contains(&child.kind.to_ascii_lowercase().as_str()) && !has(parent, child.list())
}

/// Returns the member of a parent that has the ID `child`, ignoring case.
pub(crate) fn find(
    parent: (&UnservedPath, Uuid, &Map<String, Value>),
    child: &UnservedPath,
) -> Option<Member> {
    all(parent, child.list()).into_iter().find(|member| member.path.key() == child.key())
}

/// Returns the members of a list, in its order. Members whose names have no ID are left out; of two names
/// that differ only in case, only the first is a member.
pub(crate) fn all(parent: (&UnservedPath, Uuid, &Map<String, Value>), list: &str) -> Vec<Member> {
    let (path, id, body) = parent;
    let Some((spelled, members)) = list_of(body, list) else { return Vec::new() };
    let member = |member: &Map<String, Value>| {
        let own = UnservedPath::parse(&format!("{path}/{spelled}/{}", name_of(member)?)).ok()?;
        let body = member.iter().filter(|(name, _)| !is_identity(name));
        Some(Member {
            id: derived(id, &own.key()),
            path: own,
            body: body.map(|(name, value)| (name.clone(), value.clone())).collect(),
        })
    };
    let mut keys = HashSet::new();
    let members = members.iter().filter_map(|found| member(found.as_object()?));
    members.filter(|member| keys.insert(member.path.key())).collect()
}

/// Puts a child into the list of its parent, at the place of the one with its name or at the end. Others
/// whose names differ only in case go.
pub(crate) fn put(parent: &mut Map<String, Value>, child: &UnservedPath, body: Map<String, Value>) {
    let Some(members) = list_to_change(parent, child.list()) else { return };
    let at = members.iter().position(|member| is_named(member, &child.name));
    let name = at.and_then(|at| members[at]["name"].as_str()).unwrap_or(&child.name);
    let mut member = Map::from_iter([("name".to_owned(), Value::from(name))]);
    member.extend(body);
    let Some(at) = at else { return members.push(member.into()) };
    members[at] = member.into();
    let mut place = 0..;
    members.retain(|other| place.next() == Some(at) || !is_named(other, &child.name));
}

/// Removes a child from the list of its parent.
pub(crate) fn remove(parent: &mut Map<String, Value>, child: &UnservedPath) {
    if let Some(members) = list_to_change(parent, child.list()) {
        members.retain(|member| !is_named(member, &child.name));
    }
}

/// Adds a violation for each name that a list of children has twice, ignoring case. Only the lists of
/// well-known types are checked: the names in others may be of another kind.
pub(crate) fn check_names(kind: &str, body: &Map<String, Value>, violations: &mut Violations) {
    for (list, members) in body.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if !ALWAYS_LISTED.contains(&format!("{kind}/{list}").to_ascii_lowercase().as_str()) {
            continue;
        }
        let mut names = HashSet::new();
        for (at, member) in members.as_array().into_iter().flatten().enumerate() {
            let Some(name) = member["name"].as_str() else { continue };
            if !names.insert(name.to_ascii_lowercase()) {
                let message = format!("'{list}' has two members with the name '{name}'.");
                violations.push(code::DUPLICATE_NAME, format!("properties.{list}[{at}].name"), message);
            }
        }
    }
}

/// Returns whether a row that is stored below a parent is superfluous after a write: because the list holds the child
/// itself, or because it belongs to a child that the list does not contain, or that went with the list. `before` is the
/// body of the parent before the write. `rest` is what follows the parent's ID in the row's, without the first slash.
pub(crate) fn supersedes(before: &Map<String, Value>, after: &Map<String, Value>, rest: &str) -> bool {
    let mut segments = rest.split('/');
    let (Some(list), Some(name)) = (segments.next(), segments.next()) else { return false };
    let is_among = |members: &[Value]| members.iter().any(|member| is_named(member, name));
    match (list_of(before, list), list_of(after, list)) {
        (_, Some((_, members))) => segments.next().is_none() || !is_among(members),
        (Some((_, members)), None) => is_among(members),
        (None, None) => false,
    }
}

/// Returns the list of that name, ignoring case, in its spelling, if all its members are objects with names.
fn list_of<'a>(body: &'a Map<String, Value>, list: &str) -> Option<(&'a str, &'a [Value])> {
    let properties = body.get("properties")?.as_object()?;
    let (spelled, members) = properties.iter().find(|(name, _)| name.eq_ignore_ascii_case(list))?;
    let members = members.as_array()?;
    let are_named = members.iter().all(|member| member.as_object().and_then(name_of).is_some());
    are_named.then_some((spelled, members))
}

fn list_to_change<'a>(body: &'a mut Map<String, Value>, list: &str) -> Option<&'a mut Vec<Value>> {
    let properties = body.entry("properties").or_insert_with(|| json!({})).as_object_mut()?;
    let spelled = properties.keys().find(|name| name.eq_ignore_ascii_case(list)).cloned();
    let members = properties.entry(spelled.unwrap_or_else(|| list.to_owned())).or_insert_with(|| json!([]));
    if !members.is_array() {
        *members = json!([]);
    }
    members.as_array_mut()
}

/// Returns whether the body has a property of that name, other than `null`, ignoring case.
fn has(body: &Map<String, Value>, list: &str) -> bool {
    let mut properties = body.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.any(|(name, value)| name.eq_ignore_ascii_case(list) && !value.is_null())
}

fn name_of(member: &Map<String, Value>) -> Option<&str> {
    member.get("name")?.as_str()
}

fn is_named(member: &Value, name: &str) -> bool {
    member["name"].as_str().is_some_and(|own| own.eq_ignore_ascii_case(name))
}

fn is_identity(name: &str) -> bool {
    IDENTITY.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n";

    fn path(rest: &str) -> UnservedPath {
        UnservedPath::parse(&format!("{GROUP}{rest}")).unwrap()
    }

    fn body(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_list_of_named_objects_holds_children() {
        let rule = path("/SECURITYRULES/r");
        let other = path("/things/t");
        for (parent, of_rule, of_other) in [
            (json!({}), true, false),
            (json!({"properties": {"Things": []}}), true, true),
            (json!({"properties": {"things": [{"name": "t"}, {"name": 1}]}}), true, false),
            (json!({"properties": {"things": {"name": "t"}}}), true, false),
            (json!({"properties": {"securityRules": null}}), true, false),
            (json!({"properties": {"securityRules": "text"}}), false, false),
            (json!({"properties": {"SecurityRules": [{"name": "r"}, {"properties": {}}]}}), false, false),
        ] {
            let parent = body(&parent);
            assert_eq!((holds(&parent, &rule), holds(&parent, &other)), (of_rule, of_other), "{parent:?}");
        }
    }

    #[test]
    fn children_are_found_changed_and_removed_in_their_place() {
        let mut parent = body(&json!({"properties": {"securityRules": [
            {"name": "A", "id": "x", "properties": {"p": 1}}, {"name": "b/c"}, {"name": "d"}]}}));
        let (group, id) = (path(""), Uuid::from_u128(7));
        let names = |parent: &Map<String, Value>| {
            let all = all((&group, id, parent), "securityrules");
            all.iter().map(|member| member.path.to_string()[GROUP.len()..].to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(&parent), ["/securityRules/A", "/securityRules/d"]);
        let found = find((&group, id, &parent), &path("/securityrules/a")).unwrap();
        assert_eq!(Value::Object(found.body), json!({"properties": {"p": 1}}));
        put(&mut parent, &path("/securityRules/a"), body(&json!({"properties": {"p": 2}})));
        put(&mut parent, &path("/securityRules/e"), body(&json!({})));
        remove(&mut parent, &path("/securityRules/D"));
        let expected = json!([{"name": "A", "properties": {"p": 2}}, {"name": "b/c"}, {"name": "e"}]);
        assert_eq!(parent["properties"]["securityRules"], expected);
        let again = find((&group, id, &parent), &path("/securityrules/a")).unwrap();
        assert_eq!(again.id, found.id);
    }

    #[test]
    fn names_that_differ_in_case_are_one_member() {
        let mut parent = body(&json!({"properties": {"rules": [
            {"name": "b", "x": 1}, {"name": "A", "x": 2}, {"name": "a", "x": 3}]}}));
        let found = all((&path(""), Uuid::nil(), &parent), "rules");
        let names: Vec<_> = found.iter().map(|member| member.path.name.as_str()).collect();
        assert_eq!(names, ["b", "A"]);
        put(&mut parent, &path("/rules/a"), body(&json!({"x": 4})));
        assert_eq!(parent["properties"]["rules"], json!([{"name": "b", "x": 1}, {"name": "A", "x": 4}]));
    }

    #[test]
    fn what_a_list_holds_needs_no_row() {
        let parent = body(&json!({"properties": {"rules": [{"name": "a"}]}}));
        for (rest, expected) in [
            ("Rules/A", true),
            ("rules/gone", true),
            ("rules/a/providers/x.y/z/w", false),
            ("rules/gone/providers/x.y/z/w", true),
            ("others/a", false),
            ("providers/x.y/z/w", false),
        ] {
            assert_eq!(supersedes(&Map::new(), &parent, rest), expected, "{rest}");
        }
        for (rest, expected) in [
            ("rules/A/providers/x.y/z/w", true),
            ("rules/b/providers/x.y/z/w", false),
            ("others/a/providers/x.y/z/w", false),
        ] {
            assert_eq!(supersedes(&parent, &Map::new(), rest), expected, "{rest}");
        }
    }
}
