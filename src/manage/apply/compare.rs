//! The properties that differ between two documents. Pure.

use serde_json::Value;

use crate::manage::view;

/// The properties that only the control plane writes.
const READ_ONLY: [&str; 14] = [
    "etag",
    "id",
    "type",
    "provisioningState",
    "operationalState",
    "resourceGroup",
    "resourceGuid",
    "publicCertData",
    "systemData",
    "appliesTo",
    "clientCertIssuerDN",
    "defaultPredefinedSslPolicy",
    "privateEndpointConnections",
    "validatedCertData",
];

/// The properties whose values are never shown, neither by the control plane nor here.
const SECRETS: [&str; 2] = ["data", "password"];

/// A property that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Property {
    /// The path, without the `properties` that every resource has.
    pub(super) path: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
}

/// A comparison of two documents of one resource.
#[derive(Debug)]
pub(super) struct Comparison {
    /// True if the newer document is as it was stored, with all defaults. A document from a person leaves out what
    /// shall have its default, which only the control plane knows.
    is_stored: bool,
    /// The properties that differ.
    pub(super) found: Vec<Property>,
}

impl Comparison {
    pub(super) fn new(is_stored: bool) -> Comparison {
        Comparison { is_stored, found: Vec::new() }
    }

    /// Compares a value with the older one. Lists of things with names are compared by name.
    pub(super) fn compare(&mut self, path: &str, before: Option<&Value>, after: &Value) {
        let is_named = |list: &[Value]| !list.is_empty() && list.iter().all(|one| one["name"].is_string());
        match (before, after) {
            (_, Value::Object(object)) if path.is_empty() || !is_reference(after) => {
                for (key, value) in object.iter().filter(|(key, _)| is_compared(path, key)) {
                    let older = before.map(|before| &before[key]).filter(|older| !older.is_null());
                    self.compare(&join(path, key), older, value);
                }
                let older = before.and_then(Value::as_object).into_iter().flatten();
                for (key, value) in
                    older.filter(|(key, _)| !object.contains_key(*key) && is_compared(path, key))
                {
                    self.left_out(join(path, key), value);
                }
            }
            (Some(Value::Array(old)), Value::Array(new)) if is_named(new) => {
                for member in new {
                    self.member(&format!("{path}[{}]", name(member)), same(old, member), member);
                }
                for member in old.iter().filter(|member| same(new, member).is_none()) {
                    let path = format!("{path}[{}]", name(member));
                    self.found.push(Property { path, before: Some("present".to_owned()), after: None });
                }
                self.order(path, old, new);
            }
            _ => self.value(path, before, after),
        }
    }

    /// Notes that members of both lists have changed places: the first path rule that matches decides.
    fn order(&mut self, path: &str, old: &[Value], new: &[Value]) {
        let kept = |list: &[Value], other: &[Value]| -> Vec<String> {
            let both = list.iter().filter(|member| same(other, member).is_some());
            both.map(|member| printable(name(member)).to_lowercase()).collect()
        };
        let (before, after) = (kept(old, new), kept(new, old));
        if before != after {
            let (before, after) = (Some(before.join(", ")), Some(after.join(", ")));
            self.found.push(Property { path: format!("{path} (order)"), before, after });
        }
    }

    /// Notes a property that only the older document has. Its default is not known here, so it may stay as it is: some
    /// switches are on by default, and one that is off and left out would be switched on.
    fn left_out(&mut self, path: String, value: &Value) {
        if !is_nothing(value) {
            let after = (!self.is_stored).then(|| "(default)".to_owned());
            self.found.push(Property { path, before: Some(short(value)), after });
        }
    }

    fn value(&mut self, path: &str, before: Option<&Value>, after: &Value) {
        let last = path.rsplit('.').next().unwrap_or(path);
        let is_secret = SECRETS.iter().any(|secret| secret.eq_ignore_ascii_case(last));
        // What the control plane keeps to itself cannot be compared.
        let (old, new) = match is_secret && before.is_none() {
            true => (None, "(sent)".to_owned()),
            false => (before.map(short), short(after)),
        };
        if !before.map_or(is_nothing(after), |before| equal(before, after)) {
            self.found.push(Property { path: path.to_owned(), before: old, after: Some(new) });
        }
    }

