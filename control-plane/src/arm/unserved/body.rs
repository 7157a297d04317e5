//! The body of an unserved resource: what is stored of a PUT, and what a GET shows.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::computed::add_computed;
use super::path::UnservedPath;
use crate::arm::normalize::{expect_object, take};
use crate::violation::{ROOT, Violations, code};

/// The properties of every resource that have a canonical spelling.
const ENVELOPE: [&str; 10] = [
    "location",
    "tags",
    "sku",
    "kind",
    "plan",
    "identity",
    "zones",
    "extendedLocation",
    "managedBy",
    "properties",
];

/// The properties that appear only in responses.
const READ_ONLY: [&str; 5] = ["id", "name", "type", "etag", "systemData"];

/// The names of properties, in lower case, that Azure accepts and never returns. Tidegate does not store them: nothing
/// here uses them.
const WRITE_ONLY: [&str; 22] = [
    "accesskey",
    "accountkey",
    "administratorloginpassword",
    "adminpassword",
    "apikey",
    "appsettings",
    "authorizationkey",
    "clientsecret",
    "commandtoexecute",
    "connectionstrings",
    "customdata",
    "password",
    "passwords",
    "primarykey",
    "privatekey",
    "protectedsettings",
    "sastoken",
    "secretvalue",
    "secondarykey",
    "sharedkey",
    "storageaccountkey",
    "userdata",
];

/// Returns the form of a body to store: names of the envelope in canonical spelling, without read-only and write-only
/// properties. Everything else stays as sent.
pub(crate) fn read(body: Value, violations: &mut Violations) -> Map<String, Value> {
    let mut sent = expect_object(body, ROOT, violations).unwrap_or_default();
    let mut stored = Map::new();
    for name in ENVELOPE {
        if let Some(value) = take(&mut sent, name, name, violations) {
            stored.insert(name.to_owned(), value);
        }
    }
    for name in READ_ONLY {
        take(&mut sent, name, name, violations);
    }
    stored.extend(sent);
    if let Some(properties) = stored.get_mut("properties") {
        match properties.as_object_mut() {
            Some(properties) => drop(take(properties, "provisioningState", "properties", violations)),
            None => violations.push(code::INVALID_JSON, "properties", "The value must be an object."),
        }
    }
    if let Some(tags) = stored.get("tags") {
        let is_text = |tags: &Map<String, Value>| tags.values().all(Value::is_string);
        if !tags.as_object().is_some_and(is_text) {
            violations.push(code::INVALID_JSON, "tags", "The value must be an object of strings.");
        }
    }
    stored.values_mut().for_each(drop_write_only);
    stored
}

/// Applies the body of a PATCH (RFC 7396) to a stored one.
pub(crate) fn patch(
    stored: &Map<String, Value>,
    patch: Value,
    violations: &mut Violations,
) -> Map<String, Value> {
    let changes = expect_object(patch, ROOT, violations).unwrap_or_default();
    let mut merged = Value::Object(stored.clone());
    merge(&mut merged, Value::Object(changes));
    read(merged, violations)
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        let spelled = target.keys().find(|key| key.eq_ignore_ascii_case(&name)).cloned().unwrap_or(name);
        if value.is_null() {
            target.remove(&spelled);
        } else {
            merge(target.entry(spelled).or_insert(Value::Null), value);
        }
    }
}

fn drop_write_only(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|name, _| !WRITE_ONLY.contains(&name.to_ascii_lowercase().as_str()));
            object.values_mut().for_each(drop_write_only);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_write_only),
        _ => {}
    }
}

/// Renders a resource as GET shows it. `id` is constant from its creation to its deletion.
pub(crate) fn show(path: &UnservedPath, id: Uuid, body: &Map<String, Value>, tenant: Uuid) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), path.to_string().into());
    shown.insert("name".to_owned(), path.name.clone().into());
    shown.insert("type".to_owned(), path.kind.clone().into());
    shown.extend(body.clone());
    let properties = shown.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        properties.insert("provisioningState".to_owned(), "Succeeded".into());
    }
    add_computed(&mut shown, path, id, tenant);
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: &Value) -> Value {
        let mut violations = Violations::default();
        let read = read(body.clone(), &mut violations);
        assert!(violations.is_empty(), "{body}: {violations}");
        Value::Object(read)
    }

    #[test]
    fn a_body_is_stored_whole_without_what_only_responses_or_only_requests_contain() {
        let sent = json!({
            "Location": "West Europe", "TAGS": {"a": "1"}, "id": "/x", "Type": "y", "etag": "z", "systemData": {},
            "Properties": {
                "provisioningState": "Updating", "PascalCase": [1, null, {"adminPassword": "p", "b": 2}],
                "osProfile": {"ADMINPASSWORD": "p", "adminUsername": "u"}, "protectedSettings": {"a": {}},
            },
            "somethingNew": {"x": []},
        });
        let expected = json!({
            "location": "West Europe", "tags": {"a": "1"},
            "properties": {"PascalCase": [1, null, {"b": 2}], "osProfile": {"adminUsername": "u"}},
            "somethingNew": {"x": []},
        });
        assert_eq!(stored(&sent), expected);
        assert_eq!(stored(&json!({})), json!({}));
    }

    #[test]
    fn a_body_of_the_wrong_kind_is_refused_by_name() {
        for (body, target) in [
            (json!([]), ROOT),
            (json!({"properties": []}), "properties"),
            (json!({"tags": {"a": 1}}), "tags"),
            (json!({"tags": "a"}), "tags"),
            (json!({"location": "a", "Location": "b"}), "location"),
        ] {
            let mut violations = Violations::default();
            read(body.clone(), &mut violations);
            assert_eq!(violations.0.first().map(|v| v.target.as_str()), Some(target), "{body}");
        }
    }

    #[test]
    fn a_patch_merges() {
        let before =
            json!({"location": "l", "tags": {"a": "1"}, "properties": {"x": {"y": 1, "z": 2}, "l": [1]}});
        let Value::Object(before) = before else { panic!() };
        let mut violations = Violations::default();
        let change = json!({"Tags": {"b": "2"}, "properties": {"X": {"y": null, "w": 3}, "l": [2]}});
        let after = patch(&before, change, &mut violations);
        let expected = json!({"location": "l", "tags": {"a": "1", "b": "2"}, "properties": {"x": {"z": 2, "w": 3}, "l": [2]}});
        assert_eq!(Value::Object(after), expected);
        assert!(violations.is_empty());
    }
}
