//! The body of an unserved resource: what is stored of a PUT, and what a GET shows.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::computed::add_computed;
use super::members;
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
const WRITE_ONLY: [&str; 24] = [
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
    "secret",
    "secretvalue",
    "securevalue",
    "secondarykey",
    "sharedkey",
    "storageaccountkey",
    "userdata",
];

/// The types, in lower case, whose properties are secret as a whole.
const SECRET_TYPES: [&str; 4] = [
    "microsoft.keyvault/vaults/secrets",
    "microsoft.web/sites/config",
    "microsoft.web/sites/slots/config",
    "microsoft.app/managedenvironments/daprcomponents",
];

/// The maximum depth of a body: far more than any of Azure's, and less than a JSON reader allows.
const MAX_DEPTH: usize = 64;

/// The maximum size of a body, in bytes.
const MAX_SIZE: usize = 1024 * 1024;

/// Returns the form of a body to store: names of the envelope in canonical spelling, without read-only and write-only
/// properties. Everything else stays as sent.
pub(crate) fn read(kind: &str, body: Value, violations: &mut Violations) -> Map<String, Value> {
    if let Some(why) = excess(&body) {
        violations.push(code::INVALID_JSON, ROOT, why);
        return Map::new();
    }
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
    match stored.get("location") {
        None | Some(Value::String(_)) => {}
        Some(Value::Null) => drop(stored.remove("location")),
        Some(_) => violations.push(code::INVALID_JSON, "location", "The value must be a string."),
    }
    members::check_names(kind, &stored, violations);
    if let Some(tags) = stored.get("tags") {
        let is_text = |tags: &Map<String, Value>| tags.values().all(Value::is_string);
        if !tags.as_object().is_some_and(is_text) {
            violations.push(code::INVALID_JSON, "tags", "The value must be an object of strings.");
        }
    }
    if SECRET_TYPES.contains(&kind.to_ascii_lowercase().as_str()) {
        stored.remove("properties");
    }
    // The names of tags are the client's own.
    stored.iter_mut().filter(|(name, _)| *name != "tags").for_each(|(_, value)| drop_write_only(value));
    stored
}

/// Checks the size of a body that a member was put into.
pub(crate) fn check_size(body: &Map<String, Value>, violations: &mut Violations) {
    if let Some(why) = excess(&Value::Object(body.clone())) {
        violations.push(code::INVALID_JSON, ROOT, why);
    }
}

/// Says why a body is too deep or too large; `None` if it is not.
fn excess(body: &Value) -> Option<String> {
    if depth(body) > MAX_DEPTH {
        return Some(format!("The body is nested more than {MAX_DEPTH} levels deep."));
    }
    let size = body.to_string().len();
    (size > MAX_SIZE)
        .then(|| format!("The body has {size} bytes; a resource without effect may have {MAX_SIZE}."))
}

fn depth(value: &Value) -> usize {
    let members: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(object) => Box::new(object.values()),
        Value::Array(list) => Box::new(list.iter()),
        _ => return 0,
    };
    1 + members.map(depth).max().unwrap_or(0)
}

/// Applies the body of a PATCH (RFC 7396) to a stored one.
pub(crate) fn patch(
    kind: &str,
    stored: &Map<String, Value>,
    patch: Value,
    violations: &mut Violations,
) -> Map<String, Value> {
    let changes = expect_object(patch, ROOT, violations).unwrap_or_default();
    let mut merged = Value::Object(stored.clone());
    merge(&mut merged, Value::Object(changes));
    read(kind, merged, violations)
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
            for (name, value) in object {
                // The entries of such a list have a name and a value.
                if name.eq_ignore_ascii_case("secrets") {
                    drop_values(value);
                }
                drop_write_only(value);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(drop_write_only),
        _ => {}
    }
}

fn drop_values(list: &mut Value) {
    for entry in list.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        entry.retain(|name, _| !name.eq_ignore_ascii_case("value"));
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
        let read = read("A.B/c", body.clone(), &mut violations);
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
        assert_eq!(stored(&json!({"location": null})), json!({}));
        let twice = json!({"properties": {"others": [{"name": "a"}, {"name": "A"}]}});
        assert_eq!(stored(&twice), twice);
    }

    #[test]
    fn a_body_of_the_wrong_kind_is_refused_by_name() {
        for (body, target) in [
            (json!([]), ROOT),
            (json!({"properties": []}), "properties"),
            (json!({"tags": {"a": 1}}), "tags"),
            (json!({"tags": "a"}), "tags"),
            (json!({"location": "a", "Location": "b"}), "location"),
            (json!({"location": 5}), "location"),
            (
                json!({"properties": {"Routes": [{"name": "a"}, {"name": "b"}, {"name": "A"}]}}),
                "properties.Routes[2].name",
            ),
        ] {
            let mut violations = Violations::default();
            read("Microsoft.Network/routeTables", body.clone(), &mut violations);
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
        let after = patch("A.B/c", &before, change, &mut violations);
        let expected = json!({"location": "l", "tags": {"a": "1", "b": "2"}, "properties": {"x": {"z": 2, "w": 3}, "l": [2]}});
        assert_eq!(Value::Object(after), expected);
        assert!(violations.is_empty());
    }

    #[test]
    fn secrets_are_dropped_by_type_and_by_place_and_tags_are_not() {
        let sent = json!({"tags": {"password": "no"}, "properties": {"value": "s", "secret": "s", "secrets": [{"name": "n", "value": "s"}]}});
        let mut violations = Violations::default();
        let vault = read("Microsoft.KeyVault/vaults/secrets", sent.clone(), &mut violations);
        assert_eq!(Value::Object(vault), json!({"tags": {"password": "no"}}));
        let expected =
            json!({"tags": {"password": "no"}, "properties": {"value": "s", "secrets": [{"name": "n"}]}});
        assert_eq!(Value::Object(read("Microsoft.App/containerApps", sent, &mut violations)), expected);
        assert!(violations.is_empty());
    }

    #[test]
    fn a_body_that_is_too_deep_or_too_large_is_refused() {
        let deep = (0..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        for (body, refused) in
            [(json!({"a": deep}), true), (deep[0].clone(), false), (json!({"a": "x".repeat(MAX_SIZE)}), true)]
        {
            assert_eq!(excess(&body).is_some(), refused);
        }
    }
}