    fn member(&mut self, path: &str, before: Option<&Value>, after: &Value) {
        let Some(before) = before else {
            let after = Some("added".to_owned());
            return self.found.push(Property { path: path.to_owned(), before: None, after });
        };
        let inner = |member: &Value| {
            member.get("properties").cloned().unwrap_or_else(|| {
                let mut member = member.clone();
                if let Some(object) = member.as_object_mut() {
                    object.retain(|key, _| key != "name" && !READ_ONLY.contains(&key.as_str()));
                }
                member
            })
        };
        self.compare(path, Some(&inner(before)), &inner(after));
    }
}

/// False for a property that the control plane writes, and for what a resource is found by.
fn is_compared(path: &str, key: &str) -> bool {
    let finds = path.is_empty() && ["name", "location"].contains(&key);
    !READ_ONLY.contains(&key) && !finds
}

/// The name of a member of a list.
pub(super) fn name(member: &Value) -> &str {
    member["name"].as_str().unwrap_or_default()
}

/// Returns the member of a list that has the name of another.
pub(super) fn same<'a>(list: &'a [Value], member: &Value) -> Option<&'a Value> {
    list.iter().find(|other| name(other).eq_ignore_ascii_case(name(member)))
}

/// The path of a property, without the `properties` that every resource has.
fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", "properties") => String::from("properties"),
        ("" | "properties", key) => key.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}

/// True for a reference to another resource. `az` adds the resource group to those that it prints.
fn is_reference(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        object.contains_key("id") && object.keys().all(|key| key == "id" || key == "resourceGroup")
    })
}

/// True for a value that says no more than its absence.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Compares as ARM does: IDs without case, and a reference by its ID. Objects may have more properties when stored.
fn equal(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::String(a), Value::String(b)) => {
            a == b || (b.starts_with("/subscriptions/") && a.eq_ignore_ascii_case(b))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => b.iter().all(|(key, b)| {
            READ_ONLY[..].contains(&key.as_str()) && key != "id"
                || equal(a.get(key).unwrap_or(&Value::Null), b)
        }),
        (a, b) => a == b || (is_nothing(a) && is_nothing(b)),
    }
}

/// Returns a text without what a terminal would execute: documents may be other people's.
pub(super) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Returns a value as a short text.
fn short(value: &Value) -> String {
    match printable(&view::text(value)) {
        text if text.is_empty() => match value {
            Value::String(_) => "\"\"".to_owned(),
            other => other.to_string(),
        },
        text if text.chars().count() > 80 => format!("{}…", text.chars().take(79).collect::<String>()),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The paths that differ, each with what is shown of the new value.
    fn differences(before: &Value, after: &Value) -> String {
        let mut comparison = Comparison::new(false);
        comparison.compare("", Some(before), after);
        let shown = comparison
            .found
            .iter()
            .map(|Property { path, after, .. }| format!("{path}={}", after.as_deref().unwrap_or("gone")));
        shown.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn each_change_is_shown_and_nothing_else() {
        let rules = |names: &[&str]| {
            let rules: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"properties": {"pathRules": rules}})
        };
        let pool = |id: &str| json!({"properties": {"pool": {"id": id, "resourceGroup": "g"}}});
        let cases = [
            (rules(&["a", "b"]), rules(&["A", "b"]), ""),
            (rules(&["a", "b"]), rules(&["b", "a"]), "pathRules (order)=b, a"),
            (rules(&["a", "b"]), rules(&["b", "c"]), "pathRules[c]=added; pathRules[a]=gone"),
            (pool("/subscriptions/s/a"), pool("/subscriptions/S/A"), ""),
            (pool("/subscriptions/s/a"), pool("/subscriptions/s/b"), "pool=b"),
            (json!({"properties": {}}), json!({"properties": {"Password": "hunter3"}}), "Password=(sent)"),
            (json!({"tags": {"a": "x"}}), json!({"tags": {"a": "\u{1b}[2Ky"}}), "tags.a= [2Ky"),
        ];
        for (before, after, expected) in cases {
            assert_eq!(differences(&before, &after), expected, "{before} {after}");
        }
    }

    #[test]
    fn what_is_left_out_is_a_default_or_gone() {
        let before = json!({"properties": {"a": 1, "b": 2, "c": [], "d": false, "etag": "x"}});
        let after = json!({"properties": {"a": 3}});
        for (is_stored, expected) in [(false, "a=3 b=(default) d=(default)"), (true, "a=3 b=gone d=gone")] {
            let mut comparison = Comparison::new(is_stored);
            comparison.compare("", Some(&before), &after);
            let shown = comparison
                .found
                .iter()
                .map(|Property { path, after, .. }| format!("{path}={}", after.as_deref().unwrap_or("gone")));
            assert_eq!(shown.collect::<Vec<_>>().join(" "), expected);
        }
    }
}
