//! Rendering of a deployment's changes for `whatIf`. Pure.

use serde_json::{Value, json};

use crate::service::view::deployment::of_warnings;
use crate::service::{Change, Fate, Preview};

/// Properties that change with every write and have no meaning here.
const RESTLESS: &[&str] = &["etag", "provisioningState", "operationalState", "resourceGuid"];

/// Renders the response.
pub(super) fn show(preview: &Preview, correlation_id: &str) -> Value {
    let changes: Vec<Value> = preview.changes.iter().map(|change| one(change, preview.ids_only)).collect();
    let mut properties = json!({"correlationId": correlation_id, "changes": changes});
    let found = diagnostics(preview);
    if !found.is_empty() {
        properties["diagnostics"] = found.into();
    }
    json!({"status": "Succeeded", "properties": properties})
}

/// Returns what the author should know: which nested deployments were left out, and the warnings about resources.
pub(super) fn diagnostics(preview: &Preview) -> Vec<Value> {
    let gaps = preview.changes.iter().filter_map(diagnostic);
    gaps.chain(of_warnings(preview.warnings.to_json().as_ref())).collect()
}

/// Says that a nested deployment was left out.
fn diagnostic(change: &Change) -> Option<Value> {
    let Fate::Unknown(why) = &change.fate else { return None };
    Some(json!({
        "level": "Warning",
        "code": "NestedDeploymentShortCircuited",
        "message": change.without_secrets_in(why),
        "target": change.id,
    }))
}

fn one(change: &Change, ids_only: bool) -> Value {
    let quiet = |value: &Option<Value>| value.as_ref().map(|value| quiet(change, value));
    let (before, after) = (quiet(&change.before), quiet(&change.after));
    let delta = match (&before, &after) {
        (Some(before), Some(after)) => delta(before, after),
        _ => Vec::new(),
    };
    let kind = match (&change.fate, &before, &after) {
        (Fate::Deleted, ..) => "Delete",
        (Fate::Ignored, ..) => "Ignore",
        (Fate::Unknown(_), ..) => "Unsupported",
        (Fate::Written, None, _) => "Create",
        // The result depends on resources that do not exist yet.
        (Fate::Written, Some(_), None) => "Deploy",
        (Fate::Written, Some(_), Some(_)) if delta.is_empty() => "NoChange",
        (Fate::Written, Some(_), Some(_)) => "Modify",
    };
    let mut shown = json!({"resourceId": change.id, "changeType": kind});
    if let Fate::Unknown(why) = &change.fate {
        shown["unsupportedReason"] = change.without_secrets_in(why).into();
    }
    if ids_only {
        return shown;
    }
    for (name, value) in [("before", before), ("after", after)] {
        if let Some(value) = value {
            shown[name] = value;
        }
    }
    if !delta.is_empty() {
        shown["delta"] = delta.into();
    }
    shown
}

/// Removes volatile properties and secrets from a resource.
fn quiet(change: &Change, value: &Value) -> Value {
    match value {
        Value::String(text) => change.without_secrets_in(text).into(),
        Value::Array(list) => list.iter().map(|value| quiet(change, value)).collect(),
        Value::Object(object) => {
            let members = object.iter().filter(|(key, _)| !RESTLESS.contains(&key.as_str()));
            Value::Object(members.map(|(key, value)| (key.clone(), quiet(change, value))).collect())
        }
        other => other.clone(),
    }
}

/// Returns the differences by property. A list that differs is shown as a whole.
fn delta(before: &Value, after: &Value) -> Vec<Value> {
    let mut changes = Vec::new();
    compare("", before, after, &mut changes);
    changes
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<Value>) {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        if before != after {
            let kind = if before.is_array() && after.is_array() { "Array" } else { "Modify" };
            let mut change =
                json!({"path": path, "propertyChangeType": kind, "before": before, "after": after});
            if kind == "Array" {
                change["children"] = json!([{
                    "path": "0", "propertyChangeType": "Modify", "before": before, "after": after,
                }]);
            }
            changes.push(change);
        }
        return;
    };
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, value) in old {
        match new.get(key) {
            Some(other) => compare(&join(key), value, other, changes),
            None => changes.push(json!({"path": join(key), "propertyChangeType": "Delete", "before": value})),
        }
    }
    for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
        changes.push(json!({"path": join(key), "propertyChangeType": "Create", "after": value}));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_paths() {
        let before = json!({"a": {"b": 1, "c": [1], "gone": true}, "same": [2]});
        let after = json!({"a": {"b": 2, "c": [1, 2], "new": 3}, "same": [2]});
        let found: Vec<(String, String)> = delta(&before, &after)
            .iter()
            .map(|change| {
                let text = |name: &str| change[name].as_str().unwrap().to_owned();
                (text("path"), text("propertyChangeType"))
            })
            .collect();
        let expected = [("a.b", "Modify"), ("a.c", "Array"), ("a.gone", "Delete"), ("a.new", "Create")];
        assert_eq!(found, expected.map(|(path, kind)| (path.to_owned(), kind.to_owned())));
        assert!(delta(&before, &before).is_empty());
    }
}
